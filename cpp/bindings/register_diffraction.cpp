#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"
#include "matganip/graph_matrix.hpp"
#include "matganip/lattice_diffraction.hpp"
#include "register.hpp"

namespace matganip::bindings {
namespace {

// A call asks for interrupts between pieces of about this many multiplications or bytes: a fraction of a
// second.
constexpr std::size_t work_per_piece = std::size_t{1} << 28;
// Pieces are whole tasks of the kernels.
constexpr std::size_t row_multiple = 512;

/// Calls `body(first, n)` without the GIL for consecutive pieces of [0, n_rows); Ctrl-C ends it between two.
template <class Body>
void in_pieces(std::size_t n_rows, std::size_t work_per_row, Body&& body) {
    const std::size_t rows =
        std::max<std::size_t>(1, work_per_piece / std::max<std::size_t>(1, work_per_row));
    const std::size_t piece = (rows + row_multiple - 1) / row_multiple * row_multiple;
    for (std::size_t first = 0; first < n_rows; first += piece) {
        {
            const py::gil_scoped_release released;
            body(first, std::min(piece, n_rows - first));
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
}

/// The caller's `out`, checked, or a new array where it is None.
template <class T>
py::array_t<T> result_array(const py::object& out, std::vector<py::ssize_t> shape) {
    if (out.is_none()) return py::array_t<T>(std::move(shape));
    if (!py::isinstance<py::array>(out)) throw std::invalid_argument("out must be an array");
    py::array_t<T> array =
        require_array<T>(out.cast<py::array>(), "out", static_cast<py::ssize_t>(shape.size()));
    if (!std::equal(shape.begin(), shape.end(), array.shape()))
        throw std::invalid_argument("out must have the shape " +
                                    std::string(py::str(py::tuple(py::cast(shape)))) + ", got " +
                                    std::string(py::str(array.attr("shape"))));
    if (!array.writeable()) throw std::invalid_argument("out is read-only");
    return array;
}

LatticePattern make_lattice_pattern(const py::array& modes, const py::array& waves,
                                    const py::array& term_offsets, const py::array& factors,
                                    const py::array& weight, const py::array& base,
                                    const py::array& coefficients, bool non_negative) {
    const auto mode_table = require_array<std::int32_t>(modes, "modes", 2);
    const auto wave_table = require_array<double>(waves, "waves", 2);
    const auto offsets = require_array<std::int64_t>(term_offsets, "term_offsets", 1);
    const auto products = require_array<std::int32_t>(factors, "factors", 2);
    const auto weights = require_array<double>(weight, "weight", 1);
    const auto bases = require_array<double>(base, "base", 1);
    const auto table = require_array<double>(coefficients, "coefficients", 2);
    const auto mode_span = as_span(mode_table);
    const auto largest = std::max_element(mode_span.begin(), mode_span.end());
    LatticeForm form;
    form.n_sites = static_cast<std::size_t>(mode_table.shape(0));
    form.n_codes = static_cast<std::size_t>(mode_table.shape(1));
    form.n_modes = largest == mode_span.end() || *largest < 0 ? 0 : static_cast<std::size_t>(*largest) + 1;
    form.n_waves = static_cast<std::size_t>(wave_table.shape(1));
    form.n_peaks = static_cast<std::size_t>(bases.shape(0));
    form.modes = mode_span;
    form.waves = as_span(wave_table);
    form.term_offsets = as_span(offsets);
    form.n_factors = static_cast<std::size_t>(products.shape(1));
    form.factors = as_span(products);
    form.weight = as_span(weights);
    form.base = as_span(bases);
    form.coefficients = as_span(table);
    form.non_negative = non_negative;
    return LatticePattern(form);
}

py::array_t<double> py_intensities(const LatticePattern& pattern, const py::array& occupations,
                                   std::size_t n_columns, bool scale_to_maximum, const py::object& out,
                                   int num_threads) {
    const auto rows = require_array<std::uint8_t>(occupations, "occupations", 2);
    if (static_cast<std::size_t>(rows.shape(1)) != pattern.n_sites())
        throw std::invalid_argument("occupations has " + std::to_string(rows.shape(1)) +
                                    " columns, the space " + std::to_string(pattern.n_sites()) + " sites");
    auto intensity = result_array<double>(out, {rows.shape(0), static_cast<py::ssize_t>(n_columns)});
    const auto codes = as_span(rows);
    const auto written = as_mutable_span(intensity);
    in_pieces(static_cast<std::size_t>(rows.shape(0)), pattern.work_per_row(),
              [&](std::size_t first, std::size_t n) {
                  pattern.intensities(codes.subspan(first * pattern.n_sites(), n * pattern.n_sites()),
                                      n_columns, scale_to_maximum,
                                      written.subspan(first * n_columns, n * n_columns), num_threads, first);
              });
    return intensity;
}

py::array_t<double> py_sums(const LatticePattern& pattern, const py::array& occupations, int num_threads) {
    const auto rows = require_array<std::uint8_t>(occupations, "occupations", 2);
    if (static_cast<std::size_t>(rows.shape(1)) != pattern.n_sites())
        throw std::invalid_argument("occupations has " + std::to_string(rows.shape(1)) +
                                    " columns, the space " + std::to_string(pattern.n_sites()) + " sites");
    py::array_t<double> sums({rows.shape(0), static_cast<py::ssize_t>(pattern.n_sums())});
    const auto codes = as_span(rows);
    const auto written = as_mutable_span(sums);
    const std::size_t n_sites = pattern.n_sites(), n_sums = pattern.n_sums();
    in_pieces(static_cast<std::size_t>(rows.shape(0)), pattern.work_per_row(),
              [&](std::size_t first, std::size_t n) {
                  pattern.sums(codes.subspan(first * n_sites, n * n_sites),
                               written.subspan(first * n_sums, n * n_sums), num_threads);
              });
    return sums;
}

py::array_t<float> py_graph_matrices(const py::array& two_theta, const py::array& intensity,
                                     std::size_t n_vertices, double angle_scale, double intensity_scale,
                                     const py::object& out, int num_threads) {
    const auto angles = require_array<double>(two_theta, "two_theta", 1);
    const auto rows = require_array<double>(intensity, "intensity", 2);
    if (rows.shape(1) != angles.shape(0))
        throw std::invalid_argument("intensity has " + std::to_string(rows.shape(1)) + " columns for " +
                                    std::to_string(angles.shape(0)) + " angles");
    const auto n = static_cast<py::ssize_t>(n_vertices);
    auto matrices = result_array<float>(out, {rows.shape(0), n, n});
    const auto n_peaks = static_cast<std::size_t>(angles.shape(0));
    const std::size_t size = n_vertices * n_vertices;
    const auto values = as_span(rows);
    const auto written = as_mutable_span(matrices);
    in_pieces(static_cast<std::size_t>(rows.shape(0)), size * sizeof(float),
              [&](std::size_t first, std::size_t count) {
                  const PeakTable table{as_span(angles), values.subspan(first * n_peaks, count * n_peaks),
                                        count, angle_scale, intensity_scale};
                  graph_matrices(table, n_vertices, written.subspan(first * size, count * size), num_threads);
              });
    return matrices;
}

}  // namespace

void register_diffraction(py::module_& module) {
    py::class_<LatticePattern>(
        module, "LatticePattern",
        "Intensities on a fixed lattice; matganip/lattice_diffraction.hpp documents the tables.")
        .def(py::init(&make_lattice_pattern), py::kw_only(), py::arg("modes"), py::arg("waves"),
             py::arg("term_offsets"), py::arg("factors"), py::arg("weight"), py::arg("base"),
             py::arg("coefficients"), py::arg("non_negative") = true)
        .def_property_readonly("n_peaks", &LatticePattern::n_peaks)
        .def_property_readonly("n_sums", &LatticePattern::n_sums)
        .def("intensities", &py_intensities, py::arg("occupations"), py::kw_only(), py::arg("n_columns"),
             py::arg("scale_to_maximum"), py::arg("out") = py::none(), py::arg("num_threads") = 0,
             "The first n_columns peaks (n, n_columns) float64 of occupations (n, n_sites) uint8.")
        .def("sums", &py_sums, py::arg("occupations"), py::kw_only(), py::arg("num_threads") = 0,
             "The sums (n, n_sums) float64 that peaks are linear in.");
    module.def("graph_matrices", &py_graph_matrices, py::arg("two_theta"), py::arg("intensity"),
               py::kw_only(), py::arg("n_vertices"), py::arg("angle_scale"), py::arg("intensity_scale"),
               py::arg("out") = py::none(), py::arg("num_threads") = 0,
               "Graph matrices (n, n_vertices, n_vertices) float32 of patterns that share their angles.");
}

}  // namespace matganip::bindings
