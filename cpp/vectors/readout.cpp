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

}  // namespace

extern const ReadoutKernels readout_kernels{add_linear, add_near};

}  // namespace matganip::MATGANIP_TARGET
