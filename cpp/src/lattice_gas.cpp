#include "matganip/lattice_gas.hpp"

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

bool all_below(std::span<const std::int32_t> values, std::size_t n) {
    return std::all_of(values.begin(), values.end(),
                       [n](std::int32_t v) { return v >= 0 && static_cast<std::size_t>(v) < n; });
}

template <class T>
std::vector<T> copied(std::span<const T> values) {
    return {values.begin(), values.end()};
}

std::size_t at(std::int32_t value) {
    return static_cast<std::size_t>(value);
}

}  // namespace

LatticeGas::LatticeGas(const LatticeGasTerms& terms)
    : n_modes_(terms.n_modes),
      n_neighbours_(terms.n_neighbours),
      n_places_(terms.n_neighbours * (terms.n_modes - 1)) {
    require(terms.n_sites > 0 && terms.n_modes >= 2 && terms.n_modes <= 255, "terms: no sites, or no modes");
    const std::size_t n_sites = terms.n_sites, n_rows = terms.n_basis * (terms.n_modes - 1);
    require(terms.basis.size() == n_sites && all_below(terms.basis, terms.n_basis), "basis: not (n_sites)");
    require(terms.sublattices.size() == n_sites && all_below(terms.sublattices, terms.modes.size()),
            "sublattices: not (n_sites), or an entry is no sublattice");
    require(std::all_of(terms.modes.begin(), terms.modes.end(),
                        [&](std::int32_t m) { return m >= 1 && at(m) <= n_modes_; }),
            "modes: a sublattice has no or too many modes");
    require(terms.neighbours.size() == n_sites * n_neighbours_ && all_below(terms.neighbours, n_sites),
            "neighbours: not (n_sites, n_neighbours), or an entry is no site");
    require(terms.points.size() == n_rows, "points: not (n_basis, n_modes - 1)");
    require(terms.pairs.size() == n_rows * n_places_, "pairs: not (n_basis, n_modes - 1, n_places)");
    const auto& offsets = terms.triplet_offsets;
    require(offsets.size() == n_rows * n_places_ + 1 && offsets.front() == 0 &&
                std::is_sorted(offsets.begin(), offsets.end()) &&
                static_cast<std::size_t>(offsets.back()) == terms.triplet_places.size() &&
                terms.triplet_values.size() == terms.triplet_places.size() &&
                all_below(terms.triplet_places, n_places_),
            "triplets: offsets, places and values do not fit each other");
    basis_ = copied(terms.basis);
    sublattices_ = copied(terms.sublattices);
    modes_ = copied(terms.modes);
    neighbours_ = copied(terms.neighbours);
    points_ = copied(terms.points);
    pairs_ = copied(terms.pairs);
    triplet_offsets_ = copied(terms.triplet_offsets);
    triplet_places_ = copied(terms.triplet_places);
    triplet_values_ = copied(terms.triplet_values);
    members_.resize(modes_.size());
    for (std::size_t i = 0; i < n_sites; ++i) {
        const auto site = static_cast<std::int32_t>(i);
        members_[at(sublattices_[i])].push_back(site);
        if (modes_[at(sublattices_[i])] > 1) active_.push_back(site);
    }
}

std::size_t LatticeGas::n_levels(std::int32_t sublattice) const {
    require(sublattice >= 0 && at(sublattice) < members_.size(), "sublattice: there is none of that number");
    return members_[at(sublattice)].size() + 1;
}

std::size_t LatticeGas::work_per_trial() const {
    return 16 + 2 * n_places_ + triplet_places_.size() / std::max<std::size_t>(1, points_.size());
}

void LatticeGas::check_row(std::span<const std::uint8_t> row) const {
    for (std::size_t i = 0; i < row.size(); ++i)
        if (row[i] >= modes_[at(sublattices_[i])])
            throw std::invalid_argument("modes: " + std::to_string(row[i]) + " is no mode of site " +
                                        std::to_string(i));
}

