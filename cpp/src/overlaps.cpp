#include "matganip/overlaps.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "matganip/parallel.hpp"

namespace matganip {
namespace {

// By how much occupancies may pass 1 by rounding.
constexpr double occupancy_tol = 1e-6;
// Structures that a thread takes at a time.
constexpr std::size_t structures_per_piece = 64;

struct Place {
    double along;  // fraction of the first axis, wrapped into [0, 1)
    std::int64_t atom;
};

class OverlapSearch {
  public:
    OverlapSearch(const PowderBatch& batch, double distance) : batch_(batch), distance_(distance) {}

    std::optional<Overlap> search(std::size_t structure) {
        const std::int64_t begin = batch_.offsets[structure], end = batch_.offsets[structure + 1];
        const double* reciprocal = &batch_.reciprocals[9 * structure];
        lattice_ = &batch_.lattices[9 * structure];
        // Atoms this close differ by no more than so much along each axis.
        for (std::size_t i = 0; i < 3; ++i)
            reach_[i] =
                distance_ * std::hypot(reciprocal[3 * i], reciprocal[3 * i + 1], reciprocal[3 * i + 2]);
        places_.clear();
        for (std::int64_t atom = begin; atom < end; ++atom) {
            const double x = batch_.coordinates[3 * atom];
            places_.push_back({x - std::floor(x), atom});
        }
        std::sort(places_.begin(), places_.end(),
                  [](const Place& a, const Place& b) { return a.along < b.along; });
        for (std::size_t i = 0; i < places_.size(); ++i)
            if (const std::int64_t other = crowded_by(i); other >= 0)
                return Overlap{static_cast<std::int64_t>(structure), std::min(places_[i].atom, other),
                               std::max(places_[i].atom, other)};
        return std::nullopt;
    }

  private:
    /// An atom that lies on atom i and takes the place beyond 1, or -1. A crowd is found from its first atom
    /// along the axis, across whose neighbours ahead it reaches.
    std::int64_t crowded_by(std::size_t i) const {
        const std::size_t n = places_.size();
        double total = batch_.occupancy[places_[i].atom];
        for (std::size_t step = 1; step < n; ++step) {
            const std::size_t j = (i + step) % n;
            const double ahead = places_[j].along - places_[i].along + (j < i ? 1.0 : 0.0);
            if (ahead > reach_[0]) break;
            if (!close(places_[i].atom, places_[j].atom)) continue;
            total += batch_.occupancy[places_[j].atom];
            if (total > 1 + occupancy_tol) return places_[j].atom;
        }
        return -1;
    }

    bool close(std::int64_t a, std::int64_t b) const {
        std::array<double, 3> difference{};
        for (std::size_t i = 3; i-- > 0;) {
            const double x = batch_.coordinates[3 * a + i] - batch_.coordinates[3 * b + i];
            difference[i] = x - std::nearbyint(x);
            if (std::abs(difference[i]) > reach_[i]) return false;
        }
        double square = 0.0;
        for (std::size_t c = 0; c < 3; ++c) {
            const double component = difference[0] * lattice_[c] + difference[1] * lattice_[3 + c] +
                                     difference[2] * lattice_[6 + c];
            square += component * component;
        }
        return square < distance_ * distance_;
    }

    const PowderBatch& batch_;
    double distance_;
    const double* lattice_ = nullptr;
    std::array<double, 3> reach_{};
    std::vector<Place> places_;
};

}  // namespace

std::optional<Overlap> find_overlap(const PowderBatch& batch, double distance, int num_threads) {
    const std::size_t n = batch.size();
    std::vector<std::optional<Overlap>> found((n + structures_per_piece - 1) / structures_per_piece);
    parallel_for(found.size(), num_threads, [&](std::size_t piece) {
        OverlapSearch search(batch, distance);
        const std::size_t last = std::min(n, (piece + 1) * structures_per_piece);
        for (std::size_t i = piece * structures_per_piece; i < last && !found[piece]; ++i)
            found[piece] = search.search(i);
    });
    const auto first =
        std::find_if(found.begin(), found.end(), [](const auto& overlap) { return overlap.has_value(); });
    return first == found.end() ? std::nullopt : *first;
}

}  // namespace matganip
