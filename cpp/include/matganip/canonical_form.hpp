#pragma once

#include <cstdint>
#include <span>

#include "matganip/coloring.hpp"
#include "matganip/permutation_group.hpp"

namespace matganip {

/// The representative of each row's orbit, and the size of the orbit.
///
/// Every image of the row under the group is compared with the best so far; most comparisons end at one of
/// the first columns. The number of images that equal the best is the order of the stabilizer, so the
/// multiplicity costs nothing more (orbit-stabilizer theorem).
///
/// `rows` and `representatives` hold n rows of `group.degree` codes, `multiplicities` n numbers. Each row
/// must have the composition that the stages were made of.
void canonical_form(const PermutationGroup& group, std::span<const Stage> stages,
                    std::span<const std::uint8_t> rows, std::span<std::uint8_t> representatives,
                    std::span<std::int64_t> multiplicities, int num_threads);

}  // namespace matganip
