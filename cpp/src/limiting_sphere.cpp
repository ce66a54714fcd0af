#include "matganip/limiting_sphere.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "matganip/targets.hpp"

namespace matganip {
namespace {

using Vector = std::array<double, 3>;

// Squared length by which the sphere is widened, as in pymatgen.
constexpr double sphere_tol = 1e-8;

double dot(const Vector& a, const Vector& b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

// A call of floor or ceil costs more than the row: the baseline of x86-64 has no instruction for either.
int rounded_up(double x) {
    const int down = static_cast<int>(x);
    return down + (static_cast<double>(down) < x ? 1 : 0);
}

int rounded_down(double x) {
    return -rounded_up(-x);
}

/// The rows within a radius; returns the sum of their halves.
std::size_t find_rows(const Matrix& reciprocal, const std::array<std::size_t, 3>& axes,
                      const std::array<int, 3>& bounds, double radius_squared,
                      std::vector<ReflectionRow>& rows) {
    const Vector a = reciprocal[axes[0]], b = reciprocal[axes[1]], step = reciprocal[axes[2]];
    const double inverse = 1 / dot(step, step);
    std::size_t total = 0;
    for (int h = 0; h <= bounds[0]; ++h)
        for (int k = h == 0 ? 0 : -bounds[1]; k <= bounds[1]; ++k) {
            const Vector origin{h * a[0] + k * b[0], h * a[1] + k * b[1], h * a[2] + k * b[2]};
            // |origin + l step|^2 = radius^2
            const double half = dot(origin, step) * inverse;
            const double discriminant = half * half - (dot(origin, origin) - radius_squared) * inverse;
            if (discriminant < 0) continue;
            const double reach = std::sqrt(discriminant);
            const int low = h == 0 && k == 0 ? 1 : std::max(rounded_up(-half - reach), -bounds[2]);
            const int high = std::min(rounded_down(-half + reach), bounds[2]);
            if (low > high) continue;
            const auto count = static_cast<std::uint32_t>(high - low + 2) / 2;
            std::array<int, 3> base{};
            base[axes[0]] = h;
            base[axes[1]] = k;
            rows.push_back({h, k, low, count, static_cast<std::uint32_t>(total), base});
            total += count;
        }
    return total;
}

/// |g|^2 of all reflections of the rows.
void fill_squares(const std::vector<ReflectionRow>& rows, const Matrix& reciprocal,
                  const std::array<std::size_t, 3>& axes, std::size_t side, double* g) {
    const auto fill = kernels().sphere.fill_squares;
    for (const ReflectionRow& row : rows) {
        double index[3];
        index[axes[0]] = row.h;
        index[axes[1]] = row.k;
        index[axes[2]] = row.first + static_cast<int>(row.half);
        fill(index, reciprocal[0].data(), axes[2], 1.0, row.half, g + row.start);
        index[axes[2]] -= 1.0;
        fill(index, reciprocal[0].data(), axes[2], -1.0, row.half, g + side + row.start);
    }
}

}  // namespace

double volume_of(const Matrix& lattice) {
    const auto& [a, b, c] = lattice;
    return std::abs(
        dot(a, {b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]}));
}

double reflections_expected(const Matrix& lattice, double outer) {
    return 2 * std::numbers::pi / 3 * std::pow(outer, 3) * volume_of(lattice);
}

void LimitingSphere::fill(const Matrix& lattice, const Matrix& reciprocal, double inner, double outer) {
    inner_ = inner;
    outer_ = outer;
    Vector length{};
    for (std::size_t axis = 0; axis < 3; ++axis) length[axis] = std::sqrt(dot(lattice[axis], lattice[axis]));
    axes = {0, 1, 2};
    std::stable_sort(axes.begin(), axes.end(), [&](auto a, auto b) { return length[a] < length[b]; });
    for (std::size_t i = 0; i < 3; ++i) {
        const double bound = std::floor(outer * length[axes[i]] + 1e-6);
        if (!(bound < std::numeric_limits<std::int16_t>::max()))
            throw std::invalid_argument("lattices: Miller indices over 32767 lie in the range");
        bounds[i] = static_cast<int>(bound);
    }
    if (!(1.1 * reflections_expected(lattice, outer) < (1 << 30)))
        throw std::invalid_argument("lattices: more than 2^30 reflections lie in the range");
    rows.clear();
    // With room for rounding; what is too long drops out by its length.
    const std::size_t total = find_rows(reciprocal, axes, bounds, outer * outer + 2 * sphere_tol, rows);
    side_ = padded(total) + line_doubles;
    g_.resize(2 * side_);
    fill_squares(rows, reciprocal, axes, side_, g_.data());
    longest = 0;
    for (const ReflectionRow& row : rows) longest = std::max(longest, row.half);
    fill_hkl();
    // Slack holds what rows wrote past their end.
    for (const std::size_t end : {side_, 2 * side_})
        std::fill(g_.begin() + (end - side_ + total), g_.begin() + end,
                  std::numeric_limits<double>::infinity());
}

void LimitingSphere::fill_hkl() {
    hkl_.resize(2 * side_);
    for (const ReflectionRow& row : rows)
        for (const bool upper : {true, false}) {
            std::array<int, 3> index = row.base;
            const int step = upper ? 1 : -1;
            index[axes[2]] = row.first + static_cast<int>(row.half) - (upper ? 0 : 1);
            Indices* out = hkl_.data() + (upper ? 0 : side_) + row.start;
            for (std::uint32_t m = 0; m < row.half; ++m, index[axes[2]] += step) {
                const int leading = index[0] != 0 ? index[0] : index[1] != 0 ? index[1] : index[2];
                const int sign = leading < 0 ? -1 : 1;
                for (std::size_t i = 0; i < 3; ++i) out[m][i] = static_cast<std::int16_t>(sign * index[i]);
            }
        }
}

// Dealt into as many bins as there are lines, then sorted by insertion: a line has not far to go.
const std::vector<Line>& LimitingSphere::by_length(double tolerance) {
    const std::size_t n = g_.size();
    const auto n_bins = static_cast<std::uint32_t>(std::max<std::size_t>(n, 1));
    const double widened = outer_ * outer_ + sphere_tol;
    bins_.resize(n);
    kernels().sphere.fill_bins(g_.data(), n, inner_, widened,
                               n_bins / (std::pow(widened, 1.5) - std::pow(inner_, 3)), n_bins, bins_.data());
    ends_.assign(n_bins + 2, 0);
    for (const std::uint32_t bin : bins_) ++ends_[bin + 1];
    for (std::size_t b = 1; b < ends_.size(); ++b) ends_[b] += ends_[b - 1];
    lines_.resize(n);
    const std::uint32_t inside = ends_[n_bins];
    for (std::uint32_t i = 0; i < n; ++i) lines_[ends_[bins_[i]]++] = {g_[i], i};
    lines_.resize(inside);
    for (std::size_t i = 1; i < lines_.size(); ++i) {
        const Line line = lines_[i];
        std::size_t j = i;
        for (const double least = line.g * (1 + tolerance); j > 0 && lines_[j - 1].g > least; --j)
            lines_[j] = lines_[j - 1];
        lines_[j] = line;
    }
    return lines_;
}

}  // namespace matganip
