#include "elementary.hpp"
#include "vectors.hpp"

namespace matganip::MATGANIP_TARGET {
namespace {

/// A pivot smaller than this part of the largest diagonal element counts as none.
constexpr double least_pivot = 1e-12;

bool factor(double* m, std::size_t n, std::size_t stride, std::size_t width) {
    double largest = 0.0;
    for (std::size_t k = 0; k < n; ++k) largest = m[k * stride + k] > largest ? m[k * stride + k] : largest;
    for (std::size_t k = 0; k < n; ++k) {
        double* __restrict row = m + k * stride;
        if (!(row[k] > least_pivot * largest)) return false;
        const double scale = 1.0 / square_root(row[k]);
        for (std::size_t j = k; j < width; ++j) row[j] *= scale;
        for (std::size_t i = k + 1; i < n; ++i) {
            double* __restrict other = m + i * stride;
            const double by = row[i];
            for (std::size_t j = i; j < width; ++j) other[j] -= by * row[j];
        }
    }
    return true;
}

double solved_square(const double* u, std::size_t n, double* __restrict b) {
    double sum = 0.0;
    for (std::size_t k = 0; k < n; ++k) {
        const double* __restrict row = u + k * n;
        const double z = b[k] / row[k];
        sum += z * z;
        for (std::size_t j = k + 1; j < n; ++j) b[j] -= z * row[j];
    }
    return sum;
}

void add_scaled(double* __restrict to, const double* __restrict from, double by, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) to[i] += by * from[i];
}

}  // namespace

extern const ConvexKernels convex_kernels{factor, solved_square, add_scaled};

}  // namespace matganip::MATGANIP_TARGET
