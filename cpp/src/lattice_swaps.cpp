#include "matganip/lattice_swaps.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
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

constexpr std::size_t degree = 3;
using Factors = std::array<std::int32_t, degree>;

}  // namespace

/// The energy of one walk: a coefficient for each product, and with indicators again in the order of the
/// lists.
struct LatticeSwaps::Polynomial {
    std::vector<double> of_product, listed;
};

LatticeSwaps::LatticeSwaps(std::span<const LatticePattern* const> patterns,
                           std::span<const std::int32_t> sublattices, const SwapRules& rules) {
    require(!patterns.empty(), "patterns: none");
    require(std::none_of(patterns.begin(), patterns.end(), [](const LatticePattern* p) { return !p; }),
            "patterns: one is None");
    const LatticePattern::SumTables first = patterns.front()->sum_tables();
    n_sites_ = first.n_sites;
    n_codes_ = first.n_codes;
    n_waves_ = first.n_waves;
    n_slots_ = first.n_slots;
    modes_.assign(first.modes.begin(), first.modes.end());
    waves_.assign(first.waves.begin(), first.waves.end());
    indicators_ = has_indicators();
    gather_terms(patterns);
    sort_sites(sublattices);
    if (indicators_) list_products();
    adopt(rules);
}

void LatticeSwaps::adopt(const SwapRules& rules) {
    const auto exists = [&](std::size_t column, std::size_t code) {
        return column < n_sites_ && code < n_codes_ &&
               modes_[column * n_codes_ + code] != LatticeForm::invalid;
    };
    if (!rules.exclusions.empty()) excluded_.resize(n_sites_);
    for (const Exclusion& one : rules.exclusions) {
        require(exists(one.column, one.code) && exists(one.other, one.other_code),
                "exclusions: a row names a site or code that does not exist");
        excluded_[one.column].push_back(one);
        if (one.other != one.column)
            excluded_[one.other].push_back({one.other, one.other_code, one.column, one.code});
    }
    const auto offsets = rules.exchange_offsets;
    if (offsets.empty()) return;
    require(offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
                static_cast<std::size_t>(offsets.back()) * 2 == rules.exchanges.size(),
            "exchange_offsets: do not rise from 0 to the number of exchanges");
    for (std::size_t e = 0; e + 1 < offsets.size(); ++e) {
        Swaps swaps;
        std::vector<bool> met(n_sites_, false);
        for (std::int64_t k = offsets[e]; k < offsets[e + 1]; ++k) {
            const std::int32_t a = rules.exchanges[2 * static_cast<std::size_t>(k)];
            const std::int32_t b = rules.exchanges[2 * static_cast<std::size_t>(k) + 1];
            require(a >= 0 && b >= 0 && static_cast<std::size_t>(std::max(a, b)) < n_sites_ && a != b,
                    "exchanges: a site does not exist, or is its own partner");
            const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
            require(sites_.together(i, j) && !met[i] && !met[j],
                    "exchanges: sites of two sublattices, or a site twice");
            met[i] = met[j] = true;
            swaps.emplace_back(i, j);
        }
        exchanges_.push_back(std::move(swaps));
    }
}

/// Whether the sites of swaps obey the exclusions.
bool LatticeSwaps::obeys(std::span<const std::uint8_t> row, const Swaps& swaps) const {
    const auto fits = [&](std::size_t site) {
        return std::none_of(excluded_[site].begin(), excluded_[site].end(), [&](const Exclusion& one) {
            return row[one.column] == one.code && row[one.other] == one.other_code;
        });
    };
    return std::all_of(swaps.begin(), swaps.end(),
                       [&](const auto& swap) { return fits(swap.first) && fits(swap.second); });
}

