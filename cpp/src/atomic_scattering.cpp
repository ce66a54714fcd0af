#include "matganip/atomic_scattering.hpp"

#include <algorithm>

#include "matganip/targets.hpp"

namespace matganip {
namespace {

// 8 pi^2 times the Bohr radius in angstrom (Mott and Bethe).
constexpr double mott_bethe = 41.78214;

void finish(double constant, bool relation, const double* __restrict s_squared, std::size_t n,
            double* __restrict sum) {
    if (relation)
        for (std::size_t i = 0; i < n; ++i) sum[i] = constant - mott_bethe * s_squared[i] * sum[i];
    else
        for (std::size_t i = 0; i < n; ++i) sum[i] += constant;
}

}  // namespace

void form_factors(const Scatterers& scatterers, std::size_t species, double debye_waller,
                  const double* s_squared, std::size_t n, double* factors) {
    std::fill_n(factors, n, 0.0);
    for (std::size_t k = 0; k < scatterers.n_terms; ++k) {
        const double* term = &scatterers.coefficients[2 * (species * scatterers.n_terms + k)];
        if (term[0] != 0.0) kernels().scattering.add_gaussian(term[0], term[1], s_squared, n, factors);
    }
    finish(scatterers.constant[species], scatterers.mott_bethe, s_squared, n, factors);
    if (debye_waller != 0.0) kernels().scattering.damp(debye_waller, s_squared, n, factors);
}

void absorption(const Scatterers& scatterers, std::size_t species, double debye_waller,
                const double* s_squared, std::size_t n, double* factors) {
    std::fill_n(factors, n, scatterers.imaginary[species]);
    if (debye_waller != 0.0) kernels().scattering.damp(debye_waller, s_squared, n, factors);
}

void angles(const double* g, std::size_t n, double wavelength, double polarization, double* two_theta,
            double* lorentz) {
    kernels().scattering.angles(g, n, wavelength, polarization, two_theta, lorentz);
}

}  // namespace matganip
