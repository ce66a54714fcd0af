#include "matganip/orderly_search.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "matganip/targets.hpp"

namespace matganip {
OrderlySearch::OrderlySearch(const PermutationGroup& group, std::span<const Stage> stages,
                             std::vector<std::uint8_t> fill)
    : group_(group),
      stages_(stages),
      fill_(std::move(fill)),
      row_((fill_.size() + row_piece - 1) / row_piece * row_piece),
      frames_(stages.size()),
      site_of_column_(fill_.size()) {
    if (stages_.empty()) return;
    std::copy(fill_.begin(), fill_.end(), row_.begin());
    std::vector<std::uint32_t> all_but_identity(group.order() - 1);
    std::iota(all_but_identity.begin(), all_but_identity.end(), 1U);
    enter_stage(0, std::move(all_but_identity));
}

void OrderlySearch::list_free_columns(std::size_t stage) {
    Frame& frame = frames_[stage];
    frame.columns.clear();
    for (std::uint16_t column = stages_[stage].first; column < stages_[stage].last; ++column)
        if (row_[column] == fill_[column]) {
            site_of_column_[column] = static_cast<std::uint16_t>(frame.columns.size());
            frame.columns.push_back(column);
        }
}

void OrderlySearch::enter_stage(std::size_t stage, std::vector<std::uint32_t> elements) {
    list_free_columns(stage);
    Frame& frame = frames_[stage];
    frame.elements = std::move(elements);
    const std::size_t n = frame.elements.size();
    if (n == 0) return;

    const std::size_t n_sites = frame.columns.size();
    const std::size_t depths = stages_[stage].count + std::size_t{1};
    frame.words = (n_sites + 63) / 64;
    frame.chosen.assign(depths * frame.words, 0);
    frame.masks.resize(depths * frame.words * n);
    std::fill_n(frame.masks.begin(), frame.words * n, std::uint64_t{0});
    const bool one_word = frame.words == 1;
    frame.bits.resize(one_word ? n_sites * n : 0);
    frame.images.resize(one_word ? 0 : n_sites * n);
    for (std::size_t e = 0; e < n; ++e) {
        const auto element = group_.element(frame.elements[e]);
        for (std::size_t x = 0; x < n_sites; ++x) {
            const std::uint16_t image = site_of_column_[element[frame.columns[x]]];
            if (one_word)
                frame.bits[x * n + e] = std::uint64_t{1} << (63 - image);
            else
                frame.images[x * n + e] = image;
        }
    }
}

bool OrderlySearch::extend(Frame& frame, std::size_t depth, std::size_t site) const {
    const std::size_t n = frame.elements.size();
    const std::size_t words = frame.words;
    const std::uint64_t* chosen = frame.chosen.data() + depth * words;
    std::uint64_t* next_chosen = frame.chosen.data() + (depth + 1) * words;
    std::copy(chosen, chosen + words, next_chosen);
    next_chosen[site / 64] |= std::uint64_t{1} << (63 - site % 64);

    const std::uint64_t* from = frame.masks.data() + depth * words * n;
    std::uint64_t* to = frame.masks.data() + (depth + 1) * words * n;
    return words == 1 ? kernels().orbits.extend_word(from, to, frame.bits.data() + site * n, n, *next_chosen)
                      : kernels().orbits.extend_words(from, to, frame.images.data() + site * n, n,
                                                      next_chosen, words);
}

std::vector<std::uint32_t> OrderlySearch::stabilizer(const Frame& frame, std::size_t depth) const {
    const std::size_t n = frame.elements.size();
    const std::uint64_t* masks = frame.masks.data() + depth * frame.words * n;
    const std::uint64_t* chosen = frame.chosen.data() + depth * frame.words;
    std::vector<std::uint32_t> fixing;
    for (std::size_t e = 0; e < n; ++e) {
        bool tied = true;
        for (std::size_t w = 0; w < frame.words; ++w) tied = tied && masks[w * n + e] == chosen[w];
        if (tied) fixing.push_back(frame.elements[e]);
    }
    return fixing;
}

std::size_t OrderlySearch::count_ties(const Frame& frame, std::size_t depth) const {
    const std::size_t n = frame.elements.size();
    if (frame.words == 1)
        return kernels().orbits.count_equal(frame.masks.data() + depth * n, n, frame.chosen[depth]);
    return stabilizer(frame, depth).size();
}

inline void OrderlySearch::copy_row(std::uint8_t* to) const {
    for (std::size_t i = 0; i < fill_.size(); i += row_piece) std::memcpy(to + i, row_.data() + i, row_piece);
}

std::size_t OrderlySearch::descend(const Prefix& prefix) {
    std::copy(fill_.begin(), fill_.end(), row_.begin());
    std::size_t stage = 0;
    std::size_t depth = 0;
    for (const std::uint16_t column : prefix) {
        Frame& frame = frames_[stage];
        if (!frame.elements.empty()) {
            const auto found = std::lower_bound(frame.columns.begin(), frame.columns.end(), column);
            extend(frame, depth, static_cast<std::size_t>(found - frame.columns.begin()));
        }
        row_[column] = stages_[stage].code;
        if (++depth == stages_[stage].count) {
            auto elements = frame.elements.empty() ? std::vector<std::uint32_t>{} : stabilizer(frame, depth);
            if (++stage == stages_.size()) return stage;
            enter_stage(stage, std::move(elements));
            depth = 0;
        }
    }
    return stage;
}

void OrderlySearch::collect(const Prefix& prefix, OrbitBuffer& out) {
    out_ = &out;
    const std::size_t stage = descend(prefix);
    std::size_t placed = prefix.size();
    for (std::size_t s = 0; s < stage; ++s) placed -= stages_[s].count;
    if (stage == stages_.size()) {
        const bool last_had_symmetry = !stages_.empty() && !frames_.back().elements.empty();
        // Without a stage there is one row, which every element fixes.
        emit(stages_.empty()
                 ? group_.order()
                 : 1 + (last_had_symmetry ? count_ties(frames_.back(), stages_.back().count) : 0));
        return;
    }
    const auto& columns = frames_[stage].columns;
    const std::size_t first_site =
        placed == 0 ? 0
                    : static_cast<std::size_t>(
                          std::upper_bound(columns.begin(), columns.end(), prefix.back()) - columns.begin());
    place(stage, placed, first_site);
}

std::vector<Prefix> OrderlySearch::children(const Prefix& prefix) {
    const std::size_t stage = descend(prefix);
    if (stage == stages_.size()) return {};
    std::size_t depth = prefix.size();
    for (std::size_t s = 0; s < stage; ++s) depth -= stages_[s].count;
    Frame& frame = frames_[stage];
    const std::size_t n_sites = frame.columns.size();
    std::vector<Prefix> extended;
    for (std::size_t site = 0; site + stages_[stage].count - depth <= n_sites; ++site) {
        if (depth > 0 && frame.columns[site] <= prefix.back()) continue;
        if (!frame.elements.empty() && !extend(frame, depth, site)) continue;
        extended.push_back(prefix);
        extended.back().push_back(frame.columns[site]);
    }
    return extended;
}

void OrderlySearch::place(std::size_t stage, std::size_t depth, std::size_t first_site) {
    Frame& frame = frames_[stage];
    if (frame.elements.empty()) return place_freely(stage, depth, first_site);
    const std::size_t count = stages_[stage].count;
    const std::size_t n_sites = frame.columns.size();
    for (std::size_t site = first_site; site + count - depth <= n_sites; ++site) {
        if (!extend(frame, depth, site)) continue;
        const std::uint16_t column = frame.columns[site];
        row_[column] = stages_[stage].code;
        if (depth + 1 < count) {
            place(stage, depth + 1, site + 1);
        } else if (stage + 1 < stages_.size()) {
            enter_stage(stage + 1, stabilizer(frame, count));
            place(stage + 1, 0, 0);
        } else {
            emit(1 + count_ties(frame, count));
        }
        row_[column] = fill_[column];
    }
}

void OrderlySearch::place_freely(std::size_t stage, std::size_t depth, std::size_t first_site) {
    const Frame& frame = frames_[stage];
    const Stage& now = stages_[stage];
    const std::size_t n_sites = frame.columns.size();
    const bool last_site = depth + 1 == now.count;
    const bool last_stage = stage + 1 == stages_.size();
    if (last_site && last_stage) {
        const std::size_t degree = fill_.size();
        std::uint8_t* rows = out_->rows.data() + out_->size * degree;
        const auto multiplicity = static_cast<std::int64_t>(group_.order());
        for (std::size_t site = first_site; site < n_sites; ++site, rows += degree) {
            copy_row(rows);
            rows[frame.columns[site]] = now.code;
            out_->multiplicities[out_->size++] = multiplicity;
        }
        return;
    }
    for (std::size_t site = first_site; site + now.count - depth <= n_sites; ++site) {
        const std::uint16_t column = frame.columns[site];
        row_[column] = now.code;
        if (!last_site) {
            place_freely(stage, depth + 1, site + 1);
        } else {
            frames_[stage + 1].elements.clear();
            list_free_columns(stage + 1);
            place_freely(stage + 1, 0, 0);
        }
        row_[column] = fill_[column];
    }
}

void OrderlySearch::emit(std::size_t stabilizer_order) {
    copy_row(out_->rows.data() + out_->size * fill_.size());
    out_->multiplicities[out_->size++] = static_cast<std::int64_t>(group_.order() / stabilizer_order);
}

}  // namespace matganip
