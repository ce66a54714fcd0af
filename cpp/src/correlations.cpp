#include "matganip/correlations.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "matganip/parallel.hpp"
#include "matganip/random.hpp"

namespace matganip {
namespace {

void require(bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
}

bool all_within(std::span<const std::int32_t> values, std::size_t end) {
    return std::all_of(values.begin(), values.end(),
                       [&](std::int32_t v) { return v >= 0 && static_cast<std::size_t>(v) < end; });
}

template <class T>
std::vector<T> copy_of(std::span<const T> from) {
    return {from.begin(), from.end()};
}

// Trials from which the first temperature follows, and how far it falls.
constexpr std::size_t n_probes = 200;
constexpr double last_temperature = 1e-3;
// Rows that a thread follows from one to the next.
constexpr std::size_t rows_per_piece = 1024;

}  // namespace

CorrelationMatch::CorrelationMatch(const CorrelationTables& t)
    : n_modes_(t.n_modes),
      n_codes_(t.n_codes),
      sites_(t.sublattices),
      n_species_(copy_of(t.n_species)),
      slots_(copy_of(t.slots)),
      labels_(copy_of(t.labels)),
      ladder_(copy_of(t.ladder)),
      point_(copy_of(t.point)),
      weights_(copy_of(t.weights)),
      target_(copy_of(t.target)),
      importance_(copy_of(t.importance)),
      reward_(copy_of(t.reward)),
      tolerance_(t.tolerance) {
    require(t.n_sites > 0 && t.n_modes > 0 && t.n_codes > 0 && t.n_codes <= 256, "no sites, modes or codes");
    require(sites_.size() == t.n_sites, "sublattices: not (n_sites)");
    require(n_species_.size() == t.n_sites && all_within(n_species_, t.n_codes + 1),
            "n_species: not (n_sites), or more than there are codes");
    require(point_.size() == t.n_sites * t.n_modes * t.n_codes, "point: not (n_sites, n_modes, n_codes)");
    require(weights_.size() == labels_.size() && slots_.size() == 3 * labels_.size(),
            "slots, labels and weights: not of one number of clusters");
    require(target_.size() == t.n_functions && importance_.size() == t.n_functions,
            "target and importance: not (n_functions)");
    require(all_within(labels_, t.n_functions), "labels: an entry is no function");
    require(all_within(ladder_, t.n_functions) && reward_.size() == ladder_.size(),
            "ladder: an entry is no function, or another number of rewards");
    std::vector<std::vector<std::int32_t>> of_site(t.n_sites);
    for (std::size_t c = 0; c < labels_.size(); ++c)
        for (std::size_t k = 0; k < 3; ++k) {
            const std::int32_t slot = slots_[3 * c + k];
            require(slot >= (k == 0 ? 0 : -1) && slot < static_cast<std::int64_t>(t.n_sites * t.n_modes),
                    "slots: an entry is no slot");
            if (slot < 0) continue;
            auto& own = of_site[static_cast<std::size_t>(slot) / n_modes_];
            const auto number = static_cast<std::int32_t>(c);
            if (own.empty() || own.back() != number) own.push_back(number);
        }
    offsets_.assign(1, 0);
    for (std::size_t i = 0; i < t.n_sites; ++i) {
        clusters_.insert(clusters_.end(), of_site[i].begin(), of_site[i].end());
        offsets_.push_back(static_cast<std::int64_t>(clusters_.size()));
        require(n_species_[i] == n_species_[sites_.first_beside(i)],
                "n_species: two sites of one sublattice have different codes");
    }
}

/// One arrangement on its way: its point functions and correlations.
struct CorrelationMatch::Walker {
    explicit Walker(const CorrelationMatch& of)
        : form(of), amplitudes(of.n_sites() * of.n_modes_ + 1, 1.0), functions(of.n_functions()) {}

    const CorrelationMatch& form;
    std::vector<double> amplitudes;  // of each slot; the last one is the constant 1 of missing members
    std::vector<double> functions;

