#include "matganip/graph_matrix.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "matganip/parallel.hpp"
#include "matganip/stream.hpp"
#include "matganip/targets.hpp"

namespace matganip {
namespace {

constexpr std::size_t bytes_per_task = std::size_t{1} << 18;
// Matrices are made in a buffer that stays in the first-level cache, and leave it together: a line at the
// border of two stores costs more than one within.
constexpr std::size_t bytes_per_buffer = std::size_t{1} << 14;

/// theta*_i theta*_j, (n, padded(n, line_floats)), zero where there is no peak.
std::vector<float> angle_products(const PeakTable& peaks, std::size_t n) {
    const std::size_t n_padded = padded(n, line_floats);
    const std::size_t used = std::min(n, peaks.two_theta.size());
    std::vector<float> products(n * n_padded, 0.0F);
    for (std::size_t i = 0; i < used; ++i)
        for (std::size_t j = 0; j < used; ++j)
            products[i * n_padded + j] = static_cast<float>(peaks.two_theta[i] * peaks.angle_scale *
                                                            peaks.two_theta[j] * peaks.angle_scale);
    return products;
}

}  // namespace

void graph_matrices(const PeakTable& peaks, std::size_t n_vertices, std::span<float> matrices,
                    int num_threads) {
    const std::size_t n_peaks = peaks.two_theta.size();
    const std::size_t size = n_vertices * n_vertices;
    if (peaks.intensity.size() != peaks.n_rows * n_peaks)
        throw std::invalid_argument("intensity: not (n_rows, n_peaks)");
    if (matrices.size() != peaks.n_rows * size)
        throw std::invalid_argument("matrices: not (n_rows, n_vertices, n_vertices)");
    if (matrices.empty()) return;

    const std::vector<float> angles = angle_products(peaks, n_vertices);
    const std::size_t n_padded = padded(n_vertices, line_floats);
    const std::size_t used = std::min(n_vertices, n_peaks);
    const bool past_cache = matrices.size_bytes() >= bytes_to_stream;
    const std::size_t matrix_bytes = size * sizeof(float);
    const std::size_t rows_per_buffer = std::max<std::size_t>(1, bytes_per_buffer / matrix_bytes);
    const std::size_t rows_per_task =
        padded(std::max<std::size_t>(1, bytes_per_task / matrix_bytes), rows_per_buffer);
    const std::size_t n_tasks = (peaks.n_rows + rows_per_task - 1) / rows_per_task;

    parallel_for(n_tasks, num_threads, [&](std::size_t task) {
        std::vector<float> intensity(n_padded, 0.0F);
        std::vector<float> buffer(rows_per_buffer * size + line_floats);
        const std::size_t end = std::min(peaks.n_rows, (task + 1) * rows_per_task);
        for (std::size_t first = task * rows_per_task; first < end; first += rows_per_buffer) {
            const std::size_t n_made = std::min(rows_per_buffer, end - first);
            for (std::size_t k = 0; k < n_made; ++k) {
                const double* row = peaks.intensity.data() + (first + k) * n_peaks;
                for (std::size_t i = 0; i < used; ++i)
                    intensity[i] = static_cast<float>(row[i] * peaks.intensity_scale);
                kernels().graph.make_matrix(angles.data(), intensity.data(), n_vertices, n_padded,
                                            buffer.data() + k * size);
            }
            float* out = matrices.data() + first * size;
            if (past_cache)
                stream(buffer.data(), out, n_made * size);
            else
                std::copy_n(buffer.data(), n_made * size, out);
        }
        if (past_cache) finish_stream();
    });
}

}  // namespace matganip
