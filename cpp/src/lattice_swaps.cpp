#include "matganip/lattice_swaps.hpp"

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

template <class T>
bool same(std::span<const T> a, std::span<const T> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

constexpr std::size_t factors_per_term = 3;

}  // namespace

LatticeSwaps::LatticeSwaps(std::span<const LatticePattern* const> patterns,
                           std::span<const std::int32_t> sublattices)
    : n_sums_(0), sublattices_(sublattices.begin(), sublattices.end()) {
    require(!patterns.empty(), "patterns: none");
    const LatticePattern::SumTables first = patterns.front()->sum_tables();
    n_sites_ = first.n_sites;
    n_codes_ = first.n_codes;
    n_waves_ = first.n_waves;
    n_slots_ = first.n_slots;
    n_modes_ = n_waves_ == 0 ? 0 : (n_slots_ - 1) / n_waves_;
    modes_.assign(first.modes.begin(), first.modes.end());
    waves_.assign(first.waves.begin(), first.waves.end());
    for (const LatticePattern* pattern : patterns) {
        const LatticePattern::SumTables t = pattern->sum_tables();
        require(t.n_slots == n_slots_ && same(t.modes, first.modes) && same(t.waves, first.waves),
                "patterns: not of the same sites, modes and waves");
        for (std::size_t s = 0; s + 1 < t.offsets.size(); ++s)
            sum_of_term_.insert(sum_of_term_.end(), static_cast<std::size_t>(t.offsets[s + 1] - t.offsets[s]),
                                static_cast<std::int32_t>(n_sums_ + s));
        n_sums_ += t.offsets.size() - 1;
        weight_.insert(weight_.end(), t.weight.begin(), t.weight.end());
        for (std::size_t k = 0; k < t.weight.size(); ++k)
            for (std::size_t f = 0; f < factors_per_term; ++f)
                factors_.push_back(f < t.n_factors ? t.factors[k * t.n_factors + f]
                                                   : static_cast<std::int32_t>(n_slots_ - 1));
    }
    require(sublattices_.size() == n_sites_, "sublattices: not (n_sites)");
    for (std::size_t i = 0; i < n_sites_; ++i) {
        require(sublattices_[i] >= 0 && static_cast<std::size_t>(sublattices_[i]) < n_sites_,
                "sublattices: an entry is no sublattice");
        const auto number = static_cast<std::size_t>(sublattices_[i]);
        if (members_.size() <= number) members_.resize(number + 1);
        members_[number].push_back(static_cast<std::int32_t>(i));
        const auto model = static_cast<std::size_t>(members_[number].front());
        for (std::size_t code = 0; code < n_codes_; ++code)
            require((modes_[i * n_codes_ + code] == LatticeForm::invalid) ==
                        (modes_[model * n_codes_ + code] == LatticeForm::invalid),
                    "sublattices: two sites of one have different codes");
    }
    const auto n_zero = static_cast<std::size_t>(std::count(waves_.begin(), waves_.end(), 0.0));
    sparse_ = 4 * (waves_.size() - n_zero) < waves_.size() || n_sites_ == 1;
    if (sparse_) index_terms();
}

void LatticeSwaps::index_terms() {
    support_offsets_.assign(1, 0);
    std::vector<std::vector<std::int32_t>> sites_of_wave(n_waves_);
    for (std::size_t i = 0; i < n_sites_; ++i) {
        for (std::size_t w = 0; w < n_waves_; ++w)
            if (waves_[i * n_waves_ + w] != 0.0) {
                support_.push_back(static_cast<std::int32_t>(w));
                sites_of_wave[w].push_back(static_cast<std::int32_t>(i));
            }
        support_offsets_.push_back(static_cast<std::int64_t>(support_.size()));
    }
    std::vector<std::vector<std::int32_t>> lists(n_sites_ * n_modes_);
    for (std::size_t t = 0; t < weight_.size(); ++t)
        for (std::size_t f = 0; f < factors_per_term; ++f) {
            const auto slot = static_cast<std::size_t>(factors_[factors_per_term * t + f]);
            if (slot == n_slots_ - 1) continue;
            for (const std::int32_t site : sites_of_wave[slot % n_waves_]) {
                auto& list = lists[static_cast<std::size_t>(site) * n_modes_ + slot / n_waves_];
                const auto term = static_cast<std::int32_t>(t);
                if (list.empty() || list.back() != term) list.push_back(term);
            }
        }
    list_offsets_.assign(1, 0);
    for (const auto& list : lists) {
        lists_.insert(lists_.end(), list.begin(), list.end());
        list_offsets_.push_back(static_cast<std::int64_t>(lists_.size()));
    }
}

