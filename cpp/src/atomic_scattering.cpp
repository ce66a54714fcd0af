#include "matganip/atomic_scattering.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "matganip/vector_math.hpp"
#include "matganip/vectorize.hpp"

namespace matganip {
namespace {

// 8 pi^2 times the Bohr radius in angstrom (Mott and Bethe).
constexpr double mott_bethe = 41.78214;

MATGANIP_CLONES
void add_gaussian(double a, double b, const double* __restrict s_squared, std::size_t n,
                  double* __restrict sum) {
    for (std::size_t i = 0; i < n; ++i) sum[i] += a * fast_exp(-b * s_squared[i]);
}

MATGANIP_CLONES
void finish(double constant, bool relation, const double* __restrict s_squared, std::size_t n,
            double* __restrict sum) {
    if (relation)
        for (std::size_t i = 0; i < n; ++i) sum[i] = constant - mott_bethe * s_squared[i] * sum[i];
    else
        for (std::size_t i = 0; i < n; ++i) sum[i] += constant;
}

MATGANIP_CLONES
void damp(double b, const double* __restrict s_squared, std::size_t n, double* __restrict factor) {
    for (std::size_t i = 0; i < n; ++i) factor[i] *= fast_exp(-b * s_squared[i]);
}

}  // namespace

void form_factors(const Scatterers& scatterers, std::size_t species, double debye_waller,
                  const double* s_squared, std::size_t n, double* factors) {
    std::fill_n(factors, n, 0.0);
    for (std::size_t k = 0; k < scatterers.n_terms; ++k) {
        const double* term = &scatterers.coefficients[2 * (species * scatterers.n_terms + k)];
        if (term[0] != 0.0) add_gaussian(term[0], term[1], s_squared, n, factors);
    }
    finish(scatterers.constant[species], scatterers.mott_bethe, s_squared, n, factors);
    if (debye_waller != 0.0) damp(debye_waller, s_squared, n, factors);
}

void absorption(const Scatterers& scatterers, std::size_t species, double debye_waller,
                const double* s_squared, std::size_t n, double* factors) {
    std::fill_n(factors, n, scatterers.imaginary[species]);
    if (debye_waller != 0.0) damp(debye_waller, s_squared, n, factors);
}

MATGANIP_CLONES
void angles(const double* __restrict g, std::size_t n, double wavelength, bool polarized,
            double* __restrict two_theta, double* __restrict lorentz) {
    const double part = polarized ? 1.0 : 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        const double sine = std::min(wavelength * g[i] / 2, 1.0);
        two_theta[i] = 2 * fast_asin(sine) * (180.0 / std::numbers::pi);
        // At 2 theta = 180 degrees the factor is infinite; NumPy's cosine of pi / 2 is this small number.
        const double cosine = std::max(std::sqrt((1 - sine) * (1 + sine)), 6.123233995736766e-17);
        const double cos_2theta = 1 - 2 * sine * sine;
        lorentz[i] = (1 + part * cos_2theta * cos_2theta) / (sine * sine * cosine);
    }
}

}  // namespace matganip
