#include "matganip/structure_factors.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numbers>
#include <numeric>
#include <tuple>

#include "matganip/vector_math.hpp"
#include "matganip/vectorize.hpp"

namespace matganip {
namespace {

/// to = a b, number by number.
MATGANIP_CLONES
void multiply(const double* __restrict a_re, const double* __restrict a_im, const double* __restrict b_re,
              const double* __restrict b_im, std::size_t n, double* __restrict re, double* __restrict im) {
    for (std::size_t j = 0; j < n; ++j) {
        re[j] = a_re[j] * b_re[j] - a_im[j] * b_im[j];
        im[j] = a_re[j] * b_im[j] + a_im[j] * b_re[j];
    }
}

/// out = x y z, atom by atom; the signs make conjugates of y and z.
MATGANIP_CLONES
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

/// A row, or the tables that all rows share.
struct RowTables {
    const double *p_re, *p_im;    // (n_atoms)
    const double *cosine, *sine;  // (n_atoms, stride)
    const double *upper, *lower;  // (n_atoms, stride) damping; null where there is none
    std::size_t stride;
};

inline void load(const double* from, Lanes& vector) {
    std::memcpy(&vector, from, sizeof vector);
}

inline void store(const Lanes& vector, double* to) {
    std::memcpy(to, &vector, sizeof vector);
}

/// A complex number for each lane.
struct Wave {
    Lanes re{}, im{};
};

/// The sums over atoms [begin, end) at the reflections m ... m + lanes - 1 of a row, on its upper and lower
/// side.
[[gnu::always_inline]] inline void sum_atoms(const RowTables& row, std::size_t begin, std::size_t end,
                                             std::size_t m, Wave& upper, Wave& lower) {
    Lanes rc{}, is{}, rs{}, ic{};
    for (std::size_t j = begin; j < end; ++j) {
        Lanes c, s;
        load(row.cosine + j * row.stride + m, c);
        load(row.sine + j * row.stride + m, s);
        rc += row.p_re[j] * c;
        is += row.p_im[j] * s;
        rs += row.p_re[j] * s;
        ic += row.p_im[j] * c;
    }
    upper = {rc - is, rs + ic};
    lower = {rc + is, ic - rs};
}

/// The same where each atom is damped on its own at each reflection.
[[gnu::always_inline]] inline void sum_damped_atoms(const RowTables& row, std::size_t begin, std::size_t end,
                                                    std::size_t m, Wave& upper, Wave& lower) {
    upper = lower = {};
    for (std::size_t j = begin; j < end; ++j) {
        const std::size_t at = j * row.stride + m;
        Lanes c, s;
        load(row.cosine + at, c);
        load(row.sine + at, s);
        Lanes u, l;
        load(row.upper + at, u);
        load(row.lower + at, l);
        const double re = row.p_re[j], im = row.p_im[j];
        upper.re += u * (re * c - im * s);
        upper.im += u * (re * s + im * c);
        lower.re += l * (re * c + im * s);
        lower.im += l * (im * c - re * s);
    }
}

/// |F|^2 of the reflections of a row. Whole vectors are written: what lies past the row is for later rows to
/// fill.
MATGANIP_CLONES
void square_row(const RowTables& row, std::span<const Kind> kinds, std::size_t half, const double* factors,
                const double* imaginary, std::size_t side, double* squared) {
    for (std::size_t m = 0; m < half; m += lanes) {
        Wave upper, lower, upper_lost, lower_lost;
        for (std::size_t s = 0; s < kinds.size(); ++s) {
            Wave above, below;
            if (row.upper == nullptr)
                sum_atoms(row, kinds[s].begin, kinds[s].end, m, above, below);
            else
                sum_damped_atoms(row, kinds[s].begin, kinds[s].end, m, above, below);
            const std::size_t at = 2 * side * s + m;
            Lanes u, l;
            load(factors + at, u);
            load(factors + at + side, l);
            upper.re += u * above.re, upper.im += u * above.im;
            lower.re += l * below.re, lower.im += l * below.im;
            if (imaginary == nullptr) continue;
            Lanes v, w;
            load(imaginary + at, v);
            load(imaginary + at + side, w);
            upper_lost.re += v * above.re, upper_lost.im += v * above.im;
            lower_lost.re += w * below.re, lower_lost.im += w * below.im;
        }
        Lanes u = upper.re * upper.re + upper.im * upper.im, l = lower.re * lower.re + lower.im * lower.im;
        if (imaginary != nullptr) {
            u += upper_lost.re * upper_lost.re + upper_lost.im * upper_lost.im;
            l += lower_lost.re * lower_lost.re + lower_lost.im * lower_lost.im;
        }
        store(u, squared + m);
        store(l, squared + side + m);
    }
}

/// exp(-(a + b (m + 1/2) + c (m + 1/2)^2)), m = 0, 1, 2 ...
MATGANIP_CLONES
void fill_damping(double a, double b, double c, std::size_t n, double* __restrict out) {
    for (std::size_t m = 0; m < n; ++m) {
        const double l = static_cast<double>(m) + 0.5;
        out[m] = fast_exp(-(a + l * (b + l * c)));
    }
}

}  // namespace

void Atoms::read(const PowderBatch& batch, std::size_t structure) {
    const auto begin = static_cast<std::size_t>(batch.offsets[structure]);
    const std::size_t n = static_cast<std::size_t>(batch.offsets[structure + 1]) - begin;
    const auto isotropic = [&](std::size_t i) { return batch.isotropic.empty() ? 0.0 : batch.isotropic[i]; };
    order_.resize(n);
    std::iota(order_.begin(), order_.end(), begin);
    std::sort(order_.begin(), order_.end(), [&](std::size_t i, std::size_t j) {
        return std::tuple(batch.species[i], isotropic(i), i) < std::tuple(batch.species[j], isotropic(j), j);
    });
    kinds.clear();
    occupancy.resize(n);
    for (auto& axis : x) axis.resize(n);
    for (std::size_t j = 0; j < n; ++j) {
        const std::size_t atom = order_[j];
        if (kinds.empty() || kinds.back().species != batch.species[atom] ||
            kinds.back().isotropic != isotropic(atom))
            kinds.push_back({batch.species[atom], isotropic(atom), j, j});
        kinds.back().end = j + 1;
        for (std::size_t axis = 0; axis < 3; ++axis) x[axis][j] = batch.coordinates[3 * atom + axis];
        occupancy[j] = batch.occupancy[atom];
    }
    exponents.clear();
    const auto none = [](double u) { return u == 0.0; };
    const auto own =
        batch.anisotropic.empty() ? batch.anisotropic : batch.anisotropic.subspan(6 * begin, 6 * n);
    if (std::all_of(own.begin(), own.end(), none)) return;
    exponents.resize(n);
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t c = 0; c < 6; ++c)
            exponents[j][c] = 2 * std::numbers::pi * std::numbers::pi * batch.anisotropic[6 * order_[j] + c];
}

