#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace matganip {

/// How the columns of an occupation row are to be filled: the composition of a configuration space.
///
/// Columns are grouped by sublattice: sublattice s owns the next `sum(counts[s])` columns, and counts[s][c]
/// of them carry code c.
struct Composition {
    std::vector<std::vector<std::uint16_t>> counts;

    std::size_t n_columns() const {
        std::size_t n = 0;
        for (const auto& sublattice : counts)
            for (const std::uint16_t count : sublattice) n += count;
        return n;
    }
};

/// One step of filling a row: `count` of the columns [first, last) that are still free receive `code`. The
/// last code of a sublattice needs no stage, it fills what is left.
struct Stage {
    std::uint16_t first;
    std::uint16_t last;
    std::uint8_t code;
    std::uint16_t count;
};

/// The stages of a composition, sublattice by sublattice and code by code; codes that no column carries are
/// left out.
///
/// They define the order of rows that this library means by "smallest" (docs/adr/0002): of two rows the
/// smaller is the one that holds the stage's code at the first column where, stage after stage, only one of
/// them holds it. With two species on each sublattice this is plain lexicographic order of the codes.
std::vector<Stage> stages_of(const Composition& composition);

}  // namespace matganip
