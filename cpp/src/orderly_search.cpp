#include "matganip/orderly_search.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "matganip/targets.hpp"

namespace matganip {
OrderlySearch::OrderlySearch(const PermutationGroup& group, std::span<const Stage> stages,
                             std::vector<std::uint8_t> fill, const Exclusions& exclusions)
    : group_(group),
      stages_(stages),
      fill_(std::move(fill)),
      row_((fill_.size() + row_piece - 1) / row_piece * row_piece),
      frames_(stages.size()),
      site_of_column_(fill_.size()) {
    if (!exclusions.empty()) free_.emplace(exclusions, stages_, fill_);
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
    if (n == 0) return 0;
    if (frame.words == 1)
        return kernels().orbits.count_equal(frame.masks.data() + depth * n, n, frame.chosen[depth]);
    return stabilizer(frame, depth).size();
}

inline void OrderlySearch::copy_row(std::uint8_t* to) const {
    for (std::size_t i = 0; i < fill_.size(); i += row_piece) std::memcpy(to + i, row_.data() + i, row_piece);
}

std::size_t OrderlySearch::descend(const Prefix& prefix) {
    std::copy(fill_.begin(), fill_.end(), row_.begin());
    if (free_) free_->reset();
    std::size_t stage = 0;
    std::size_t depth = 0;
    std::size_t next_site = 0;
    for (const std::uint16_t column : prefix) {
        Frame& frame = frames_[stage];
        const auto found = std::lower_bound(frame.columns.begin(), frame.columns.end(), column);
        const auto site = static_cast<std::size_t>(found - frame.columns.begin());
        if (!frame.elements.empty()) extend(frame, depth, site);
        row_[column] = stages_[stage].code;
        ++depth;
        if (free_) {
            free_->take(column, stages_[stage].code);
            if (free_->closes_sublattice(stage)) {
                keep_fill(stage, next_site, site);
                if (depth == stages_[stage].count) keep_fill(stage, site + 1, frame.columns.size());
            }
            next_site = depth == stages_[stage].count ? 0 : site + 1;
        }
        if (depth == stages_[stage].count) {
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
    place(stage, placed, site_after(frames_[stage], prefix, placed));
}

std::vector<Prefix> OrderlySearch::children(const Prefix& prefix) {
    const std::size_t stage = descend(prefix);
    if (stage == stages_.size()) return {};
    std::size_t depth = prefix.size();
    for (std::size_t s = 0; s < stage; ++s) depth -= stages_[s].count;
    std::vector<Prefix> extended;
    choose(stage, depth, site_after(frames_[stage], prefix, depth), [&](std::size_t site) {
        extended.push_back(prefix);
        extended.back().push_back(frames_[stage].columns[site]);
    });
    return extended;
}

/// The first site of a stage that may follow those of it that a prefix ends with.
std::size_t OrderlySearch::site_after(const Frame& frame, const Prefix& prefix, std::size_t depth) const {
    if (depth == 0) return 0;
    const auto& columns = frame.columns;
    return static_cast<std::size_t>(std::upper_bound(columns.begin(), columns.end(), prefix.back()) -
                                    columns.begin());
}

/// Calls `visit` with each next site of a smallest choice, while the row and the images hold it.
template <class Visit>
void OrderlySearch::choose(std::size_t stage, std::size_t depth, std::size_t first_site, Visit visit) {
    if (free_) return choose_excluding(stage, depth, first_site, visit);
    Frame& frame = frames_[stage];
    const std::size_t count = stages_[stage].count;
    const std::size_t n_sites = frame.columns.size();
    for (std::size_t site = first_site; site + count - depth <= n_sites; ++site) {
        if (!frame.elements.empty() && !extend(frame, depth, site)) continue;
        const std::uint16_t column = frame.columns[site];
        row_[column] = stages_[stage].code;
        visit(site);
        row_[column] = fill_[column];
    }
}

/// The same under exclusions: sites that are free, and after which enough others are. In the last stage of a
/// sublattice a site that is passed over keeps the filling code, which may exclude others or be excluded.
template <class Visit>
void OrderlySearch::choose_excluding(std::size_t stage, std::size_t depth, std::size_t first_site,
                                     Visit visit) {
    Frame& frame = frames_[stage];
    const std::span<const std::uint16_t> columns = frame.columns;
    const Stage& now = stages_[stage];
    const bool closes = free_->closes_sublattice(stage);
    const std::size_t missing = now.count - depth - 1U;
    std::size_t kept = first_site;
    for (std::size_t site = first_site; site + missing < columns.size(); ++site) {
        const std::uint16_t column = columns[site];
        if (free_->free(column, now.code) && (frame.elements.empty() || extend(frame, depth, site))) {
            row_[column] = now.code;
            free_->take(column, now.code);
            const std::size_t rest =
                missing == 0 && closes ? keep_fill(stage, site + 1, columns.size()) : columns.size();
            if (rest == columns.size() && free_->enough(stage, columns.subspan(site + 1), missing) &&
                free_->enough_after(stage + 1, row_))
                visit(site);
            if (missing == 0 && closes) drop_fill(stage, site + 1, rest);
            free_->release(column, now.code);
            row_[column] = fill_[column];
        }
        if (closes && keep_fill(stage, site, site + 1) == site) break;
        kept = site + 1;
    }
    if (closes) drop_fill(stage, first_site, kept);
}

/// Lets sites keep the filling code, up to the first that may not; returns where that is, or `last_site`.
std::size_t OrderlySearch::keep_fill(std::size_t stage, std::size_t first_site, std::size_t last_site) {
    for (std::size_t site = first_site; site < last_site; ++site) {
        const std::uint16_t column = frames_[stage].columns[site];
        if (!free_->free(column, fill_[column])) return site;
        free_->take(column, fill_[column]);
    }
    return last_site;
}

void OrderlySearch::drop_fill(std::size_t stage, std::size_t first_site, std::size_t last_site) {
    for (std::size_t site = first_site; site < last_site; ++site) {
        const std::uint16_t column = frames_[stage].columns[site];
        free_->release(column, fill_[column]);
    }
}

void OrderlySearch::place(std::size_t stage, std::size_t depth, std::size_t first_site) {
    Frame& frame = frames_[stage];
    if (frame.elements.empty() && !free_) return place_freely(stage, depth, first_site);
    const std::size_t count = stages_[stage].count;
    choose(stage, depth, first_site, [&](std::size_t site) {
        if (depth + 1 < count) {
            place(stage, depth + 1, site + 1);
        } else if (stage + 1 < stages_.size()) {
            enter_stage(stage + 1, stabilizer(frame, count));
            place(stage + 1, 0, 0);
        } else {
            emit(1 + count_ties(frame, count));
        }
    });
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
