#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "matganip/exclusions.hpp"
#include "matganip/lattice_diffraction.hpp"
#include "matganip/random.hpp"
#include "matganip/swap_sites.hpp"

namespace matganip {

/// Chains that walk through the arrangements of a space by swaps. All arrays are row-major, the caller's.
struct SwapChains {
    std::span<std::uint8_t> occupations;  ///< (n_chains, n_sites): where they start, then where they are
    std::span<std::uint64_t> generators;  ///< (n_chains, 4): states of `Random`
    std::span<const double> beta;         ///< (n_chains): 1 / kT, not negative
    std::span<double> energy;             ///< (n_chains), written: of `occupations`
    std::span<std::uint8_t> lowest;       ///< (n_chains, n_sites), written: the lowest that it was at
    std::span<double> lowest_energy;      ///< (n_chains), written
    std::span<std::int64_t> accepted;     ///< (n_chains), written: swaps that were made
};

/// What swaps may lead to. Where exclusions tie sites of several sublattices to one another, no swap of two
/// sites may be free to move at all; `exchanges` then swap what all sites of one such group carry with those
/// of an equivalent group.
struct SwapRules {
    std::span<const Exclusion> exclusions;
    std::span<const std::int64_t> exchange_offsets;  ///< (n_exchanges + 1), or empty
    std::span<const std::int32_t> exchanges;  ///< (n, 2): pairs of sites, each site once in an exchange
};

/// Metropolis walks on an energy that is linear in the sums of lattice patterns,
///     E = sum over s of coefficients[s] * sum[s],
/// by swaps of two sites of one sublattice that carry different species.
///
/// E is a polynomial in the amplitudes, and equal products of them are gathered once, whichever sums they
/// belong to. A swap changes the waves of two sites. In the Patterson function a wave tells one site from the
/// others, amplitudes are 0 or 1, and E is linear in each: what a swap changes are the products that hold one
/// of its slots, which are listed for each slot. In diffraction every wave sees every site; there all
/// products are computed again, from amplitudes that are kept up to date.
class LatticeSwaps {
  public:
    /// Copies what it needs of the patterns; their sums stand one after the other. Throws
    /// std::invalid_argument unless the patterns have the same sites, modes and waves, `sublattices` has an
    /// entry for each site, and sites of one sublattice have the same codes.
    /// Neither may an exclusion or an exchange name what does not exist, or an exchange mix sublattices.
    LatticeSwaps(std::span<const LatticePattern* const> patterns, std::span<const std::int32_t> sublattices,
                 const SwapRules& rules = {});

    std::size_t n_sites() const { return n_sites_; }
    std::size_t n_sums() const { return n_sums_; }
    /// Multiplications for one swap, roughly.
    std::size_t work_per_swap() const;

    /// Tries `n_swaps` swaps in each chain. A pair is drawn by a site and a partner of its sublattice until
    /// their species differ, which is symmetric, so that the walk leaves exp(-beta E) as it is; under rules,
    /// every other trial is an exchange, and what breaks an exclusion is not made. The bytes do not depend on
    /// `num_threads`. Throws std::invalid_argument for spans of the wrong size and codes that do not exist.
    void walk(const SwapChains& chains, std::span<const double> coefficients, std::size_t n_swaps,
              int num_threads) const;

  private:
    struct Polynomial;
    using Swaps = std::vector<std::pair<std::size_t, std::size_t>>;
    void adopt(const SwapRules& rules);
    bool obeys(std::span<const std::uint8_t> row, const Swaps& swaps) const;
    static void swap_all(std::span<std::uint8_t> row, const Swaps& swaps);
    struct Walker;
    void gather_terms(std::span<const LatticePattern* const> patterns);
    void sort_sites(std::span<const std::int32_t> sublattices);
    void list_products();
    bool has_indicators() const;
    void check_row(std::span<const std::uint8_t> row) const;
    void check(const SwapChains& chains, std::span<const double> coefficients) const;
    void walk_one(const SwapChains& chains, std::size_t chain, const Polynomial& polynomial,
                  std::size_t n_swaps) const;

    std::size_t n_sites_, n_codes_, n_waves_, n_slots_, n_sums_ = 0;
    std::vector<std::int32_t> modes_;          // (n_sites, n_codes)
    std::vector<double> waves_;                // (n_sites, n_waves)
    std::vector<double> weight_;               // (n_terms)
    std::vector<std::int32_t> sum_, product_;  // (n_terms): the sum and the product of each term
    std::vector<std::int32_t> factors_;        // (n_products, 3): slots, the last one the constant 1
    SwapSites sites_;
    std::vector<std::vector<Exclusion>> excluded_;  // of each site, its own column first; none without rules
    std::vector<Swaps> exchanges_;
    bool indicators_;                         // whether each wave is 1 on one site and 0 on all others
    std::vector<std::int64_t> wave_of_site_;  // (n_sites), with indicators
    struct Listed {
        std::int32_t product, other, another;  // a product that holds the slot, and its other two factors
    };
    std::vector<Listed> listed_;              // with indicators: those of each slot, one slot after the other
    std::vector<std::int64_t> list_offsets_;  // (n_slots + 1)
};

}  // namespace matganip
