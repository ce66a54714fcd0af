#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "matganip/permutation_group.hpp"

namespace matganip {

/// An energy that is a sum over sites, pairs and triplets of sites, and the composition of its arrangements.
///
/// Sites are numbered in the order in which a search decides them. A *state* is a site and a species on it
/// other than the reference of its sublattice; states are numbered site by site. A *kind* is a species other
/// than the reference on one sublattice. All arrays are row-major.
///     E = constant + sum_s field x_s + sum_{s<t} pair x_s x_t + sum_{s<t<u} coupling x_s x_t x_u
struct InteractionTables {
    std::span<const std::int32_t> sublattice;   ///< (n_sites)
    std::span<const std::int32_t> first_state;  ///< (n_sites + 1): states of site p are [p], ..., [p+1] - 1
    std::span<const std::int32_t> kind;         ///< (n_states)
    std::span<const std::int32_t> kind_sublattice;  ///< (n_kinds)
    std::span<const std::int32_t> count;            ///< (n_kinds): sites that carry each kind
    double constant = 0.0;
    std::span<const double> field;  ///< (n_states)
    std::span<const double> pair;   ///< (n_states, n_states), symmetric, 0 between states of one site
    std::span<const std::int32_t> triplets;  ///< (n_triplets, 3): states, rising
    std::span<const double> coupling;        ///< (n_triplets)
    /// (n_exclusions, 4): site, code, other site, other code that no arrangement holds together; a code is
    /// the number of a state on its site, the reference last. Twice the same: the site never holds that code.
    /// They are invariant under the permutations.
    std::span<const std::int32_t> exclusions;
    /// What makes the energy of the sites that are not decided convex without changing it on arrangements
    /// (see `ConvexBound`): (n_sites, n_sites), a row for each number of decided sites.
    std::span<const double> shift;
    double stiffness = 0.0;         ///< weight of (sum of x over a kind - count)^2 / 2, positive
    std::span<const double> cubic;  ///< (n_sites): largest singular value of the couplings of free triplets
};

/// What a search looks for.
struct Wanted {
    std::size_t top = 1;   ///< so many orbits, or at most so many within a window
    double window = -1.0;  ///< where not negative: all orbits up to so far above the lowest
    double slack = 0.0;    ///< orbits by so little above the last one are kept too
};

/// Subtrees that are still to be searched, each as the codes of its decided sites.
struct OpenNodes {
    std::vector<std::uint8_t> codes;  ///< (n, n_sites): number of the state of a site, the reference last;
                                      ///< 255 where it is not decided
    std::vector<double> bounds;       ///< (n): no arrangement below is lower
};

struct FoundOrbits {
    std::vector<std::uint8_t> codes;           ///< (n, n_sites), the first member of the orbit in this order
    std::vector<double> energies;              ///< (n)
    std::vector<std::int64_t> multiplicities;  ///< (n)
};

/// The lowest orbits of a composition, by branch and bound, with a proof.
///
/// Sites are decided one after the other. A partial arrangement that a permutation takes to an earlier one
/// is left out, so that each orbit is met once (R. C. Read, Ann. Discrete Math. 2, 107 (1978)); one whose
/// bound is above the last of the orbits wanted is left out too. Nodes are taken lowest bound first, each
/// searched depth first up to a number of nodes; what is left of it goes back among the open ones. A round
/// takes a fixed number of nodes whatever the number of threads, and its results are put together in their
/// order: all that comes out, the number of nodes visited too, is the same for any number of threads.
class LowestOrbits {
  public:
    /// Copies the tables. Throws std::invalid_argument where their sizes or indices do not agree.
    LowestOrbits(const InteractionTables& tables, PermutationGroup group, const Wanted& wanted);
    ~LowestOrbits();

    /// Searches on for a fraction of a second or so; false once nothing is open.
    bool advance(int num_threads);

    double lower_bound()
        const;                 ///< of every arrangement that is not found yet; infinite when nothing is open
    double threshold() const;  ///< what is above it is not wanted; infinite while too few are found
    /// Nothing above is wanted: as many orbits as are wanted are known, by other means, not to be above it.
    void set_ceiling(double energy);
    std::uint64_t n_visited() const;
    const FoundOrbits& found() const;  ///< by energy, then by codes

    OpenNodes open() const;
    std::size_t n_open() const;
    /// Goes on from what `open`, `found` and `n_visited` gave. Throws std::invalid_argument where a code does
    /// not exist.
    void resume(const OpenNodes& open, const FoundOrbits& found, std::uint64_t n_visited);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace matganip
