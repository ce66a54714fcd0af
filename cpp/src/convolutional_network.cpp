#include "matganip/convolutional_network.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "matganip/parallel.hpp"
#include "matganip/vectorize.hpp"

namespace matganip {
namespace {

constexpr std::size_t width = 16;  // structures side by side: floats of the widest vector
constexpr std::size_t group = 4;   // output channels whose weights stand together
constexpr std::size_t blocks_per_task = 8;

/// One number of each of the structures.
template <class T>
struct alignas(width * sizeof(T)) Row {
    T lanes[width];
};
using Pixel = Row<float>;
using Sum = Row<double>;

constexpr std::size_t in_groups(std::size_t n) {
    return (n + group - 1) / group * group;
}

/// An image with a border of zeros, channels innermost: pixel (y, x) of channel c is at
/// ((y + border) * stride + x + border) * n_channels + c.
struct Image {
    std::vector<Pixel> pixels;
    std::size_t side, border, stride, n_channels;

    Image(std::size_t side_, std::size_t border_, std::size_t n_channels_)
        : pixels((side_ + 2 * border_) * (side_ + 2 * border_) * n_channels_, Pixel{}),
          side(side_),
          border(border_),
          stride(side_ + 2 * border_),
          n_channels(n_channels_) {}

    Pixel* at(std::size_t y, std::size_t x) {
        return pixels.data() + ((y + border) * stride + x + border) * n_channels;
    }
};

/// A convolution over an image: `in` points at the corner of the border of the input, rows of `in_stride`
/// pixels; `out` at the first pixel of the output, `out_side` by `out_side` pixels in rows of `out_stride`.
struct Convolution {
    const Pixel* in;
    std::size_t in_stride, n_in, kernel_size;
    const float *weight, *bias;
    std::size_t n_out;
    Pixel* out;
    std::size_t out_side, out_stride;
};

/// Convolution, maximum over 2 by 2, ReLU, with vectors of `n_lanes` floats and `n_together` channels at a
/// time: four windows of these and what they are made of are to fit into the registers there are.
template <std::size_t n_lanes, std::size_t n_together>
[[gnu::always_inline]] inline void convolve_and_pool(const Convolution& c) {
    using Vector [[gnu::vector_size(n_lanes * sizeof(float))]] = float;
    const std::size_t row = c.in_stride * c.n_in, n_taps = c.kernel_size * c.n_in;
    for (std::size_t y = 0; y < c.out_side; ++y)
        for (std::size_t x = 0; x < c.out_side; ++x)
            for (std::size_t first = 0; first < c.n_out; first += n_together)
                for (std::size_t lane = 0; lane < width; lane += n_lanes) {
                    Vector sums[4][n_together];
                    for (std::size_t g = 0; g < n_together; ++g)
                        for (auto& sum : sums) sum[g] = Vector{} + c.bias[first + g];
                    const float* w =
                        c.weight + first / group * group * c.kernel_size * n_taps + first % group;
                    for (std::size_t ky = 0; ky < c.kernel_size; ++ky) {
                        const Pixel* upper = c.in + (2 * y + ky) * row + 2 * x * c.n_in;
                        const Pixel* lower = upper + row;
                        for (std::size_t t = 0; t < n_taps; ++t, w += group) {
                            Vector window[4];
                            std::memcpy(&window[0], upper[t].lanes + lane, sizeof(Vector));
                            std::memcpy(&window[1], upper[t + c.n_in].lanes + lane, sizeof(Vector));
                            std::memcpy(&window[2], lower[t].lanes + lane, sizeof(Vector));
                            std::memcpy(&window[3], lower[t + c.n_in].lanes + lane, sizeof(Vector));
                            for (std::size_t g = 0; g < n_together; ++g)
                                for (std::size_t p = 0; p < 4; ++p) sums[p][g] += window[p] * w[g];
                        }
                    }
                    Pixel* pixel = c.out + (y * c.out_stride + x) * c.n_out + first;
                    for (std::size_t g = 0; g < n_together; ++g) {
                        Vector largest{};
                        for (const auto& sum : sums) largest = sum[g] > largest ? sum[g] : largest;
                        std::memcpy(pixel[g].lanes + lane, &largest, sizeof(Vector));
                    }
                }
}

// Thirty-two registers of sixteen floats, sixteen of eight, sixteen of four; one is picked when the library
// is loaded. A vector wider than the machine's would be taken to pieces in memory.
#if defined(MATGANIP_TARGET)
MATGANIP_TARGET("arch=x86-64-v4")
void convolve(const Convolution& c) {
    convolve_and_pool<16, 4>(c);
}
MATGANIP_TARGET("arch=x86-64-v3")
void convolve(const Convolution& c) {
    convolve_and_pool<8, 2>(c);
}
MATGANIP_TARGET("default")
#endif
void convolve(const Convolution& c) {
    convolve_and_pool<4, 2>(c);
}

/// Standardises one row of the matrices of sixteen structures into pixels `step` apart, and adds what the
/// readout, `size` numbers for each output, makes of it. `broken` stays zero as long as all is finite.
MATGANIP_CLONES
void read_row(const float* const* matrices, std::size_t n, const float* mean, const float* scale,
              const double* readout, std::size_t size, std::size_t n_outputs, Pixel* pixels, std::size_t step,
              Sum* outputs, Pixel* broken) {
    for (std::size_t j = 0; j < n; ++j) {
        Pixel a;
        for (std::size_t k = 0; k < width; ++k) a.lanes[k] = matrices[k][j];
        for (std::size_t k = 0; k < width; ++k) broken->lanes[k] += a.lanes[k] * 0.0F;
        for (std::size_t k = 0; k < width; ++k) pixels[j * step].lanes[k] = (a.lanes[k] - mean[j]) * scale[j];
        for (std::size_t o = 0; o < n_outputs; ++o)
            for (std::size_t k = 0; k < width; ++k)
                outputs[o].lanes[k] += static_cast<double>(a.lanes[k]) * readout[o * size + j];
    }
}

/// Adds the products of n pixels with their weights.
MATGANIP_CLONES
void add_products(const Pixel* pixels, const double* weight, std::size_t n, Sum* sum) {
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t k = 0; k < width; ++k)
            sum->lanes[k] += static_cast<double>(pixels[i].lanes[k]) * weight[i];
}

void check(bool agree, const char* message) {
    if (!agree) throw std::invalid_argument(message);
}

}  // namespace

