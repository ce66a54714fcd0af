#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "matganip/coloring.hpp"
#include "matganip/exclusions.hpp"
#include "matganip/permutation_group.hpp"

namespace matganip {

/// The columns chosen so far, stage after stage, ascending within each: a node of the search tree.
using Prefix = std::vector<std::uint16_t>;

/// Rows are copied in pieces of this size, so that a row takes a few moves and no call; what is written past
/// its end is the next row's, or slack.
constexpr std::size_t row_piece = 16;

/// Where a search writes its orbits: rows of codes and multiplicities, sized by the caller for the most that
/// can come. It keeps a cache line to itself: its size changes with every row, and its neighbour is another
/// thread's.
struct alignas(64) OrbitBuffer {
    std::vector<std::uint8_t> rows;
    std::vector<std::int64_t> multiplicities;
    std::size_t size = 0;

    void reset(std::size_t capacity, std::size_t degree) {
        if (multiplicities.size() < capacity) {
            rows.resize(capacity * degree + row_piece);
            multiplicities.resize(capacity);
        }
        size = 0;
    }
};

/// The depth-first search below one node of the tree of smallest choices (see OrbitEnumerator, which cuts the
/// tree into such nodes). An object belongs to one thread and serves many nodes.
///
/// Under exclusions a site is chosen only if the choices so far leave it free and enough sites remain for
/// those still missing, so that no subtree without a row that obeys them is entered for long.
class alignas(64) OrderlySearch {
  public:
    /// `fill` is the row before any choice: each column carries the last code of its sublattice. `group`,
    /// `stages` and `exclusions` must outlive the search.
    OrderlySearch(const PermutationGroup& group, std::span<const Stage> stages,
                  std::vector<std::uint8_t> fill, const Exclusions& exclusions);

    /// Whether the columns that no stage fills obey the exclusions: if not, there is no orbit at all.
    bool possible() { return !free_ || free_->reset(); }

    /// Appends every orbit below `prefix` to `out`, in ascending order. `out` must have room for all
    /// completions.
    void collect(const Prefix& prefix, OrbitBuffer& out);

    /// The smallest choices that have one site more than `prefix`, in ascending order; none for a complete
    /// one.
    std::vector<Prefix> children(const Prefix& prefix);

  private:
    /// One stage under way: its free columns, the elements of the stabilizer other than the identity, and for
    /// each depth the sites chosen and their images. A set of sites is a mask of `words` 64-bit words in
    /// which site x is bit 63 - x % 64 of word x / 64: the smaller choice is the larger number.
    struct Frame {
        std::vector<std::uint16_t> columns;
        std::vector<std::uint32_t> elements;
        std::size_t words = 1;
        std::vector<std::uint64_t>
            bits;  // one word: bits[x * n_elements + e], the mask of the image of site x
        std::vector<std::uint16_t> images;  // several words: images[x * n_elements + e], the image of site x
        std::vector<std::uint64_t> chosen;  // chosen[depth * words + w]
        std::vector<std::uint64_t> masks;   // masks[(depth * words + w) * n_elements + e]
    };

    void enter_stage(std::size_t stage, std::vector<std::uint32_t> elements);
    void list_free_columns(std::size_t stage);
    std::size_t descend(const Prefix& prefix);
    bool extend(Frame& frame, std::size_t depth, std::size_t site) const;
    std::vector<std::uint32_t> stabilizer(const Frame& frame, std::size_t depth) const;
    std::size_t count_ties(const Frame& frame, std::size_t depth) const;

    void place(std::size_t stage, std::size_t depth, std::size_t first_site);
    void place_freely(std::size_t stage, std::size_t depth, std::size_t first_site);
    template <class Visit>
    void choose(std::size_t stage, std::size_t depth, std::size_t first_site, Visit visit);
    template <class Visit>
    void choose_excluding(std::size_t stage, std::size_t depth, std::size_t first_site, Visit visit);
    std::size_t keep_fill(std::size_t stage, std::size_t first_site, std::size_t last_site);
    void drop_fill(std::size_t stage, std::size_t first_site, std::size_t last_site);
    std::size_t site_after(const Frame& frame, const Prefix& prefix, std::size_t depth) const;
    void emit(std::size_t stabilizer_order);
    void copy_row(std::uint8_t* to) const;

    const PermutationGroup& group_;
    std::span<const Stage> stages_;
    std::vector<std::uint8_t> fill_;
    std::vector<std::uint8_t> row_;  // followed by slack up to a multiple of row_piece
    std::vector<Frame> frames_;
    std::vector<std::uint16_t> site_of_column_;
    std::optional<FreeStates> free_;  // under exclusions
    OrbitBuffer* out_ = nullptr;
};

}  // namespace matganip
