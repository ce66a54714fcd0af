// Compiled without contraction into fused multiply-adds (cmake/vector_targets.cmake): lengths are then
// rounded as pymatgen rounds them, and lines at the edge of one of its bins of angle fall on the same side.
#include "elementary.hpp"

namespace matganip::MATGANIP_TARGET {
namespace {

void fill_squares(const double* index, const double* reciprocal, std::size_t running, double sign,
                  std::size_t half, double* out) {
    double counting[lanes];
    for (std::size_t i = 0; i < lanes; ++i) counting[i] = sign * static_cast<double>(i);
    Doubles along[3] = {all(index[0]), all(index[1]), all(index[2])};
    for (std::size_t m = 0; m < half; m += lanes) {
        along[running] = (index[running] + sign * static_cast<double>(m)) + load(counting);
        Doubles square{};
        for (std::size_t c = 0; c < 3; ++c) {
            const Doubles component =
                reciprocal[c] * along[0] + reciprocal[3 + c] * along[1] + reciprocal[6 + c] * along[2];
            square = c == 0 ? component * component : square + component * component;
        }
        store(square, out + m);
    }
}

void fill_bins(double* __restrict g, std::size_t n, double inner, double widened, double scale,
               std::uint32_t trash, std::uint32_t* __restrict bins) {
    const double low = inner * inner * inner;
    const auto last = static_cast<int>(trash) - 1;
    for (std::size_t i = 0; i < n; ++i) {
        const double length = square_root(g[i]), square = length * length;
        g[i] = length;
        const bool inside = (length >= inner) & (square < widened);
        const double volume = inside ? square * length - low : 0.0;
        const int bin = static_cast<int>(volume * scale);
        bins[i] = inside ? static_cast<std::uint32_t>(bin < last ? bin : last) : trash;
    }
}

}  // namespace

extern const SphereKernels sphere_kernels{fill_squares, fill_bins};

}  // namespace matganip::MATGANIP_TARGET
