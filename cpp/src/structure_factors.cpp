#include "matganip/structure_factors.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <numeric>
#include <tuple>

#include "matganip/targets.hpp"

namespace matganip {
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
    const auto multiply = kernels().structure_factors.multiply;
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
        kernels().structure_factors.multiply(&whole.re[i], &whole.im[i], re.data(), im.data(), n, &re[i],
                                             &im[i]);
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
    kernels().structure_factors.multiply_phases(&x_.re[h], &x_.im[h], &y_.re[k], &y_.im[k],
                                                row.k < 0 ? -1.0 : 1.0, &z_.re[l], &z_.im[l],
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
        const auto fill_damping = kernels().structure_factors.fill_damping;
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
    const auto square_row = kernels().structure_factors.square_row;
    for (const ReflectionRow& row : sphere.rows) {
        start(row);
        if (damped) damp(atoms, sphere, row);
        square_row(tables, atoms.kinds.data(), atoms.kinds.size(), row.half, factors + row.start,
                   imaginary == nullptr ? nullptr : imaginary + row.start, sphere.side(),
                   squared + row.start);
    }
}

}  // namespace matganip
