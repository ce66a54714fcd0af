#include "vectors.hpp"

namespace matganip::MATGANIP_TARGET {
namespace {

// Vectors of rows that are compared with a group of centres at a time: their squares stay in registers.
constexpr std::size_t vectors_together = 2;

void add_linear(const double* u, const double* slope, std::size_t n_features, double* sum) {
    for (std::size_t row = 0; row < readout_rows; row += vectors_together * lanes) {
        Doubles total[vectors_together];
        for (std::size_t v = 0; v < vectors_together; ++v) total[v] = load(sum + row + v * lanes);
        for (std::size_t j = 0; j < n_features; ++j)
            for (std::size_t v = 0; v < vectors_together; ++v)
                total[v] += slope[j] * load(u + j * readout_rows + row + v * lanes);
        for (std::size_t v = 0; v < vectors_together; ++v) store(total[v], sum + row + v * lanes);
    }
}

void add_near(const double* u, std::size_t n_features, const double* centres, std::size_t n_groups,
              double near, const double* coefficients, std::size_t n_outputs, double* sums) {
    static_assert(centre_group == 4 && readout_rows % (vectors_together * lanes) == 0);
    for (std::size_t g = 0; g < n_groups; ++g, centres += n_features * centre_group)
        for (std::size_t row = 0; row < readout_rows; row += vectors_together * lanes) {
            Doubles square[vectors_together][centre_group]{};
            for (std::size_t j = 0; j < n_features; ++j)
                for (std::size_t v = 0; v < vectors_together; ++v) {
                    const Doubles x = load(u + j * readout_rows + row + v * lanes);
                    for (std::size_t m = 0; m < centre_group; ++m) {
                        const Doubles difference = centres[j * centre_group + m] - x;
                        square[v][m] += difference * difference;
                    }
                }
            for (std::size_t v = 0; v < vectors_together; ++v) {
                // near / d of four d by one division.
                const auto& s = square[v];
                const Doubles a = 1.0 + s[0], b = 1.0 + s[1], c = 1.0 + s[2], d = 1.0 + s[3];
                const Doubles ab = a * b, cd = c * d, inverse = near / (ab * cd);
                const Doubles inverse_ab = inverse * cd, inverse_cd = inverse * ab;
                const Doubles likeness[centre_group] = {inverse_ab * b, inverse_ab * a, inverse_cd * d,
                                                        inverse_cd * c};
                for (std::size_t o = 0; o < n_outputs; ++o) {
                    double* to = sums + o * readout_rows + row + v * lanes;
                    Doubles sum = load(to);
                    for (std::size_t m = 0; m < centre_group; ++m)
                        sum += coefficients[(g * centre_group + m) * n_outputs + o] * likeness[m];
                    store(sum, to);
                }
            }
        }
}

/// sums[row] += the squares of `n_vectors` vectors of axes, of `n_rows` rows.
template <std::size_t n_rows, std::size_t n_vectors>
MATGANIP_INLINE void add_squares(const double* rows, std::size_t n_inputs, const double* directions,
                                 std::size_t stride, const double* shift, const double* linear,
                                 const double* squares, Doubles* sums) {
    Doubles u[n_rows][n_vectors];
    for (auto& row : u)
        for (std::size_t v = 0; v < n_vectors; ++v) row[v] = load(shift + v * lanes);
    for (std::size_t i = 0; i < n_inputs; ++i)
        for (std::size_t v = 0; v < n_vectors; ++v) {
            Doubles w = load(directions + i * stride + v * lanes);
            keep(w);
            for (std::size_t r = 0; r < n_rows; ++r) u[r][v] += rows[r * n_inputs + i] * w;
        }
    for (std::size_t r = 0; r < n_rows; ++r)
        for (std::size_t v = 0; v < n_vectors; ++v)
            sums[r] += u[r][v] * (load(linear + v * lanes) + load(squares + v * lanes) * u[r][v]);
}

template <std::size_t n_rows>
MATGANIP_INLINE void sum_rows(const double* rows, std::size_t n_inputs, const double* directions,
                              std::size_t stride, const double* shift, const double* linear,
                              const double* squares, double constant, double* values) {
    Doubles sums[n_rows]{};
    std::size_t k = 0;
    for (; k + 2 * lanes <= stride; k += 2 * lanes)
        add_squares<n_rows, 2>(rows, n_inputs, directions + k, stride, shift + k, linear + k, squares + k,
                               sums);
    for (; k < stride; k += lanes)
        add_squares<n_rows, 1>(rows, n_inputs, directions + k, stride, shift + k, linear + k, squares + k,
                               sums);
    for (std::size_t r = 0; r < n_rows; ++r) {
        double parts[lanes];
        store(sums[r], parts);
        double sum = constant;
        for (const double part : parts) sum += part;
        values[r] = sum;
    }
}

void sum_squares(const double* rows, std::size_t n, std::size_t n_inputs, const double* directions,
                 std::size_t stride, const double* shift, const double* linear, const double* squares,
                 double constant, double* values) {
    constexpr std::size_t together = n_registers == 32 ? 8 : 4;
    std::size_t row = 0;
    for (; row + together <= n; row += together)
        sum_rows<together>(rows + row * n_inputs, n_inputs, directions, stride, shift, linear, squares,
                           constant, values + row);
    for (; row < n; ++row)
        sum_rows<1>(rows + row * n_inputs, n_inputs, directions, stride, shift, linear, squares, constant,
                    values + row);
}

}  // namespace

extern const ReadoutKernels readout_kernels{add_linear, add_near, sum_squares};

}  // namespace matganip::MATGANIP_TARGET
