#include "matganip/canonical_form.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "matganip/parallel.hpp"

namespace matganip {

std::vector<Stage> stages_of(const Composition& composition) {
    std::vector<Stage> stages;
    std::size_t first = 0;
    for (const auto& counts : composition.counts) {
        std::size_t last = first;
        for (const std::uint16_t count : counts) last += count;
        if (last > 65535) throw std::invalid_argument("more than 65535 sites");
        if (counts.size() > 255) throw std::invalid_argument("more than 255 species on a sublattice");
        for (std::size_t code = 0; code + 1 < counts.size(); ++code)
            if (counts[code] > 0)
                stages.push_back({static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last),
                                  static_cast<std::uint8_t>(code), counts[code]});
        first = last;
    }
    return stages;
}

namespace {

/// by_column[i * order + g]: the column whose code element g moves to column i.
std::vector<std::uint16_t> preimages_by_column(const PermutationGroup& group) {
    const std::size_t order = group.order();
    std::vector<std::uint16_t> by_column(group.images.size());
    for (std::size_t g = 0; g < order; ++g)
        for (std::size_t i = 0; i < group.degree; ++i)
            by_column[group.images[g * group.degree + i] * order + g] = static_cast<std::uint16_t>(i);
    return by_column;
}

/// Keeps of `candidates` those whose image has `code` at the column that `preimages` belongs to, if there are
/// any; returns how many are left.
std::size_t keep_smallest(std::vector<std::uint32_t>& candidates, std::vector<std::uint32_t>& kept,
                          std::size_t n, const std::uint16_t* preimages, const std::uint8_t* row,
                          std::uint8_t code) {
    std::size_t n_kept = 0;
    for (std::size_t c = 0; c < n; ++c) {
        kept[n_kept] = candidates[c];
        n_kept += static_cast<std::size_t>(row[preimages[candidates[c]]] == code);
    }
    if (n_kept == 0) return n;
    candidates.swap(kept);
    return n_kept;
}

}  // namespace

void canonical_form(const PermutationGroup& group, std::span<const Stage> stages,
                    std::span<const std::uint8_t> rows, std::span<std::uint8_t> representatives,
                    std::span<std::int64_t> multiplicities, int num_threads) {
    const std::size_t degree = group.degree;
    const std::size_t n_rows = multiplicities.size();
    if (rows.size() != n_rows * degree || representatives.size() != rows.size())
        throw std::invalid_argument(
            "canonical_form: rows, representatives and multiplicities disagree in shape");
    const std::size_t order = group.order();
    const std::vector<std::uint16_t> preimages = preimages_by_column(group);

    constexpr std::size_t block = 256;
    parallel_for((n_rows + block - 1) / block, num_threads, [&](std::size_t b) {
        std::vector<std::uint32_t> candidates(order + 1);
        std::vector<std::uint32_t> kept(order + 1);
        for (std::size_t r = b * block; r < std::min(n_rows, (b + 1) * block); ++r) {
            const std::uint8_t* row = rows.data() + r * degree;
            std::iota(candidates.begin(), candidates.end(), 0U);
            std::size_t n = order;
            for (const Stage& stage : stages)
                for (std::size_t i = stage.first; n > 1 && i < stage.last; ++i)
                    n = keep_smallest(candidates, kept, n, preimages.data() + i * order, row, stage.code);
            std::uint8_t* smallest = representatives.data() + r * degree;
            for (std::size_t i = 0; i < degree; ++i) smallest[i] = row[preimages[i * order + candidates[0]]];
            multiplicities[r] = static_cast<std::int64_t>(order / n);
        }
    });
}

}  // namespace matganip