void LatticeGas::check(const GasChains& chains, const GasWalk& how) const {
    const std::size_t n = chains.beta.size(), n_kinds = modes_.size() * n_modes_;
    require(chains.modes.size() == n * n_sites(), "modes: not (n_chains, n_sites)");
    check_states(chains.generators, n);
    require(chains.field.size() == n * n_kinds, "field: not (n_chains, n_sublattices, n_modes)");
    require(chains.energy.size() == n * how.n_records, "energy: not (n_chains, n_records)");
    require(chains.counts.size() == n * how.n_records * n_kinds, "counts: not of every record");
    require(chains.accepted.size() == 4 * n, "accepted: not (n_chains, 4)");
    require(how.first <= how.last && how.last <= how.n_records, "records: there are no such");
    require(how.changes >= 0.0 && how.changes <= 1.0, "changes: must be from 0 to 1");
    require(std::all_of(chains.beta.begin(), chains.beta.end(), [](double b) { return b >= 0.0; }),
            "beta: must not be negative");
    const std::size_t n_levels_of = n_levels(how.sublattice);
    require(how.mode >= 0 && how.mode < modes_[at(how.sublattice)],
            "mode: the sublattice has none of that number");
    require(chains.bias.empty() || chains.bias.size() == n * n_levels_of, "bias: not (n_chains, n_levels)");
    const std::size_t n_sums = chains.bias.empty() ? 0 : 3 * n * n_levels_of;
    require(chains.transitions.size() == n_sums && chains.level_energy.size() == n_sums,
            "transitions: not (n_chains, n_levels, 3)");
}

/// One arrangement, and what a site of it sees.
struct LatticeGas::Walker {
    const LatticeGas& gas;
    std::span<std::uint8_t> row;
    std::vector<double> taken;         // (n_places): 1 where a neighbour carries that mode
    std::vector<std::int32_t> places;  // those that are 1
    std::size_t n_taken = 0;

    Walker(const LatticeGas& of, std::span<std::uint8_t> modes)
        : gas(of), row(modes), taken(of.n_places_), places(of.n_neighbours_ + 1) {}

    void look_around(std::size_t site) {
        const std::int32_t* neighbours = gas.neighbours_.data() + site * gas.n_neighbours_;
        const auto others = static_cast<std::int32_t>(gas.n_modes_ - 1);
        for (std::size_t k = 0; k < n_taken; ++k) taken[at(places[k])] = 0.0;
        n_taken = 0;
        std::int32_t base = -1;
        for (std::size_t k = 0; k < gas.n_neighbours_; ++k, base += others) {
            const std::uint8_t mode = row[at(neighbours[k])];
            places[n_taken] = base + mode;  // written in any case: no branch that is guessed wrong
            n_taken += mode != 0 ? 1 : 0;
        }
        for (std::size_t k = 0; k < n_taken; ++k) taken[at(places[k])] = 1.0;
    }
    /// The terms that hold a site with a mode, those of pairs and triplets weighted.
    double terms(std::size_t site, std::uint8_t mode, double pair_weight, double triplet_weight) const {
        if (mode == 0) return 0.0;
        const std::size_t kind = at(gas.basis_[site]) * (gas.n_modes_ - 1) + mode - 1;
        const double* pairs = gas.pairs_.data() + kind * gas.n_places_;
        const std::int64_t* offsets = gas.triplet_offsets_.data() + kind * gas.n_places_;
        const std::int32_t* third = gas.triplet_places_.data();
        const double* value = gas.triplet_values_.data();
        double of_pairs = 0.0, of_triplets = 0.0;
        for (std::size_t k = 0; k < n_taken; ++k) {
            const std::size_t place = at(places[k]);
            of_pairs += pairs[place];
            for (std::int64_t t = offsets[place]; t < offsets[place + 1]; ++t)
                of_triplets += value[t] * taken[at(third[t])];
        }
        return gas.points_[kind] + pair_weight * of_pairs + triplet_weight * of_triplets;
    }
    /// How E changes where a site takes another mode.
    double change(std::size_t site, std::uint8_t mode) {
        look_around(site);
        return terms(site, mode, 1.0, 1.0) - terms(site, row[site], 1.0, 1.0);
    }
    double energy() {
        double total = 0.0;
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (row[i] == 0) continue;
            look_around(i);
            total += terms(i, row[i], 1.0 / 2.0, 1.0 / 3.0);
        }
        return total;
    }
};

void LatticeGas::energies(std::span<const std::uint8_t> modes, std::span<double> out, int num_threads) const {
    require(modes.size() == out.size() * n_sites(), "modes: not (n, n_sites)");
    parallel_for(out.size(), num_threads, [&](std::size_t i) {
        const auto given = modes.subspan(i * n_sites(), n_sites());
        check_row(given);
        std::vector<std::uint8_t> row(given.begin(), given.end());
        out[i] = Walker(*this, row).energy();
    });
}