void StructureFactors::Phases::fill(std::span<const double> x, std::size_t count) {
    const std::size_t n = x.size();
    re.resize(std::max<std::size_t>(count, 2) * n);
    im.resize(re.size());
    for (std::size_t j = 0; j < n; ++j) {
        const double angle = 2 * std::numbers::pi * (x[j] - std::nearbyint(x[j]));
        re[j] = 1.0;
        im[j] = 0.0;
        re[n + j] = std::cos(angle);
        im[n + j] = std::sin(angle);
    }
    // From the halves of i, so that rounding grows with its logarithm only.
    for (std::size_t i = 2; i < count; ++i) {
        const std::size_t a = i / 2 * n, b = (i - i / 2) * n;
        multiply(&re[a], &im[a], &re[b], &im[b], n, &re[i * n], &im[i * n]);
    }
}

void StructureFactors::Phases::fill_between(std::span<const double> x, const Phases& whole) {
    const std::size_t n = x.size();
    re.resize(whole.re.size());
    im.resize(whole.im.size());
    for (std::size_t j = 0; j < n; ++j) {
        // Reduced as the whole ones are: where a half-integer changes sign, so does its partner in a product.
        const double angle = std::numbers::pi * (x[j] - std::nearbyint(x[j]));
        re[j] = std::cos(angle);
        im[j] = std::sin(angle);
    }
    for (std::size_t i = n; i < re.size(); i += n)
        multiply(&whole.re[i], &whole.im[i], re.data(), im.data(), n, &re[i], &im[i]);
}