struct ConvolutionalNetwork::Workspace {
    Image input, middle, last;
    std::vector<Sum> outputs;
};

ConvolutionalNetwork::Layer ConvolutionalNetwork::make_layer(std::size_t n_in, std::size_t kernel_size,
                                                             std::span<const float> weight,
                                                             std::span<const float> bias) {
    const std::size_t n_out = bias.size(), taps = kernel_size * kernel_size;
    // Channels beyond n_in are those that pad the layer before; their weights are zero.
    const std::size_t given = weight.size() / (n_out * taps);
    Layer layer{n_in, in_groups(n_out), kernel_size, {}, {}};
    layer.weight.assign(layer.n_out * taps * n_in, 0.0F);
    layer.bias.assign(layer.n_out, 0.0F);
    for (std::size_t o = 0; o < n_out; ++o) {
        layer.bias[o] = bias[o];
        for (std::size_t c = 0; c < given; ++c)
            for (std::size_t t = 0; t < taps; ++t)
                layer.weight[((o / group * taps + t) * n_in + c) * group + o % group] =
                    weight[(o * given + c) * taps + t];
    }
    return layer;
}

ConvolutionalNetwork::ConvolutionalNetwork(const NetworkTables& tables)
    : n_channels_(tables.n_channels),
      n_peaks_(tables.n_peaks),
      n_outputs_(tables.n_outputs),
      mean_(tables.mean.begin(), tables.mean.end()),
      scale_(tables.scale.begin(), tables.scale.end()),
      readout_(tables.readout.begin(), tables.readout.end()),
      bias_(tables.bias.begin(), tables.bias.end()) {
    const std::size_t taps = tables.kernel_size * tables.kernel_size,
                      size = n_channels_ * n_peaks_ * n_peaks_;
    const std::size_t first = tables.conv1_bias.size(), second = tables.conv2_bias.size();
    const std::size_t side = n_peaks_ / 4;
    check(n_channels_ > 0 && n_outputs_ > 0 && first > 0 && second > 0, "a size is zero");
    check(n_peaks_ >= 4, "n_peaks must be at least 4");
    check(tables.kernel_size % 2 == 1, "kernel_size must be odd");
    check(mean_.size() == size && scale_.size() == size, "mean and scale: not (channels, peaks, peaks)");
    check(tables.conv1_weight.size() == first * n_channels_ * taps, "conv1_weight: not (m1, c, k, k)");
    check(tables.conv2_weight.size() == second * first * taps, "conv2_weight: not (m2, m1, k, k)");
    check(tables.head_weight.size() == n_outputs_ * side * side * second, "head_weight: wrong size");
    check(readout_.size() == n_outputs_ * size, "readout: not (outputs, channels, peaks, peaks)");
    check(bias_.size() == n_outputs_, "bias: not (outputs)");
    conv1_ = make_layer(n_channels_, tables.kernel_size, tables.conv1_weight, tables.conv1_bias);
    conv2_ = make_layer(conv1_.n_out, tables.kernel_size, tables.conv2_weight, tables.conv2_bias);
    head_.assign(n_outputs_ * side * side * conv2_.n_out, 0.0);
    for (std::size_t pixel = 0; pixel < n_outputs_ * side * side; ++pixel)
        std::copy_n(tables.head_weight.data() + pixel * second, second, head_.data() + pixel * conv2_.n_out);
}

