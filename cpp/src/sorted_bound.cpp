#include "matganip/sorted_bound.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace matganip {

SortedBound::SortedBound(const InteractionModel& model) : model_(model) {
    if (model.n_kinds != 1 || model.has_triplets()) return;
    const auto count = static_cast<std::size_t>(model.count[0]);
    for (std::size_t depth = 0; depth <= model.n_sites; ++depth) {
        const std::size_t first = model.first_free(depth), m = model.n_states - first;
        std::vector<double> halves((count + 1) * m, 0.0);
        for (std::size_t s = 0; s < m; ++s) {
            std::vector<double> couplings;
            for (std::size_t t = 0; t < m; ++t)
                if (t != s) couplings.push_back(model.pair[(first + s) * model.n_states + first + t]);
            std::sort(couplings.begin(), couplings.end());
            for (std::size_t r = 2; r <= std::min(count, m); ++r)
                halves[r * m + s] = halves[(r - 1) * m + s] + 0.5 * couplings[r - 2];
        }
        halves_.push_back(std::move(halves));
    }
}

double SortedBound::operator()(std::size_t depth, const PartialArrangement& now) {
    const std::size_t first = model_.first_free(depth), m = model_.n_states - first;
    const auto r = static_cast<std::size_t>(now.count[0]);
    if (r > m) return std::numeric_limits<double>::infinity();
    costs_.resize(m);
    for (std::size_t s = 0; s < m; ++s) costs_[s] = now.field[first + s] + halves_[depth][r * m + s];
    const auto end = costs_.begin() + static_cast<std::ptrdiff_t>(r);
    std::nth_element(costs_.begin(), end, costs_.end());
    return std::accumulate(costs_.begin(), end, now.energy);
}

}  // namespace matganip
