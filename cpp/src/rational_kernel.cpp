#include "matganip/rational_kernel.hpp"

#include <algorithm>
#include <stdexcept>

#include "matganip/parallel.hpp"
#include "matganip/targets.hpp"

namespace matganip {
namespace {

constexpr std::size_t blocks_per_task = 16;

void check(bool agree, const char* message) {
    if (!agree) throw std::invalid_argument(message);
}

}  // namespace

RationalKernel::RationalKernel(const RationalKernelTables& tables)
    : n_features_(tables.n_features),
      n_outputs_(tables.n_outputs),
      near_(tables.near),
      slope_(tables.slope.begin(), tables.slope.end()) {
    check(n_features_ > 0 && n_outputs_ > 0, "a size is zero");
    check(slope_.size() == n_outputs_ * n_features_, "slope: not (outputs, features)");
    check(tables.centres.size() % n_features_ == 0, "centres: not (centres, features)");
    const std::size_t n_centres = tables.centres.size() / n_features_;
    check(tables.coefficients.size() == n_centres * n_outputs_, "coefficients: not (centres, outputs)");
    const std::size_t padded = near_ == 0.0 ? 0 : matganip::padded(n_centres, centre_group);
    centres_.assign(padded * n_features_, 0.0);
    coefficients_.assign(padded * n_outputs_, 0.0);
    for (std::size_t m = 0; m < std::min(n_centres, padded); ++m) {
        for (std::size_t j = 0; j < n_features_; ++j)
            centres_[(m / centre_group * n_features_ + j) * centre_group + m % centre_group] =
                tables.centres[m * n_features_ + j];
        for (std::size_t o = 0; o < n_outputs_; ++o)
            coefficients_[m * n_outputs_ + o] = tables.coefficients[m * n_outputs_ + o];
    }
}

void RationalKernel::predict_block(const double* rows, std::size_t n_rows, double* outputs,
                                   double* work) const {
    double *u = work, *sums = work + n_features_ * readout_rows;
    // Where a block is not full its first row stands in for those that lack.
    for (std::size_t j = 0; j < n_features_; ++j)
        for (std::size_t lane = 0; lane < readout_rows; ++lane)
            u[j * readout_rows + lane] = rows[(lane < n_rows ? lane : 0) * n_features_ + j];
    std::fill(sums, sums + n_outputs_ * readout_rows, 0.0);
    for (std::size_t o = 0; o < n_outputs_; ++o)
        kernels().readout.add_linear(u, slope_.data() + o * n_features_, n_features_,
                                     sums + o * readout_rows);
    kernels().readout.add_near(u, n_features_, centres_.data(), centres_.size() / n_features_ / centre_group,
                               near_, coefficients_.data(), n_outputs_, sums);
    for (std::size_t o = 0; o < n_outputs_; ++o)
        for (std::size_t lane = 0; lane < n_rows; ++lane)
            outputs[lane * n_outputs_ + o] = sums[o * readout_rows + lane];
}

void RationalKernel::predict(std::span<const double> rows, std::span<double> outputs, int num_threads) const {
    const std::size_t n_rows = rows.size() / n_features_;
    check(rows.size() == n_rows * n_features_ && outputs.size() == n_rows * n_outputs_,
          "rows or outputs: wrong size");
    const std::size_t rows_per_task = readout_rows * blocks_per_task;
    parallel_for((n_rows + rows_per_task - 1) / rows_per_task, num_threads, [&](std::size_t task) {
        std::vector<double> work((n_features_ + n_outputs_) * readout_rows);
        const std::size_t end = std::min(n_rows, (task + 1) * rows_per_task);
        for (std::size_t first = task * rows_per_task; first < end; first += readout_rows)
            predict_block(rows.data() + first * n_features_, std::min(readout_rows, end - first),
                          outputs.data() + first * n_outputs_, work.data());
    });
}

}  // namespace matganip
