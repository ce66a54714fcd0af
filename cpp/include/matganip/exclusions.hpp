#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "matganip/coloring.hpp"

namespace matganip {

/// A code on a column and a code on another (or the same) that no row may hold together. Where both are the
/// same, the column may not hold that code at all.
struct Exclusion {
    std::uint16_t column, code, other, other_code;
};

/// The exclusions of a space, as the orderly search asks about them.
///
/// They must be invariant under the group of the search: then the images of a row that obeys them obey them
/// too, and a partial choice that breaks one has no completion, so that its whole subtree is left out.
class Exclusions {
  public:
    /// Throws std::invalid_argument where a column or a code does not exist in `composition`.
    Exclusions(std::span<const Exclusion> exclusions, const Composition& composition);

    bool empty() const { return empty_; }
    std::size_t n_columns() const { return n_columns_; }
    std::size_t n_states() const { return offsets_.size() - 1; }
    std::size_t state(std::size_t column, std::size_t code) const { return column * n_codes_ + code; }
    /// The states that exclude, and are excluded by, this one; itself where it is never allowed.
    std::span<const std::uint32_t> of(std::size_t state) const {
        return {others_.data() + offsets_[state], offsets_[state + 1] - offsets_[state]};
    }
    bool excluded(std::size_t state, std::size_t other) const;

    /// For each column of a stage a number that columns share only if no two of them can take the stage's
    /// code: at most one site of each number is chosen. `columns` cliques at most, found greedily.
    std::vector<std::uint16_t> cliques(const Stage& stage) const;

  private:
    std::size_t n_columns_ = 0, n_codes_ = 1;
    bool empty_ = true;
    std::vector<std::size_t> offsets_;
    std::vector<std::uint32_t> others_;  // sorted within each state
};

/// What the choices made so far leave free: the state of one search under exclusions.
class FreeStates {
  public:
    FreeStates(const Exclusions& exclusions, std::span<const Stage> stages,
               std::span<const std::uint8_t> fill);

    /// Back to no choice. False if not even the columns that no stage fills obey the exclusions.
    bool reset();
    bool free(std::size_t column, std::size_t code) const {
        return blocked_[exclusions_.state(column, code)] == 0;
    }
    void take(std::size_t column, std::size_t code) {
        for (const std::uint32_t other : exclusions_.of(exclusions_.state(column, code))) ++blocked_[other];
    }
    void release(std::size_t column, std::size_t code) {
        for (const std::uint32_t other : exclusions_.of(exclusions_.state(column, code))) --blocked_[other];
    }

    /// Whether the stage is the last of its sublattice: columns that it passes over keep the filling code.
    bool closes_sublattice(std::size_t stage) const { return closes_[stage]; }

    /// Whether `missing` sites of a stage may still be found among `columns`: an upper bound counts each
    /// clique once.
    bool enough(std::size_t stage, std::span<const std::uint16_t> columns, std::size_t missing);
    /// The same for all stages from `stage` on, of which nothing is chosen yet; `row` holds what is.
    bool enough_after(std::size_t stage, std::span<const std::uint8_t> row);

  private:
    const Exclusions& exclusions_;
    std::span<const Stage> stages_;
    std::vector<std::uint8_t> fill_;
    std::vector<bool> closes_;
    std::vector<std::uint16_t> unstaged_;  // columns of sublattices without a stage
    std::vector<std::vector<std::uint16_t>> cliques_;
    std::vector<std::uint16_t> blocked_;
    std::vector<std::uint32_t> seen_;
    std::vector<std::uint16_t> columns_;  // scratch of enough_after
    std::uint32_t round_ = 0;
};

}  // namespace matganip
