#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "matganip/coloring.hpp"
#include "matganip/permutation_group.hpp"

namespace matganip::testing {

using Row = std::vector<std::uint8_t>;

/// A row as the order of docs/adr/0002 compares it: for each stage where its code sits, as one vector of 0
/// and 1.
inline std::vector<int> sort_key(const Row& row, const std::vector<Stage>& stages) {
    std::vector<int> key;
    for (const Stage& stage : stages)
        for (std::size_t i = stage.first; i < stage.last; ++i) key.push_back(row[i] == stage.code ? 0 : 1);
    return key;
}

/// Every row of a composition, by permuting each sublattice's codes in turn.
inline std::vector<Row> all_rows(const Composition& composition) {
    std::vector<Row> rows{{}};
    for (const auto& counts : composition.counts) {
        Row codes;
        for (std::size_t code = 0; code < counts.size(); ++code)
            codes.insert(codes.end(), counts[code], static_cast<std::uint8_t>(code));
        std::vector<Row> longer;
        do {
            for (Row row : rows) {
                row.insert(row.end(), codes.begin(), codes.end());
                longer.push_back(std::move(row));
            }
        } while (std::next_permutation(codes.begin(), codes.end()));
        rows = std::move(longer);
    }
    return rows;
}

inline Row image_of(const Row& row, std::span<const std::uint16_t> element) {
    Row image(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) image[element[i]] = row[i];
    return image;
}

/// The smallest member of a row's orbit, by looking at every image.
inline Row smallest_image(const Row& row, const PermutationGroup& group, const std::vector<Stage>& stages) {
    Row best = row;
    for (std::size_t g = 0; g < group.order(); ++g) {
        Row image = image_of(row, group.element(g));
        if (sort_key(image, stages) < sort_key(best, stages)) best = std::move(image);
    }
    return best;
}

/// Orbits by brute force, in ascending order: sort key -> (representative, size).
inline std::map<std::vector<int>, std::pair<Row, std::int64_t>> orbits_by_brute_force(
    const PermutationGroup& group, const Composition& composition) {
    const std::vector<Stage> stages = stages_of(composition);
    std::map<std::vector<int>, std::pair<Row, std::int64_t>> orbits;
    for (const Row& row : all_rows(composition)) {
        const Row smallest = smallest_image(row, group, stages);
        auto& orbit = orbits[sort_key(smallest, stages)];
        orbit.first = smallest;
        ++orbit.second;
    }
    return orbits;
}

/// Rotations and reflections of a regular n-gon, acting alike on `copies` rings of n points.
inline PermutationGroup dihedral(std::size_t n, std::size_t copies = 1) {
    std::vector<std::uint16_t> generators;
    for (std::size_t c = 0; c < copies; ++c)
        for (std::size_t i = 0; i < n; ++i)
            generators.push_back(static_cast<std::uint16_t>(c * n + (i + 1) % n));
    for (std::size_t c = 0; c < copies; ++c)
        for (std::size_t i = 0; i < n; ++i)
            generators.push_back(static_cast<std::uint16_t>(c * n + (n - i) % n));
    return close_group(generators, n * copies, 2 * n);
}

}  // namespace matganip::testing
