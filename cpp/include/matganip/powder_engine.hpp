#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "matganip/limiting_sphere.hpp"
#include "matganip/powder_diffraction.hpp"
#include "matganip/structure_factors.hpp"

namespace matganip {

/// Lattice or reciprocal vectors of structure i.
Matrix matrix_of(std::span<const double> matrices, std::size_t i);

/// Memory of a thread, and the patterns of one structure after the other.
class PowderEngine {
  public:
    /// What it reads must outlive it.
    PowderEngine(const PowderBatch& batch, std::span<const SpectralLine> spectrum,
                 const PowderOptions& options)
        : batch_(batch), spectrum_(spectrum), options_(options), spheres_(spectrum.size()) {}

    /// Computes the patterns of structures [first, last).
    void compute(std::size_t first, std::size_t last);
    const PowderPatterns& patterns() const { return patterns_; }

  private:
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

}  // namespace matganip