std::size_t LatticeSwaps::work_per_swap() const {
    if (!sparse_) return factors_per_term * weight_.size() + n_slots_;
    return 4 * (1 + lists_.size() / std::max<std::size_t>(1, n_sites_ * n_modes_)) * factors_per_term;
}

void LatticeSwaps::check_row(std::span<const std::uint8_t> row) const {
    for (std::size_t i = 0; i < n_sites_; ++i)
        if (row[i] >= n_codes_ || modes_[i * n_codes_ + row[i]] == LatticeForm::invalid)
            throw std::invalid_argument("occupations: " + std::to_string(row[i]) +
                                        " is not a species code of site " + std::to_string(i));
}

void LatticeSwaps::fill_amplitudes(std::span<const std::uint8_t> row, std::vector<double>& amplitudes) const {
    amplitudes.assign(n_slots_, 0.0);
    amplitudes.back() = 1.0;
    for (std::size_t i = 0; i < n_sites_; ++i) {
        const std::int32_t mode = modes_[i * n_codes_ + row[i]];
        if (mode == LatticeForm::reference) continue;
        for (std::size_t w = 0; w < n_waves_; ++w)
            amplitudes[static_cast<std::size_t>(mode) * n_waves_ + w] += waves_[i * n_waves_ + w];
    }
}

void LatticeSwaps::sums_of(const std::vector<double>& amplitudes, std::span<double> sums) const {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t t = 0; t < weight_.size(); ++t) {
        const std::int32_t* f = factors_.data() + factors_per_term * t;
        sums[static_cast<std::size_t>(sum_of_term_[t])] +=
            weight_[t] * amplitudes[static_cast<std::size_t>(f[0])] *
            amplitudes[static_cast<std::size_t>(f[1])] * amplitudes[static_cast<std::size_t>(f[2])];
    }
}

void LatticeSwaps::sums(std::span<const std::uint8_t> occupations, std::span<double> sums,
                        int num_threads) const {
    require(occupations.size() % n_sites_ == 0, "occupations: not (n_rows, n_sites)");
    const std::size_t n_rows = occupations.size() / n_sites_;
    require(sums.size() == n_rows * n_sums_, "sums: not (n_rows, n_sums)");
    parallel_for(n_rows, num_threads, [&](std::size_t r) {
        const auto row = occupations.subspan(r * n_sites_, n_sites_);
        check_row(row);
        std::vector<double> amplitudes;
        fill_amplitudes(row, amplitudes);
        sums_of(amplitudes, sums.subspan(r * n_sums_, n_sums_));
    });
}

/// One chain on its way: its arrangement, the amplitudes of that, and the terms' weights times coefficients.
struct LatticeSwaps::Walker {
    const LatticeSwaps& form;
    const std::vector<double>& weight;  // (n_terms)
    std::span<std::uint8_t> row;
    std::vector<double> amplitudes;
    std::vector<std::pair<std::size_t, double>> undo;  // slots that a trial has changed, and what stood there

    double product(std::size_t term) const {
        const std::int32_t* f = form.factors_.data() + factors_per_term * term;
        return weight[term] * amplitudes[static_cast<std::size_t>(f[0])] *
               amplitudes[static_cast<std::size_t>(f[1])] * amplitudes[static_cast<std::size_t>(f[2])];
    }
    double energy() const {
        double total = 0.0;
        for (std::size_t t = 0; t < weight.size(); ++t) total += product(t);
        return total;
    }
    double listed(std::size_t site, std::size_t mode) const {
        const std::size_t list = site * form.n_modes_ + mode;
        double total = 0.0;
        for (std::int64_t k = form.list_offsets_[list]; k < form.list_offsets_[list + 1]; ++k)
            total += product(static_cast<std::size_t>(form.lists_[static_cast<std::size_t>(k)]));
        return total;
    }
    void put(std::size_t slot, double change) {
        undo.emplace_back(slot, amplitudes[slot]);
        amplitudes[slot] += change;
    }
    /// Adds `sign` times a site's waves to the amplitudes of the mode of `code`; how the energy changes,
    /// where that is worked out term by term.
    double add(std::size_t site, std::uint8_t code, double sign) {
        const std::int32_t mode = form.modes_[site * form.n_codes_ + code];
        if (mode == LatticeForm::reference) return 0.0;
        const auto m = static_cast<std::size_t>(mode);
        const double* wave = form.waves_.data() + site * form.n_waves_;
        const std::size_t base = m * form.n_waves_;
        if (!form.sparse_) {
            for (std::size_t w = 0; w < form.n_waves_; ++w) put(base + w, sign * wave[w]);
            return 0.0;
        }
        const double before = listed(site, m);
        for (std::int64_t k = form.support_offsets_[site]; k < form.support_offsets_[site + 1]; ++k) {
            const auto w = static_cast<std::size_t>(form.support_[static_cast<std::size_t>(k)]);
            put(base + w, sign * wave[w]);
        }
        return listed(site, m) - before;
    }
    /// Amplitudes as after the swap of two sites; the new energy.
    double try_swap(std::size_t i, std::size_t j, double energy_now) {
        undo.clear();
        const double change =
            add(i, row[i], -1.0) + add(j, row[j], -1.0) + add(i, row[j], 1.0) + add(j, row[i], 1.0);
        return form.sparse_ ? energy_now + change : energy();
    }
    void take_back() {
        for (auto k = undo.rbegin(); k != undo.rend(); ++k) amplitudes[k->first] = k->second;
    }
};

