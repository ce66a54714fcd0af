#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace matganip {

/// Reflections of a peak whose indices are alike but for order and sign.
struct Family {
    std::array<std::int32_t, 4> hkl;  ///< the largest of them; hkil, or hkl and a 0
    std::int64_t multiplicity;        ///< how many there are, both of each Friedel pair
};

/// Families of several peaks, peak after peak, those of a peak by falling hkl.
struct Families {
    std::vector<Family> families;
    std::vector<std::size_t> ends;  ///< (n_peaks): peak p has the families [ends[p - 1], ends[p])
};

/// Sorts the reflections of peaks into families, as pymatgen does. `hkl` is (n, 3), one of each Friedel pair,
/// peak after peak: peak p holds the rows [ends[p], ends[p + 1]). With `hexagonal` they are written as hkil,
/// i = -h - k, and i counts where indices are compared. Throws std::invalid_argument unless `ends` rises from
/// 0 to n.
Families find_families(std::span<const std::int32_t> hkl, std::span<const std::int64_t> ends, bool hexagonal);

}  // namespace matganip
