#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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

    std::size_t size() const { return offsets.empty() ? 0 : offsets.size() - 1; }
};

/// What each species scatters at s = sin(theta) / wavelength = |g| / 2:
///     f(s) = (Z - 41.78214 s^2 sum over k of a_k exp(-b_k s^2)) exp(-B s^2).
struct Scatterers {
    std::size_t n_terms = 0;
    std::span<const double> electrons;     ///< (n_species) Z
    std::span<const double> coefficients;  ///< (n_species, n_terms, 2): a_k, b_k, with b_k >= 0
    std::span<const double> debye_waller;  ///< (n_species) B, angstrom^2, not negative
};

/// Which lines of a powder are one peak.
enum class Merge {
    proximity,  ///< lines less than 1e-5 degrees above the first of the peak
    bins        ///< lines that round to one multiple of 1e-5 degrees, as pymatgen has it
};

struct PowderOptions {
    double wavelength = 0.0;  ///< angstrom
    double inner = 0.0;       ///< |g| of the first reflections that count, 1/angstrom
    double outer = 0.0;       ///< |g| of the last ones; at most 2 / wavelength
    Merge merge = Merge::proximity;
    bool scaled = true;  ///< the strongest peak is 100
};

/// The peaks of one structure that pass a thousandth of a percent of its strongest one, by rising angle.
struct PowderPattern {
    std::vector<double> two_theta;   ///< degrees, of the first line of each peak
    std::vector<double> intensity;   ///< Lorentz-polarization |F|^2, summed over all reflections of the peak
    std::vector<double> d_spacings;  ///< angstrom, of the first line of each peak
    std::vector<std::int64_t> n_members;  ///< reflections of each peak, one of each Friedel pair
    std::vector<std::int16_t> hkl;  ///< (all members, 3), peak after peak; the first that is not 0 is > 0
    std::size_t n_reflections = 0;  ///< in the range, one of each Friedel pair, absent ones included
};

/// Peaks of structures [first, last) of a batch, in parallel over structures. The bytes do not depend on
/// `num_threads`. Throws std::invalid_argument where the arrays do not agree.
std::vector<PowderPattern> powder_patterns(const PowderBatch& batch, const Scatterers& scatterers,
                                           const PowderOptions& options, std::size_t first, std::size_t last,
                                           int num_threads);

/// Multiplications for one structure, roughly: what a caller needs to cut a long call into short ones.
double powder_work(const PowderBatch& batch, const PowderOptions& options, std::size_t structure);

}  // namespace matganip
