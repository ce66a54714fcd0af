#include "elementary.hpp"

namespace matganip::MATGANIP_TARGET {
namespace {

void multiply(const double* __restrict a_re, const double* __restrict a_im, const double* __restrict b_re,
              const double* __restrict b_im, std::size_t n, double* __restrict re, double* __restrict im) {
    for (std::size_t j = 0; j < n; ++j) {
        re[j] = a_re[j] * b_re[j] - a_im[j] * b_im[j];
        im[j] = a_re[j] * b_im[j] + a_im[j] * b_re[j];
    }
}

void multiply_phases(const double* __restrict x_re, const double* __restrict x_im,
                     const double* __restrict y_re, const double* __restrict y_im, double y_sign,
                     const double* __restrict z_re, const double* __restrict z_im, double z_sign,
                     std::size_t n, double* __restrict re, double* __restrict im) {
    for (std::size_t j = 0; j < n; ++j) {
        const double a = x_re[j] * y_re[j] - y_sign * x_im[j] * y_im[j];
        const double b = x_im[j] * y_re[j] + y_sign * x_re[j] * y_im[j];
        re[j] = a * z_re[j] - z_sign * b * z_im[j];
        im[j] = b * z_re[j] + z_sign * a * z_im[j];
    }
}

/// A complex number for each lane.
struct Wave {
    Doubles re{}, im{};

    MATGANIP_INLINE void add(const Doubles& factor, const Wave& other) {
        re += factor * other.re;
        im += factor * other.im;
    }
    MATGANIP_INLINE Doubles squared() const { return re * re + im * im; }
};

/// The sums over atoms [begin, end) at the reflections from m on, on the upper and lower side of a row:
/// `n_vectors` vectors, so that no sum waits for the one before.
template <std::size_t n_vectors>
MATGANIP_INLINE void sum_atoms(const RowTables& row, std::size_t begin, std::size_t end, std::size_t m,
                               Wave* upper, Wave* lower) {
    Doubles rc[n_vectors]{}, is[n_vectors]{}, rs[n_vectors]{}, ic[n_vectors]{};
    for (std::size_t j = begin; j < end; ++j)
        for (std::size_t v = 0; v < n_vectors; ++v) {
            const std::size_t at = j * row.stride + m + v * lanes;
            Doubles c = load(row.cosine + at), s = load(row.sine + at);
            keep(c), keep(s);
            rc[v] += row.p_re[j] * c;
            is[v] += row.p_im[j] * s;
            rs[v] += row.p_re[j] * s;
            ic[v] += row.p_im[j] * c;
        }
    for (std::size_t v = 0; v < n_vectors; ++v) {
        upper[v] = {rc[v] - is[v], rs[v] + ic[v]};
        lower[v] = {rc[v] + is[v], ic[v] - rs[v]};
    }
}

/// The same where each atom is damped on its own at each reflection.
template <std::size_t n_vectors>
MATGANIP_INLINE void sum_damped_atoms(const RowTables& row, std::size_t begin, std::size_t end, std::size_t m,
                                      Wave* upper, Wave* lower) {
    for (std::size_t v = 0; v < n_vectors; ++v) {
        Wave above, below;
        for (std::size_t j = begin; j < end; ++j) {
            const std::size_t at = j * row.stride + m + v * lanes;
            const Doubles c = load(row.cosine + at), s = load(row.sine + at);
            const double re = row.p_re[j], im = row.p_im[j];
            above.add(load(row.upper + at), {re * c - im * s, re * s + im * c});
            below.add(load(row.lower + at), {re * c + im * s, im * c - re * s});
        }
        upper[v] = above;
        lower[v] = below;
    }
}

/// |F|^2 of `n_vectors` vectors of reflections of a row, from m on.
template <std::size_t n_vectors>
MATGANIP_INLINE void square(const RowTables& row, const Kind* kinds, std::size_t n_kinds, std::size_t m,
                            const double* factors, const double* imaginary, std::size_t side,
                            double* squared) {
    Wave upper[n_vectors], lower[n_vectors], upper_lost[n_vectors], lower_lost[n_vectors];
    for (std::size_t k = 0; k < n_kinds; ++k) {
        Wave above[n_vectors], below[n_vectors];
        if (row.upper == nullptr)
            sum_atoms<n_vectors>(row, kinds[k].begin, kinds[k].end, m, above, below);
        else
            sum_damped_atoms<n_vectors>(row, kinds[k].begin, kinds[k].end, m, above, below);
        for (std::size_t v = 0; v < n_vectors; ++v) {
            const std::size_t at = 2 * side * k + m + v * lanes;
            upper[v].add(load(factors + at), above[v]);
            lower[v].add(load(factors + at + side), below[v]);
            if (imaginary == nullptr) continue;
            upper_lost[v].add(load(imaginary + at), above[v]);
            lower_lost[v].add(load(imaginary + at + side), below[v]);
        }
    }
    for (std::size_t v = 0; v < n_vectors; ++v) {
        Doubles u = upper[v].squared(), l = lower[v].squared();
        if (imaginary != nullptr) {
            u += upper_lost[v].squared();
            l += lower_lost[v].squared();
        }
        store(u, squared + m + v * lanes);
        store(l, squared + side + m + v * lanes);
    }
}

void square_row(const RowTables& row, const Kind* kinds, std::size_t n_kinds, std::size_t half,
                const double* factors, const double* imaginary, std::size_t side, double* squared) {
    std::size_t m = 0;
    for (; m + lanes < half; m += 2 * lanes)
        square<2>(row, kinds, n_kinds, m, factors, imaginary, side, squared);
    if (m < half) square<1>(row, kinds, n_kinds, m, factors, imaginary, side, squared);
}

void fill_damping(double a, double b, double c, std::size_t n, double* __restrict out) {
    for (std::size_t m = 0; m < n; ++m) {
        const double l = static_cast<double>(m) + 0.5;
        out[m] = fast_exp(-(a + l * (b + l * c)));
    }
}

}  // namespace

extern const StructureFactorKernels structure_factor_kernels{multiply, multiply_phases, square_row,
                                                             fill_damping};

}  // namespace matganip::MATGANIP_TARGET
