#include "matganip/powder_diffraction.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <stdexcept>
#include <tuple>

#include "matganip/atomic_scattering.hpp"
#include "matganip/limiting_sphere.hpp"
#include "matganip/parallel.hpp"
#include "matganip/structure_factors.hpp"
#include "matganip/vectorize.hpp"

namespace matganip {
namespace {

// Degrees: the width of a peak. Percent of the strongest peak: weaker ones are dropped. Both as in pymatgen.
constexpr double two_theta_tol = 1e-5, scaled_intensity_tol = 1e-3;
// Relative difference of |g| that is rounding.
constexpr double shell_tol = 1e-13;
// Structures that a thread takes at a time, and such pieces for each thread between two looks at the caller.
constexpr std::size_t structures_per_piece = 16, pieces_per_thread = 4;
// Multiplications, roughly, that a piece should not pass: a fraction of a second.
constexpr double work_per_piece = 1e8;

Matrix matrix_of(std::span<const double> matrices, std::size_t i) {
    Matrix matrix{};
    for (std::size_t r = 0; r < 3; ++r)
        for (std::size_t c = 0; c < 3; ++c) matrix[r][c] = matrices[9 * i + 3 * r + c];
    return matrix;
}

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
        std::array<std::int16_t, 3> hkl{};
        sphere.write_hkl(line.reflection, hkl.data());
        const double cosine = (hkl[0] * along_[0] + hkl[1] * along_[1] + hkl[2] * along_[2]) / line.g;
        const double square = std::min(cosine * cosine, 1.0);
        return std::pow(r_ * r_ * square + (1 - square) / r_, -1.5);
    }

  private:
    double r_;
    std::array<double, 3> along_{};  // parts of the unit axis along the reciprocal vectors' own directions
};

/// to[i] = from[index[i]]
MATGANIP_CLONES
void spread(const double* __restrict from, const std::int32_t* __restrict index, std::size_t n,
            double* __restrict to) {
    for (std::size_t i = 0; i < n; ++i) to[i] = from[index[i]];
}

/// Reflections [first, last) of the sorted lines of a spectral line, merged.
struct Peak {
    double two_theta, intensity, g;
    std::uint32_t spectral, first, last;
};

/// Peaks [begin, end) of several spectral lines that are one.
struct Group {
    std::uint32_t begin, end;
    double intensity;
};

}  // namespace

/// Memory of a thread, and the patterns of one structure after the other.
class PowderRun::Engine {
  public:
    explicit Engine(const PowderRun& run)
        : batch_(run.batch_),
          spectrum_(run.spectrum_),
          options_(run.options_),
          spheres_(run.spectrum_.size()) {}

    /// Computes the patterns of structures [first, last).
    void compute(std::size_t first, std::size_t last);
    const PowderPatterns& patterns() const { return patterns_; }

  private:
    bool by_bins() const { return options_.merge == Merge::bins; }
    void find_peaks(std::size_t structure, std::size_t spectral);
    void find_shells(const std::vector<Line>& lines, const SpectralLine& spectral);
    void scatter(const std::vector<Line>& lines, const SpectralLine& spectral, std::size_t side);
    bool together(double first, double two_theta) const;
    void group_peaks();
    void append(std::size_t structure);
    void write();

    const PowderBatch& batch_;
    std::span<const SpectralLine> spectrum_;
    const PowderOptions& options_;
    std::vector<LimitingSphere> spheres_;  // one for each spectral line
    Atoms atoms_;
    StructureFactors structure_factors_;
    std::vector<double> shell_g_, s_squared_, two_theta_, lorentz_;
    std::vector<std::uint32_t> shell_begin_;
    std::vector<std::int32_t> shell_of_;  // (2 side) of each reflection; 0 for those outside the range
    std::vector<double> shell_factors_, factors_, imaginary_, squared_;
    std::vector<Peak> peaks_;
    std::vector<Group> groups_;
    PowderPatterns patterns_;
};

