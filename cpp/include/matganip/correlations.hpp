#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "matganip/swap_sites.hpp"

namespace matganip {

/// Correlation functions of an arrangement: averages over clusters of sites of products of point functions,
///     F[label] = sum over its clusters of weight * product over the members of point[site, mode, code].
/// A slot is site * n_modes + mode. All arrays are row-major and are copied.
struct CorrelationTables {
    std::size_t n_sites, n_modes, n_codes, n_functions;
    std::span<const std::int32_t> sublattices;  ///< (n_sites): sites of one may exchange what they carry
    std::span<const std::int32_t> n_species;    ///< (n_sites): codes of each
    std::span<const double> point;              ///< (n_sites, n_modes, n_codes)
    std::span<const std::int32_t> slots;        ///< (n_clusters, 3): members, -1 behind the last
    std::span<const std::int32_t> labels;       ///< (n_clusters)
    std::span<const double> weights;            ///< (n_clusters)
    std::span<const double> target;             ///< (n_functions)
    std::span<const double> importance;         ///< (n_functions), not negative
    /// Functions in the order of their radius, and the radius that a perfect match up to each earns.
    std::span<const std::int32_t> ladder;
    std::span<const double> reward;
    double tolerance;  ///< What counts as a perfect match.
};

/// Chains that look for the arrangement whose correlations are nearest to the target.
struct MatchChains {
    std::span<std::uint8_t> rows;         ///< (n_chains, n_sites): where they start, then the best found
    std::span<std::uint64_t> generators;  ///< (n_chains, 4): states of `Random`
    std::span<double> score;              ///< (n_chains), written: of the best
};

/// How far the correlations of an arrangement are from a target,
///     Q = sum of importance * |F - target| - reward of the longest run of perfect matches
/// (A. van de Walle et al., Calphad 42, 13 (2013)), and simulated annealing on it by swaps.
class CorrelationMatch {
  public:
    /// Throws std::invalid_argument where an array has another size or an index is out of range.
    explicit CorrelationMatch(const CorrelationTables& tables);

    std::size_t n_sites() const { return sites_.size(); }
    std::size_t n_functions() const { return target_.size(); }
    std::size_t work_per_swap() const { return 2 + 6 * slots_.size() / (3 * sites_.size()); }

    /// F of arrangements (n, n_sites) into `out` (n, n_functions).
    void correlations(std::span<const std::uint8_t> rows, std::span<double> out, int num_threads) const;
    /// Q of arrangements. A row follows from the one before by the sites that differ, which in an ordered
    /// list are few; pieces of rows, over which threads are spread, start anew.
    void scores(std::span<const std::uint8_t> rows, std::span<double> out, int num_threads) const;
    /// Anneals each chain by `n_swaps` swaps, while the temperature falls from the mean change of Q of its
    /// first trials to a thousandth. What it writes does not depend on the number of threads.
    void anneal(const MatchChains& chains, std::size_t n_swaps, int num_threads) const;

  private:
    struct Walker;
    void check_rows(std::span<const std::uint8_t> rows) const;
    void anneal_one(const MatchChains& chains, std::size_t chain, std::size_t n_swaps) const;

    std::size_t n_modes_, n_codes_;
    SwapSites sites_;
    std::vector<std::int32_t> n_species_, slots_, labels_, ladder_;
    std::vector<double> point_, weights_, target_, importance_, reward_;
    double tolerance_;
    std::vector<std::int64_t> offsets_;  // (n_sites + 1): the clusters of each site
    std::vector<std::int32_t> clusters_;
};

}  // namespace matganip