bool LatticeSwaps::has_indicators() const {
    std::vector<bool> taken(n_waves_, false);
    for (std::size_t i = 0; i < n_sites_; ++i) {
        std::size_t n_own = 0;
        for (std::size_t w = 0; w < n_waves_; ++w) {
            const double value = waves_[i * n_waves_ + w];
            if (value == 0.0) continue;
            if (value != 1.0 || taken[w]) return false;
            taken[w] = true;
            ++n_own;
        }
        if (n_own != 1) return false;
    }
    return true;
}

void LatticeSwaps::gather_terms(std::span<const LatticePattern* const> patterns) {
    const LatticePattern::SumTables first = patterns.front()->sum_tables();
    const auto constant = static_cast<std::int32_t>(n_slots_ - 1);
    std::vector<Factors> terms;
    for (const LatticePattern* pattern : patterns) {
        const LatticePattern::SumTables t = pattern->sum_tables();
        require(t.n_slots == n_slots_ && same(t.modes, first.modes) && same(t.waves, first.waves),
                "patterns: not of the same sites, modes and waves");
        for (std::size_t s = 0; s + 1 < t.offsets.size(); ++s, ++n_sums_)
            sum_.insert(sum_.end(), static_cast<std::size_t>(t.offsets[s + 1] - t.offsets[s]),
                        static_cast<std::int32_t>(n_sums_));
        weight_.insert(weight_.end(), t.weight.begin(), t.weight.end());
        for (std::size_t k = 0; k < t.weight.size(); ++k) {
            Factors term{constant, constant, constant};
            std::copy_n(t.factors.begin() + k * t.n_factors, t.n_factors, term.begin());
            std::sort(term.begin(), term.end());
            if (indicators_)  // a number that is 0 or 1 is its own square
                std::fill(std::unique(term.begin(), term.end()), term.end(), constant);
            terms.push_back(term);
        }
    }
    std::vector<Factors> distinct = terms;
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (const Factors& term : terms)
        product_.push_back(static_cast<std::int32_t>(
            std::lower_bound(distinct.begin(), distinct.end(), term) - distinct.begin()));
    for (const Factors& product : distinct) factors_.insert(factors_.end(), product.begin(), product.end());
}

void LatticeSwaps::sort_sites(std::span<const std::int32_t> sublattices) {
    require(sublattices.size() == n_sites_, "sublattices: not (n_sites)");
    sites_ = SwapSites(sublattices);
    for (std::size_t i = 0; i < n_sites_; ++i) {
        const std::size_t model = sites_.first_beside(i);
        for (std::size_t code = 0; code < n_codes_; ++code)
            require((modes_[i * n_codes_ + code] == LatticeForm::invalid) ==
                        (modes_[model * n_codes_ + code] == LatticeForm::invalid),
                    "sublattices: two sites of one have different codes");
    }
}

void LatticeSwaps::list_products() {
    for (std::size_t i = 0; i < n_sites_; ++i) {
        const auto wave = waves_.begin() + static_cast<std::ptrdiff_t>(i * n_waves_);
        wave_of_site_.push_back(std::find(wave, wave + static_cast<std::ptrdiff_t>(n_waves_), 1.0) - wave);
    }
    std::vector<std::vector<Listed>> lists(n_slots_);
    const auto constant = static_cast<std::int32_t>(n_slots_ - 1);
    for (std::size_t p = 0; p < factors_.size() / degree; ++p) {
        const std::int32_t* f = factors_.data() + degree * p;
        for (std::size_t k = 0; k < degree; ++k)
            if (f[k] != constant)
                lists[static_cast<std::size_t>(f[k])].push_back(
                    {static_cast<std::int32_t>(p), f[(k + 1) % degree], f[(k + 2) % degree]});
    }
    list_offsets_.assign(1, 0);
    for (const auto& list : lists) {
        listed_.insert(listed_.end(), list.begin(), list.end());
        list_offsets_.push_back(static_cast<std::int64_t>(listed_.size()));
    }
}