void LatticeSwaps::walk(const SwapChains& chains, std::span<const double> coefficients, std::size_t n_swaps,
                        int num_threads) const {
    const std::size_t n_chains = chains.beta.size();
    require(chains.occupations.size() == n_chains * n_sites_ && chains.lowest.size() == n_chains * n_sites_,
            "occupations: not (n_chains, n_sites)");
    require(chains.generators.size() == 4 * n_chains, "generators: not (n_chains, 4)");
    require(chains.energy.size() == n_chains && chains.lowest_energy.size() == n_chains &&
                chains.accepted.size() == n_chains,
            "energy: not (n_chains)");
    require(coefficients.size() == n_sums_, "coefficients: not (n_sums)");
    require(std::all_of(chains.beta.begin(), chains.beta.end(), [](double b) { return b >= 0.0; }),
            "beta: must not be negative");
    std::vector<double> weight(weight_.size());
    for (std::size_t t = 0; t < weight.size(); ++t)
        weight[t] = weight_[t] * coefficients[static_cast<std::size_t>(sum_of_term_[t])];

    parallel_for(n_chains, num_threads, [&](std::size_t c) {
        const auto row = chains.occupations.subspan(c * n_sites_, n_sites_);
        const auto lowest = chains.lowest.subspan(c * n_sites_, n_sites_);
        check_row(row);
        std::vector<std::size_t> movable;  // sites of sublattices with more than one species
        for (const auto& sites : members_)
            if (std::any_of(sites.begin(), sites.end(), [&](std::int32_t i) {
                    return row[static_cast<std::size_t>(i)] != row[static_cast<std::size_t>(sites.front())];
                }))
                movable.insert(movable.end(), sites.begin(), sites.end());
        Random random(chains.generators.subspan(4 * c).first<4>());
        Walker walker{*this, weight, row, {}, {}};
        fill_amplitudes(row, walker.amplitudes);
        double energy = walker.energy();
        double best = energy;
        std::copy(row.begin(), row.end(), lowest.begin());
        std::int64_t accepted = 0;
        for (std::size_t k = 0; k < (movable.empty() ? 0 : n_swaps); ++k) {
            std::size_t i, j;
            do {
                i = movable[random.below(movable.size())];
                const auto& partners = members_[static_cast<std::size_t>(sublattices_[i])];
                j = static_cast<std::size_t>(partners[random.below(partners.size())]);
            } while (row[i] == row[j]);
            const double trial = walker.try_swap(i, j, energy);
            // A uniform number is drawn in any case: what is accepted does not shift what is drawn next.
            const double chance = random.uniform();
            if (!(trial <= energy || chance < std::exp(-chains.beta[c] * (trial - energy)))) {
                walker.take_back();
                continue;
            }
            std::swap(row[i], row[j]);
            energy = trial;
            ++accepted;
            if (energy < best) {
                best = energy;
                std::copy(row.begin(), row.end(), lowest.begin());
            }
        }
        // From the beginning, so that what is handed back carries nothing of the way.
        fill_amplitudes(row, walker.amplitudes);
        chains.energy[c] = walker.energy();
        fill_amplitudes(lowest, walker.amplitudes);
        chains.lowest_energy[c] = walker.energy();
        chains.accepted[c] = accepted;
    });
}

}  // namespace matganip
