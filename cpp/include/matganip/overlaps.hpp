#pragma once

#include <cstdint>
#include <optional>

#include "matganip/powder_diffraction.hpp"

namespace matganip {

/// Two atoms of one structure, as the batch counts them.
struct Overlap {
    std::int64_t structure, atom, other;
};

/// The first structure of a batch in which an atom and those within `distance` (angstrom) of it occupy more
/// than 1 together, and two of them. Sorted along an axis, an atom is compared with its few neighbours there.
std::optional<Overlap> find_overlap(const PowderBatch& batch, double distance, int num_threads);

}  // namespace matganip
