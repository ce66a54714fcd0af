#include "matganip/convex_bound.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "matganip/targets.hpp"

namespace matganip {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
void require(bool fits, const char* message) {
    if (!fits) throw std::invalid_argument(message);
}

void check(const InteractionTables& t) {
    require(!t.first_state.empty() && t.first_state.size() == t.sublattice.size() + 1,
            "first_state must have one entry more than sublattice");
    require(t.first_state[0] == 0, "first_state must begin with 0");
    const std::size_t n = t.kind.size(), sites = t.sublattice.size(), kinds = t.count.size();
    for (std::size_t p = 0; p < sites; ++p) {
        require(t.first_state[p] <= t.first_state[p + 1], "first_state must not fall");
        require(t.first_state[p + 1] - t.first_state[p] < 255, "a site has more than 254 states");
        require(t.sublattice[p] >= 0 && static_cast<std::size_t>(t.sublattice[p]) < sites,
                "sublattice is out of range");
    }
    require(static_cast<std::size_t>(t.first_state[sites]) == n,
            "first_state must end with the number of states");
    require(t.kind_sublattice.size() == kinds, "kind_sublattice and count must have the same length");
    require(t.field.size() == n && t.pair.size() == n * n,
            "field and pair must be (n_states) and (n_states, n_states)");
    require(t.triplets.size() == 3 * t.coupling.size(), "triplets must be (n_triplets, 3)");
    require(t.shift.size() == sites * sites && t.cubic.size() == sites,
            "shift and cubic must be (n_sites, n_sites) and (n_sites)");
    require(t.exclusions.size() % 4 == 0, "exclusions must be (n_exclusions, 4)");
    require(t.stiffness > 0.0 && std::isfinite(t.stiffness), "stiffness must be positive");
    require(t.coupling.empty() || n <= 512, "more than 512 states with triplets");
    for (const std::int32_t state : t.triplets)
        require(state >= 0 && static_cast<std::size_t>(state) < n,
                "triplets hold a state that does not exist");
    for (std::size_t p = 0; p < sites; ++p)
        for (std::int32_t s = t.first_state[p]; s < t.first_state[p + 1]; ++s) {
            require(t.kind[s] >= 0 && static_cast<std::size_t>(t.kind[s]) < kinds, "kind is out of range");
            require(t.kind_sublattice[t.kind[s]] == t.sublattice[p],
                    "a state's kind is of another sublattice");
            for (std::int32_t r = t.first_state[p]; r < s; ++r)
                require(t.pair[static_cast<std::size_t>(s) * n + r] == 0.0 && t.kind[r] != t.kind[s],
                        "states of one site must differ in kind and not couple");
        }
    for (std::size_t k = 0; k < kinds; ++k) {
        const auto sites_of = std::count(t.sublattice.begin(), t.sublattice.end(), t.kind_sublattice[k]);
        require(t.count[k] >= 0, "count must not be negative");
        std::int64_t taken = 0;
        for (std::size_t l = 0; l < kinds; ++l)
            if (t.kind_sublattice[l] == t.kind_sublattice[k]) taken += t.count[l];
        require(taken <= sites_of, "count is larger than the sublattice");
    }
}

}  // namespace

