#include "matganip/first_of_orbit.hpp"

#include <utility>

namespace matganip {

FirstOfOrbit::FirstOfOrbit(const PermutationGroup& group, std::vector<std::uint8_t> last_code)
    : n_sites_(last_code.size()),
      preimages_(group.images.size()),
      last_code_(std::move(last_code)),
      candidates_(n_sites_ + 1) {
    for (std::size_t g = 0; g < group.order(); ++g) {
        for (std::size_t i = 0; i < n_sites_; ++i)
            preimages_[g * n_sites_ + group.images[g * n_sites_ + i]] = static_cast<std::uint16_t>(i);
        candidates_[0].push_back({static_cast<std::uint32_t>(g), 0});
    }
}

bool FirstOfOrbit::decide(std::size_t depth, const std::uint8_t* codes) {
    auto& kept = candidates_[depth + 1];
    kept.clear();
    for (const Candidate candidate : candidates_[depth]) {
        const std::uint16_t* preimage = preimages_.data() + candidate.element * n_sites_;
        std::size_t equal = candidate.equal, site = equal;
        bool certain = true, later = false;
        for (; site <= depth; ++site) {
            const std::size_t from = preimage[site];
            if (from > depth) {
                certain = false;
                if (codes[site] != last_code_[site]) break;
                continue;
            }
            if (codes[from] < codes[site]) return false;
            if (codes[from] > codes[site]) {
                later = certain;
                break;
            }
            if (certain) equal = site + 1;
        }
        if (!later) kept.push_back({candidate.element, static_cast<std::uint16_t>(equal)});
    }
    return true;
}

std::size_t FirstOfOrbit::stabilizer_order() const {
    return candidates_[n_sites_].size();
}

}  // namespace matganip
