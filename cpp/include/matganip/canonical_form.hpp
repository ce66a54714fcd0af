#pragma once

#include <cstdint>
#include <span>

#include "matganip/coloring.hpp"
#include "matganip/permutation_group.hpp"

namespace matganip {

/// The representative of each row's orbit, and the size of the orbit.
///
/// All elements start as candidates; column after column, in the order of the stages, only those whose image
/// is smallest there stay. After a few columns few are left, so a row costs little more than one look at each
/// element. Those left at the end are a coset of the stabilizer, so the multiplicity costs nothing more
/// (orbit-stabilizer theorem).
///
/// `rows` and `representatives` hold n rows of `group.degree` codes, `multiplicities` n numbers. Each row
/// must have the composition that the stages were made of.
void canonical_form(const PermutationGroup& group, std::span<const Stage> stages,
                    std::span<const std::uint8_t> rows, std::span<std::uint8_t> representatives,
                    std::span<std::int64_t> multiplicities, int num_threads);

}  // namespace matganip
