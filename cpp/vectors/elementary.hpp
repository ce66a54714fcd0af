#pragma once

#if !defined(__GNUC__)
#include <cmath>
#endif

#include "vectors.hpp"

/// Functions in a form that compilers vectorize: a call into libm is made one number at a time.
namespace matganip::MATGANIP_TARGET {

#if defined(__GNUC__)
MATGANIP_INLINE double square_root(double x) {
    return __builtin_sqrt(x);
}
#else
MATGANIP_INLINE double square_root(double x) {
    return std::sqrt(x);
}
#endif

/// exp(x) to a few units in the last place, for x below 700; anything below -700 counts as -700.
MATGANIP_INLINE double fast_exp(double x) {
    constexpr double shift = 0x1.8p52;  // adding it leaves the nearest integer in the lowest bits
    const double clamped = x > -700.0 ? x : -700.0;
    const double shifted = clamped * 0x1.71547652b82fep+0 + shift;
    const double n = shifted - shift;
    const double r = (clamped - n * 0x1.62e42fefa0000p-1) - n * 0x1.cf79abc9e3b39p-40;
    double sum = 1.0 / 479001600.0;
    constexpr double coefficients[] = {
        1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0,
        1.0 / 120.0,      1.0 / 24.0,      1.0 / 6.0,      0.5,           1.0,          1.0};
    for (const double c : coefficients) sum = sum * r + c;
    std::uint64_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    double power;
    std::memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/// asin(x) of x in [0, 1], to 7e-16 of its value. Above 1/2 by asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2));
/// below, asin(x) / x as a polynomial in x^2: the Chebyshev fit of degree 12 on [0, 1/4], which errs by
/// 2e-17.
MATGANIP_INLINE double fast_asin(double x) {
    const bool upper = x > 0.5;
    const double square = upper ? 0.5 * (1.0 - x) : x * x;
    const double root =
        square_root(square);  // x itself where it is not upper: the square root of a square is exact
    double sum = 0x1.0528696a694a6p-5;
    constexpr double coefficients[] = {-0x1.0936d81a7fa7ap-6, 0x1.3fb56afe1f551p-6, 0x1.abe782937810cp-8,
                                       0x1.8eca859efd756p-7,  0x1.c6fa80ecbc528p-7, 0x1.1c6c3174d2c6cp-6,
                                       0x1.6e89eb5d53be8p-6,  0x1.f1c72cd28e80ep-6, 0x1.6db6db3f6ab67p-5,
                                       0x1.3333333376f72p-4,  0x1.55555555552e8p-3, 1.0};
    for (const double c : coefficients) sum = sum * square + c;
    const double angle = root * sum;
    return upper ? 0x1.921fb54442d18p+0 - 2 * angle : angle;
}

}  // namespace matganip::MATGANIP_TARGET
