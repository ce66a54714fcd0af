#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "matganip/column.hpp"

namespace matganip {

/// Structures as flat arrays, row-major. A site that several species share is as many atoms.
struct PowderBatch {
    std::span<const double> lattices;     ///< (n, 3, 3) rows are the cell vectors, angstrom
    std::span<const double> reciprocals;  ///< (n, 3, 3) rows are the reciprocal vectors, 1/angstrom, no 2 pi
    std::span<const std::int64_t>
        offsets;                          ///< (n + 1): atoms of structure i are [offsets[i], offsets[i + 1])
    std::span<const double> coordinates;  ///< (n_atoms, 3) fractional
    std::span<const std::int32_t> species;  ///< (n_atoms) index into the scatterers
    std::span<const double> occupancy;      ///< (n_atoms)
    std::span<const double> isotropic;      ///< (n_atoms) B, angstrom^2, or empty: 0
    /// (n_atoms, 6) U*: 11, 22, 33, 23, 13, 12, where an atom is damped by exp(-2 pi^2 h^T U* h); or empty: 0
    std::span<const double> anisotropic;

    std::size_t size() const { return offsets.empty() ? 0 : offsets.size() - 1; }
};

/// Throws std::invalid_argument where the arrays do not agree in length.
void check(const PowderBatch& batch);

/// What each species scatters of one spectral line at s = sin(theta) / wavelength = |g| / 2: (f + i f'')
/// exp(-B s^2),
///     f(s) = constant + (mott_bethe ? -41.78214 s^2 : 1) times the sum over k of a_k exp(-b_k s^2).
struct Scatterers {
    std::size_t n_terms = 0;
    std::span<const double> constant;      ///< (n_species)
    std::span<const double> coefficients;  ///< (n_species, n_terms, 2): a_k, b_k, with b_k >= 0
    std::span<const double> imaginary;     ///< (n_species) f''
    std::span<const double>
        debye_waller;  ///< (n_species) B, angstrom^2, not negative; adds to that of an atom
    bool mott_bethe = false;
};

/// A line of the spectrum, the reflections of it that count, and how it is scattered.
struct SpectralLine {
    double wavelength = 0.0;  ///< angstrom
    double weight = 1.0;      ///< of its intensities
    double inner = 0.0;       ///< |g| of the first reflections, 1/angstrom
    double outer = 0.0;       ///< |g| of the last ones; at most 2 / wavelength
    Scatterers scatterers;
};

/// Which lines of a powder are one peak.
enum class Merge {
    proximity,  ///< lines less than 1e-5 degrees above the first of the peak
    bins        ///< lines that round to one multiple of 1e-5 degrees, as pymatgen has it
};

/// March's distribution of orientations about an axis, by Dollase (J. Appl. Cryst. 19, 267, 1986): a
/// reflection at an angle alpha to the axis counts (r^2 cos^2 alpha + sin^2 alpha / r)^(-3/2) times.
struct PreferredOrientation {
    double r = 1.0;  ///< 1 is a powder without any
    double hkl[3] = {0, 0, 1};
};

struct PowderOptions {
    Merge merge = Merge::proximity;
    bool scaled = true;         ///< the strongest peak is 100
    double polarization = 1.0;  ///< A of the factor 1 + A cos^2 2theta; 0 for neutrons
    PreferredOrientation orientation;
};

/// The peaks of consecutive structures, each structure's by rising angle. Peaks that do not pass a thousandth
/// of a percent of the strongest one are left out.
struct PowderPatterns {
    Column<std::int64_t> n_peaks;        ///< of each structure
    Column<std::int64_t> n_reflections;  ///< in the range, one of each Friedel pair, absent ones included
    Column<std::int64_t> n_listed;       ///< of each structure: members of its peaks, rows of `hkl`
    Column<double> two_theta;            ///< degrees, of the first line of each peak
    Column<double> intensity;        ///< Lorentz-polarization |F|^2, summed over all reflections of the peak
    Column<double> d_spacings;       ///< angstrom, of the first line of each peak
    Column<std::int32_t> n_members;  ///< reflections of each peak, one of each Friedel pair
    Column<std::int16_t> hkl;        ///< (all members, 3), peak after peak; the first that is not 0 is > 0
};

class PowderEngine;

/// Peaks of all structures of a batch, a few at a time and in parallel. The bytes do not depend on the number
/// of threads. The batch and the spectrum must outlive the run.
class PowderRun {
  public:
    /// Throws std::invalid_argument where the arrays do not agree.
    PowderRun(const PowderBatch& batch, std::span<const SpectralLine> spectrum, const PowderOptions& options,
              int num_threads);
    PowderRun(const PowderRun&) = delete;
    PowderRun& operator=(const PowderRun&) = delete;
    ~PowderRun();

    /// Appends the peaks of the next structures, a fraction of a second's work; false where there were none
    /// left.
    bool next(PowderPatterns& patterns);

  private:
    PowderBatch batch_;
    std::span<const SpectralLine> spectrum_;
    PowderOptions options_;
    int num_threads_;
    std::size_t position_ = 0;
    std::vector<std::unique_ptr<PowderEngine>> engines_;  // each with the memory of a thread
};

}  // namespace matganip
