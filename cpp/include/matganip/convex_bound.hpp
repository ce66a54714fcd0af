#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "matganip/kernels.hpp"
#include "matganip/lowest_orbits.hpp"

namespace matganip {

/// The tables of a search, checked and copied, and what follows from them.
struct InteractionModel {
    explicit InteractionModel(const InteractionTables& tables);

    std::size_t n_sites, n_states, n_kinds;
    std::vector<std::int32_t> sublattice, first_state, kind, kind_sublattice, count;
    double constant, stiffness;
    std::vector<double> field, pair, shift, cubic;
    std::vector<double> triplet;  // (n_states, n_states, n_states), symmetric; empty where there is none
    struct Excluded {
        std::uint8_t code;
        std::int32_t site;  // this one or one before it
        std::uint8_t other_code;
    };
    std::vector<std::vector<Excluded>> excluded;  // of each site

    bool has_triplets() const { return !triplet.empty(); }
    std::size_t first_free(std::size_t depth) const { return static_cast<std::size_t>(first_state[depth]); }
    std::size_t n_codes(std::size_t site) const {  // of states, and the reference
        return static_cast<std::size_t>(first_state[site + 1] - first_state[site]) + 1;
    }
};

/// A partial arrangement: what the sites that are not decided see of those that are.
struct PartialArrangement {
    double energy = 0.0;              ///< of the decided sites among themselves
    std::vector<double> field;        ///< (n_states): of the states that are free
    std::vector<double> pair;         ///< (n_states, n_states), where there are triplets
    std::vector<std::int32_t> count;  ///< (n_kinds): sites still to carry each kind
    std::vector<std::int32_t> sites;  ///< (n_sublattices): undecided sites
};

/// A lower bound on the energy of every completion of a partial arrangement.
///
/// With the decided sites put in, the energy is a polynomial of the free states. Its triplets are written in
/// deviations d = x - c from the mean occupation c of their kind; what is cubic in d is small, and no lower
/// than -s |d|^3 / 6 with s the largest singular value of the couplings as an n by n^2 matrix. What is left
/// is quadratic, and is made convex without changing its values on arrangements: for each site
/// shift (sum_a x_a^2 + (sum_a x_a)^2 - 2 sum_a x_a) / 2 is added, and for each kind
/// stiffness (sum_s x_s - count)^2 / 2, both zero on every arrangement. The minimum over all real x is then a
/// lower bound (quadratic convex reformulation: A. Billionnet, S. Elloumi, Discrete Appl. Math. 155, 1042
/// (2007); with branching in a fixed order: C. Buchheim, A. Caprara, A. Lodi, Math. Program. 135, 369
/// (2012)). On a lattice with translations this is the condition that no Fourier component of the pair
/// densities is negative, |F(h)|^2 >= 0.
class ConvexBound {
  public:
    explicit ConvexBound(const InteractionModel& model);

    /// Of an arrangement whose first `depth` sites are decided.
    double operator()(std::size_t depth, const PartialArrangement& now);

  private:
    double cubic_terms(std::size_t depth, const PartialArrangement& now);
    double factored(std::size_t depth, double extra);
    void add_shifts(std::size_t depth, double extra);

    const InteractionModel& model_;
    const ConvexKernels& kernels_;
    /// For each depth and kind: sum of the couplings with the free states of that kind, (n_free, n_free).
    std::vector<std::vector<double>> coupled_;
    std::vector<std::vector<double>> factors_;  // without triplets: the factor at each depth
    std::vector<double> quadratic_, linear_, work_, mean_;
};

}  // namespace matganip
