#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "arrays.hpp"
#include "matganip/exclusions.hpp"

namespace matganip::bindings {

/// Rows (n, 4) uint16 of column, code, other column and other code; none for None.
inline std::vector<Exclusion> exclusions_from(const py::object& given) {
    std::vector<Exclusion> exclusions;
    if (given.is_none()) return exclusions;
    const auto rows = require_array<std::uint16_t>(given.cast<py::array>(), "exclusions", 2);
    if (rows.shape(1) != 4) throw std::invalid_argument("exclusions must be (n, 4)");
    for (const auto* row = rows.data(); row != rows.data() + rows.size(); row += 4)
        exclusions.push_back({row[0], row[1], row[2], row[3]});
    return exclusions;
}

}  // namespace matganip::bindings