void PowderRun::Engine::compute(std::size_t first, std::size_t last) {
    patterns_.n_peaks.clear();
    patterns_.n_reflections.clear();
    for (auto* column : {&patterns_.two_theta, &patterns_.intensity, &patterns_.d_spacings}) column->clear();
    patterns_.n_members.clear();
    patterns_.hkl.clear();
    for (std::size_t structure = first; structure < last; ++structure) append(structure);
}

void PowderRun::Engine::append(std::size_t structure) {
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
void PowderRun::Engine::find_shells(const std::vector<Line>& lines, const SpectralLine& spectral) {
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
    angles(shell_g_.data(), n, spectral.wavelength, options_.polarized, two_theta_.data(), lorentz_.data());
    if (!by_bins()) return;
    // At the edge of a bin the last digit counts: that of libm, and of NumPy.
    for (std::size_t i = 0; i < n; ++i)
        two_theta_[i] =
            2 * std::asin(std::min(spectral.wavelength * shell_g_[i] / 2, 1.0)) * (180.0 / std::numbers::pi);
}

/// Form factors of each kind, from shells to reflections.
void PowderRun::Engine::scatter(const std::vector<Line>& lines, const SpectralLine& spectral,
                                std::size_t side) {
    const Scatterers& scatterers = spectral.scatterers;
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

void PowderRun::Engine::find_peaks(std::size_t structure, std::size_t spectral) {
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

bool PowderRun::Engine::together(double first, double two_theta) const {
    if (!by_bins()) return two_theta <= first + two_theta_tol;
    return std::nearbyint(two_theta / two_theta_tol) == std::nearbyint(first / two_theta_tol);
}

/// Peaks of several spectral lines, brought into one order; those that fall together are one group.
void PowderRun::Engine::group_peaks() {
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
void PowderRun::Engine::write() {
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
    const std::size_t start = patterns_.hkl.size();
    patterns_.hkl.resize(start + 3 * n_members);
    std::int16_t* to = patterns_.hkl.data() + start;
    for (const Group& group : groups_)
        for (std::size_t i = group.begin; i < group.end; ++i) {
            const LimitingSphere& sphere = spheres_[peaks_[i].spectral];
            for (std::size_t r = peaks_[i].first; r < peaks_[i].last; ++r, to += 3)
                sphere.write_hkl(sphere.lines()[r].reflection, to);
        }
}

namespace {

void require(bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
}

void check(const Scatterers& scatterers, std::size_t n_species) {
    require(scatterers.constant.size() == n_species, "constant: not as many species in each spectral line");
    require(scatterers.coefficients.size() == 2 * n_species * scatterers.n_terms,
            "coefficients: not (n_species, n_terms, 2)");
    require(scatterers.imaginary.size() == n_species, "imaginary: not one for each species");
    require(scatterers.debye_waller.size() == n_species, "debye_waller: not one for each species");
}

void check(const PowderBatch& batch, std::span<const SpectralLine> spectrum, const PowderOptions& options) {
    check(batch);
    require(!spectrum.empty(), "spectrum: has no line");
    const std::size_t n_species = spectrum.front().scatterers.constant.size();
    for (const SpectralLine& line : spectrum) {
        check(line.scatterers, n_species);
        require(
            line.wavelength > 0 && line.inner >= 0 && line.inner < line.outer && std::isfinite(line.outer),
            "range: needs a positive wavelength and two rising radii");
    }
    require(std::all_of(batch.species.begin(), batch.species.end(),
                        [&](auto s) { return s >= 0 && static_cast<std::size_t>(s) < n_species; }),
            "species: an index out of range");
    const auto& [r, hkl] = options.orientation;
    require(r > 0 && std::isfinite(r) && (hkl[0] != 0 || hkl[1] != 0 || hkl[2] != 0),
            "orientation: needs a positive r and an axis");
}

/// Multiplications for one structure, roughly.
double work(const PowderBatch& batch, std::span<const SpectralLine> spectrum, std::size_t structure) {
    const auto n_atoms = static_cast<double>(batch.offsets[structure + 1] - batch.offsets[structure]);
    double total = 0.0;
    for (const SpectralLine& line : spectrum)
        total += reflections_expected(matrix_of(batch.lattices, structure), line.outer) * (n_atoms + 64);
    return total;
}

}  // namespace

void check(const PowderBatch& batch) {
    const std::size_t n = batch.size(), n_atoms = batch.species.size();
    const auto& offsets = batch.offsets;
    require(!offsets.empty() && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
                static_cast<std::size_t>(offsets.back()) == n_atoms,
            "offsets: must rise from 0 to the number of atoms");
    require(batch.lattices.size() == 9 * n && batch.reciprocals.size() == 9 * n,
            "lattices, reciprocals: not (n, 3, 3)");
    require(batch.coordinates.size() == 3 * n_atoms, "coordinates: not (n_atoms, 3)");
    require(batch.occupancy.size() == n_atoms, "occupancy: not one for each atom");
    require(batch.isotropic.empty() || batch.isotropic.size() == n_atoms, "isotropic: not one for each atom");
    require(batch.anisotropic.empty() || batch.anisotropic.size() == 6 * n_atoms,
            "anisotropic: not (n_atoms, 6)");
}

PowderRun::PowderRun(const PowderBatch& batch, std::span<const SpectralLine> spectrum,
                     const PowderOptions& options, int num_threads)
    : batch_(batch), spectrum_(spectrum), options_(options), num_threads_(num_threads) {
    check(batch_, spectrum_, options_);
    const auto threads = static_cast<std::size_t>(resolve_threads(num_threads));
    for (std::size_t i = 0; i < pieces_per_thread * threads; ++i)
        engines_.push_back(std::make_unique<Engine>(*this));
}

PowderRun::~PowderRun() = default;

bool PowderRun::next(PowderPatterns& patterns) {
    // As many structures for each piece; fewer where there are few, or large ones.
    const std::size_t left = batch_.size() - position_, n_engines = engines_.size();
    const std::size_t most = std::clamp<std::size_t>(left / n_engines, 1, structures_per_piece);
    std::vector<std::size_t> ends{position_};
    while (ends.size() <= n_engines && ends.back() < batch_.size()) {
        std::size_t end = ends.back();
        for (double done = 0; end < std::min(batch_.size(), ends.back() + most) && done < work_per_piece;
             ++end)
            done += work(batch_, spectrum_, end);
        ends.push_back(end);
    }
    const std::size_t n_pieces = ends.size() - 1;
    parallel_for(n_pieces, num_threads_, [&](std::size_t i) { engines_[i]->compute(ends[i], ends[i + 1]); });
    const double share =
        static_cast<double>(batch_.size()) / static_cast<double>(std::max<std::size_t>(ends.back(), 1));
    const auto join = [&](auto member) {
        auto& all = patterns.*member;
        std::vector<std::size_t> starts{all.size()};
        for (std::size_t i = 0; i < n_pieces; ++i)
            starts.push_back(starts.back() + (engines_[i]->patterns().*member).size());
        // Room for all that is to come, by what came: memory that is not touched costs nothing.
        if (starts.back() > all.capacity())
            all.reserve(static_cast<std::size_t>(1.1 * share * static_cast<double>(starts.back())) + 1);
        all.resize(starts.back());
        parallel_for(n_pieces, num_threads_, [&](std::size_t i) {
            const auto& piece = engines_[i]->patterns().*member;
            std::copy(piece.begin(), piece.end(), all.begin() + static_cast<std::ptrdiff_t>(starts[i]));
        });
    };
    join(&PowderPatterns::n_peaks);
    join(&PowderPatterns::n_reflections);
    join(&PowderPatterns::two_theta);
    join(&PowderPatterns::intensity);
    join(&PowderPatterns::d_spacings);
    join(&PowderPatterns::n_members);
    join(&PowderPatterns::hkl);
    position_ = ends.back();
    return n_pieces > 0;
}

}  // namespace matganip
