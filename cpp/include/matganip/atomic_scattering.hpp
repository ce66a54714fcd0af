#pragma once

#include <cstddef>

#include "matganip/powder_diffraction.hpp"

namespace matganip {

/// Form factors of a species at n values of s^2, damped by exp(-B s^2), B given.
void form_factors(const Scatterers& scatterers, std::size_t species, double debye_waller,
                  const double* s_squared, std::size_t n, double* factors);

/// f'' of a species, damped likewise.
void absorption(const Scatterers& scatterers, std::size_t species, double debye_waller,
                const double* s_squared, std::size_t n, double* factors);

/// 2theta in degrees and the factor (1 + A cos^2 2theta) / (sin^2 theta cos theta) of n lengths |g|, with A
/// the `polarization`: 0 for neutrons, 1 for X-rays, cos^2 of the angle 2theta of a monochromator.
void angles(const double* g, std::size_t n, double wavelength, double polarization, double* two_theta,
            double* lorentz);

}  // namespace matganip
