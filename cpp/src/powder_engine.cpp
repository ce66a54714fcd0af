#include "matganip/powder_engine.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>
#include <tuple>

#include "matganip/atomic_scattering.hpp"
#include "matganip/targets.hpp"

namespace matganip {
namespace {

// Degrees: the width of a peak. Percent of the strongest peak: weaker ones are dropped. Both as in pymatgen.
constexpr double two_theta_tol = 1e-5, scaled_intensity_tol = 1e-3;
// Relative difference of |g| that is rounding.
constexpr double shell_tol = 1e-13;

/// March's distribution by the angle between reflections and an axis of the crystal.
class Orientation {
  public:
    Orientation(const PreferredOrientation& orientation, const Matrix& reciprocal) : r_(orientation.r) {
        std::array<double, 3> axis{};
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = 0; i < 3; ++i) axis[c] += orientation.hkl[i] * reciprocal[i][c];
        const double length = std::hypot(axis[0], axis[1], axis[2]);
        for (std::size_t i = 0; i < 3; ++i)
            along_[i] = std::inner_product(axis.begin(), axis.end(), reciprocal[i].begin(), 0.0) / length;
    }

    double weight(const LimitingSphere& sphere, const Line& line) const {
        const auto& hkl = sphere.hkl(line.reflection);
        const double cosine = (hkl[0] * along_[0] + hkl[1] * along_[1] + hkl[2] * along_[2]) / line.g;
        const double square = std::min(cosine * cosine, 1.0);
        return std::pow(r_ * r_ * square + (1 - square) / r_, -1.5);
    }

  private:
    double r_;
    std::array<double, 3> along_{};  // parts of the unit axis along the reciprocal vectors' own directions
};

}  // namespace

Matrix matrix_of(std::span<const double> matrices, std::size_t i) {
    Matrix matrix{};
    for (std::size_t r = 0; r < 3; ++r)
        for (std::size_t c = 0; c < 3; ++c) matrix[r][c] = matrices[9 * i + 3 * r + c];
    return matrix;
}

void PowderEngine::compute(std::size_t first, std::size_t last) {
    patterns_.n_peaks.clear();
    patterns_.n_reflections.clear();
    patterns_.n_listed.clear();
    for (auto* column : {&patterns_.two_theta, &patterns_.intensity, &patterns_.d_spacings}) column->clear();
    patterns_.n_members.clear();
    patterns_.hkl.clear();
    for (std::size_t structure = first; structure < last; ++structure) append(structure);
}

void PowderEngine::append(std::size_t structure) {
    atoms_.read(batch_, structure);
    peaks_.clear();
    std::size_t n_reflections = 0;
    for (std::size_t i = 0; i < spectrum_.size(); ++i) {
        find_peaks(structure, i);
        n_reflections += spheres_[i].lines().size();
    }
    patterns_.n_reflections.push_back(static_cast<std::int64_t>(n_reflections));
    group_peaks();
    write();
}

/// Shells: reflections of one |g|, and what depends on it alone.
void PowderEngine::find_shells(const std::vector<Line>& lines, const SpectralLine& spectral) {
    const double tolerance = 1 + (by_bins() ? 0.0 : shell_tol);
    shell_g_.clear();
    shell_begin_.clear();
    double length = -1.0;
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (lines[i].g > length * tolerance) {
            length = lines[i].g;
            shell_g_.push_back(length);
            shell_begin_.push_back(static_cast<std::uint32_t>(i));
        }
    const std::size_t n = shell_g_.size();
    shell_begin_.push_back(static_cast<std::uint32_t>(lines.size()));
    for (auto* column : {&s_squared_, &two_theta_, &lorentz_}) column->resize(n);
    for (std::size_t i = 0; i < n; ++i) s_squared_[i] = shell_g_[i] * shell_g_[i] / 4;
    angles(shell_g_.data(), n, spectral.wavelength, options_.polarization, two_theta_.data(),
           lorentz_.data());
    if (!by_bins()) return;
    // At the edge of a bin the last digit counts: that of libm, and of NumPy.
    for (std::size_t i = 0; i < n; ++i)
        two_theta_[i] =
            2 * std::asin(std::min(spectral.wavelength * shell_g_[i] / 2, 1.0)) * (180.0 / std::numbers::pi);
}

/// Form factors of each kind, from shells to reflections.
void PowderEngine::scatter(const std::vector<Line>& lines, const SpectralLine& spectral, std::size_t side) {
    const Scatterers& scatterers = spectral.scatterers;
    const auto spread = kernels().scattering.spread;
    const std::size_t n = shell_g_.size(), n_kinds = atoms_.kinds.size();
    const bool absorbs = std::any_of(atoms_.kinds.begin(), atoms_.kinds.end(), [&](const Kind& kind) {
        return scatterers.imaginary[static_cast<std::size_t>(kind.species)] != 0.0;
    });
    shell_of_.assign(2 * side, 0);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t r = shell_begin_[i]; r < shell_begin_[i + 1]; ++r)
            shell_of_[lines[r].reflection] = static_cast<std::int32_t>(i);
    shell_factors_.resize(n);
    factors_.resize(2 * side * n_kinds);
    imaginary_.resize(absorbs ? factors_.size() : 0);
    for (std::size_t k = 0; k < n_kinds; ++k) {
        const auto species = static_cast<std::size_t>(atoms_.kinds[k].species);
        const double damping = atoms_.kinds[k].isotropic + scatterers.debye_waller[species];
        form_factors(scatterers, species, damping, s_squared_.data(), n, shell_factors_.data());
        spread(shell_factors_.data(), shell_of_.data(), 2 * side, &factors_[2 * side * k]);
        if (!absorbs) continue;
        absorption(scatterers, species, damping, s_squared_.data(), n, shell_factors_.data());
        spread(shell_factors_.data(), shell_of_.data(), 2 * side, &imaginary_[2 * side * k]);
    }
}

