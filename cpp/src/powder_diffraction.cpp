#include "matganip/powder_diffraction.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "matganip/limiting_sphere.hpp"
#include "matganip/parallel.hpp"
#include "matganip/vectorize.hpp"

namespace matganip {
namespace {

// Doubles of the widest vector; tables are padded to it, so that loops have no remainder.
constexpr std::size_t width = 8;
// As many of them in registers: four accumulators that loops over arrays would spill to memory.
using Lanes [[gnu::vector_size(width * sizeof(double))]] = double;
// Degrees: the width of a peak. Percent of the strongest peak: weaker ones are dropped. Both as in pymatgen.
constexpr double two_theta_tol = 1e-5, scaled_intensity_tol = 1e-3;
// Relative difference of |g|^2 that is rounding: form factors are the same.
constexpr double shell_tol = 1e-13;
// 8 pi^2 times the Bohr radius in angstrom (Mott and Bethe).
constexpr double mott_bethe = 41.78214;
constexpr double degree = 180.0 / std::numbers::pi;

constexpr std::size_t padded(std::size_t n) {
    return (n + width - 1) / width * width;
}

Matrix matrix_of(std::span<const double> matrices, std::size_t i) {
    Matrix matrix{};
    for (std::size_t r = 0; r < 3; ++r)
        for (std::size_t c = 0; c < 3; ++c) matrix[r][c] = matrices[9 * i + 3 * r + c];
    return matrix;
}

/// Numbers exp(2 pi i n x) of every atom, n = 0 ... bound, as (bound + 1, n_atoms).
struct Phases {
    std::size_t n_atoms;
    std::vector<double> re, im;

    Phases(const std::vector<double>& x, int bound)
        : n_atoms(x.size()), re((bound + 1) * n_atoms, 1.0), im((bound + 1) * n_atoms, 0.0) {
        for (std::size_t j = 0; bound > 0 && j < n_atoms; ++j) {
            const double angle = 2 * std::numbers::pi * (x[j] - std::nearbyint(x[j]));
            re[n_atoms + j] = std::cos(angle);
            im[n_atoms + j] = std::sin(angle);
        }
        // From the halves of n, so that rounding grows with its logarithm only.
        for (std::size_t n = 2; n <= static_cast<std::size_t>(bound); ++n) multiply(n, n / 2, n - n / 2);
    }

    void scale(const std::vector<double>& factor) {
        for (std::size_t i = 0; i < re.size(); ++i) {
            re[i] *= factor[i % n_atoms];
            im[i] *= factor[i % n_atoms];
        }
    }

  private:
    void multiply(std::size_t to, std::size_t a, std::size_t b) {
        a *= n_atoms, b *= n_atoms, to *= n_atoms;
        for (std::size_t j = 0; j < n_atoms; ++j) {
            re[to + j] = re[a + j] * re[b + j] - im[a + j] * im[b + j];
            im[to + j] = re[a + j] * im[b + j] + im[a + j] * re[b + j];
        }
    }
};

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

/// The sums over atoms of p exp(+- 2 pi i m z), m = 0 ... n_m - 1: four real products serve both signs of m.
MATGANIP_CLONES
void sum_row(const double* __restrict p_re, const double* __restrict p_im, std::size_t n_atoms,
             const double* __restrict cosine, const double* __restrict sine, std::size_t stride,
             std::size_t n_m, double* __restrict plus_re, double* __restrict plus_im,
             double* __restrict minus_re, double* __restrict minus_im) {
    for (std::size_t m = 0; m < n_m; m += width) {
        Lanes rc{}, is{}, rs{}, ic{}, c, s;
        for (std::size_t j = 0; j < n_atoms; ++j) {
            std::memcpy(&c, cosine + j * stride + m, sizeof c);
            std::memcpy(&s, sine + j * stride + m, sizeof s);
            rc += p_re[j] * c;
            is += p_im[j] * s;
            rs += p_re[j] * s;
            ic += p_im[j] * c;
        }
        const Lanes sums[] = {rc - is, rs + ic, rc + is, ic - rs};
        std::memcpy(plus_re + m, &sums[0], sizeof(Lanes));
        std::memcpy(plus_im + m, &sums[1], sizeof(Lanes));
        std::memcpy(minus_re + m, &sums[2], sizeof(Lanes));
        std::memcpy(minus_im + m, &sums[3], sizeof(Lanes));
    }
}

/// exp(x) for x <= 0 to a few units in the last place, in a form that compilers vectorize.
inline double exp_of_negative(double x) {
    constexpr double shift = 0x1.8p52;  // adding it leaves the nearest integer in the lowest bits
    const double clamped = std::max(x, -700.0);
    const double shifted = clamped * std::numbers::log2e + shift;
    const double n = shifted - shift;
    const double r = (clamped - n * 0x1.62e42fefa0000p-1) - n * 0x1.cf79abc9e3b39p-40;
    double sum = 1.0 / 479001600.0;
    for (const double c : {1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0,
                           1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0})
        sum = sum * r + c;
    return sum * std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) + 1023) << 52);
}

