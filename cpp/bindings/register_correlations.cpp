#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "arrays.hpp"
#include "matganip/correlations.hpp"
#include "matganip/parallel.hpp"
#include "register.hpp"

namespace matganip::bindings {
namespace {

// A call asks for interrupts between groups of chains, or rows, of about this many multiplications.
constexpr std::size_t work_per_piece = std::size_t{1} << 28;

std::unique_ptr<CorrelationMatch> make(const py::array& sublattices, const py::array& n_species,
                                       const py::array& point, const py::array& slots,
                                       const py::array& labels, const py::array& weights,
                                       const py::array& target, const py::array& importance,
                                       const py::array& ladder, const py::array& reward, double tolerance) {
    const auto of_site = require_array<std::int32_t>(sublattices, "sublattices", 1);
    const auto species = require_array<std::int32_t>(n_species, "n_species", 1);
    const auto values = require_array<double>(point, "point", 3);
    const auto members = require_array<std::int32_t>(slots, "slots", 2);
    const auto label = require_array<std::int32_t>(labels, "labels", 1);
    const auto weight = require_array<double>(weights, "weights", 1);
    const auto wanted = require_array<double>(target, "target", 1);
    const auto important = require_array<double>(importance, "importance", 1);
    const auto order = require_array<std::int32_t>(ladder, "ladder", 1);
    const auto earned = require_array<double>(reward, "reward", 1);
    if (members.shape(1) != 3) throw std::invalid_argument("slots must be (n_clusters, 3)");
    return std::make_unique<CorrelationMatch>(CorrelationTables{
        static_cast<std::size_t>(of_site.size()), static_cast<std::size_t>(values.shape(1)),
        static_cast<std::size_t>(values.shape(2)), static_cast<std::size_t>(wanted.size()), as_span(of_site),
        as_span(species), as_span(values), as_span(members), as_span(label), as_span(weight), as_span(wanted),
        as_span(important), as_span(order), as_span(earned), tolerance});
}

py::array_t<std::uint8_t> rows_of(const CorrelationMatch& match, const py::array& occupations) {
    auto rows = require_array<std::uint8_t>(occupations, "occupations", 2);
    if (static_cast<std::size_t>(rows.shape(1)) != match.n_sites())
        throw std::invalid_argument("occupations has " + std::to_string(rows.shape(1)) +
                                    " columns, the supercell " + std::to_string(match.n_sites()) + " sites");
    return rows;
}

py::array_t<double> py_correlations(const CorrelationMatch& match, const py::array& occupations,
                                    int num_threads) {
    const auto rows = rows_of(match, occupations);
    py::array_t<double> out({rows.shape(0), static_cast<py::ssize_t>(match.n_functions())});
    const auto values = as_mutable_span(out);
    const py::gil_scoped_release released;
    match.correlations(as_span(rows), values, num_threads);
    return out;
}

py::array_t<double> py_scores(const CorrelationMatch& match, const py::array& occupations, int num_threads) {
    const auto rows = rows_of(match, occupations);
    py::array_t<double> out(rows.shape(0));
    const auto values = as_mutable_span(out);
    const py::gil_scoped_release released;
    match.scores(as_span(rows), values, num_threads);
    return out;
}

py::tuple py_anneal(const CorrelationMatch& match, const py::array& occupations, const py::array& generators,
                    std::size_t n_swaps, int num_threads) {
    const auto start = rows_of(match, occupations);
    const auto states = require_array<std::uint64_t>(generators, "generators", 2);
    const py::ssize_t n = start.shape(0);
    if (states.shape(0) != n || states.shape(1) != 4)
        throw std::invalid_argument("generators must be (n_chains, 4)");
    py::array_t<std::uint8_t> rows({n, start.shape(1)});
    py::array_t<std::uint64_t> random({n, py::ssize_t{4}});
    py::array_t<double> score(n);
    std::copy_n(start.data(), start.size(), rows.mutable_data());
    std::copy_n(states.data(), states.size(), random.mutable_data());
    const MatchChains all{as_mutable_span(rows), as_mutable_span(random), as_mutable_span(score)};
    const auto threads = static_cast<std::size_t>(resolve_threads(num_threads));
    const std::size_t work = std::max<std::size_t>(1, n_swaps * match.work_per_swap());
    const std::size_t piece = std::max(threads, work_per_piece / work);
    const auto n_chains = static_cast<std::size_t>(n), n_sites = match.n_sites();
    for (std::size_t c = 0; c < n_chains; c += piece) {
        const std::size_t m = std::min(piece, n_chains - c);
        {
            const py::gil_scoped_release released;
            match.anneal({all.rows.subspan(c * n_sites, m * n_sites), all.generators.subspan(4 * c, 4 * m),
                          all.score.subspan(c, m)},
                         n_swaps, num_threads);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    return py::make_tuple(rows, random, score);
}

}  // namespace

void register_correlations(py::module_& module) {
    py::class_<CorrelationMatch>(
        module, "CorrelationMatch",
        "Distance of correlation functions from a target; matganip/correlations.hpp documents it.")
        .def(py::init(&make), py::kw_only(), py::arg("sublattices"), py::arg("n_species"), py::arg("point"),
             py::arg("slots"), py::arg("labels"), py::arg("weights"), py::arg("target"),
             py::arg("importance"), py::arg("ladder"), py::arg("reward"), py::arg("tolerance"))
        .def("correlations", &py_correlations, py::arg("occupations"), py::kw_only(),
             py::arg("num_threads") = 0, "Correlation functions (n, n_functions) float64.")
        .def("scores", &py_scores, py::arg("occupations"), py::kw_only(), py::arg("num_threads") = 0,
             "Distances (n,) float64 from the target.")
        .def("anneal", &py_anneal, py::arg("occupations"), py::kw_only(), py::arg("generators"),
             py::arg("n_swaps"), py::arg("num_threads") = 0,
             "The best of each chain (n, n_sites), its generators, and its distance (n,).");
}

}  // namespace matganip::bindings
