#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace matganip {

/// Tables of a readout that compares a row with those it was fitted to; arrays are row-major.
struct RationalKernelTables {
    std::size_t n_features = 0;            ///< f
    std::size_t n_outputs = 1;             ///< k
    double near = 1.0;                     ///< factor of the curved part; 0 leaves it out
    std::span<const double> slope;         ///< (n_outputs, n_features), of the linear part
    std::span<const double> centres;       ///< (n_centres, n_features)
    std::span<const double> coefficients;  ///< (n_centres, n_outputs)
};

/// Kernel ridge regression with a linear and a rational quadratic kernel (Rasmussen and Williams, *Gaussian
/// Processes for Machine Learning*, 2006, section 4.2), for predictions:
///     y_o(u) = slope_o . u + near * sum over the centres m of coefficients(m, o) / (1 + |u - u_m|^2).
///
/// A lane of a vector is a row, and every lane is summed in the same order: a prediction is the same bits in
/// any company and for any number of threads. |u - u_m|^2 is summed from differences, not by the matrix
/// product |u|^2 + |u_m|^2 - 2 u.u_m, which is faster and loses what large coefficients then magnify.
class RationalKernel {
  public:
    /// Copies the tables. Throws std::invalid_argument where their sizes do not agree.
    explicit RationalKernel(const RationalKernelTables& tables);

    std::size_t n_features() const { return n_features_; }
    std::size_t n_outputs() const { return n_outputs_; }
    /// Multiplications for one row.
    std::size_t work_per_row() const {
        return n_features_ * (n_outputs_ + centres_.size() / n_features_) + 1;
    }

    /// Predicts (n_rows, n_outputs) from rows (n_rows, n_features). Throws std::invalid_argument where the
    /// sizes do not agree.
    void predict(std::span<const double> rows, std::span<double> outputs, int num_threads) const;

  private:
    void predict_block(const double* rows, std::size_t n_rows, double* outputs, double* work) const;

    std::size_t n_features_, n_outputs_;
    double near_;
    std::vector<double> slope_;
    std::vector<double> centres_;       // (padded n_centres / group, n_features, group)
    std::vector<double> coefficients_;  // (padded n_centres, n_outputs); zero for those that pad
};

}  // namespace matganip