/// Form factors of one species at the shells, damped by its Debye-Waller factor.
MATGANIP_CLONES
void form_factors(const double* __restrict s_squared, std::size_t n, double electrons,
                  const double* coefficients, std::size_t n_terms, double debye_waller,
                  double* __restrict factor) {
    for (std::size_t i = 0; i < n; ++i) factor[i] = 0.0;
    for (std::size_t k = 0; k < n_terms; ++k) {
        const double a = coefficients[2 * k], b = coefficients[2 * k + 1];
        for (std::size_t i = 0; i < n; ++i) factor[i] += a * exp_of_negative(-b * s_squared[i]);
    }
    for (std::size_t i = 0; i < n; ++i) factor[i] = electrons - mott_bethe * s_squared[i] * factor[i];
    if (debye_waller == 0.0) return;
    for (std::size_t i = 0; i < n; ++i) factor[i] *= exp_of_negative(-debye_waller * s_squared[i]);
}

/// Atoms of one structure, those of one species together.
struct Atoms {
    std::vector<double> x[3];
    std::vector<double> occupancy;
    std::vector<std::int32_t> species;     // the distinct ones
    std::vector<std::size_t> first_atoms;  // of each of them, and the number of atoms

    Atoms(const PowderBatch& batch, std::size_t structure) {
        const auto begin = static_cast<std::size_t>(batch.offsets[structure]);
        std::vector<std::size_t> order(static_cast<std::size_t>(batch.offsets[structure + 1]) - begin);
        std::iota(order.begin(), order.end(), begin);
        std::stable_sort(order.begin(), order.end(),
                         [&](auto i, auto j) { return batch.species[i] < batch.species[j]; });
        for (const std::size_t atom : order) {
            if (species.empty() || species.back() != batch.species[atom]) {
                species.push_back(batch.species[atom]);
                first_atoms.push_back(occupancy.size());
            }
            for (std::size_t axis = 0; axis < 3; ++axis)
                x[axis].push_back(batch.coordinates[3 * atom + axis]);
            occupancy.push_back(batch.occupancy[atom]);
        }
        first_atoms.push_back(occupancy.size());
    }
};

double sine_of(double g, double wavelength) {
    return std::min(wavelength * g / 2, 1.0);
}

double two_theta_of(double g, double wavelength) {
    return 2 * std::asin(sine_of(g, wavelength)) * degree;
}

double lorentz_polarization(double g, double wavelength) {
    const double sine = sine_of(g, wavelength);
    const double cos_2theta = 1 - 2 * sine * sine;
    // At 2 theta = 180 degrees the factor is infinite; NumPy's cosine of pi / 2 is this small number.
    const double cosine = std::max(std::sqrt((1 - sine) * (1 + sine)), 6.123233995736766e-17);
    return (1 + cos_2theta * cos_2theta) / (sine * sine * cosine);
}

