#pragma once

#include <cstddef>
#include <cstdint>

/// What is compiled once for each vector width: plain functions of pointers, in tables that one pointer leads
/// to. Their sources lie in cpp/vectors/, docs/adr/0020 says why. A table is the same for all targets, and so
/// is the layout of every array that a function reads: each may be called on what was laid out under another.
namespace matganip {

/// Doubles, and floats, of a cache line: arrays are padded to it, and no vector is wider.
inline constexpr std::size_t line_doubles = 8, line_floats = 16;

constexpr std::size_t padded(std::size_t n, std::size_t unit = line_doubles) {
    return (n + unit - 1) / unit * unit;
}

/// Atoms of one species and one isotropic B, side by side.
struct Kind {
    std::int32_t species;
    double isotropic;  ///< B, angstrom^2, the species' own not included
    std::size_t begin, end;
};

/// A row of reflections of a structure, or the tables that all rows share; see `StructureFactors`.
struct RowTables {
    const double *p_re, *p_im;    ///< (n_atoms)
    const double *cosine, *sine;  ///< (n_atoms, stride)
    const double *upper, *lower;  ///< (n_atoms, stride) damping; null where there is none
    std::size_t stride;
};

struct StructureFactorKernels {
    /// to = a b, number by number.
    void (*multiply)(const double* a_re, const double* a_im, const double* b_re, const double* b_im,
                     std::size_t n, double* re, double* im);
    /// to = x y z, atom by atom; the signs make conjugates of y and z.
    void (*multiply_phases)(const double* x_re, const double* x_im, const double* y_re, const double* y_im,
                            double y_sign, const double* z_re, const double* z_im, double z_sign,
                            std::size_t n, double* re, double* im);
    /// |F|^2 of the reflections of a row. What lies up to a cache line past it is for later rows to fill.
    void (*square_row)(const RowTables& row, const Kind* kinds, std::size_t n_kinds, std::size_t half,
                       const double* factors, const double* imaginary, std::size_t side, double* squared);
    /// exp(-(a + b (m + 1/2) + c (m + 1/2)^2)), m = 0, 1, 2 ...
    void (*fill_damping)(double a, double b, double c, std::size_t n, double* out);
};

struct SphereKernels {
    /// out[m] = |origin + (begin + sign m) step|^2, whole cache lines of it, where component c of the vector
    /// is summed as index[0] reciprocal(0, c) + index[1] reciprocal(1, c) + index[2] reciprocal(2, c);
    /// `running` is the axis along which the row runs.
    void (*fill_squares)(const double* index, const double* reciprocal, std::size_t running, double sign,
                         std::size_t half, double* out);
    /// Square roots, and the bin of each: equal volumes of the range hold about as many reflections each.
    void (*fill_bins)(double* g, std::size_t n, double inner, double widened, double scale,
                      std::uint32_t trash, std::uint32_t* bins);
};

struct ScatteringKernels {
    /// sum += a exp(-b s^2)
    void (*add_gaussian)(double a, double b, const double* s_squared, std::size_t n, double* sum);
    /// factor *= exp(-b s^2)
    void (*damp)(double b, const double* s_squared, std::size_t n, double* factor);
    /// See `angles` in atomic_scattering.hpp.
    void (*angles)(const double* g, std::size_t n, double wavelength, double polarization, double* two_theta,
                   double* lorentz);
    /// to[i] = from[index[i]]
    void (*spread)(const double* from, const std::int32_t* index, std::size_t n, double* to);
};

/// Rows that go through the sums of a fixed lattice together, one to a lane.
inline constexpr std::size_t lattice_rows = line_doubles;

struct LatticeKernels {
    /// The lattice Fourier transform: adds the waves of each occupied site to the amplitudes of its mode.
    void (*add_waves)(const double* waves, const std::int32_t* sites, const std::int32_t* modes,
                      std::size_t n, std::size_t n_waves, double* amplitudes);
    /// (n, lattice_rows) from (lattice_rows, n), n in whole cache lines.
    void (*transpose)(const double* from, std::size_t n, double* to);
    /// Sums (n_sums, lattice_rows) of a block whose amplitudes are (n_slots, lattice_rows): products of two.
    void (*sum_pairs)(const double* amplitudes, const std::int64_t* offsets, std::size_t n_sums,
                      const std::int32_t* factors, const double* weight, double* sums);
    /// The same for products of three.
    void (*sum_triplets)(const double* amplitudes, const std::int64_t* offsets, std::size_t n_sums,
                         const std::int32_t* factors, const double* weight, double* sums);
    /// peaks(row, p) = base[p] + sum over s of sums(s, row) table(s, p); n_peaks in whole cache lines.
    void (*sum_peaks)(const double* sums, std::size_t n_sums, const double* base, const double* table,
                      std::size_t stride, std::size_t n_peaks, double* peaks);
    /// The largest of n numbers and 0, n in whole cache lines.
    double (*largest)(const double* peaks, std::size_t n);
    /// to = max(peaks, lowest) factor
    void (*finish)(const double* peaks, std::size_t n, double lowest, double factor, double* to);
};

struct GraphKernels {
    /// matrix(i, j) = angles(i, j) + intensity[i] intensity[j], rows of n floats. A row is stored in whole
    /// cache lines: what goes over its end is overwritten by the next one, and the last one needs a line of
    /// room after it.
    void (*make_matrix)(const float* angles, const float* intensity, std::size_t n, std::size_t n_padded,
                        float* matrix);
    /// Copies whole cache lines past the cache, `bytes` of them.
    void (*stream_lines)(const std::byte* from, std::byte* to, std::size_t bytes);
};

/// One number of each of sixteen structures.
template <class T>
struct alignas(line_floats * sizeof(T)) Row {
    T lanes[line_floats];
};
using Pixel = Row<float>;
using Sum = Row<double>;

/// Output channels of a convolution whose weights stand together.
inline constexpr std::size_t channel_group = 4;

/// A convolution over an image: `in` points at the corner of the border of the input, rows of `in_stride`
/// pixels; `out` at the first pixel of the output, `out_side` by `out_side` pixels in rows of `out_stride`.
struct Convolution {
    const Pixel* in;
    std::size_t in_stride, n_in, kernel_size;
    const float *weight, *bias;  ///< (n_out / channel_group, k, k, n_in, channel_group), (n_out)
    std::size_t n_out;
    Pixel* out;
    std::size_t out_side, out_stride;
};

struct NetworkKernels {
    /// Convolution, maximum over 2 by 2, ReLU.
    void (*convolve)(const Convolution& convolution);
    /// Standardises one row of the matrices of sixteen structures into pixels `step` apart, and adds what the
    /// readout, `size` numbers for each output, makes of it. `broken` stays zero as long as all is finite.
    void (*read_row)(const float* const* matrices, std::size_t n, const float* mean, const float* scale,
                     const double* readout, std::size_t size, std::size_t n_outputs, Pixel* pixels,
                     std::size_t step, Sum* outputs, Pixel* broken);
    /// Adds the products of n pixels with their weights.
    void (*add_products)(const Pixel* pixels, const double* weight, std::size_t n, Sum* sum);
};

/// Rows that a readout reads together, and centres that it compares them with at a time.
inline constexpr std::size_t readout_rows = 16, centre_group = 4;

struct ReadoutKernels {
    /// Adds slope . u of `readout_rows` rows; u is (n_features, readout_rows).
    void (*add_linear)(const double* u, const double* slope, std::size_t n_features, double* sum);
    /// Adds the curved part of `readout_rows` rows to sums (n_outputs, readout_rows); see `RationalKernel`.
    void (*add_near)(const double* u, std::size_t n_features, const double* centres, std::size_t n_groups,
                     double near, const double* coefficients, std::size_t n_outputs, double* sums);
    /// The values of n rows; see `SumOfSquares`. `stride` squares, in whole cache lines.
    void (*sum_squares)(const double* rows, std::size_t n, std::size_t n_inputs, const double* directions,
                        std::size_t stride, const double* shift, const double* linear, const double* squares,
                        double constant, double* values);
};

struct OrbitKernels {
    /// Adds to each mask the image of the new site; false as soon as one is larger than what was chosen.
    bool (*extend_word)(const std::uint64_t* from, std::uint64_t* to, const std::uint64_t* bits,
                        std::size_t n, std::uint64_t chosen);
    /// The same for masks of several words, whose most significant word comes first.
    bool (*extend_words)(const std::uint64_t* from, std::uint64_t* to, const std::uint16_t* images,
                         std::size_t n, const std::uint64_t* chosen, std::size_t words);
    /// How many masks are `chosen`.
    std::size_t (*count_equal)(const std::uint64_t* masks, std::size_t n, std::uint64_t chosen);
};

struct ConvexKernels {
    /// U of M = U^T U, row by row, in place of the upper triangle of `m` (n, stride). What follows column n -
    /// 1 of a row, up to `width`, is carried along, so that a right-hand side there becomes U^-T b. False
    /// where M is not positive.
    bool (*factor)(double* m, std::size_t n, std::size_t stride, std::size_t width);
    /// |U^-T b|^2 with U (n, n) from `factor`; b is destroyed.
    double (*solved_square)(const double* u, std::size_t n, double* b);
    /// to += by * from
    void (*add_scaled)(double* to, const double* from, double by, std::size_t n);
};

/// A target: one set of instructions, and everything compiled for it.
struct Kernels {
    const char* target;
    const StructureFactorKernels& structure_factors;
    const SphereKernels& sphere;
    const ScatteringKernels& scattering;
    const LatticeKernels& lattice;
    const GraphKernels& graph;
    const NetworkKernels& network;
    const ReadoutKernels& readout;
    const OrbitKernels& orbits;
    const ConvexKernels& convex;
};

}  // namespace matganip