void LatticeGas::walk_one(const GasChains& chains, const GasWalk& how, std::size_t chain) const {
    const std::size_t n_kinds = modes_.size() * n_modes_, n_levels_of = n_levels(how.sublattice);
    const auto row = chains.modes.subspan(chain * n_sites(), n_sites());
    check_row(row);
    Random random(chains.generators.subspan(4 * chain).first<4>());
    Walker walker(*this, row);
    double energy = walker.energy();
    std::vector<std::int32_t> counts(n_kinds, 0);
    const auto count_of = [&](std::size_t site, std::uint8_t mode) -> std::int32_t& {
        return counts[at(sublattices_[site]) * n_modes_ + mode];
    };
    for (std::size_t i = 0; i < row.size(); ++i) ++count_of(i, row[i]);
    const std::int32_t& level = counts[at(how.sublattice) * n_modes_ + at(how.mode)];
    const double beta = chains.beta[chain];
    const double* field = chains.field.data() + chain * n_kinds;
    const bool biased = !chains.bias.empty();
    const double* bias = biased ? chains.bias.data() + chain * n_levels_of : nullptr;
    double* transitions = biased ? chains.transitions.data() + 3 * chain * n_levels_of : nullptr;
    double* level_energy = biased ? chains.level_energy.data() + 3 * chain * n_levels_of : nullptr;
    std::int64_t* accepted = chains.accepted.data() + 4 * chain;

    const auto try_swap = [&](std::size_t i) {
        const auto& partners = members_[at(sublattices_[i])];
        if (at(count_of(i, row[i])) == partners.size()) return;  // all carry the same
        std::size_t j = i;
        while (row[j] == row[i]) j = at(partners[random.below(partners.size())]);
        ++accepted[0];
        const std::uint8_t mine = row[i], other = row[j];
        double change = walker.change(i, other);
        row[i] = other;
        change += walker.change(j, mine);
        // A uniform number is drawn in any case: what is accepted does not shift what is drawn next.
        const double chance = random.uniform();
        if (change > 0.0 && !(chance < std::exp(-beta * change))) {
            row[i] = mine;
            return;
        }
        row[j] = mine;
        energy += change;
        ++accepted[1];
    };
    const auto try_change = [&](std::size_t i) {
        const auto n_own = static_cast<std::size_t>(modes_[at(sublattices_[i])]);
        auto mode = static_cast<std::uint8_t>(random.below(n_own - 1));
        mode = static_cast<std::uint8_t>(mode + (mode >= row[i] ? 1 : 0));
        ++accepted[2];
        const double change = walker.change(i, mode);
        const double* own = field + at(sublattices_[i]) * n_modes_;
        double weight = -beta * (change + own[mode] - own[row[i]]);
        if (biased) {
            const bool counted = sublattices_[i] == how.sublattice;
            const int step = counted ? (mode == how.mode ? 1 : 0) - (row[i] == how.mode ? 1 : 0) : 0;
            weight += bias[level + step] - bias[level];
            double* of_level = transitions + 3 * level;
            of_level[0] += 1.0;
            if (step != 0) of_level[step > 0 ? 1 : 2] += std::min(1.0, std::exp(weight));
        }
        const double chance = random.uniform();
        if (!(weight >= 0.0 || chance < std::exp(weight))) return;
        --count_of(i, row[i]);
        ++count_of(i, mode);
        row[i] = mode;
        energy += change;
        ++accepted[3];
    };

    for (std::size_t record = how.first; record < how.last; ++record) {
        for (std::size_t trial = 0; trial < (active_.empty() ? 0 : how.n_trials); ++trial) {
            const bool changes = random.uniform() < how.changes;
            const std::size_t i = at(active_[random.below(active_.size())]);
            if (changes)
                try_change(i);
            else
                try_swap(i);
            if (biased) {
                double* of_level = level_energy + 3 * level;
                of_level[0] += 1.0;
                of_level[1] += energy;
                of_level[2] += energy * energy;
            }
        }
        if (record + 1 == how.last) energy = walker.energy();  // rounding errors go no further
        chains.energy[chain * how.n_records + record] = energy;
        std::copy(
            counts.begin(), counts.end(),
            chains.counts.begin() + static_cast<std::ptrdiff_t>((chain * how.n_records + record) * n_kinds));
    }
}

void LatticeGas::walk(const GasChains& chains, const GasWalk& how, int num_threads) const {
    check(chains, how);
    parallel_for(chains.beta.size(), num_threads, [&](std::size_t chain) { walk_one(chains, how, chain); });
}

}  // namespace matganip