    double product(std::size_t cluster) const {
        const std::int32_t* slot = form.slots_.data() + 3 * cluster;
        double value = amplitudes[static_cast<std::size_t>(slot[0])];
        if (slot[1] >= 0) value *= amplitudes[static_cast<std::size_t>(slot[1])];
        if (slot[2] >= 0) value *= amplitudes[static_cast<std::size_t>(slot[2])];
        return value;
    }
    void put(std::size_t site, std::uint8_t code) {
        const double* table = form.point_.data() + site * form.n_modes_ * form.n_codes_ + code;
        for (std::size_t m = 0; m < form.n_modes_; ++m)
            amplitudes[site * form.n_modes_ + m] = table[m * form.n_codes_];
    }
    void start(std::span<const std::uint8_t> row) {
        for (std::size_t i = 0; i < row.size(); ++i) put(i, row[i]);
        std::fill(functions.begin(), functions.end(), 0.0);
        for (std::size_t c = 0; c < form.labels_.size(); ++c)
            functions[static_cast<std::size_t>(form.labels_[c])] += form.weights_[c] * product(c);
    }
    /// Adds `sign` times the clusters of a site to the functions.
    void add_clusters(std::size_t site, double sign) {
        for (std::int64_t k = form.offsets_[site]; k < form.offsets_[site + 1]; ++k) {
            const auto c = static_cast<std::size_t>(form.clusters_[static_cast<std::size_t>(k)]);
            functions[static_cast<std::size_t>(form.labels_[c])] += sign * form.weights_[c] * product(c);
        }
    }
    void change(std::size_t site, std::uint8_t code) {
        add_clusters(site, -1.0);
        put(site, code);
        add_clusters(site, 1.0);
    }
    double score() const {
        double total = 0.0;
        for (std::size_t f = 0; f < functions.size(); ++f)
            total += form.importance_[f] * std::abs(functions[f] - form.target_[f]);
        double reward = 0.0;
        for (std::size_t k = 0; k < form.ladder_.size(); ++k) {
            const auto f = static_cast<std::size_t>(form.ladder_[k]);
            if (std::abs(functions[f] - form.target_[f]) >= form.tolerance_) break;
            reward = form.reward_[k];
        }
        return total - reward;
    }
};

void CorrelationMatch::check_rows(std::span<const std::uint8_t> rows) const {
    require(rows.size() % n_sites() == 0, "occupations: not (n, n_sites)");
    for (std::size_t k = 0; k < rows.size(); ++k)
        if (rows[k] >= n_species_[k % n_sites()])
            throw std::invalid_argument("occupations: " + std::to_string(rows[k]) +
                                        " is not a species code of site " + std::to_string(k % n_sites()));
}

void CorrelationMatch::correlations(std::span<const std::uint8_t> rows, std::span<double> out,
                                    int num_threads) const {
    check_rows(rows);
    const std::size_t n = rows.size() / n_sites();
    require(out.size() == n * n_functions(), "out: not (n, n_functions)");
    parallel_for(n, num_threads, [&](std::size_t i) {
        Walker walker(*this);
        walker.start(rows.subspan(i * n_sites(), n_sites()));
        std::copy(walker.functions.begin(), walker.functions.end(), out.begin() + i * n_functions());
    });
}

void CorrelationMatch::scores(std::span<const std::uint8_t> rows, std::span<double> out,
                              int num_threads) const {
    check_rows(rows);
    const std::size_t n = rows.size() / n_sites();
    require(out.size() == n, "out: not (n)");
    parallel_for((n + rows_per_piece - 1) / rows_per_piece, num_threads, [&](std::size_t piece) {
        Walker walker(*this);
        const std::size_t first = piece * rows_per_piece, last = std::min(n, first + rows_per_piece);
        for (std::size_t i = first; i < last; ++i) {
            const auto row = rows.subspan(i * n_sites(), n_sites());
            if (i == first) {
                walker.start(row);
            } else {
                const auto before = rows.subspan((i - 1) * n_sites(), n_sites());
                for (std::size_t site = 0; site < row.size(); ++site)
                    if (row[site] != before[site]) walker.change(site, row[site]);
            }
            out[i] = walker.score();
        }
    });
}

void CorrelationMatch::anneal_one(const MatchChains& chains, std::size_t chain, std::size_t n_swaps) const {
    const auto best = chains.rows.subspan(chain * n_sites(), n_sites());
    std::vector<std::uint8_t> row(best.begin(), best.end());
    Random random(chains.generators.subspan(4 * chain).first<4>());
    const std::vector<std::size_t> movable = sites_.movable(row);
    Walker walker(*this);
    walker.start(row);
    double now = walker.score(), lowest = now, temperature = 0.0;
    const std::size_t probes = std::min(n_probes, n_swaps);
    const double fall = std::pow(last_temperature, 1.0 / static_cast<double>(n_swaps + 1));
    std::vector<double> kept(n_functions());
    for (std::size_t k = 0; k < (movable.empty() ? 0 : n_swaps); ++k) {
        const auto [i, j] = sites_.draw(row, movable, random);
        kept = walker.functions;
        walker.change(i, row[j]);
        walker.change(j, row[i]);
        const double trial = walker.score();
        const double chance = random.uniform();
        if (k < probes) temperature += std::abs(trial - now) / static_cast<double>(probes);
        temperature *= k < probes ? 1.0 : fall;
        const bool made = trial <= now || k < probes || chance < std::exp((now - trial) / temperature);
        if (!made) {
            walker.put(i, row[i]);
            walker.put(j, row[j]);
            walker.functions = kept;
            continue;
        }
        std::swap(row[i], row[j]);
        now = trial;
        if (now < lowest - 1e-12) {
            lowest = now;
            std::copy(row.begin(), row.end(), best.begin());
        }
    }
    walker.start(best);  // from the beginning, so that the score carries nothing of the way
    chains.score[chain] = walker.score();
}

void CorrelationMatch::anneal(const MatchChains& chains, std::size_t n_swaps, int num_threads) const {
    check_rows(chains.rows);
    const std::size_t n = chains.score.size();
    require(chains.rows.size() == n * n_sites(), "occupations: not (n_chains, n_sites)");
    check_states(chains.generators, n);
    parallel_for(n, num_threads, [&](std::size_t chain) { anneal_one(chains, chain, n_swaps); });
}

}  // namespace matganip
