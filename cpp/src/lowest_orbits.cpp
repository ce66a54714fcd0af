#include "matganip/lowest_orbits.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include "matganip/convex_bound.hpp"
#include "matganip/first_of_orbit.hpp"
#include "matganip/parallel.hpp"
#include "matganip/sorted_bound.hpp"

namespace matganip {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr std::uint8_t undecided = 255;
/// Open nodes of a round, and nodes visited below each before what is left goes back. The first rounds have
/// few open ones: they are cut up sooner.
constexpr std::size_t nodes_per_round = 64;
constexpr std::uint64_t most_visits = 2000, least_visits = 50, first_visits = 50;
/// Work of a node, in multiplications: a round takes a fraction of a second whatever the size of the cell.
constexpr double work_per_node = 9e7;
/// Above so many open nodes those of the highest bounds are finished first: they are few nodes from being
/// dismissed.
constexpr std::size_t most_open = 400'000;
/// Orbits that are kept at most, whatever is asked for.
constexpr std::size_t most_found = 4'000'000;

struct Open {
    double bound;
    std::vector<std::uint8_t> codes;  // of the decided sites
    bool operator<(const Open& other) const {
        return std::tie(bound, codes) < std::tie(other.bound, other.codes);
    }
};

struct Orbit {
    double energy;
    std::vector<std::uint8_t> codes;
    std::int64_t multiplicity;
    bool operator<(const Orbit& other) const {
        return std::tie(energy, codes) < std::tie(other.energy, other.codes);
    }
};

/// The search below one open node at a time; an object belongs to one thread.
class Search {
  public:
    Search(const InteractionModel& model, const PermutationGroup& group, const Wanted& wanted)
        : model_(model),
          wanted_(wanted),
          bound_(model),
          sorted_(model),
          first_(group, last_codes(model)),
          codes_(model.n_sites),
          at_(model.n_sites + 1) {
        for (auto& now : at_) {
            now.field.resize(model.n_states);
            if (model.has_triplets()) now.pair.resize(model.n_states * model.n_states);
            now.count = model.count;
            now.sites.assign(model.n_sites, 0);
        }
        PartialArrangement& root = at_[0];
        root.energy = model.constant;
        root.field = model.field;
        if (model.has_triplets()) root.pair = model.pair;
        for (const std::int32_t sublattice : model.sublattice)
            ++root.sites[static_cast<std::size_t>(sublattice)];
        group_order_ = static_cast<std::int64_t>(group.order());
    }

    struct Outcome {
        std::vector<Orbit> found;
        std::vector<Open> left;
        std::uint64_t visited = 0;
    };

    double root_bound() { return bound_(0, at_[0]); }

    Outcome below(const Open& node, double threshold, std::uint64_t visits) {
        outcome_ = {};
        threshold_ = threshold;
        visits_ = visits;
        for (std::size_t depth = 0; depth < node.codes.size(); ++depth)
            if (!enter(depth, node.codes[depth])) throw std::invalid_argument("an open node is ruled out");
        explore(node.codes.size(), node.bound);
        return std::move(outcome_);
    }

  private:
    static std::vector<std::uint8_t> last_codes(const InteractionModel& model) {
        std::vector<std::uint8_t> last;
        for (std::size_t p = 0; p < model.n_sites; ++p)
            last.push_back(static_cast<std::uint8_t>(model.n_codes(p) - 1));
        return last;
    }

    /// Whether a site may carry a code with what is left of the composition.
    bool allowed(std::size_t depth, std::size_t code) const {
        const PartialArrangement& now = at_[depth];
        const auto sublattice = static_cast<std::size_t>(model_.sublattice[depth]);
        if (code + 1 < model_.n_codes(depth))
            return now.count[static_cast<std::size_t>(model_.kind[model_.first_free(depth) + code])] > 0;
        std::int32_t taken = 0;
        for (std::size_t kind = 0; kind < model_.n_kinds; ++kind)
            if (static_cast<std::size_t>(model_.kind_sublattice[kind]) == sublattice)
                taken += now.count[kind];
        return taken < now.sites[sublattice];
    }

    bool excluded(std::size_t depth, std::uint8_t code) const {
        for (const auto& one : model_.excluded[depth])
            if (one.code == code && codes_[static_cast<std::size_t>(one.site)] == one.other_code) return true;
        return false;
    }

    /// Decides a site, at_[depth] to at_[depth + 1]; false where symmetry or an exclusion rules it out.
    bool enter(std::size_t depth, std::uint8_t code) {
        codes_[depth] = code;
        if (excluded(depth, code)) return false;
        if (!first_.decide(depth, codes_.data())) return false;
        const PartialArrangement& now = at_[depth];
        PartialArrangement& next = at_[depth + 1];
        const std::size_t n = model_.n_states, first = model_.first_free(depth + 1);
        next.count = now.count;
        next.sites = now.sites;
        --next.sites[static_cast<std::size_t>(model_.sublattice[depth])];
        const bool reference = code + std::size_t{1} == model_.n_codes(depth);
        const std::size_t state = model_.first_free(depth) + code;
        next.energy = reference ? now.energy : now.energy + now.field[state];
        if (!reference) --next.count[static_cast<std::size_t>(model_.kind[state])];
        const double* pair = (model_.has_triplets() ? now.pair.data() : model_.pair.data()) + state * n;
        for (std::size_t s = first; s < n; ++s)
            next.field[s] = reference ? now.field[s] : now.field[s] + pair[s];
        if (!model_.has_triplets()) return true;
        for (std::size_t s = first; s < n; ++s) {
            const double* from = now.pair.data() + s * n;
            double* to = next.pair.data() + s * n;
            if (reference) {
                std::copy(from + first, from + n, to + first);
            } else {
                const double* coupling = model_.triplet.data() + (state * n + s) * n;
                for (std::size_t t = first; t < n; ++t) to[t] = from[t] + coupling[t];
            }
        }
        return true;
    }

