#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace matganip {

/// A quadratic function of rows as a sum of squares of linear ones:
///     y(x) = constant + sum over k of u_k (linear_k + square_k u_k),   u_k = shift_k + sum over i of x_i
///     w(i, k).
///
/// Each row is summed in the same order, so that its value is the same bits in any company and for any number
/// of threads.
class SumOfSquares {
  public:
    /// Copies w, (n_inputs, n) row-major, and the n shifts, linears and squares. Throws std::invalid_argument
    /// where their sizes do not agree.
    SumOfSquares(std::span<const double> directions, std::span<const double> shift,
                 std::span<const double> linear, std::span<const double> squares, double constant);

    std::size_t n_inputs() const { return n_inputs_; }
    /// Multiplications for one row.
    std::size_t work_per_row() const { return (n_inputs_ + 2) * shift_.size() + 1; }

    /// Evaluates rows (n_rows, n_inputs) into (n_rows). Throws std::invalid_argument where the sizes do not
    /// agree.
    void predict(std::span<const double> rows, std::span<double> values, int num_threads) const;

  private:
    std::size_t n_inputs_;
    double constant_;
    std::vector<double> directions_;                // (n_inputs, padded n), zero where padded
    std::vector<double> shift_, linear_, squares_;  // (padded n)
};

}  // namespace matganip
