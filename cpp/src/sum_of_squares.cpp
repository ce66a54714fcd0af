#include "matganip/sum_of_squares.hpp"

#include <algorithm>
#include <stdexcept>

#include "matganip/parallel.hpp"
#include "matganip/targets.hpp"

namespace matganip {
namespace {

constexpr std::size_t rows_per_task = 1024;

std::vector<double> with_zeros(std::span<const double> values) {
    std::vector<double> made(padded(values.size()), 0.0);
    std::copy(values.begin(), values.end(), made.begin());
    return made;
}

}  // namespace

SumOfSquares::SumOfSquares(std::span<const double> directions, std::span<const double> shift,
                           std::span<const double> linear, std::span<const double> squares, double constant)
    : n_inputs_(shift.empty() ? 0 : directions.size() / shift.size()),
      constant_(constant),
      shift_(with_zeros(shift)),
      linear_(with_zeros(linear)),
      squares_(with_zeros(squares)) {
    const std::size_t n = shift.size();
    if (n_inputs_ == 0 || directions.size() != n_inputs_ * n || linear.size() != n || squares.size() != n)
        throw std::invalid_argument(
            "directions, shift, linear and squares: not (n_inputs, n) and three times (n,)");
    directions_.assign(n_inputs_ * shift_.size(), 0.0);
    for (std::size_t i = 0; i < n_inputs_; ++i)
        std::copy_n(directions.data() + i * n, n, directions_.data() + i * shift_.size());
}

void SumOfSquares::predict(std::span<const double> rows, std::span<double> values, int num_threads) const {
    if (rows.size() != values.size() * n_inputs_) throw std::invalid_argument("rows or values: wrong size");
    const auto sum_squares = kernels().readout.sum_squares;
    parallel_for((values.size() + rows_per_task - 1) / rows_per_task, num_threads, [&](std::size_t task) {
        const std::size_t first = task * rows_per_task, n = std::min(rows_per_task, values.size() - first);
        sum_squares(rows.data() + first * n_inputs_, n, n_inputs_, directions_.data(), shift_.size(),
                    shift_.data(), linear_.data(), squares_.data(), constant_, values.data() + first);
    });
}

}  // namespace matganip