    double bound_below(std::size_t depth) {
        if (!sorted_.applies()) return bound_(depth, at_[depth]);
        const double sorted = sorted_(depth, at_[depth]);
        return sorted > threshold_ ? sorted : std::max(sorted, bound_(depth, at_[depth]));
    }

    void explore(std::size_t depth, double bound) {
        if (bound > threshold_) return;
        if (depth == model_.n_sites) return keep();
        if (outcome_.visited >= visits_) {
            outcome_.left.push_back(
                {bound, {codes_.begin(), codes_.begin() + static_cast<std::ptrdiff_t>(depth)}});
            return;
        }
        ++outcome_.visited;
        std::vector<std::pair<double, std::uint8_t>> children;
        std::size_t n_allowed = 0;
        for (std::size_t code = 0; code < model_.n_codes(depth); ++code)
            n_allowed += allowed(depth, code) ? 1 : 0;
        for (std::size_t code = 0; code < model_.n_codes(depth); ++code) {
            if (!allowed(depth, code) || !enter(depth, static_cast<std::uint8_t>(code))) continue;
            // A bound never falls on the way down; where nothing is left to choose, the energy itself
            // follows.
            const double own = n_allowed == 1 ? bound : std::max(bound, bound_below(depth + 1));
            if (own <= threshold_) children.emplace_back(own, static_cast<std::uint8_t>(code));
        }
        std::sort(children.begin(), children.end());
        for (const auto& [own, code] : children) {
            if (own > threshold_) return;
            if (!enter(depth, code)) throw std::logic_error("a child was lost");
            explore(depth + 1, own);
        }
    }

    void keep() {
        const double energy = at_[model_.n_sites].energy;
        if (energy > threshold_) return;
        outcome_.found.push_back(
            {energy, codes_, group_order_ / static_cast<std::int64_t>(first_.stabilizer_order())});
        if (wanted_.window >= 0.0) {
            threshold_ = std::min(threshold_, energy + wanted_.window + wanted_.slack);
        } else if (outcome_.found.size() >= 2 * wanted_.top + 64) {
            std::sort(outcome_.found.begin(), outcome_.found.end());
            threshold_ = std::min(threshold_, outcome_.found[wanted_.top - 1].energy + wanted_.slack);
            while (outcome_.found.back().energy > threshold_) outcome_.found.pop_back();
        }
        if (outcome_.found.size() > most_found) throw std::length_error("too many orbits");
    }

    const InteractionModel& model_;
    const Wanted& wanted_;
    ConvexBound bound_;
    SortedBound sorted_;
    FirstOfOrbit first_;
    std::vector<std::uint8_t> codes_;
    std::vector<PartialArrangement> at_;
    std::int64_t group_order_ = 1;
    double threshold_ = infinite;
    std::uint64_t visits_ = 0;
    Outcome outcome_;
};

}  // namespace

struct LowestOrbits::Impl {
    InteractionModel model;
    PermutationGroup group;
    Wanted wanted;
    std::set<Open> open;
    std::vector<Orbit> found;
    FoundOrbits listed;
    std::uint64_t visited = 0;
    double ceiling = infinite;
    std::vector<Search> searches;

    Impl(const InteractionTables& tables, PermutationGroup group_in, const Wanted& wanted_in)
        : model(tables), group(std::move(group_in)), wanted(wanted_in) {
        if (group.degree != model.n_sites)
            throw std::invalid_argument("the permutations must act on the sites");
        if (wanted.top < 1) throw std::invalid_argument("top must be at least 1");
        if (!(wanted.slack >= 0.0)) throw std::invalid_argument("slack must not be negative");
        searches.emplace_back(model, group, wanted);
        open.insert({searches[0].root_bound(), {}});
    }

    double threshold() const {
        if (wanted.window >= 0.0)
            return found.empty() ? ceiling
                                 : std::min(ceiling, found[0].energy + wanted.window + wanted.slack);
        return found.size() < wanted.top ? ceiling
                                         : std::min(ceiling, found[wanted.top - 1].energy + wanted.slack);
    }

    void trim() {
        std::sort(found.begin(), found.end());
        const double limit = threshold();
        while (!found.empty() && found.back().energy > limit) found.pop_back();
        if (found.size() > most_found)
            throw std::length_error("more than " + std::to_string(most_found) +
                                    " orbits lie that low: ask for fewer, or for a smaller window");
        while (!open.empty() && open.rbegin()->bound > limit) open.erase(std::prev(open.end()));
    }

