#include "matganip/orbit_enumerator.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <mutex>
#include <queue>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "matganip/orderly_search.hpp"
#include "matganip/parallel.hpp"

namespace matganip {
namespace {

/// A task writes at most so many bytes, so that its rows stay in cache until they are taken.
constexpr std::size_t bytes_per_task = std::size_t{128} << 10;
/// Prefixes dealt out to each shard: enough that unequal subtrees average out.
constexpr double prefixes_per_shard = 4096;

double binomial(std::size_t n, std::size_t k) {
    double value = 1;
    for (std::size_t i = 1; i <= k; ++i)
        value = value * static_cast<double>(n - k + i) / static_cast<double>(i);
    return value;
}

std::vector<std::uint8_t> fill_row(const Composition& composition) {
    std::vector<std::uint8_t> fill;
    for (const auto& counts : composition.counts) {
        std::size_t sites = 0;
        for (const std::uint16_t count : counts) sites += count;
        fill.insert(fill.end(), sites, static_cast<std::uint8_t>(counts.size() - 1));
    }
    return fill;
}

}  // namespace

struct OrbitEnumerator::Impl {
    struct Task {
        Prefix prefix;
        bool owned;  // below the level at which prefixes are dealt out to shards
    };

    /// How much has been dealt to a shard, and which; the least loaded is on top.
    using Load = std::pair<double, std::uint64_t>;

    PermutationGroup group;
    std::vector<Stage> stages;
    std::vector<std::uint8_t> fill;
    Exclusions exclusions;
    std::vector<std::vector<std::uint16_t>> cliques;  // of each stage, under exclusions
    std::vector<std::size_t> largest_clique;
    std::vector<double> completions_after;  // ways to fill the stages after each one
    std::uint64_t shard, n_shards;
    std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
    double shard_limit, task_limit;
    std::vector<Task> open;  // depth first: the next task is the last
    Prefix resume;
    std::vector<OrderlySearch> searches;
    std::vector<OrbitBuffer> buffers;
    std::size_t ready_buffers = 0, first_ready = 0, first_row = 0;

    Impl(PermutationGroup group_in, const Composition& composition, std::uint64_t shard_in,
         std::uint64_t n_shards_in, std::span<const Exclusion> excluded)
        : group(std::move(group_in)),
          stages(stages_of(composition)),
          fill(fill_row(composition)),
          exclusions(excluded, composition),
          shard(shard_in),
          n_shards(n_shards_in) {
        if (fill.size() != group.degree)
            throw std::invalid_argument("the composition has " + std::to_string(fill.size()) +
                                        " sites, the group " + std::to_string(group.degree));
        if (n_shards > most_shards)
            throw std::invalid_argument("n_shards must be at most " + std::to_string(most_shards));
        if (shard >= n_shards)
            throw std::invalid_argument("shard must be in [0, " + std::to_string(n_shards) + ")");
        if (!exclusions.empty()) find_cliques();
        completions_after.assign(stages.size() + 1, 1.0);
        for (std::size_t s = stages.size(); s-- > 0;)
            completions_after[s] =
                completions_after[s + 1] * std::min(binomial(free_columns(s), stages[s].count),
                                                    clique_choices(s, stages[s].first, stages[s].count));
        task_limit = static_cast<double>(std::max<std::size_t>(64, bytes_per_task / (fill.size() + 8)));
        shard_limit = completions_after[0] / (prefixes_per_shard * static_cast<double>(n_shards));
        open.push_back({{}, n_shards == 1});
        for (std::uint64_t k = 0; k < n_shards; ++k) loads.emplace(0.0, k);
    }

    /// Deals a subtree of the given size to the least loaded shard; whether that is ours.
    bool deal(double size) {
        const auto [load, to] = loads.top();
        loads.pop();
        loads.emplace(load + size, to);
        return to == shard;
    }

    void find_cliques() {
        for (const Stage& stage : stages) {
            cliques.push_back(exclusions.cliques(stage));
            std::vector<std::size_t> sizes(fill.size(), 0);
            for (std::size_t column = stage.first; column < stage.last; ++column)
                ++sizes[cliques.back()[column]];
            largest_clique.push_back(*std::max_element(sizes.begin(), sizes.end()));
        }
    }

    /// Upper bound of the ways to choose sites from a column on, at most one of each clique.
    double clique_choices(std::size_t s, std::size_t first, std::size_t missing) const {
        if (exclusions.empty()) return std::numeric_limits<double>::infinity();
        std::vector<std::uint8_t> seen(fill.size(), 0);
        std::size_t n = 0;
        for (std::size_t column = first; column < stages[s].last; ++column)
            if (std::exchange(seen[cliques[s][column]], std::uint8_t{1}) == 0) ++n;
        return n < missing ? 0
                           : binomial(n, missing) * std::pow(static_cast<double>(largest_clique[s]),
                                                             static_cast<double>(missing));
    }

    /// Columns that are still free when stage s begins.
    std::size_t free_columns(std::size_t s) const {
        std::size_t free = stages[s].last - stages[s].first;
        for (std::size_t earlier = 0; earlier < s; ++earlier)
            if (stages[earlier].first == stages[s].first) free -= stages[earlier].count;
        return free;
    }

    /// An upper bound of the orbits below a prefix: the ways to complete it, symmetry not counted.
    double completions(const Prefix& prefix) const {
        std::size_t stage = 0;
        std::size_t begin = 0;
        while (stage < stages.size() && begin + stages[stage].count <= prefix.size())
            begin += stages[stage++].count;
        if (stage == stages.size()) return 1;
        const std::size_t depth = prefix.size() - begin;
        if (depth == 0) return completions_after[stage];
        const std::uint16_t last = prefix.back();
        std::size_t beyond = stages[stage].last - 1U - last;
        for (std::size_t i = 0; i < begin; ++i)
            if (prefix[i] > last && prefix[i] < stages[stage].last) --beyond;
        const std::size_t missing = stages[stage].count - depth;
        if (beyond < missing) return 0;
        return std::min(binomial(beyond, missing), clique_choices(stage, last + 1U, missing)) *
               completions_after[stage + 1];
    }

