#include "matganip/powder_diffraction.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "matganip/limiting_sphere.hpp"
#include "matganip/parallel.hpp"
#include "matganip/powder_engine.hpp"

namespace matganip {
namespace {

// Structures that a thread takes at a time, and such pieces for each thread between two looks at the caller.
constexpr std::size_t structures_per_piece = 4, pieces_per_thread = 4;
// Multiplications, roughly, that a piece should not pass: a fraction of a second.
constexpr double work_per_piece = 1e8;

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
    // A single thread has no one to share with, and one engine's memory stays in its cache.
    for (std::size_t i = 0; i < (threads == 1 ? 1 : pieces_per_thread * threads); ++i)
        engines_.push_back(std::make_unique<PowderEngine>(batch_, spectrum_, options_));
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
    join(&PowderPatterns::n_listed);
    join(&PowderPatterns::two_theta);
    join(&PowderPatterns::intensity);
    join(&PowderPatterns::d_spacings);
    join(&PowderPatterns::n_members);
    join(&PowderPatterns::hkl);
    position_ = ends.back();
    return n_pieces > 0;
}

}  // namespace matganip
