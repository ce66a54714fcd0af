#include "matganip/convolutional_network.hpp"

#include <algorithm>
#include <stdexcept>

#include "matganip/parallel.hpp"
#include "matganip/targets.hpp"

namespace matganip {
namespace {

constexpr std::size_t blocks_per_task = 8;

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
    Layer layer{n_in, padded(n_out, channel_group), kernel_size, {}, {}};
    layer.weight.assign(layer.n_out * taps * n_in, 0.0F);
    layer.bias.assign(layer.n_out, 0.0F);
    for (std::size_t o = 0; o < n_out; ++o) {
        layer.bias[o] = bias[o];
        for (std::size_t c = 0; c < given; ++c)
            for (std::size_t t = 0; t < taps; ++t)
                layer
                    .weight[((o / channel_group * taps + t) * n_in + c) * channel_group + o % channel_group] =
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
    blind_ = std::all_of(head_.begin(), head_.end(), [](double w) { return w == 0.0; });
}

std::size_t ConvolutionalNetwork::work_per_row() const {
    const std::size_t half = n_peaks_ / 2 * 2, quarter = n_peaks_ / 4 * 2;
    return half * half * conv1_.weight.size() + quarter * quarter * conv2_.weight.size();
}

void ConvolutionalNetwork::predict_block(const float* matrices, std::size_t n_rows, double* outputs,
                                         Workspace& work) const {
    const std::size_t p = n_peaks_, size = n_channels_ * p * p;
    const NetworkKernels& network = kernels().network;
    const float* rows[line_floats];
    std::fill(work.outputs.begin(), work.outputs.end(), Sum{});
    Pixel broken{};
    for (std::size_t c = 0; c < n_channels_; ++c)
        for (std::size_t i = 0; i < p; ++i) {
            const std::size_t offset = (c * p + i) * p;
            // Where a block is not full its first structure stands in for those that lack.
            for (std::size_t k = 0; k < line_floats; ++k)
                rows[k] = matrices + (k < n_rows ? k : 0) * size + offset;
            network.read_row(rows, p, mean_.data() + offset, scale_.data() + offset, readout_.data() + offset,
                             size, n_outputs_, work.input.at(i, 0) + c, n_channels_, work.outputs.data(),
                             &broken);
        }
    if (!blind_) convolve_block(work);
    const std::size_t n_last = work.last.pixels.size();
    for (std::size_t o = 0; o < n_outputs_; ++o) {
        if (!blind_)
            network.add_products(work.last.pixels.data(), head_.data() + o * n_last, n_last,
                                 &work.outputs[o]);
        for (std::size_t k = 0; k < n_rows; ++k)
            outputs[k * n_outputs_ + o] =
                work.outputs[o].lanes[k] + bias_[o] + static_cast<double>(broken.lanes[k]);
    }
}

void ConvolutionalNetwork::convolve_block(Workspace& work) const {
    kernels().network.convolve({work.input.pixels.data(), work.input.stride, conv1_.n_in, conv1_.kernel_size,
                                conv1_.weight.data(), conv1_.bias.data(), conv1_.n_out, work.middle.at(0, 0),
                                work.middle.side, work.middle.stride});
    kernels().network.convolve({work.middle.pixels.data(), work.middle.stride, conv2_.n_in,
                                conv2_.kernel_size, conv2_.weight.data(), conv2_.bias.data(), conv2_.n_out,
                                work.last.at(0, 0), work.last.side, work.last.stride});
}

void ConvolutionalNetwork::predict(std::span<const float> matrices, std::span<double> outputs,
                                   int num_threads) const {
    const std::size_t size = n_channels_ * n_peaks_ * n_peaks_, n_rows = outputs.size() / n_outputs_;
    check(outputs.size() == n_rows * n_outputs_ && matrices.size() == n_rows * size,
          "matrices and outputs: not of as many rows");
    const std::size_t rows_per_task = line_floats * blocks_per_task;
    const std::size_t border = conv1_.kernel_size / 2;
    parallel_for((n_rows + rows_per_task - 1) / rows_per_task, num_threads, [&](std::size_t task) {
        Workspace work{Image(n_peaks_, border, n_channels_), Image(n_peaks_ / 2, border, conv1_.n_out),
                       Image(n_peaks_ / 4, 0, conv2_.n_out), std::vector<Sum>(n_outputs_)};
        const std::size_t end = std::min(n_rows, (task + 1) * rows_per_task);
        for (std::size_t first = task * rows_per_task; first < end; first += line_floats)
            predict_block(matrices.data() + first * size, std::min(line_floats, end - first),
                          outputs.data() + first * n_outputs_, work);
    });
}

}  // namespace matganip
