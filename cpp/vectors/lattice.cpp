#include "vectors.hpp"

namespace matganip::MATGANIP_TARGET {
namespace {

// Vectors of a block of rows, and the tile of rows and vectors of peaks whose sums stay in registers.
constexpr std::size_t row_vectors = lattice_rows / lanes;
constexpr std::size_t tile_rows = 4, tile_vectors = n_registers == 32 ? 4 : 2;

void add_waves(const double* __restrict waves, const std::int32_t* sites, const std::int32_t* modes,
               std::size_t n, std::size_t n_waves, double* __restrict amplitudes) {
    for (std::size_t k = 0; k < n; ++k) {
        const double* wave = waves + static_cast<std::size_t>(sites[k]) * n_waves;
        double* amplitude = amplitudes + static_cast<std::size_t>(modes[k]) * n_waves;
        for (std::size_t w = 0; w < n_waves; w += lanes)
            store(load(amplitude + w) + load(wave + w), amplitude + w);
    }
}

void transpose(const double* __restrict from, std::size_t n, double* __restrict to) {
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t row = 0; row < lattice_rows; ++row) to[a * lattice_rows + row] = from[row * n + a];
}

template <std::size_t n_factors>
MATGANIP_INLINE void sum_products(const double* amplitudes, const std::int64_t* offsets, std::size_t n_sums,
                                  const std::int32_t* factors, const double* weight, double* sums) {
    for (std::size_t s = 0; s < n_sums; ++s) {
        Doubles total[row_vectors]{};
        for (std::int64_t t = offsets[s]; t < offsets[s + 1]; ++t) {
            const double* a[n_factors];
            for (std::size_t f = 0; f < n_factors; ++f)
                a[f] = amplitudes + static_cast<std::size_t>(factors[n_factors * t + f]) * lattice_rows;
            for (std::size_t v = 0; v < row_vectors; ++v) {
                Doubles product = weight[t] * load(a[0] + v * lanes);
                for (std::size_t f = 1; f + 1 < n_factors; ++f) product = product * load(a[f] + v * lanes);
                total[v] += product * load(a[n_factors - 1] + v * lanes);
            }
        }
        for (std::size_t v = 0; v < row_vectors; ++v) store(total[v], sums + s * lattice_rows + v * lanes);
    }
}

void sum_pairs(const double* amplitudes, const std::int64_t* offsets, std::size_t n_sums,
               const std::int32_t* factors, const double* weight, double* sums) {
    sum_products<2>(amplitudes, offsets, n_sums, factors, weight, sums);
}

void sum_triplets(const double* amplitudes, const std::int64_t* offsets, std::size_t n_sums,
                  const std::int32_t* factors, const double* weight, double* sums) {
    sum_products<3>(amplitudes, offsets, n_sums, factors, weight, sums);
}

/// `n_vectors` vectors of the peaks of `tile_rows` rows.
template <std::size_t n_vectors>
MATGANIP_INLINE void sum_tile(const double* sums, std::size_t n_sums, const double* base, const double* table,
                              std::size_t stride, double* peaks) {
    Doubles total[tile_rows][n_vectors];
    for (auto& row : total)
        for (std::size_t v = 0; v < n_vectors; ++v) row[v] = load(base + v * lanes);
    for (std::size_t s = 0; s < n_sums; ++s, table += stride, sums += lattice_rows)
        for (std::size_t v = 0; v < n_vectors; ++v) {
            const Doubles t = load(table + v * lanes);
            for (std::size_t r = 0; r < tile_rows; ++r) total[r][v] += sums[r] * t;
        }
    for (std::size_t r = 0; r < tile_rows; ++r)
        for (std::size_t v = 0; v < n_vectors; ++v) store(total[r][v], peaks + r * stride + v * lanes);
}

void sum_peaks(const double* sums, std::size_t n_sums, const double* base, const double* table,
               std::size_t stride, std::size_t n_peaks, double* peaks) {
    constexpr std::size_t tile = tile_vectors * lanes;
    for (std::size_t r = 0; r < lattice_rows; r += tile_rows) {
        std::size_t p = 0;
        for (; p + tile <= n_peaks; p += tile)
            sum_tile<tile_vectors>(sums + r, n_sums, base + p, table + p, stride, peaks + r * stride + p);
        for (; p < n_peaks; p += lanes)
            sum_tile<1>(sums + r, n_sums, base + p, table + p, stride, peaks + r * stride + p);
    }
}

double largest(const double* peaks, std::size_t n) {
    Doubles most[row_vectors]{};
    for (std::size_t p = 0; p < n; p += line_doubles)
        for (std::size_t v = 0; v < row_vectors; ++v) most[v] = larger(load(peaks + p + v * lanes), most[v]);
    double all_lanes[line_doubles];
    for (std::size_t v = 0; v < row_vectors; ++v) store(most[v], all_lanes + v * lanes);
    double maximum = 0.0;
    for (const double x : all_lanes) maximum = x > maximum ? x : maximum;
    return maximum;
}

void finish(const double* __restrict peaks, std::size_t n, double lowest, double factor,
            double* __restrict to) {
    for (std::size_t p = 0; p < n; ++p) to[p] = (peaks[p] > lowest ? peaks[p] : lowest) * factor;
}

}  // namespace

extern const LatticeKernels lattice_kernels{add_waves, transpose, sum_pairs, sum_triplets,
                                            sum_peaks, largest,   finish};

}  // namespace matganip::MATGANIP_TARGET
