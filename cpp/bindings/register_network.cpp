#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>

#include "arrays.hpp"
#include "matganip/convolutional_network.hpp"
#include "matganip/rational_kernel.hpp"
#include "matganip/sum_of_squares.hpp"
#include "register.hpp"

namespace matganip::bindings {
namespace {

// A call asks for interrupts between pieces of about this many multiplications.
constexpr std::size_t work_per_piece = std::size_t{1} << 32;
constexpr std::size_t rows_per_task = 128;  // of the kernel; pieces are whole tasks

ConvolutionalNetwork make_network(const py::array& mean, const py::array& scale,
                                  const py::array& conv1_weight, const py::array& conv1_bias,
                                  const py::array& conv2_weight, const py::array& conv2_bias,
                                  const py::array& head_weight, const py::array& readout,
                                  const py::array& bias) {
    const auto means = require_array<float>(mean, "mean", 3),
               scales = require_array<float>(scale, "scale", 3);
    const auto weight1 = require_array<float>(conv1_weight, "conv1_weight", 4);
    const auto weight2 = require_array<float>(conv2_weight, "conv2_weight", 4);
    const auto bias1 = require_array<float>(conv1_bias, "conv1_bias", 1);
    const auto bias2 = require_array<float>(conv2_bias, "conv2_bias", 1);
    const auto head = require_array<double>(head_weight, "head_weight", 4);
    const auto linear = require_array<double>(readout, "readout", 4);
    const auto biases = require_array<double>(bias, "bias", 1);
    NetworkTables tables;
    tables.n_channels = static_cast<std::size_t>(means.shape(0));
    tables.n_peaks = static_cast<std::size_t>(means.shape(1));
    tables.n_outputs = static_cast<std::size_t>(biases.shape(0));
    tables.kernel_size = static_cast<std::size_t>(weight1.shape(3));
    tables.mean = as_span(means);
    tables.scale = as_span(scales);
    tables.conv1_weight = as_span(weight1);
    tables.conv1_bias = as_span(bias1);
    tables.conv2_weight = as_span(weight2);
    tables.conv2_bias = as_span(bias2);
    tables.head_weight = as_span(head);
    tables.readout = as_span(linear);
    tables.bias = as_span(biases);
    return ConvolutionalNetwork(tables);
}

py::array_t<double> py_predict(const ConvolutionalNetwork& network, const py::array& matrices,
                               int num_threads) {
    const auto rows = require_array<float>(matrices, "matrices", 4);
    const auto p = static_cast<py::ssize_t>(network.n_peaks());
    if (rows.shape(1) != static_cast<py::ssize_t>(network.n_channels()) || rows.shape(2) != p ||
        rows.shape(3) != p)
        throw std::invalid_argument("matrices must be (n, " + std::to_string(network.n_channels()) + ", " +
                                    std::to_string(p) + ", " + std::to_string(p) + ")");
    py::array_t<double> outputs({rows.shape(0), static_cast<py::ssize_t>(network.n_outputs())});
    const auto values = as_span(rows);
    const auto written = as_mutable_span(outputs);
    const std::size_t n_rows = static_cast<std::size_t>(rows.shape(0)), k = network.n_outputs();
    const std::size_t size = network.n_channels() * network.n_peaks() * network.n_peaks();
    const std::size_t piece = (work_per_piece / network.work_per_row() / rows_per_task + 1) * rows_per_task;
    for (std::size_t first = 0; first < n_rows; first += piece) {
        const std::size_t n = std::min(piece, n_rows - first);
        {
            const py::gil_scoped_release released;
            network.predict(values.subspan(first * size, n * size), written.subspan(first * k, n * k),
                            num_threads);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    return outputs;
}

RationalKernel make_kernel(const py::array& slope, const py::array& centres, const py::array& coefficients,
                           double near) {
    const auto slopes = require_array<double>(slope, "slope", 2);
    const auto rows = require_array<double>(centres, "centres", 2);
    const auto alpha = require_array<double>(coefficients, "coefficients", 2);
    if (rows.shape(1) != slopes.shape(1))
        throw std::invalid_argument("centres must have the features of slope");
    return RationalKernel({static_cast<std::size_t>(slopes.shape(1)),
                           static_cast<std::size_t>(slopes.shape(0)), near, as_span(slopes), as_span(rows),
                           as_span(alpha)});
}

py::array_t<double> py_predict_rows(const RationalKernel& kernel, const py::array& rows, int num_threads) {
    const auto values = require_array<double>(rows, "rows", 2);
    const std::size_t f = kernel.n_features(), k = kernel.n_outputs();
    if (values.shape(1) != static_cast<py::ssize_t>(f))
        throw std::invalid_argument("rows must be (n, " + std::to_string(f) + ")");
    const std::size_t n_rows = static_cast<std::size_t>(values.shape(0));
    py::array_t<double> outputs({n_rows, k});
    const auto read = as_span(values);
    const auto written = as_mutable_span(outputs);
    const std::size_t piece = (work_per_piece / kernel.work_per_row() / rows_per_task + 1) * rows_per_task;
    for (std::size_t first = 0; first < n_rows; first += piece) {
        const std::size_t n = std::min(piece, n_rows - first);
        {
            const py::gil_scoped_release released;
            kernel.predict(read.subspan(first * f, n * f), written.subspan(first * k, n * k), num_threads);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    return outputs;
}

SumOfSquares make_sum_of_squares(const py::array& directions, const py::array& shift, const py::array& linear,
                                 const py::array& squares, double constant) {
    const auto axes = require_array<double>(directions, "directions", 2);
    const auto shifts = require_array<double>(shift, "shift", 1);
    const auto slopes = require_array<double>(linear, "linear", 1),
               bends = require_array<double>(squares, "squares", 1);
    if (axes.shape(1) != shifts.shape(0))
        throw std::invalid_argument("directions must have a column for each shift");
    return SumOfSquares(as_span(axes), as_span(shifts), as_span(slopes), as_span(bends), constant);
}

py::array_t<double> py_sum_of_squares(const SumOfSquares& function, const py::array& rows, int num_threads) {
    const auto values = require_array<double>(rows, "rows", 2);
    const std::size_t p = function.n_inputs(), n_rows = static_cast<std::size_t>(values.shape(0));
    if (values.shape(1) != static_cast<py::ssize_t>(p))
        throw std::invalid_argument("rows must be (n, " + std::to_string(p) + ")");
    py::array_t<double> outputs(values.shape(0));
    const auto read = as_span(values);
    const auto written = as_mutable_span(outputs);
    const std::size_t piece = (work_per_piece / function.work_per_row() / 1024 + 1) * 1024;
    for (std::size_t first = 0; first < n_rows; first += piece) {
        const std::size_t n = std::min(piece, n_rows - first);
        {
            const py::gil_scoped_release released;
            function.predict(read.subspan(first * p, n * p), written.subspan(first, n), num_threads);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    return outputs;
}

}  // namespace

void register_network(py::module_& module) {
    py::class_<ConvolutionalNetwork>(
        module, "ConvolutionalNetwork",
        "A trained generator; matganip/convolutional_network.hpp documents the tables.")
        .def(py::init(&make_network), py::kw_only(), py::arg("mean"), py::arg("scale"),
             py::arg("conv1_weight"), py::arg("conv1_bias"), py::arg("conv2_weight"), py::arg("conv2_bias"),
             py::arg("head_weight"), py::arg("readout"), py::arg("bias"))
        .def("predict", &py_predict, py::arg("matrices"), py::kw_only(), py::arg("num_threads") = 0,
             "Outputs (n, n_outputs) float64 of matrices (n, c, p, p) float32.");
    py::class_<RationalKernel>(module, "RationalKernel",
                               "A fitted kernel readout; matganip/rational_kernel.hpp documents the tables.")
        .def(py::init(&make_kernel), py::kw_only(), py::arg("slope"), py::arg("centres"),
             py::arg("coefficients"), py::arg("near"))
        .def("predict", &py_predict_rows, py::arg("rows"), py::kw_only(), py::arg("num_threads") = 0,
             "Outputs (n, n_outputs) float64 of rows (n, n_features) float64.");
    py::class_<SumOfSquares>(module, "SumOfSquares",
                             "A quadratic function of rows; matganip/sum_of_squares.hpp.")
        .def(py::init(&make_sum_of_squares), py::kw_only(), py::arg("directions"), py::arg("shift"),
             py::arg("linear"), py::arg("squares"), py::arg("constant"))
        .def("predict", &py_sum_of_squares, py::arg("rows"), py::kw_only(), py::arg("num_threads") = 0,
             "Values (n,) float64 of rows (n, n_inputs) float64.");
}

}  // namespace matganip::bindings
