#include "vectors.hpp"

namespace matganip::MATGANIP_TARGET {
namespace {

// Four windows of so many channels, and what they are made of, fit into the registers there are.
constexpr std::size_t channels_together = n_registers == 32 ? 4 : 2;
constexpr std::size_t half_vectors = line_floats / lanes;

void convolve(const Convolution& c) {
    const std::size_t row = c.in_stride * c.n_in, n_taps = c.kernel_size * c.n_in;
    for (std::size_t y = 0; y < c.out_side; ++y)
        for (std::size_t x = 0; x < c.out_side; ++x)
            for (std::size_t first = 0; first < c.n_out; first += channels_together)
                for (std::size_t lane = 0; lane < line_floats; lane += float_lanes) {
                    Floats sums[4][channels_together];
                    for (std::size_t g = 0; g < channels_together; ++g)
                        for (auto& sum : sums) sum[g] = c.bias[first + g] - Floats{};
                    const float* w = c.weight +
                                     first / channel_group * channel_group * c.kernel_size * n_taps +
                                     first % channel_group;
                    for (std::size_t ky = 0; ky < c.kernel_size; ++ky) {
                        const Pixel* upper = c.in + (2 * y + ky) * row + 2 * x * c.n_in;
                        const Pixel* lower = upper + row;
                        for (std::size_t t = 0; t < n_taps; ++t, w += channel_group) {
                            Floats window[4] = {
                                load(upper[t].lanes + lane), load(upper[t + c.n_in].lanes + lane),
                                load(lower[t].lanes + lane), load(lower[t + c.n_in].lanes + lane)};
                            for (Floats& pixels : window) keep(pixels);
                            for (std::size_t g = 0; g < channels_together; ++g)
                                for (std::size_t p = 0; p < 4; ++p) sums[p][g] += w[g] * window[p];
                        }
                    }
                    Pixel* pixel = c.out + (y * c.out_stride + x) * c.n_out + first;
                    for (std::size_t g = 0; g < channels_together; ++g) {
                        Floats most{};
                        for (const auto& sum : sums) most = larger(sum[g], most);
                        store(most, pixel[g].lanes + lane);
                    }
                }
}

/// sum += weight pixel, in doubles.
MATGANIP_INLINE void add_product(const Pixel& pixel, double weight, Doubles* sum) {
    for (std::size_t v = 0; v < half_vectors; ++v)
        sum[v] += weight * widened(load<HalfFloats>(pixel.lanes + v * lanes));
}

MATGANIP_INLINE void load_sum(const Sum& from, Doubles* sum) {
    for (std::size_t v = 0; v < half_vectors; ++v) sum[v] = load(from.lanes + v * lanes);
}

MATGANIP_INLINE void store_sum(const Doubles* sum, Sum& to) {
    for (std::size_t v = 0; v < half_vectors; ++v) store(sum[v], to.lanes + v * lanes);
}

void read_row(const float* const* matrices, std::size_t n, const float* mean, const float* scale,
              const double* readout, std::size_t size, std::size_t n_outputs, Pixel* pixels, std::size_t step,
              Sum* outputs, Pixel* broken) {
    for (std::size_t j = 0; j < n; ++j) {
        Pixel a;
        for (std::size_t k = 0; k < line_floats; ++k) a.lanes[k] = matrices[k][j];
        for (std::size_t k = 0; k < line_floats; k += float_lanes) {
            const Floats x = load(a.lanes + k);
            store(load(broken->lanes + k) + 0.0F * x, broken->lanes + k);
            store(scale[j] * (x - (mean[j] - Floats{})), pixels[j * step].lanes + k);
        }
        for (std::size_t o = 0; o < n_outputs; ++o) {
            Doubles sum[half_vectors];
            load_sum(outputs[o], sum);
            add_product(a, readout[o * size + j], sum);
            store_sum(sum, outputs[o]);
        }
    }
}

void add_products(const Pixel* pixels, const double* weight, std::size_t n, Sum* sum) {
    Doubles total[half_vectors];
    load_sum(*sum, total);
    for (std::size_t i = 0; i < n; ++i) add_product(pixels[i], weight[i], total);
    store_sum(total, *sum);
}

}  // namespace

extern const NetworkKernels network_kernels{convolve, read_row, add_products};

}  // namespace matganip::MATGANIP_TARGET