std::size_t ConvolutionalNetwork::work_per_row() const {
    const std::size_t half = n_peaks_ / 2 * 2, quarter = n_peaks_ / 4 * 2;
    return half * half * conv1_.weight.size() + quarter * quarter * conv2_.weight.size();
}

void ConvolutionalNetwork::predict_block(const float* matrices, std::size_t n_rows, double* outputs,
                                         Workspace& work) const {
    const std::size_t p = n_peaks_, size = n_channels_ * p * p;
    const float* rows[width];
    std::fill(work.outputs.begin(), work.outputs.end(), Sum{});
    Pixel broken{};
    for (std::size_t c = 0; c < n_channels_; ++c)
        for (std::size_t i = 0; i < p; ++i) {
            const std::size_t offset = (c * p + i) * p;
            // Where a block is not full its first structure stands in for those that lack.
            for (std::size_t k = 0; k < width; ++k) rows[k] = matrices + (k < n_rows ? k : 0) * size + offset;
            read_row(rows, p, mean_.data() + offset, scale_.data() + offset, readout_.data() + offset, size,
                     n_outputs_, work.input.at(i, 0) + c, n_channels_, work.outputs.data(), &broken);
        }
    convolve({work.input.pixels.data(), work.input.stride, conv1_.n_in, conv1_.kernel_size,
              conv1_.weight.data(), conv1_.bias.data(), conv1_.n_out, work.middle.at(0, 0), work.middle.side,
              work.middle.stride});
    convolve({work.middle.pixels.data(), work.middle.stride, conv2_.n_in, conv2_.kernel_size,
              conv2_.weight.data(), conv2_.bias.data(), conv2_.n_out, work.last.at(0, 0), work.last.side,
              work.last.stride});
    const std::size_t n_last = work.last.pixels.size();
    for (std::size_t o = 0; o < n_outputs_; ++o) {
        add_products(work.last.pixels.data(), head_.data() + o * n_last, n_last, &work.outputs[o]);
        for (std::size_t k = 0; k < n_rows; ++k)
            outputs[k * n_outputs_ + o] =
                work.outputs[o].lanes[k] + bias_[o] + static_cast<double>(broken.lanes[k]);
    }
}

void ConvolutionalNetwork::predict(std::span<const float> matrices, std::span<double> outputs,
                                   int num_threads) const {
    const std::size_t size = n_channels_ * n_peaks_ * n_peaks_, n_rows = outputs.size() / n_outputs_;
    check(outputs.size() == n_rows * n_outputs_ && matrices.size() == n_rows * size,
          "matrices and outputs: not of as many rows");
    const std::size_t rows_per_task = width * blocks_per_task;
    const std::size_t border = conv1_.kernel_size / 2;
    parallel_for((n_rows + rows_per_task - 1) / rows_per_task, num_threads, [&](std::size_t task) {
        Workspace work{Image(n_peaks_, border, n_channels_), Image(n_peaks_ / 2, border, conv1_.n_out),
                       Image(n_peaks_ / 4, 0, conv2_.n_out), std::vector<Sum>(n_outputs_)};
        const std::size_t end = std::min(n_rows, (task + 1) * rows_per_task);
        for (std::size_t first = task * rows_per_task; first < end; first += width)
            predict_block(matrices.data() + first * size, std::min(width, end - first),
                          outputs.data() + first * n_outputs_, work);
    });
}

}  // namespace matganip