InteractionModel::InteractionModel(const InteractionTables& t)
    : n_sites(t.sublattice.size()),
      n_states(t.kind.size()),
      n_kinds(t.count.size()),
      sublattice(t.sublattice.begin(), t.sublattice.end()),
      first_state(t.first_state.begin(), t.first_state.end()),
      kind(t.kind.begin(), t.kind.end()),
      kind_sublattice(t.kind_sublattice.begin(), t.kind_sublattice.end()),
      count(t.count.begin(), t.count.end()),
      constant(t.constant),
      stiffness(t.stiffness),
      field(t.field.begin(), t.field.end()),
      pair(t.pair.begin(), t.pair.end()),
      shift(t.shift.begin(), t.shift.end()),
      cubic(t.cubic.begin(), t.cubic.end()),
      excluded(t.sublattice.size()) {
    check(t);
    for (std::size_t k = 0; k < t.exclusions.size(); k += 4) {
        auto site = t.exclusions[k], code = t.exclusions[k + 1];
        auto other = t.exclusions[k + 2], other_code = t.exclusions[k + 3];
        const auto exists = [&](std::int32_t p, std::int32_t c) {
            return p >= 0 && static_cast<std::size_t>(p) < n_sites && c >= 0 &&
                   static_cast<std::size_t>(c) < n_codes(static_cast<std::size_t>(p));
        };
        require(exists(site, code) && exists(other, other_code),
                "exclusions hold a site or a code that does not exist");
        if (site < other) {
            std::swap(site, other);
            std::swap(code, other_code);
        }
        excluded[static_cast<std::size_t>(site)].push_back(
            {static_cast<std::uint8_t>(code), other, static_cast<std::uint8_t>(other_code)});
    }
    if (t.coupling.empty()) return;
    triplet.assign(n_states * n_states * n_states, 0.0);
    for (std::size_t k = 0; k < t.coupling.size(); ++k) {
        std::array<std::size_t, 3> s{static_cast<std::size_t>(t.triplets[3 * k]),
                                     static_cast<std::size_t>(t.triplets[3 * k + 1]),
                                     static_cast<std::size_t>(t.triplets[3 * k + 2])};
        require(s[0] < s[1] && s[1] < s[2], "the states of a triplet must rise");
        do triplet[(s[0] * n_states + s[1]) * n_states + s[2]] += t.coupling[k];
        while (std::next_permutation(s.begin(), s.end()));
    }
}

ConvexBound::ConvexBound(const InteractionModel& model)
    : model_(model),
      kernels_(kernels().convex),
      quadratic_(model.n_states * (model.n_states + 1)),
      linear_(model.n_states),
      work_(model.n_states * (model.n_states + 1)),
      mean_(model.n_states) {
    const std::size_t n = model.n_states;
    if (!model.has_triplets()) {
        for (std::size_t depth = 0; depth < model.n_sites; ++depth) {
            const std::size_t first = model.first_free(depth), m = n - first;
            for (std::size_t s = 0; s < m; ++s)
                std::copy_n(model.pair.data() + (first + s) * n + first, m, quadratic_.data() + s * (m + 1));
            add_shifts(depth, 0.0);
            std::vector<double> u(m * m);
            const bool positive = kernels_.factor(quadratic_.data(), m, m + 1, m);
            for (std::size_t s = 0; s < m; ++s)
                std::copy_n(quadratic_.data() + s * (m + 1), m, u.data() + s * m);
            factors_.push_back(positive ? std::move(u) : std::vector<double>{});
        }
        return;
    }
    for (std::size_t depth = 0; depth < model.n_sites; ++depth) {
        const std::size_t first = model.first_free(depth), m = n - first;
        for (std::size_t kind = 0; kind < model.n_kinds; ++kind) {
            std::vector<double> sum(m * m, 0.0);
            for (std::size_t u = first; u < n; ++u) {
                if (static_cast<std::size_t>(model.kind[u]) != kind) continue;
                for (std::size_t s = 0; s < m; ++s)
                    kernels_.add_scaled(sum.data() + s * m,
                                        model.triplet.data() + (u * n + first + s) * n + first, 1.0, m);
            }
            coupled_.push_back(std::move(sum));
        }
    }
}

void ConvexBound::add_shifts(std::size_t depth, double extra) {
    const std::size_t first = model_.first_free(depth), m = model_.n_states - first, stride = m + 1;
    for (std::size_t s = 0; s < m; ++s)
        for (std::size_t t = 0; t < m; ++t)
            if (model_.kind[first + s] == model_.kind[first + t])
                quadratic_[s * stride + t] += model_.stiffness;
    for (std::size_t site = depth; site < model_.n_sites; ++site) {
        const double shift = model_.shift[depth * model_.n_sites + site] + extra;
        const std::size_t from = model_.first_free(site) - first, to = model_.first_free(site + 1) - first;
        for (std::size_t s = from; s < to; ++s)
            for (std::size_t t = from; t < to; ++t)
                quadratic_[s * stride + t] += s == t ? 2.0 * shift : shift;
    }
}

