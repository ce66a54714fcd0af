#include "matganip/limiting_sphere.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace matganip {
namespace {

using Vector = std::array<double, 3>;

// Squared length by which the sphere is widened, as in pymatgen.
constexpr double sphere_tol = 1e-8;

double dot(const Vector& a, const Vector& b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
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

LimitingSphere::LimitingSphere(const Matrix& lattice, const Matrix& reciprocal, double inner, double outer)
    : inner_(inner), outer_(outer) {
    Vector length{};
    for (std::size_t axis = 0; axis < 3; ++axis) length[axis] = std::sqrt(dot(lattice[axis], lattice[axis]));
    std::stable_sort(axes.begin(), axes.end(), [&](auto a, auto b) { return length[a] < length[b]; });
    for (std::size_t i = 0; i < 3; ++i) {
        const double bound = std::floor(outer_ * length[axes[i]] + 1e-6);
        if (!(bound < std::numeric_limits<std::int16_t>::max()))
            throw std::invalid_argument("lattices: Miller indices over 32767 lie in the range");
        bounds[i] = static_cast<int>(bound);
    }
    const double expected = 1.1 * reflections_expected(lattice, outer) + 100;
    if (!(expected < std::numeric_limits<std::int32_t>::max()))
        throw std::invalid_argument("lattices: more than 2^31 reflections lie in the range");
    g.reserve(static_cast<std::size_t>(expected));
    hkl.reserve(g.capacity());
    in_range.reserve(g.capacity());
    for (int h = 0; h <= bounds[0]; ++h)
        for (int k = h == 0 ? 0 : -bounds[1]; k <= bounds[1]; ++k) add_row(h, k, reciprocal);
}

void LimitingSphere::add_row(int h, int k, const Matrix& reciprocal) {
    Vector origin{};
    const Vector& step = reciprocal[axes[2]];
    for (std::size_t c = 0; c < 3; ++c) origin[c] = h * reciprocal[axes[0]][c] + k * reciprocal[axes[1]][c];
    // |origin + l step|^2 = radius^2, with room for rounding.
    const double radius_squared = outer_ * outer_ + 2 * sphere_tol;
    const double square = dot(step, step), half = dot(origin, step) / square;
    const double discriminant = half * half - (dot(origin, origin) - radius_squared) / square;
    if (discriminant < 0) return;
    const double reach = std::sqrt(discriminant);
    int low = std::max(static_cast<int>(std::ceil(-half - reach)), -bounds[2]);
    const int high = std::min(static_cast<int>(std::floor(-half + reach)), bounds[2]);
    if (h == 0 && k == 0) low = 1;
    if (low > high) return;
    rows.push_back({h, k, low, high - low + 1, g.size()});
    fill_row(rows.back(), reciprocal);
}

void LimitingSphere::fill_row(const ReflectionRow& row, const Matrix& reciprocal) {
    g.resize(row.start + row.count);
    hkl.resize(g.size());
    double* lengths = g.data() + row.start;
    auto* indices = hkl.data() + row.start;
    const Vector a = reciprocal[0], b = reciprocal[1], c = reciprocal[2];
    const std::size_t along = axes[2];
    std::array<int, 3> index{};
    index[axes[0]] = row.h;
    index[axes[1]] = row.k;
    for (int l = 0; l < row.count; ++l) {
        index[along] = row.first + l;
        const double x = index[0], y = index[1], z = index[2];
        const Vector vector{x * a[0] + y * b[0] + z * c[0], x * a[1] + y * b[1] + z * c[1],
                            x * a[2] + y * b[2] + z * c[2]};
        lengths[l] = std::sqrt(dot(vector, vector));
        const int leading = index[0] != 0 ? index[0] : index[1] != 0 ? index[1] : index[2];
        const int sign = leading < 0 ? -1 : 1;
        for (std::size_t i = 0; i < 3; ++i) indices[l][i] = static_cast<std::int16_t>(sign * index[i]);
    }
    const double widened = outer_ * outer_ + sphere_tol;
    for (int l = 0; l < row.count; ++l)
        if (lengths[l] >= inner_ && lengths[l] * lengths[l] < widened)
            in_range.push_back(static_cast<std::uint32_t>(row.start + l));
}

// Dealt into as many bins of |g|^2 first, then sorted within.
std::vector<std::uint32_t> LimitingSphere::by_length() const {
    if (in_range.empty()) return {};
    using Line = std::pair<double, std::uint32_t>;
    const std::size_t n = in_range.size();
    const double low = inner_ * inner_;
    const double scale = static_cast<double>(n) / (outer_ * outer_ + sphere_tol - low);
    const auto bin = [&](double length) {
        return std::min(n - 1, static_cast<std::size_t>(std::max(0.0, (length * length - low) * scale)));
    };
    std::vector<std::uint32_t> ends(n + 1, 0), order(n);
    std::vector<Line> lines(n);
    for (const std::uint32_t r : in_range) ++ends[bin(g[r]) + 1];
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    for (const std::uint32_t r : in_range) lines[ends[bin(g[r])]++] = {g[r], r};
    for (std::size_t b = 0, begin = 0; b < n; begin = ends[b++])
        if (ends[b] - begin > 1) std::sort(lines.begin() + begin, lines.begin() + ends[b]);
    std::transform(lines.begin(), lines.end(), order.begin(), [](const Line& line) { return line.second; });
    return order;
}

}  // namespace matganip