void PowderEngine::find_peaks(std::size_t structure, std::size_t spectral) {
    const SpectralLine& line = spectrum_[spectral];
    const Matrix reciprocal = matrix_of(batch_.reciprocals, structure);
    LimitingSphere& sphere = spheres_[spectral];
    sphere.fill(matrix_of(batch_.lattices, structure), reciprocal, line.inner, line.outer);
    const std::vector<Line>& lines = sphere.by_length(by_bins() ? 0.0 : shell_tol);
    if (lines.empty()) return;
    find_shells(lines, line);
    scatter(lines, line, sphere.side());
    structure_factors_.read(atoms_, sphere);
    squared_.resize(2 * sphere.side());
    structure_factors_.square(atoms_, sphere, factors_.data(),
                              imaginary_.empty() ? nullptr : imaginary_.data(), squared_.data());
    if (options_.orientation.r != 1.0) {
        const Orientation orientation(options_.orientation, reciprocal);
        for (const Line& r : lines) squared_[r.reflection] *= orientation.weight(sphere, r);
    }
    for (std::size_t i = 0, opened = 0; i < shell_g_.size(); ++i) {
        double sum = 0.0;
        for (std::size_t r = shell_begin_[i]; r < shell_begin_[i + 1]; ++r)
            sum += squared_[lines[r].reflection];
        const double intensity = 2 * line.weight * lorentz_[i] * sum;
        if (i == 0 || !together(two_theta_[opened], two_theta_[i])) {
            opened = i;
            peaks_.push_back(
                {two_theta_[i], 0.0, shell_g_[i], static_cast<std::uint32_t>(spectral), shell_begin_[i], 0});
        }
        peaks_.back().intensity += intensity;
        peaks_.back().last = shell_begin_[i + 1];
    }
}

bool PowderEngine::together(double first, double two_theta) const {
    if (!by_bins()) return two_theta <= first + two_theta_tol;
    return std::nearbyint(two_theta / two_theta_tol) == std::nearbyint(first / two_theta_tol);
}

/// Peaks of several spectral lines, brought into one order; those that fall together are one group.
void PowderEngine::group_peaks() {
    if (spectrum_.size() > 1)
        std::sort(peaks_.begin(), peaks_.end(), [](const Peak& a, const Peak& b) {
            return std::tie(a.two_theta, a.spectral, a.first) < std::tie(b.two_theta, b.spectral, b.first);
        });
    groups_.clear();
    for (std::uint32_t i = 0; i < peaks_.size(); ++i) {
        if (i == 0 || !together(peaks_[groups_.back().begin].two_theta, peaks_[i].two_theta))
            groups_.push_back({i, i, 0.0});
        groups_.back().end = i + 1;
        groups_.back().intensity += peaks_[i].intensity;
    }
}

/// Appends the peaks that are strong enough.
void PowderEngine::write() {
    double largest = 0.0;
    for (const Group& group : groups_) largest = std::max(largest, group.intensity);
    const std::size_t before = patterns_.two_theta.size();
    std::erase_if(groups_, [&](const Group& group) {
        return !(group.intensity / largest * 100 > scaled_intensity_tol);
    });
    const std::size_t n = before + groups_.size();
    for (auto* column : {&patterns_.two_theta, &patterns_.intensity, &patterns_.d_spacings})
        column->resize(n);
    patterns_.n_members.resize(n);
    std::size_t n_members = 0;
    for (std::size_t p = before; p < n; ++p) {
        const Group& group = groups_[p - before];
        const Peak& first = peaks_[group.begin];
        patterns_.two_theta[p] = first.two_theta;
        patterns_.intensity[p] = options_.scaled ? group.intensity / largest * 100 : group.intensity;
        patterns_.d_spacings[p] = 1 / first.g;
        std::size_t members = 0;
        for (std::size_t i = group.begin; i < group.end; ++i) members += peaks_[i].last - peaks_[i].first;
        patterns_.n_members[p] = static_cast<std::int32_t>(members);
        n_members += members;
    }
    patterns_.n_peaks.push_back(static_cast<std::int64_t>(groups_.size()));
    patterns_.n_listed.push_back(static_cast<std::int64_t>(n_members));
    const std::size_t start = patterns_.hkl.size();
    // Four indices are copied, of which the last is overwritten by the next one, or cut off.
    patterns_.hkl.resize(start + 3 * n_members + 1);
    std::int16_t* to = patterns_.hkl.data() + start;
    for (const Group& group : groups_)
        for (std::size_t i = group.begin; i < group.end; ++i) {
            const LimitingSphere& sphere = spheres_[peaks_[i].spectral];
            for (std::size_t r = peaks_[i].first; r < peaks_[i].last; ++r, to += 3)
                std::memcpy(to, sphere.hkl(sphere.lines()[r].reflection).data(),
                            sizeof(LimitingSphere::Indices));
        }
    patterns_.hkl.pop_back();
}

}  // namespace matganip