std::size_t LatticeSwaps::work_per_swap() const {
    if (!indicators_) return factors_.size() + n_slots_;
    return 4 * degree * (1 + listed_.size() / n_slots_);
}

void LatticeSwaps::check_row(std::span<const std::uint8_t> row) const {
    for (std::size_t i = 0; i < n_sites_; ++i)
        if (row[i] >= n_codes_ || modes_[i * n_codes_ + row[i]] == LatticeForm::invalid)
            throw std::invalid_argument("occupations: " + std::to_string(row[i]) +
                                        " is not a species code of site " + std::to_string(i));
}

void LatticeSwaps::check(const SwapChains& chains, std::span<const double> coefficients) const {
    const std::size_t n = chains.beta.size();
    require(chains.occupations.size() == n * n_sites_ && chains.lowest.size() == n * n_sites_,
            "occupations: not (n_chains, n_sites)");
    check_states(chains.generators, n);
    require(chains.energy.size() == n && chains.lowest_energy.size() == n && chains.accepted.size() == n,
            "energy: not (n_chains)");
    require(coefficients.size() == n_sums_, "coefficients: not (n_sums)");
    require(std::all_of(chains.beta.begin(), chains.beta.end(), [](double b) { return b >= 0.0; }),
            "beta: must not be negative");
}

/// One chain on its way: its arrangement, and the amplitudes of that.
struct LatticeSwaps::Walker {
    const LatticeSwaps& form;
    const Polynomial& polynomial;
    std::span<std::uint8_t> row;
    std::vector<double> amplitudes;
    std::vector<std::pair<std::size_t, double>> undo;  // slots that a trial has changed, and what stood there

    /// The energy of an arrangement, from the beginning.
    double start(std::span<const std::uint8_t> from) {
        amplitudes.assign(form.n_slots_, 0.0);
        amplitudes.back() = 1.0;
        for (std::size_t i = 0; i < form.n_sites_; ++i) {
            const std::int32_t mode = form.modes_[i * form.n_codes_ + from[i]];
            if (mode == LatticeForm::reference) continue;
            for (std::size_t w = 0; w < form.n_waves_; ++w)
                amplitudes[static_cast<std::size_t>(mode) * form.n_waves_ + w] +=
                    form.waves_[i * form.n_waves_ + w];
        }
        return energy();
    }
    double energy() const {
        double total = 0.0;
        const std::int32_t* f = form.factors_.data();
        for (const double coefficient : polynomial.of_product) {
            total += coefficient * amplitudes[static_cast<std::size_t>(f[0])] *
                     amplitudes[static_cast<std::size_t>(f[1])] * amplitudes[static_cast<std::size_t>(f[2])];
            f += degree;
        }
        return total;
    }
    /// The derivative of the energy by one indicator.
    double slope(std::size_t slot) const {
        double total = 0.0;
        for (std::int64_t k = form.list_offsets_[slot]; k < form.list_offsets_[slot + 1]; ++k) {
            const Listed& one = form.listed_[static_cast<std::size_t>(k)];
            total += polynomial.listed[static_cast<std::size_t>(k)] *
                     amplitudes[static_cast<std::size_t>(one.other)] *
                     amplitudes[static_cast<std::size_t>(one.another)];
        }
        return total;
    }
    void put(std::size_t slot, double change) {
        undo.emplace_back(slot, amplitudes[slot]);
        amplitudes[slot] += change;
    }
    /// Adds `sign` times a site's waves to the mode of `code`; with indicators, how the energy changes.
    double add(std::size_t site, std::uint8_t code, double sign) {
        const std::int32_t mode = form.modes_[site * form.n_codes_ + code];
        if (mode == LatticeForm::reference) return 0.0;
        const std::size_t base = static_cast<std::size_t>(mode) * form.n_waves_;
        if (form.indicators_) {
            const std::size_t slot = base + static_cast<std::size_t>(form.wave_of_site_[site]);
            const double change = sign * slope(slot);
            put(slot, sign);
            return change;
        }
        for (std::size_t w = 0; w < form.n_waves_; ++w)
            put(base + w, sign * form.waves_[site * form.n_waves_ + w]);
        return 0.0;
    }
    /// The row and amplitudes as after swaps of two sites; the new energy.
    double try_swaps(const Swaps& swaps, double energy_now) {
        undo.clear();
        double change = 0.0;
        for (const auto& [i, j] : swaps) {
            if (row[i] == row[j]) continue;
            change += add(i, row[i], -1.0);
            change += add(j, row[j], -1.0);
            change += add(i, row[j], 1.0);
            change += add(j, row[i], 1.0);
            std::swap(row[i], row[j]);
        }
        return form.indicators_ ? energy_now + change : energy();
    }
    void take_back() {
        for (auto k = undo.rbegin(); k != undo.rend(); ++k) amplitudes[k->first] = k->second;
    }
};