/// Reflections of one |g|: what depends on it alone.
struct Shells {
    std::vector<std::uint32_t> of;  // of each reflection of the sphere; 0 for those outside the range
    std::vector<double> s_squared, polarization;

    Shells(const LimitingSphere& sphere, const std::vector<std::uint32_t>& order, double wavelength)
        : of(sphere.g.size(), 0) {
        s_squared.reserve(order.size());
        polarization.reserve(order.size());
        double length = -1.0;
        for (const std::uint32_t r : order) {
            if (const double g = sphere.g[r]; g > length * (1 + shell_tol)) {
                length = g;
                s_squared.push_back(g * g / 4);
                polarization.push_back(lorentz_polarization(g, wavelength));
            }
            of[r] = static_cast<std::uint32_t>(s_squared.size() - 1);
        }
    }
};

/// Adds up F over rows of reflections. Rows are walked from their middle to both sides.
class RowSums {
  public:
    RowSums(const Atoms& atoms, const LimitingSphere& sphere);

    /// Sums of one species over a row; `f` is its form factor by shell, `shell` that of each reflection.
    void add(const ReflectionRow& row, std::size_t species, const double* f, const std::uint32_t* shell);
    void start(const ReflectionRow& row);
    double squared(std::size_t l) const { return re_[l] * re_[l] + im_[l] * im_[l]; }

  private:
    const Atoms& atoms_;
    Phases x_, y_, z_;
    std::size_t n_, stride_;
    std::vector<double> cosine_, sine_;  // (n_atoms, stride) of 2 pi m z
    std::vector<double> p_re_, p_im_, plus_re_, plus_im_, minus_re_, minus_im_, re_, im_;
};

RowSums::RowSums(const Atoms& atoms, const LimitingSphere& sphere)
    : atoms_(atoms),
      x_(atoms.x[sphere.axes[0]], sphere.bounds[0]),
      y_(atoms.x[sphere.axes[1]], sphere.bounds[1]),
      z_(atoms.x[sphere.axes[2]], sphere.bounds[2]),
      n_(atoms.occupancy.size()) {
    x_.scale(atoms.occupancy);
    int longest = 0;
    for (const ReflectionRow& row : sphere.rows) longest = std::max(longest, row.count);
    const auto n_m = static_cast<std::size_t>(longest / 2) + 1;
    stride_ = padded(n_m);
    cosine_.resize(n_ * stride_);
    sine_.resize(n_ * stride_);
    for (std::size_t j = 0; j < n_; ++j)
        for (std::size_t m = 0; m < std::min<std::size_t>(n_m, sphere.bounds[2] + 1); ++m) {
            cosine_[j * stride_ + m] = z_.re[m * n_ + j];
            sine_[j * stride_ + m] = z_.im[m * n_ + j];
        }
    for (auto* values : {&p_re_, &p_im_}) values->resize(n_);
    for (auto* values : {&plus_re_, &plus_im_, &minus_re_, &minus_im_}) values->resize(stride_);
    for (auto* values : {&re_, &im_}) values->resize(longest);
}

void RowSums::start(const ReflectionRow& row) {
    const int middle = row.first + row.count / 2;
    const std::size_t h = n_ * row.h, k = n_ * std::abs(row.k), l = n_ * std::abs(middle);
    multiply_phases(&x_.re[h], &x_.im[h], &y_.re[k], &y_.im[k], row.k < 0 ? -1.0 : 1.0, &z_.re[l], &z_.im[l],
                    middle < 0 ? -1.0 : 1.0, n_, p_re_.data(), p_im_.data());
    std::fill_n(re_.begin(), row.count, 0.0);
    std::fill_n(im_.begin(), row.count, 0.0);
}

