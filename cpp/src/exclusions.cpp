#include "matganip/exclusions.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

namespace matganip {

Exclusions::Exclusions(std::span<const Exclusion> exclusions, const Composition& composition)
    : n_columns_(composition.n_columns()), empty_(exclusions.empty()) {
    std::vector<std::size_t> codes_of_column;
    for (const auto& counts : composition.counts) {
        const std::size_t sites = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
        codes_of_column.insert(codes_of_column.end(), sites, counts.size());
        n_codes_ = std::max(n_codes_, counts.size());
    }
    const auto check = [&](std::size_t row, std::size_t column, std::size_t code) {
        if (column >= n_columns_ || code >= codes_of_column[column])
            throw std::invalid_argument("exclusions: row " + std::to_string(row) + " names code " +
                                        std::to_string(code) + " of column " + std::to_string(column) +
                                        ", which does not exist");
    };
    std::vector<std::vector<std::uint32_t>> lists(n_columns_ * n_codes_);
    for (std::size_t row = 0; row < exclusions.size(); ++row) {
        const Exclusion& one = exclusions[row];
        check(row, one.column, one.code);
        check(row, one.other, one.other_code);
        const std::size_t a = state(one.column, one.code), b = state(one.other, one.other_code);
        lists[a].push_back(static_cast<std::uint32_t>(b));
        lists[b].push_back(static_cast<std::uint32_t>(a));
    }
    offsets_.assign(1, 0);
    for (auto& list : lists) {
        std::sort(list.begin(), list.end());
        list.erase(std::unique(list.begin(), list.end()), list.end());
        others_.insert(others_.end(), list.begin(), list.end());
        offsets_.push_back(others_.size());
    }
}

bool Exclusions::excluded(std::size_t state, std::size_t other) const {
    const auto list = of(state);
    return std::binary_search(list.begin(), list.end(), static_cast<std::uint32_t>(other));
}

std::vector<std::uint16_t> Exclusions::cliques(const Stage& stage) const {
    std::vector<std::vector<std::uint16_t>> members;
    std::vector<std::uint16_t> number(n_columns_, 0);
    for (std::uint16_t column = stage.first; column < stage.last; ++column) {
        const auto fits = [&](const std::vector<std::uint16_t>& clique) {
            return std::all_of(clique.begin(), clique.end(), [&](std::uint16_t other) {
                return excluded(state(column, stage.code), state(other, stage.code));
            });
        };
        auto clique = std::find_if(members.begin(), members.end(), fits);
        if (clique == members.end()) clique = members.emplace(members.end());
        clique->push_back(column);
        number[column] = static_cast<std::uint16_t>(clique - members.begin());
    }
    return number;
}

FreeStates::FreeStates(const Exclusions& exclusions, std::span<const Stage> stages,
                       std::span<const std::uint8_t> fill)
    : exclusions_(exclusions),
      stages_(stages),
      fill_(fill.begin(), fill.end()),
      seen_(exclusions.n_columns() + 1, 0) {
    std::vector<bool> staged(exclusions.n_columns(), false);
    for (std::size_t s = 0; s < stages.size(); ++s) {
        closes_.push_back(s + 1 == stages.size() || stages[s + 1].first != stages[s].first);
        cliques_.push_back(exclusions.cliques(stages[s]));
        std::fill(staged.begin() + stages[s].first, staged.begin() + stages[s].last, true);
    }
    for (std::size_t column = 0; column < staged.size(); ++column)
        if (!staged[column]) unstaged_.push_back(static_cast<std::uint16_t>(column));
}

bool FreeStates::reset() {
    blocked_.assign(exclusions_.n_states(), 0);
    for (std::size_t state = 0; state < blocked_.size(); ++state)
        if (exclusions_.excluded(state, state)) ++blocked_[state];
    for (const std::uint16_t column : unstaged_) {
        if (!free(column, fill_[column])) return false;
        take(column, fill_[column]);
    }
    return enough_after(0, fill_);
}

bool FreeStates::enough(std::size_t stage, std::span<const std::uint16_t> columns, std::size_t missing) {
    if (missing == 0) return true;
    ++round_;
    std::size_t found = 0;
    for (const std::uint16_t column : columns) {
        if (!free(column, stages_[stage].code)) continue;
        std::uint32_t& seen = seen_[cliques_[stage][column]];
        if (seen == round_) continue;
        seen = round_;
        if (++found == missing) return true;
    }
    return false;
}

bool FreeStates::enough_after(std::size_t stage, std::span<const std::uint8_t> row) {
    for (std::size_t s = stage; s < stages_.size(); ++s) {
        columns_.clear();
        for (std::uint16_t column = stages_[s].first; column < stages_[s].last; ++column)
            if (row[column] == fill_[column]) columns_.push_back(column);
        if (!enough(s, columns_, stages_[s].count)) return false;
    }
    return true;
}

}  // namespace matganip
