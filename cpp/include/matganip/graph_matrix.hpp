#pragma once

#include <cstddef>
#include <span>

namespace matganip {

/// Peaks of `n_rows` patterns that share their angles.
struct PeakTable {
    std::span<const double> two_theta;  ///< (n_peaks), degrees
    std::span<const double> intensity;  ///< (n_rows, n_peaks), row-major
    std::size_t n_rows = 0;
    double angle_scale = 1.0;      ///< theta* = two_theta * angle_scale
    double intensity_scale = 1.0;  ///< I = intensity * intensity_scale
};

/// Writes the graph matrices of the first `n_vertices` peaks of each pattern, (n_rows, n_vertices,
/// n_vertices):
///     a_ij = theta*_i theta*_j + I_i I_j
/// (Hu, Li, Gao, "MATGANIP", section 2). Rows and columns beyond the peaks that there are hold zeros.
///
/// The matrix is of rank two, so its cost is that of writing it: each is made in cache and leaves it in whole
/// lines. The bytes do not depend on `num_threads`. Throws std::invalid_argument where the sizes do not
/// agree.
void graph_matrices(const PeakTable& peaks, std::size_t n_vertices, std::span<float> matrices,
                    int num_threads);

}  // namespace matganip
