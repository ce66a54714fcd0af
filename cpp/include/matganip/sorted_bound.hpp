#pragma once

#include <cstddef>
#include <vector>

#include "matganip/convex_bound.hpp"

namespace matganip {

/// A lower bound for pairs of one kind, strong where few sites carry it: each of the r sites still to be
/// chosen costs its field and at least half of its r - 1 smallest couplings to free sites (P. C. Gilmore, J.
/// SIAM 10, 305 (1962); E. L. Lawler, Manage. Sci. 9, 586 (1963)). Which sites are free depends on the depth
/// alone, so that the sums of sorted couplings are tables.
class SortedBound {
  public:
    explicit SortedBound(const InteractionModel& model);

    /// Whether the energy is of pairs of one kind.
    bool applies() const { return !halves_.empty(); }
    double operator()(std::size_t depth, const PartialArrangement& now);

  private:
    const InteractionModel& model_;
    /// For each depth: (count + 1, n_free), half the sum of the r - 1 smallest couplings of each free site.
    std::vector<std::vector<double>> halves_;
    std::vector<double> costs_;
};

}  // namespace matganip
