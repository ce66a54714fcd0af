#include "matganip/canonical_form.hpp"

#include <algorithm>
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

/// Whether the image i -> row[preimage[i]] is smaller than (-1), equal to (0) or larger than (1) `best`.
int compare_image(std::span<const Stage> stages, const std::uint8_t* row, const std::uint16_t* preimage,
                  const std::uint8_t* best) {
    for (const Stage& stage : stages)
        for (std::size_t i = stage.first; i < stage.last; ++i) {
            const bool in_image = row[preimage[i]] == stage.code;
            const bool in_best = best[i] == stage.code;
            if (in_image != in_best) return in_image ? -1 : 1;
        }
    return 0;
}

std::vector<std::uint16_t> inverses(const PermutationGroup& group) {
    std::vector<std::uint16_t> preimages(group.images.size());
    for (std::size_t g = 0; g < group.order(); ++g)
        for (std::size_t i = 0; i < group.degree; ++i)
            preimages[g * group.degree + group.images[g * group.degree + i]] = static_cast<std::uint16_t>(i);
    return preimages;
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
    const std::vector<std::uint16_t> preimages = inverses(group);

    constexpr std::size_t block = 64;
    parallel_for((n_rows + block - 1) / block, num_threads, [&](std::size_t b) {
        for (std::size_t r = b * block; r < std::min(n_rows, (b + 1) * block); ++r) {
            const std::uint8_t* row = rows.data() + r * degree;
            std::uint8_t* best = representatives.data() + r * degree;
            std::copy(row, row + degree, best);
            std::size_t stabilizer = 0;
            for (std::size_t g = 0; g < order; ++g) {
                const std::uint16_t* preimage = preimages.data() + g * degree;
                const int comparison = compare_image(stages, row, preimage, best);
                if (comparison < 0) {
                    for (std::size_t i = 0; i < degree; ++i) best[i] = row[preimage[i]];
                    stabilizer = 0;
                }
                if (comparison <= 0) ++stabilizer;
            }
            multiplicities[r] = static_cast<std::int64_t>(order / stabilizer);
        }
    });
}

}  // namespace matganip