    std::uint64_t visits_per_node() const {
        const auto n = static_cast<double>(model.n_states);
        const double visits = work_per_node / (model.has_triplets() ? n * n * n : 36.0 * n * n + 1.0);
        return static_cast<std::uint64_t>(std::clamp(visits, double{least_visits}, double{most_visits}));
    }

    bool advance(int num_threads) {
        if (open.empty()) return false;
        const bool crowded = open.size() > most_open;
        std::vector<Open> nodes;
        while (nodes.size() < nodes_per_round && !open.empty()) {
            const auto next = crowded ? std::prev(open.end()) : open.begin();
            nodes.push_back(*next);
            open.erase(next);
        }
        const std::uint64_t visits = nodes.size() < nodes_per_round ? first_visits : visits_per_node();
        const auto threads = static_cast<std::size_t>(resolve_threads(num_threads));
        while (searches.size() < std::min(threads, nodes.size())) searches.emplace_back(model, group, wanted);
        std::vector<Search::Outcome> outcomes(nodes.size());
        const double limit = threshold();
        // Each thread takes a search of its own when it gets its first node.
        std::mutex guard;
        std::vector<Search*> idle;
        for (Search& search : searches) idle.push_back(&search);
        parallel_for(nodes.size(), num_threads, [&](std::size_t i) {
            Search* mine = nullptr;
            {
                const std::lock_guard lock(guard);
                mine = idle.back();
                idle.pop_back();
            }
            outcomes[i] = mine->below(nodes[i], limit, visits);
            const std::lock_guard lock(guard);
            idle.push_back(mine);
        });
        for (auto& outcome : outcomes) {
            visited += outcome.visited;
            found.insert(found.end(), outcome.found.begin(), outcome.found.end());
            for (Open& left : outcome.left) open.insert(std::move(left));
        }
        trim();
        return !open.empty();
    }
};

LowestOrbits::LowestOrbits(const InteractionTables& tables, PermutationGroup group, const Wanted& wanted)
    : impl_(std::make_unique<Impl>(tables, std::move(group), wanted)) {}
LowestOrbits::~LowestOrbits() = default;

bool LowestOrbits::advance(int num_threads) {
    return impl_->advance(num_threads);
}
double LowestOrbits::lower_bound() const {
    return impl_->open.empty() ? infinite : impl_->open.begin()->bound;
}
double LowestOrbits::threshold() const {
    return impl_->threshold();
}
void LowestOrbits::set_ceiling(double energy) {
    impl_->ceiling = std::min(impl_->ceiling, energy);
    impl_->trim();
}
std::uint64_t LowestOrbits::n_visited() const {
    return impl_->visited;
}
std::size_t LowestOrbits::n_open() const {
    return impl_->open.size();
}

const FoundOrbits& LowestOrbits::found() const {
    FoundOrbits& listed = impl_->listed;
    listed = {};
    for (const Orbit& orbit : impl_->found) {
        listed.codes.insert(listed.codes.end(), orbit.codes.begin(), orbit.codes.end());
        listed.energies.push_back(orbit.energy);
        listed.multiplicities.push_back(orbit.multiplicity);
    }
    return listed;
}

OpenNodes LowestOrbits::open() const {
    OpenNodes nodes;
    for (const Open& node : impl_->open) {
        nodes.codes.insert(nodes.codes.end(), node.codes.begin(), node.codes.end());
        nodes.codes.resize(nodes.codes.size() + impl_->model.n_sites - node.codes.size(), undecided);
        nodes.bounds.push_back(node.bound);
    }
    return nodes;
}

void LowestOrbits::resume(const OpenNodes& open, const FoundOrbits& found, std::uint64_t n_visited) {
    const InteractionModel& model = impl_->model;
    const std::size_t n = model.n_sites;
    if (open.codes.size() != n * open.bounds.size() || found.codes.size() != n * found.energies.size() ||
        found.multiplicities.size() != found.energies.size())
        throw std::invalid_argument("the arrays of a stored search do not fit together");
    const auto decided = [&](const std::uint8_t* codes) {
        std::size_t depth = 0;
        for (; depth < n && codes[depth] != undecided; ++depth)
            if (codes[depth] >= model.n_codes(depth))
                throw std::invalid_argument("a stored code does not exist");
        return std::vector<std::uint8_t>(codes, codes + depth);
    };
    std::set<Open> nodes;
    for (std::size_t k = 0; k < open.bounds.size(); ++k)
        nodes.insert({open.bounds[k], decided(open.codes.data() + k * n)});
    std::vector<Orbit> orbits;
    for (std::size_t k = 0; k < found.energies.size(); ++k) {
        orbits.push_back({found.energies[k], decided(found.codes.data() + k * n), found.multiplicities[k]});
        if (orbits.back().codes.size() != n) throw std::invalid_argument("a stored orbit is not complete");
    }
    impl_->open = std::move(nodes);
    impl_->found = std::move(orbits);
    impl_->visited = n_visited;
    impl_->trim();
}

}  // namespace matganip