void RowSums::add(const ReflectionRow& row, std::size_t species, const double* f,
                  const std::uint32_t* shell) {
    const std::size_t below = row.count / 2, above = row.count - below;
    const std::size_t first = atoms_.first_atoms[species];
    sum_row(&p_re_[first], &p_im_[first], atoms_.first_atoms[species + 1] - first, &cosine_[first * stride_],
            &sine_[first * stride_], stride_, padded(below + 1), plus_re_.data(), plus_im_.data(),
            minus_re_.data(), minus_im_.data());
    for (std::size_t m = 0; m < above; ++m) {
        re_[below + m] += f[shell[below + m]] * plus_re_[m];
        im_[below + m] += f[shell[below + m]] * plus_im_[m];
    }
    for (std::size_t m = 1; m <= below; ++m) {
        re_[below - m] += f[shell[below - m]] * minus_re_[m];
        im_[below - m] += f[shell[below - m]] * minus_im_[m];
    }
}

/// Unscaled intensities of the reflections of the sphere, both of a Friedel pair.
std::vector<double> intensities(const Atoms& atoms, const LimitingSphere& sphere,
                                const Scatterers& scatterers, const Shells& shells) {
    const std::size_t n_shells = shells.s_squared.size(), n_species = atoms.species.size();
    std::vector<double> factors(n_species * n_shells);
    for (std::size_t s = 0; s < n_species; ++s) {
        const auto species = static_cast<std::size_t>(atoms.species[s]);
        form_factors(shells.s_squared.data(), n_shells, scatterers.electrons[species],
                     scatterers.coefficients.data() + 2 * species * scatterers.n_terms, scatterers.n_terms,
                     scatterers.debye_waller[species], &factors[s * n_shells]);
    }
    std::vector<double> lines(sphere.g.size());
    RowSums sums(atoms, sphere);
    for (const ReflectionRow& row : sphere.rows) {
        const std::uint32_t* shell = &shells.of[row.start];
        sums.start(row);
        for (std::size_t s = 0; s < n_species; ++s) sums.add(row, s, &factors[s * n_shells], shell);
        for (std::size_t l = 0; l < static_cast<std::size_t>(row.count); ++l)
            lines[row.start + l] = 2 * sums.squared(l) * shells.polarization[shell[l]];
    }
    return lines;
}

/// Decides, line after line by rising |g|, whether a line opens a new peak.
class PeakOpener {
  public:
    PeakOpener(const PowderOptions& options, double g)
        : options_(options), first_(g), bin_(options.merge == Merge::bins ? bin_of(g) : 0.0) {}

    bool opens(double g) {
        const bool opened = options_.merge == Merge::bins ? leaves_bin(g) : is_far(g);
        if (opened) first_ = g;
        return opened;
    }

  private:
    double bin_of(double g) const {
        return std::nearbyint(two_theta_of(g, options_.wavelength) / two_theta_tol);
    }

    bool leaves_bin(double g) {
        const double bin = g == first_ ? bin_ : bin_of(g);
        return std::exchange(bin_, bin) != bin;
    }

    bool is_far(double g) const {
        // The arc sine rises at least as fast as its argument, and not much faster but near its end: most
        // lines need none.
        if ((g - first_) * options_.wavelength * degree > 1.001 * two_theta_tol) return true;
        if (g <= first_ * (1 + shell_tol) && options_.wavelength * g / 2 < 0.999999) return false;
        return two_theta_of(g, options_.wavelength) >
               two_theta_of(first_, options_.wavelength) + two_theta_tol;
    }

    const PowderOptions& options_;
    double first_, bin_;
};