void LatticeSwaps::swap_all(std::span<std::uint8_t> row, const Swaps& swaps) {
    for (const auto& [i, j] : swaps) std::swap(row[i], row[j]);
}

void LatticeSwaps::walk_one(const SwapChains& chains, std::size_t chain, const Polynomial& polynomial,
                            std::size_t n_swaps) const {
    const auto row = chains.occupations.subspan(chain * n_sites_, n_sites_);
    const auto lowest = chains.lowest.subspan(chain * n_sites_, n_sites_);
    check_row(row);
    const std::vector<std::size_t> movable = sites_.movable(row);
    Random random(chains.generators.subspan(4 * chain).first<4>());
    Walker walker{*this, polynomial, row, {}, {}};
    double energy = walker.start(row);
    double best = energy;
    std::copy(row.begin(), row.end(), lowest.begin());
    std::int64_t accepted = 0;
    Swaps one_swap(1);
    for (std::size_t k = 0; k < (movable.empty() ? 0 : n_swaps); ++k) {
        const Swaps& swaps = !exchanges_.empty() && random.below(2) == 0
                                 ? exchanges_[random.below(exchanges_.size())]
                                 : (one_swap.front() = sites_.draw(row, movable, random), one_swap);
        if (!excluded_.empty()) {
            swap_all(row, swaps);
            const bool possible = obeys(row, swaps);
            swap_all(row, swaps);
            if (!possible) continue;
        }
        const double trial = walker.try_swaps(swaps, energy);
        // A uniform number is drawn in any case: what is accepted does not shift what is drawn next.
        const double chance = random.uniform();
        if (!(trial <= energy || chance < std::exp(-chains.beta[chain] * (trial - energy)))) {
            walker.take_back();
            swap_all(row, swaps);
            continue;
        }
        energy = trial;
        ++accepted;
        if (energy < best) {
            best = energy;
            std::copy(row.begin(), row.end(), lowest.begin());
        }
    }
    // From the beginning, so that what is handed back carries nothing of the way.
    chains.energy[chain] = walker.start(row);
    chains.lowest_energy[chain] = walker.start(lowest);
    chains.accepted[chain] = accepted;
}

void LatticeSwaps::walk(const SwapChains& chains, std::span<const double> coefficients, std::size_t n_swaps,
                        int num_threads) const {
    check(chains, coefficients);
    Polynomial polynomial;
    polynomial.of_product.assign(factors_.size() / degree, 0.0);
    for (std::size_t t = 0; t < weight_.size(); ++t)
        polynomial.of_product[static_cast<std::size_t>(product_[t])] +=
            weight_[t] * coefficients[static_cast<std::size_t>(sum_[t])];
    for (const Listed& one : listed_)
        polynomial.listed.push_back(polynomial.of_product[static_cast<std::size_t>(one.product)]);
    parallel_for(chains.beta.size(), num_threads,
                 [&](std::size_t chain) { walk_one(chains, chain, polynomial, n_swaps); });
}

}  // namespace matganip