    void expand(const Task& task) {
        auto children = searches.front().children(task.prefix);
        for (auto child = children.rbegin(); child != children.rend(); ++child)
            open.push_back({std::move(*child), task.owned});
    }

    /// The next prefix that is to be searched as one task; false if there is none.
    bool next_prefix(Prefix& prefix, double& bound) {
        while (!open.empty()) {
            Task task = std::move(open.back());
            open.pop_back();
            bound = completions(task.prefix);
            if (!task.owned && (bound <= shard_limit || bound <= 1)) {
                if (!deal(bound)) continue;
                task.owned = true;
            }
            if (!task.owned) {
                expand(task);
                continue;
            }
            if (!resume.empty()) {
                const auto length = static_cast<std::ptrdiff_t>(std::min(task.prefix.size(), resume.size()));
                const Prefix head(resume.begin(), resume.begin() + length);
                if (task.prefix < head || task.prefix == resume) continue;
                if (task.prefix == head) {
                    expand(task);
                    continue;
                }
                resume.clear();
            }
            if (bound > task_limit) {
                expand(task);
                continue;
            }
            prefix = std::move(task.prefix);
            return true;
        }
        return false;
    }
};

OrbitEnumerator::OrbitEnumerator(PermutationGroup group, const Composition& composition, std::uint64_t shard,
                                 std::uint64_t n_shards, std::span<const Exclusion> exclusions)
    : impl_(std::make_unique<Impl>(std::move(group), composition, shard, n_shards, exclusions)) {
    impl_->searches.emplace_back(impl_->group, impl_->stages, impl_->fill, impl_->exclusions);
    if (!impl_->searches.front().possible()) impl_->open.clear();
}

OrbitEnumerator::~OrbitEnumerator() = default;

std::size_t OrbitEnumerator::n_sites() const {
    return impl_->fill.size();
}

void OrbitEnumerator::resume_after(std::span<const std::uint8_t> row) {
    if (row.size() != impl_->fill.size())
        throw std::invalid_argument("resume_after: the row has another length");
    Prefix prefix;
    for (const Stage& stage : impl_->stages) {
        const std::size_t before = prefix.size();
        for (std::uint16_t column = stage.first; column < stage.last; ++column)
            if (row[column] == stage.code) prefix.push_back(column);
        if (prefix.size() - before != stage.count)
            throw std::invalid_argument("resume_after: the row has another composition");
    }
    if (prefix.empty()) impl_->open.clear();  // one orbit in all, and it has been given
    impl_->resume = std::move(prefix);
}

std::size_t OrbitEnumerator::take(std::span<std::uint8_t> rows, std::span<std::int64_t> multiplicities,
                                  int num_threads) {
    struct Piece {
        const OrbitBuffer* buffer;
        std::size_t from, to, size;
    };
    Impl& self = *impl_;
    std::vector<Piece> pieces;
    std::size_t taken = 0;
    while (taken < multiplicities.size() && self.first_ready < self.ready_buffers) {
        const OrbitBuffer& buffer = self.buffers[self.first_ready];
        const std::size_t n = std::min(multiplicities.size() - taken, buffer.size - self.first_row);
        pieces.push_back({&buffer, self.first_row, taken, n});
        taken += n;
        self.first_row += n;
        if (self.first_row == buffer.size) {
            ++self.first_ready;
            self.first_row = 0;
        }
    }
    const std::size_t degree = self.fill.size();
    parallel_for(pieces.size(), num_threads, [&](std::size_t i) {
        const auto [buffer, from, to, n] = pieces[i];
        std::copy_n(buffer->rows.data() + from * degree, n * degree, rows.data() + to * degree);
        std::copy_n(buffer->multiplicities.data() + from, n, multiplicities.data() + to);
    });
    return taken;
}

bool OrbitEnumerator::advance(int num_threads) {
    Impl& self = *impl_;
    if (self.first_ready < self.ready_buffers)
        throw std::logic_error("advance: orbits are waiting to be taken");
    const auto threads = static_cast<std::size_t>(resolve_threads(num_threads));
    while (self.searches.size() < threads)
        self.searches.emplace_back(self.group, self.stages, self.fill, self.exclusions);

    std::vector<Prefix> prefixes;
    double bound = 0;
    for (Prefix prefix; prefixes.size() < 16 * threads && self.next_prefix(prefix, bound);) {
        prefixes.push_back(std::move(prefix));
        if (self.buffers.size() < prefixes.size()) self.buffers.emplace_back();
        self.buffers[prefixes.size() - 1].reset(static_cast<std::size_t>(bound), self.fill.size());
    }
    self.ready_buffers = prefixes.size();
    self.first_ready = self.first_row = 0;

    std::vector<OrderlySearch*> idle;
    for (OrderlySearch& search : self.searches) idle.push_back(&search);
    std::mutex guard;
    parallel_for(prefixes.size(), static_cast<int>(threads), [&](std::size_t i) {
        OrderlySearch* search;
        {
            const std::lock_guard lock(guard);
            search = idle.back();
            idle.pop_back();
        }
        search->collect(prefixes[i], self.buffers[i]);
        const std::lock_guard lock(guard);
        idle.push_back(search);
    });
    return !prefixes.empty();
}

}  // namespace matganip
