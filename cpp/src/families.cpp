#include "matganip/families.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace matganip {
namespace {

using Indices = std::array<std::int32_t, 4>;

/// The indices without order and sign.
Indices kind_of(const Indices& hkl, std::size_t n) {
    Indices kind{};
    for (std::size_t i = 0; i < n; ++i) {
        kind[i] = std::abs(hkl[i]);
        for (std::size_t j = i; j > 0 && kind[j - 1] > kind[j]; --j) std::swap(kind[j - 1], kind[j]);
    }
    return kind;
}

}  // namespace

Families find_families(std::span<const std::int32_t> hkl, std::span<const std::int64_t> ends,
                       bool hexagonal) {
    if (ends.empty() || ends.front() != 0 || !std::is_sorted(ends.begin(), ends.end()) ||
        3 * static_cast<std::size_t>(ends.back()) != hkl.size())
        throw std::invalid_argument("ends: must rise from 0 to the number of reflections");
    Families found;
    found.families.reserve(ends.size());
    found.ends.reserve(ends.size() - 1);
    std::vector<std::pair<Indices, Indices>> members;  // kind and indices of each
    for (std::size_t p = 0; p + 1 < ends.size(); ++p) {
        members.clear();
        for (auto r = static_cast<std::size_t>(ends[p]); r < static_cast<std::size_t>(ends[p + 1]); ++r) {
            const auto h = hkl[3 * r], k = hkl[3 * r + 1], l = hkl[3 * r + 2];
            const Indices indices = hexagonal ? Indices{h, k, -h - k, l} : Indices{h, k, l, 0};
            members.emplace_back(kind_of(indices, hexagonal ? 4 : 3), indices);
        }
        std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
            return a.first != b.first ? a.first < b.first : a.second > b.second;
        });
        const auto first = static_cast<std::ptrdiff_t>(found.families.size());
        for (std::size_t i = 0; i < members.size(); ++i) {
            if (i == 0 || members[i].first != members[i - 1].first)
                found.families.push_back({members[i].second, 0});
            found.families.back().multiplicity += 2;
        }
        std::sort(found.families.begin() + first, found.families.end(),
                  [](const Family& a, const Family& b) { return a.hkl > b.hkl; });
        found.ends.push_back(found.families.size());
    }
    return found;
}

}  // namespace matganip