double ConvexBound::cubic_terms(std::size_t depth, const PartialArrangement& now) {
    const std::size_t n = model_.n_states, first = model_.first_free(depth), m = n - first, stride = m + 1;
    for (std::size_t s = 0; s < m; ++s) std::fill_n(quadratic_.data() + s * stride, m, 0.0);
    for (std::size_t kind = 0; kind < model_.n_kinds; ++kind) {
        const auto& sum = coupled_[depth * model_.n_kinds + kind];
        const double sites = now.sites[static_cast<std::size_t>(model_.kind_sublattice[kind])];
        const double mean = sites > 0 ? now.count[kind] / sites : 0.0;
        if (mean == 0.0) continue;
        for (std::size_t s = 0; s < m; ++s)
            kernels_.add_scaled(quadratic_.data() + s * stride, sum.data() + s * m, mean, m);
    }
    double constant = 0.0, deviation = 0.0;
    for (std::size_t s = 0; s < m; ++s) {
        const auto kind = static_cast<std::size_t>(model_.kind[first + s]);
        mean_[s] = now.count[kind] /
                   static_cast<double>(now.sites[static_cast<std::size_t>(model_.kind_sublattice[kind])]);
        deviation += mean_[s] * (1.0 - mean_[s]);
    }
    for (std::size_t s = 0; s < m; ++s) {
        double sum = 0.0;
        for (std::size_t t = 0; t < m; ++t) sum += quadratic_[s * stride + t] * mean_[t];
        linear_[s] -= 0.5 * sum;
        constant += mean_[s] * sum / 6.0;
    }
    for (std::size_t s = 0; s < m; ++s)
        kernels_.add_scaled(quadratic_.data() + s * stride, now.pair.data() + (first + s) * n + first, 1.0,
                            m);
    return constant - model_.cubic[depth] * deviation * std::sqrt(deviation) / 6.0;
}

double ConvexBound::factored(std::size_t depth, double extra) {
    const std::size_t first = model_.first_free(depth), m = model_.n_states - first, stride = m + 1;
    std::copy_n(quadratic_.data(), m * stride, work_.data());
    quadratic_.swap(work_);
    add_shifts(depth, extra);
    quadratic_.swap(work_);
    for (std::size_t s = 0; s < m; ++s) work_[s * stride + m] = linear_[s];
    for (std::size_t site = depth; site < model_.n_sites; ++site)
        for (std::size_t s = model_.first_free(site); s < model_.first_free(site + 1); ++s)
            work_[(s - first) * stride + m] -= model_.shift[depth * model_.n_sites + site] + extra;
    if (!kernels_.factor(work_.data(), m, stride, stride)) return infinite;
    double square = 0.0;
    for (std::size_t s = 0; s < m; ++s) square += work_[s * stride + m] * work_[s * stride + m];
    return square;
}

double ConvexBound::operator()(std::size_t depth, const PartialArrangement& now) {
    const std::size_t n = model_.n_states, first = model_.first_free(depth), m = n - first;
    double bound = now.energy;
    for (std::size_t kind = 0; kind < model_.n_kinds; ++kind)
        bound += 0.5 * model_.stiffness * now.count[kind] * now.count[kind];
    for (std::size_t s = 0; s < m; ++s)
        linear_[s] = now.field[first + s] -
                     model_.stiffness * now.count[static_cast<std::size_t>(model_.kind[first + s])];
    if (m == 0) return now.energy;
    if (!model_.has_triplets()) {
        if (factors_[depth].empty()) return -infinite;
        for (std::size_t site = depth; site < model_.n_sites; ++site)
            for (std::size_t s = model_.first_free(site); s < model_.first_free(site + 1); ++s)
                linear_[s - first] -= model_.shift[depth * model_.n_sites + site];
        return bound - 0.5 * kernels_.solved_square(factors_[depth].data(), m, linear_.data());
    }
    bound += cubic_terms(depth, now);
    double extra = 0.0, scale = 0.0;
    for (std::size_t site = depth; site < model_.n_sites; ++site)
        scale = std::max(scale, std::abs(model_.shift[depth * model_.n_sites + site]));
    for (int attempt = 0; attempt < 5; ++attempt) {
        const double square = factored(depth, extra);
        if (square < infinite) return bound - 0.5 * square;
        extra = extra == 0.0 ? 0.02 * scale : 3.0 * extra;
    }
    return -infinite;
}

}  // namespace matganip
