#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace matganip {

/// A finite group of permutations of the points 0 .. degree-1, all its elements written out.
///
/// `images[g * degree + i]` is the point to which element g takes point i. Elements are distinct and in
/// lexicographic order, so the identity comes first and two runs number them alike.
struct PermutationGroup {
    std::size_t degree = 0;
    std::vector<std::uint16_t> images;

    std::size_t order() const { return degree == 0 ? 1 : images.size() / degree; }
    std::span<const std::uint16_t> element(std::size_t g) const {
        return {images.data() + g * degree, degree};
    }
};

/// A group from all its elements, one after the other.
///
/// Throws std::invalid_argument where there are none, one is not a permutation of `degree` points, or the
/// first is not the identity. That they close is not checked: `close_group` makes groups that do.
PermutationGroup group_of(std::span<const std::uint16_t> elements, std::size_t degree);

/// The group that `generators` (one permutation of `degree` points after the other) span.
///
/// Dimino's algorithm: a generator that is already an element is passed over; a new one adds whole cosets of
/// the group found so far, so that each element is computed once (G. Butler, "Fundamental Algorithms for
/// Permutation Groups", LNCS 559, 1991, chapter 3). Space groups modulo a supercell have some thousands of
/// elements at most, for which writing them out beats a Schreier-Sims chain in simplicity and in what can be
/// done with them.
///
/// Throws std::invalid_argument where a generator is not a permutation, and std::length_error where the group
/// has more than `max_order` elements: symmetry operations found under too wide a tolerance do not close.
PermutationGroup close_group(std::span<const std::uint16_t> generators, std::size_t degree,
                             std::size_t max_order);

}  // namespace matganip
