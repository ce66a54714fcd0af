#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "arrays.hpp"
#include "exclusion_rows.hpp"
#include "matganip/lattice_swaps.hpp"
#include "matganip/parallel.hpp"
#include "register.hpp"

namespace matganip::bindings {
namespace {

// A call asks for interrupts between groups of chains of about this many multiplications.
constexpr std::size_t work_per_piece = std::size_t{1} << 28;

LatticeSwaps make_swaps(const std::vector<const LatticePattern*>& patterns, const py::array& sublattices,
                        const py::object& exclusions, const py::object& exchange_offsets,
                        const py::object& exchanges) {
    const auto sites = require_array<std::int32_t>(sublattices, "sublattices", 1);
    const std::vector<Exclusion> excluded = exclusions_from(exclusions);
    if (exchange_offsets.is_none() != exchanges.is_none())
        throw std::invalid_argument("exchange_offsets and exchanges belong together");
    if (exchanges.is_none()) return LatticeSwaps(patterns, as_span(sites), {excluded, {}, {}});
    const auto offsets =
        require_array<std::int64_t>(exchange_offsets.cast<py::array>(), "exchange_offsets", 1);
    const auto pairs = require_array<std::int32_t>(exchanges.cast<py::array>(), "exchanges", 2);
    if (pairs.shape(1) != 2) throw std::invalid_argument("exchanges must be (n, 2)");
    return LatticeSwaps(patterns, as_span(sites), {excluded, as_span(offsets), as_span(pairs)});
}

py::array_t<std::uint8_t> rows_of(const LatticeSwaps& swaps, const py::array& occupations) {
    auto rows = require_array<std::uint8_t>(occupations, "occupations", 2);
    if (static_cast<std::size_t>(rows.shape(1)) != swaps.n_sites())
        throw std::invalid_argument("occupations has " + std::to_string(rows.shape(1)) +
                                    " columns, the space " + std::to_string(swaps.n_sites()) + " sites");
    return rows;
}

py::dict py_walk(const LatticeSwaps& swaps, const py::array& occupations, const py::array& generators,
                 const py::array& beta, const py::array& coefficients, std::size_t n_swaps, int num_threads) {
    const auto start = rows_of(swaps, occupations);
    const auto states = require_array<std::uint64_t>(generators, "generators", 2);
    const auto inverse = require_array<double>(beta, "beta", 1);
    const auto linear = require_array<double>(coefficients, "coefficients", 1);
    const py::ssize_t n = start.shape(0);
    if (states.shape(0) != n || states.shape(1) != 4 || inverse.shape(0) != n)
        throw std::invalid_argument("generators and beta must be (n_chains, 4) and (n_chains)");
    // Copies: what a caller gave stays as it is.
    py::array_t<std::uint8_t> row({n, start.shape(1)}), lowest({n, start.shape(1)});
    py::array_t<std::uint64_t> random({n, py::ssize_t{4}});
    py::array_t<double> energy(n), lowest_energy(n);
    py::array_t<std::int64_t> accepted(n);
    std::copy_n(start.data(), start.size(), row.mutable_data());
    std::copy_n(states.data(), states.size(), random.mutable_data());
    const SwapChains all{as_mutable_span(row),     as_mutable_span(random), as_span(inverse),
                         as_mutable_span(energy),  as_mutable_span(lowest), as_mutable_span(lowest_energy),
                         as_mutable_span(accepted)};
    const std::size_t work = std::max<std::size_t>(1, n_swaps * swaps.work_per_swap());
    const auto threads = static_cast<std::size_t>(resolve_threads(num_threads));
    const std::size_t piece = std::max(threads, work_per_piece / work);
    const auto n_chains = static_cast<std::size_t>(n), n_sites = swaps.n_sites();
    for (std::size_t c = 0; c < n_chains; c += piece) {
        const std::size_t m = std::min(piece, n_chains - c);
        {
            const py::gil_scoped_release released;
            const SwapChains part{all.occupations.subspan(c * n_sites, m * n_sites),
                                  all.generators.subspan(4 * c, 4 * m),
                                  all.beta.subspan(c, m),
                                  all.energy.subspan(c, m),
                                  all.lowest.subspan(c * n_sites, m * n_sites),
                                  all.lowest_energy.subspan(c, m),
                                  all.accepted.subspan(c, m)};
            swaps.walk(part, as_span(linear), n_swaps, num_threads);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    py::dict result;
    result["occupations"] = row;
    result["generators"] = random;
    result["energy"] = energy;
    result["lowest"] = lowest;
    result["lowest_energy"] = lowest_energy;
    result["accepted"] = accepted;
    return result;
}

}  // namespace

void register_swaps(py::module_& module) {
    py::class_<LatticeSwaps>(module, "LatticeSwaps",
                             "Metropolis walks by swaps; matganip/lattice_swaps.hpp documents them.")
        .def(py::init(&make_swaps), py::arg("patterns"), py::kw_only(), py::arg("sublattices"),
             py::arg("exclusions") = py::none(), py::arg("exchange_offsets") = py::none(),
             py::arg("exchanges") = py::none())
        .def("walk", &py_walk, py::arg("occupations"), py::kw_only(), py::arg("generators"), py::arg("beta"),
             py::arg("coefficients"), py::arg("n_swaps"), py::arg("num_threads") = 0,
             "Walk each chain by n_swaps trials; a dict of arrays, as SwapChains names them.");
}

}  // namespace matganip::bindings
