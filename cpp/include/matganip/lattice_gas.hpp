#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace matganip {

/// The terms of an energy that is a sum over points, pairs and triplets of species, as each site sees them.
///
/// A site carries a mode: 0 is the parent's own species, which has no terms, 1 ... n_modes - 1 are others.
/// A *place* is a neighbour with a mode that is not 0: neighbour * (n_modes - 1) + mode - 1. All arrays are
/// row-major and are copied.
struct LatticeGasTerms {
    std::size_t n_sites, n_basis, n_modes, n_neighbours;
    std::span<const std::int32_t> basis;            ///< (n_sites): equal where sites have the same terms
    std::span<const std::int32_t> sublattices;      ///< (n_sites): sites of one may exchange what they carry
    std::span<const std::int32_t> modes;            ///< (n_sublattices): how many modes its sites have
    std::span<const std::int32_t> neighbours;       ///< (n_sites, n_neighbours): other sites
    std::span<const double> points;                 ///< (n_basis, n_modes - 1)
    std::span<const double> pairs;                  ///< (n_basis, n_modes - 1, n_places)
    std::span<const std::int64_t> triplet_offsets;  ///< (n_basis * (n_modes - 1) * n_places + 1)
    std::span<const std::int32_t> triplet_places;   ///< the third place, of a neighbour after the second
    std::span<const double> triplet_values;
};

/// Chains of a lattice gas. A walk writes a record after each `n_trials` trials.
///
/// Of a chain the weight of an arrangement is
///     exp(-beta (E + sum over sites of field[sublattice, mode]) + bias[number of counted sites]),
/// where counted sites are those of one sublattice that carry one mode.
struct GasChains {
    std::span<std::uint8_t> modes;        ///< (n_chains, n_sites): where they start, then where they are
    std::span<std::uint64_t> generators;  ///< (n_chains, 4): states of `Random`
    std::span<const double> beta;         ///< (n_chains): 1 / kT, not negative
    std::span<const double> field;        ///< (n_chains, n_sublattices, n_modes)
    std::span<const double> bias;         ///< (n_chains, n_levels), or empty
    std::span<double> energy;             ///< (n_chains, n_records), written: E
    std::span<std::int32_t> counts;       ///< (n_chains, n_records, n_sublattices, n_modes), written
    std::span<std::int64_t> accepted;     ///< (n_chains, 4), added to: swaps tried, made; changes tried, made
    std::span<double> transitions;        ///< (n_chains, n_levels, 3), added to; empty without bias
    std::span<double> level_energy;       ///< (n_chains, n_levels, 3), added to; empty without bias
};

/// How a walk goes.
struct GasWalk {
    std::size_t n_records, first, last;  ///< It writes the records from `first` to before `last`.
    std::size_t n_trials;
    double changes;  ///< Share of trials that change the mode of one site; the others swap two.
    std::int32_t sublattice, mode;  ///< What `bias` counts.
};

/// Metropolis walks (J. Chem. Phys. 21, 1087 (1953)) on such an energy: canonical by swaps, semi-grand
/// canonical by changes (D. A. Kofke, E. D. Glandt, Mol. Phys. 64, 1105 (1988)), or with a weight for each
/// composition, of which `transitions` then collects, for each number of counted sites, how many changes were
/// tried and the sums of the probabilities with which one more and one less would be accepted (J. R.
/// Errington, J. Chem. Phys. 118, 9915 (2003)), and `level_energy` visits and sums of E and E^2.
///
/// What a trial costs depends on the reach of the terms, not on the number of sites.
class LatticeGas {
  public:
    /// Throws std::invalid_argument where an array has another size or an index is out of range.
    explicit LatticeGas(const LatticeGasTerms& terms);

    std::size_t n_sites() const { return basis_.size(); }
    std::size_t n_modes() const { return n_modes_; }
    std::size_t n_sublattices() const { return modes_.size(); }
    std::size_t n_levels(std::int32_t sublattice) const;
    /// About how many multiplications a trial takes.
    std::size_t work_per_trial() const;

    /// E of arrangements (n, n_sites) into `out` (n). Throws std::invalid_argument for what is no mode.
    void energies(std::span<const std::uint8_t> modes, std::span<double> out, int num_threads) const;
    /// Walks each chain; what it writes does not depend on the number of threads.
    void walk(const GasChains& chains, const GasWalk& how, int num_threads) const;

  private:
    struct Walker;
    void check_row(std::span<const std::uint8_t> row) const;
    void check(const GasChains& chains, const GasWalk& how) const;
    void walk_one(const GasChains& chains, const GasWalk& how, std::size_t chain) const;

    std::size_t n_modes_, n_neighbours_, n_places_;
    std::vector<std::int32_t> basis_, sublattices_, modes_, neighbours_, triplet_places_;
    std::vector<double> points_, pairs_, triplet_values_;
    std::vector<std::int64_t> triplet_offsets_;
    std::vector<std::vector<std::int32_t>> members_;  // sites of each sublattice
    std::vector<std::int32_t> active_;                // sites that have more than one mode
};

}  // namespace matganip
