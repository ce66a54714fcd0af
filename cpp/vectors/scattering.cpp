#include "elementary.hpp"

namespace matganip::MATGANIP_TARGET {
namespace {

void add_gaussian(double a, double b, const double* __restrict s_squared, std::size_t n,
                  double* __restrict sum) {
    for (std::size_t i = 0; i < n; ++i) sum[i] += a * fast_exp(-b * s_squared[i]);
}

void damp(double b, const double* __restrict s_squared, std::size_t n, double* __restrict factor) {
    for (std::size_t i = 0; i < n; ++i) factor[i] *= fast_exp(-b * s_squared[i]);
}

void angles(const double* __restrict g, std::size_t n, double wavelength, double polarization,
            double* __restrict two_theta, double* __restrict lorentz) {
    constexpr double degrees = 0x1.ca5dc1a63c1f8p+5;  // 180 / pi
    for (std::size_t i = 0; i < n; ++i) {
        const double half = wavelength * g[i] / 2, sine = half < 1.0 ? half : 1.0;
        two_theta[i] = 2 * fast_asin(sine) * degrees;
        // At 2 theta = 180 degrees the factor is infinite; NumPy's cosine of pi / 2 is this small number.
        const double root = square_root((1 - sine) * (1 + sine));
        const double cosine = root > 6.123233995736766e-17 ? root : 6.123233995736766e-17;
        const double cos_2theta = 1 - 2 * sine * sine;
        lorentz[i] = (1 + polarization * cos_2theta * cos_2theta) / (sine * sine * cosine);
    }
}

void spread(const double* __restrict from, const std::int32_t* __restrict index, std::size_t n,
            double* __restrict to) {
    for (std::size_t i = 0; i < n; ++i) to[i] = from[index[i]];
}

}  // namespace

extern const ScatteringKernels scattering_kernels{add_gaussian, damp, angles, spread};

}  // namespace matganip::MATGANIP_TARGET
