#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "matganip/lattice_diffraction.hpp"

namespace matganip {

/// Chains that walk through the arrangements of a space by swaps. All arrays are row-major, the caller's.
struct SwapChains {
    std::span<std::uint8_t> occupations;  ///< (n_chains, n_sites): where they start, then where they are
    std::span<std::uint64_t> generators;  ///< (n_chains, 4): states of `Random`
    std::span<const double> beta;         ///< (n_chains): 1 / kT, not negative
    std::span<double> energy;             ///< (n_chains), written: of `occupations`
    std::span<std::uint8_t> lowest;   ///< (n_chains, n_sites), written: the lowest on the way, start included
    std::span<double> lowest_energy;  ///< (n_chains), written
    std::span<std::int64_t> accepted;  ///< (n_chains), written: swaps that were made
};

/// Metropolis walks on an energy that is linear in the sums of lattice patterns,
///     E = sum over s of coefficients[s] * sum[s],
/// by swaps of two sites of one sublattice that carry different species.
///
/// A swap changes the amplitudes of two sites, hence by the waves of two sites. Where these are mostly zero
/// (the Patterson function, whose "waves" tell single sites apart) only the products that hold one of them
/// are computed again; where they are not (diffraction), all products are, from amplitudes kept up to date.
class LatticeSwaps {
  public:
    /// Copies what it needs of the patterns; their sums stand one after the other. Throws
    /// std::invalid_argument unless the patterns have the same sites, modes and waves, `sublattices` has an
    /// entry for each site, and sites of one sublattice have the same codes.
    LatticeSwaps(std::span<const LatticePattern* const> patterns, std::span<const std::int32_t> sublattices);

    std::size_t n_sites() const { return n_sites_; }
    std::size_t n_sums() const { return n_sums_; }
    /// Multiplications for one swap, roughly.
    std::size_t work_per_swap() const;

    /// Writes the sums (n_rows, n_sums) of arrangements (n_rows, n_sites). Throws std::invalid_argument for a
    /// code that its site does not have.
    void sums(std::span<const std::uint8_t> occupations, std::span<double> sums, int num_threads) const;

    /// Tries `n_swaps` swaps in each chain. A pair is drawn by a site and a partner of its sublattice until
    /// their species differ, which is symmetric, so that the walk leaves exp(-beta E) as it is. The bytes do
    /// not depend on `num_threads`. Throws std::invalid_argument for spans of the wrong size and codes that
    /// do not exist.
    void walk(const SwapChains& chains, std::span<const double> coefficients, std::size_t n_swaps,
              int num_threads) const;

  private:
    struct Walker;
    void check_row(std::span<const std::uint8_t> row) const;
    void fill_amplitudes(std::span<const std::uint8_t> row, std::vector<double>& amplitudes) const;
    void sums_of(const std::vector<double>& amplitudes, std::span<double> sums) const;
    void index_terms();

    std::size_t n_sites_, n_codes_, n_waves_, n_slots_, n_modes_, n_sums_;
    std::vector<std::int32_t> modes_;        // (n_sites, n_codes)
    std::vector<double> waves_;              // (n_sites, n_waves)
    std::vector<std::int32_t> factors_;      // (n_terms, 3), the third the constant in products of two
    std::vector<double> weight_;             // (n_terms)
    std::vector<std::int32_t> sum_of_term_;  // (n_terms)
    std::vector<std::int32_t> sublattices_;  // (n_sites)
    std::vector<std::vector<std::int32_t>> members_;  // the sites of each sublattice
    bool sparse_;
    // Sparse: the waves of each site that are not zero, and for each (site, mode) the terms that hold one of
    // them.
    std::vector<std::int64_t> support_offsets_, list_offsets_;
    std::vector<std::int32_t> support_, lists_;
};

}  // namespace matganip
