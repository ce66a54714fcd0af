#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "matganip/permutation_group.hpp"

namespace matganip {

/// Tells whether a partial arrangement can still become the first member of its orbit, sites decided one
/// after the other: of two arrangements the earlier one has the smaller code at the first site where they
/// differ.
///
/// A permutation whose image is certainly earlier, however the rest is decided, rules the arrangement out.
/// Where an image takes an undecided site to a site that carries the largest code, the image is no later
/// there, and the comparison goes on. A permutation whose image is certainly later is dropped for all that
/// follows.
class FirstOfOrbit {
  public:
    /// `last_code` (n_sites) is the largest code of each site. `group` must outlive the object.
    FirstOfOrbit(const PermutationGroup& group, std::vector<std::uint8_t> last_code);

    /// The codes of sites 0 .. depth are decided now; false where the arrangement is ruled out. Depths are
    /// entered one by one, and again after stepping back.
    bool decide(std::size_t depth, const std::uint8_t* codes);

    /// After the last site: how many permutations leave the arrangement as it is.
    std::size_t stabilizer_order() const;

  private:
    struct Candidate {
        std::uint32_t element;
        std::uint16_t equal;  // sites up to which the image is known to be equal
    };
    std::size_t n_sites_;
    std::vector<std::uint16_t> preimages_;  // (order, n_sites)
    std::vector<std::uint8_t> last_code_;
    std::vector<std::vector<Candidate>> candidates_;  // at each depth
};

}  // namespace matganip