PowderPattern pattern_of(const PowderBatch& batch, const Scatterers& scatterers, const PowderOptions& options,
                         std::size_t structure) {
    const LimitingSphere sphere(matrix_of(batch.lattices, structure), matrix_of(batch.reciprocals, structure),
                                options.inner, options.outer);
    PowderPattern pattern;
    pattern.n_reflections = sphere.in_range.size();
    if (sphere.in_range.empty()) return pattern;
    const std::vector<std::uint32_t> order = sphere.by_length();
    const Atoms atoms(batch, structure);
    const Shells shells(sphere, order, options.wavelength);
    const std::vector<double> lines = intensities(atoms, sphere, scatterers, shells);

    std::vector<std::size_t> first{0};
    first.reserve(order.size() + 1);
    PeakOpener opener(options, sphere.g[order[0]]);
    for (std::size_t i = 1; i < order.size(); ++i)
        if (opener.opens(sphere.g[order[i]])) first.push_back(i);
    first.push_back(order.size());

    std::vector<double> peaks(first.size() - 1, 0.0);
    for (std::size_t p = 0; p < peaks.size(); ++p)
        for (std::size_t i = first[p]; i < first[p + 1]; ++i) peaks[p] += lines[order[i]];
    const double largest = *std::max_element(peaks.begin(), peaks.end());
    for (auto* column : {&pattern.two_theta, &pattern.intensity, &pattern.d_spacings})
        column->reserve(peaks.size());
    pattern.n_members.reserve(peaks.size());
    pattern.hkl.resize(3 * order.size());
    auto end = pattern.hkl.begin();
    for (std::size_t p = 0; p < peaks.size(); ++p) {
        if (!(peaks[p] / largest * 100 > scaled_intensity_tol)) continue;
        const double g = sphere.g[order[first[p]]];
        pattern.two_theta.push_back(two_theta_of(g, options.wavelength));
        pattern.intensity.push_back(options.scaled ? peaks[p] / largest * 100 : peaks[p]);
        pattern.d_spacings.push_back(1 / g);
        pattern.n_members.push_back(static_cast<std::int64_t>(first[p + 1] - first[p]));
        for (std::size_t i = first[p]; i < first[p + 1]; ++i)
            end = std::copy_n(sphere.hkl[order[i]].begin(), 3, end);
    }
    pattern.hkl.erase(end, pattern.hkl.end());
    return pattern;
}

void require(bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
}

void check(const PowderBatch& batch, const Scatterers& scatterers, const PowderOptions& options) {
    const std::size_t n = batch.size(), n_atoms = batch.species.size(),
                      n_species = scatterers.electrons.size();
    const auto& offsets = batch.offsets;
    require(!offsets.empty() && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
                static_cast<std::size_t>(offsets.back()) == n_atoms,
            "offsets: must rise from 0 to the number of atoms");
    require(batch.lattices.size() == 9 * n && batch.reciprocals.size() == 9 * n,
            "lattices, reciprocals: not (n, 3, 3)");
    require(batch.coordinates.size() == 3 * n_atoms, "coordinates: not (n_atoms, 3)");
    require(batch.occupancy.size() == n_atoms, "occupancy: not one for each atom");
    require(scatterers.coefficients.size() == 2 * n_species * scatterers.n_terms,
            "coefficients: not (n_species, n_terms, 2)");
    require(scatterers.debye_waller.size() == n_species, "debye_waller: not one for each species");
    require(std::all_of(batch.species.begin(), batch.species.end(),
                        [&](auto s) { return s >= 0 && static_cast<std::size_t>(s) < n_species; }),
            "species: an index out of range");
    require(options.wavelength > 0 && options.inner >= 0 && options.inner < options.outer &&
                std::isfinite(options.outer),
            "range: needs a positive wavelength and two rising radii");
}

}  // namespace

double powder_work(const PowderBatch& batch, const PowderOptions& options, std::size_t structure) {
    return reflections_expected(matrix_of(batch.lattices, structure), options.outer) *
           static_cast<double>(batch.offsets[structure + 1] - batch.offsets[structure] + 64);
}

std::vector<PowderPattern> powder_patterns(const PowderBatch& batch, const Scatterers& scatterers,
                                           const PowderOptions& options, std::size_t first, std::size_t last,
                                           int num_threads) {
    check(batch, scatterers, options);
    require(first <= last && last <= batch.size(), "structures: out of range");
    std::vector<PowderPattern> patterns(last - first);
    parallel_for(last - first, num_threads,
                 [&](std::size_t i) { patterns[i] = pattern_of(batch, scatterers, options, first + i); });
    return patterns;
}

}  // namespace matganip