void StructureFactors::read(const Atoms& atoms, const LimitingSphere& sphere) {
    n_ = atoms.size();
    const auto [h, k, l] = sphere.axes;
    x_.fill(atoms.x[h], sphere.bounds[0] + 1);
    y_.fill(atoms.x[k], sphere.bounds[1] + 1);
    const std::size_t halves = std::max<std::size_t>(sphere.bounds[2], sphere.longest) + 2;
    whole_.fill(atoms.x[l], halves);
    z_.fill_between(atoms.x[l], whole_);
    for (std::size_t i = 0; i <= static_cast<std::size_t>(sphere.bounds[0]); ++i)
        for (std::size_t j = 0; j < n_; ++j) {
            x_.re[i * n_ + j] *= atoms.occupancy[j];
            x_.im[i * n_ + j] *= atoms.occupancy[j];
        }
    stride_ = padded(sphere.longest);
    cosine_.resize(n_ * stride_);
    sine_.resize(n_ * stride_);
    for (std::size_t j = 0; j < n_; ++j)
        for (std::size_t m = 0; m < stride_; ++m) {
            cosine_[j * stride_ + m] = m < halves ? z_.re[m * n_ + j] : 0.0;
            sine_[j * stride_ + m] = m < halves ? z_.im[m * n_ + j] : 0.0;
        }
    p_re_.resize(n_);
    p_im_.resize(n_);
    if (!atoms.exponents.empty()) damping_.resize(2 * n_ * stride_);
}

void StructureFactors::start(const ReflectionRow& row) {
    // The middle lies at q + 1/2; below zero it is the conjugate of -q - 1/2.
    const int q = row.first + static_cast<int>(row.half) - 1;
    const std::size_t h = n_ * row.h, k = n_ * std::abs(row.k), l = n_ * (q < 0 ? -q - 1 : q);
    multiply_phases(&x_.re[h], &x_.im[h], &y_.re[k], &y_.im[k], row.k < 0 ? -1.0 : 1.0, &z_.re[l], &z_.im[l],
                    q < 0 ? -1.0 : 1.0, n_, p_re_.data(), p_im_.data());
}

void StructureFactors::damp(const Atoms& atoms, const LimitingSphere& sphere, const ReflectionRow& row) {
    std::array<double, 3> middle{}, along{};
    middle[sphere.axes[0]] = row.h;
    middle[sphere.axes[1]] = row.k;
    middle[sphere.axes[2]] = row.first + static_cast<double>(row.half) - 0.5;
    along[sphere.axes[2]] = 1.0;
    for (std::size_t j = 0; j < n_; ++j) {
        const auto& u = atoms.exponents[j];
        const auto product = [&](const std::array<double, 3>& a, const std::array<double, 3>& b) {
            return a[0] * (u[0] * b[0] + u[5] * b[1] + u[4] * b[2]) +
                   a[1] * (u[5] * b[0] + u[1] * b[1] + u[3] * b[2]) +
                   a[2] * (u[4] * b[0] + u[3] * b[1] + u[2] * b[2]);
        };
        const double a = product(middle, middle), b = 2 * product(middle, along), c = product(along, along);
        fill_damping(a, b, c, padded(row.half), &damping_[j * stride_]);
        fill_damping(a, -b, c, padded(row.half), &damping_[(n_ + j) * stride_]);
    }
}

void StructureFactors::square(const Atoms& atoms, const LimitingSphere& sphere, const double* factors,
                              const double* imaginary, double* squared) {
    const bool damped = !atoms.exponents.empty();
    const RowTables tables{p_re_.data(),
                           p_im_.data(),
                           cosine_.data(),
                           sine_.data(),
                           damped ? damping_.data() : nullptr,
                           damped ? damping_.data() + n_ * stride_ : nullptr,
                           stride_};
    for (const ReflectionRow& row : sphere.rows) {
        start(row);
        if (damped) damp(atoms, sphere, row);
        square_row(tables, atoms.kinds, row.half, factors + row.start,
                   imaginary == nullptr ? nullptr : imaginary + row.start, sphere.side(),
                   squared + row.start);
    }
}

}  // namespace matganip
