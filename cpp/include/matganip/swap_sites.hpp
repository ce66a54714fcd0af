#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "matganip/random.hpp"

namespace matganip {

/// Sites by their sublattice: which of them swaps exchange.
class SwapSites {
  public:
    SwapSites() = default;

    /// Throws std::invalid_argument where an entry is not in [0, number of sites).
    explicit SwapSites(std::span<const std::int32_t> sublattices)
        : sublattices_(sublattices.begin(), sublattices.end()) {
        for (std::size_t i = 0; i < sublattices_.size(); ++i) {
            if (sublattices_[i] < 0 || static_cast<std::size_t>(sublattices_[i]) >= sublattices_.size())
                throw std::invalid_argument("sublattices: an entry is no sublattice");
            const auto number = static_cast<std::size_t>(sublattices_[i]);
            if (members_.size() <= number) members_.resize(number + 1);
            members_[number].push_back(static_cast<std::int32_t>(i));
        }
    }

    std::size_t size() const { return sublattices_.size(); }
    bool together(std::size_t i, std::size_t j) const { return sublattices_[i] == sublattices_[j]; }
    /// The first site of the sublattice of site i.
    std::size_t first_beside(std::size_t i) const { return static_cast<std::size_t>(beside(i).front()); }

    /// The sites of all sublattices on which not all codes are equal.
    std::vector<std::size_t> movable(std::span<const std::uint8_t> row) const {
        std::vector<std::size_t> found;
        for (const auto& sites : members_) {
            const auto differs = [&](std::int32_t i) {
                return row[static_cast<std::size_t>(i)] != row[static_cast<std::size_t>(sites.front())];
            };
            if (std::any_of(sites.begin(), sites.end(), differs))
                found.insert(found.end(), sites.begin(), sites.end());
        }
        return found;
    }

    /// Two sites of one sublattice with different codes; `among` is what `movable` gave, and not empty.
    std::pair<std::size_t, std::size_t> draw(std::span<const std::uint8_t> row,
                                             const std::vector<std::size_t>& among, Random& random) const {
        std::size_t i = 0, j = 0;
        do {
            i = among[random.below(among.size())];
            const auto& partners = beside(i);
            j = static_cast<std::size_t>(partners[random.below(partners.size())]);
        } while (row[i] == row[j]);
        return {i, j};
    }

  private:
    const std::vector<std::int32_t>& beside(std::size_t i) const {
        return members_[static_cast<std::size_t>(sublattices_[i])];
    }

    std::vector<std::int32_t> sublattices_;           // (n_sites)
    std::vector<std::vector<std::int32_t>> members_;  // the sites of each sublattice
};

}  // namespace matganip
