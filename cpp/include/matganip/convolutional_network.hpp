#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace matganip {

/// Sizes and weights of a trained generator; arrays are row-major, as torch has them.
///
/// c channels of p by p matrices; Conv1 gives m1 channels and Conv2 m2, with kernels of k by k (odd) around
/// each element, zeros beyond the border; pooling halves a side and drops what is left over.
struct NetworkTables {
    std::size_t n_channels = 1;           ///< c
    std::size_t n_peaks = 0;              ///< p
    std::size_t n_outputs = 1;            ///< properties
    std::size_t kernel_size = 3;          ///< k
    std::span<const float> mean, scale;   ///< (c, p, p): what is read is (a - mean) * scale
    std::span<const float> conv1_weight;  ///< (m1, c, k, k)
    std::span<const float> conv1_bias;    ///< (m1)
    std::span<const float> conv2_weight;  ///< (m2, m1, k, k)
    std::span<const float> conv2_bias;    ///< (m2)
    std::span<const double> head_weight;  ///< (n_outputs, p/4, p/4, m2): channels last
    std::span<const double> readout;      ///< (n_outputs, c, p, p), of the matrix as it comes
    std::span<const double> bias;         ///< (n_outputs)
};

/// The generator of MATGANIP for predictions (Hu, Li, Gao, "MATGANIP": Conv1, Conv2, each convolution ->
/// ReLU -> maximum of 2 by 2, then a linear layer) beside a linear function of the matrix.
///
/// A lane of a vector is a structure: all that is done to one is done to the sixteen beside it, in an order
/// that depends on nothing else. So a prediction is the same bits in any company, for any number of rows and
/// threads, and there is no border at which a vector ends. Convolution and pooling are one step: the four
/// outputs under a pooling window are made in registers, and only their maximum is stored.
class ConvolutionalNetwork {
  public:
    /// Copies the tables. Throws std::invalid_argument where their sizes do not agree.
    explicit ConvolutionalNetwork(const NetworkTables& tables);

    std::size_t n_channels() const { return n_channels_; }
    std::size_t n_peaks() const { return n_peaks_; }
    std::size_t n_outputs() const { return n_outputs_; }
    /// Multiplications for one structure.
    std::size_t work_per_row() const;

    /// Predicts (n_rows, n_outputs) from matrices (n_rows, c, p, p). A row that holds a value which is not
    /// finite gives one that is not. Throws std::invalid_argument where the sizes do not agree.
    void predict(std::span<const float> matrices, std::span<double> outputs, int num_threads) const;

  private:
    /// One convolution, with its weights in the order in which they are read.
    struct Layer {
        std::size_t n_in = 0, n_out = 0;  // channels; n_out is padded to whole groups
        std::size_t kernel_size = 0;
        std::vector<float> weight;  // (n_out / group, k, k, n_in, group)
        std::vector<float> bias;    // (n_out)
    };
    static Layer make_layer(std::size_t n_in, std::size_t kernel_size, std::span<const float> weight,
                            std::span<const float> bias);
    struct Workspace;
    void predict_block(const float* matrices, std::size_t n_rows, double* outputs, Workspace& work) const;

    std::size_t n_channels_, n_peaks_, n_outputs_;
    std::vector<float> mean_, scale_;
    Layer conv1_, conv2_;
    std::vector<double> head_;     // (n_outputs, p/4, p/4, padded m2)
    std::vector<double> readout_;  // (n_outputs, c, p, p)
    std::vector<double> bias_;
};

}  // namespace matganip
