#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

#include "arrays.hpp"
#include "matganip/lattice_gas.hpp"
#include "register.hpp"

namespace matganip::bindings {
namespace {

// A call asks for interrupts between pieces of about this many multiplications. It is not a matter of
// threads: energies are worked out anew after each piece.
constexpr std::size_t work_per_piece = std::size_t{1} << 28;

LatticeGas make_gas(const py::array& basis, const py::array& sublattices, const py::array& modes,
                    const py::array& neighbours, const py::array& points, const py::array& pairs,
                    const py::array& triplet_offsets, const py::array& triplet_places,
                    const py::array& triplet_values) {
    const auto of_site = require_array<std::int32_t>(basis, "basis", 1);
    const auto sublattice = require_array<std::int32_t>(sublattices, "sublattices", 1);
    const auto n_modes = require_array<std::int32_t>(modes, "modes", 1);
    const auto others = require_array<std::int32_t>(neighbours, "neighbours", 2);
    const auto one = require_array<double>(points, "points", 2);
    const auto two = require_array<double>(pairs, "pairs", 3);
    const auto offsets = require_array<std::int64_t>(triplet_offsets, "triplet_offsets", 1);
    const auto places = require_array<std::int32_t>(triplet_places, "triplet_places", 1);
    const auto values = require_array<double>(triplet_values, "triplet_values", 1);
    return LatticeGas({static_cast<std::size_t>(of_site.size()), static_cast<std::size_t>(one.shape(0)),
                       static_cast<std::size_t>(one.shape(1)) + 1, static_cast<std::size_t>(others.shape(1)),
                       as_span(of_site), as_span(sublattice), as_span(n_modes), as_span(others), as_span(one),
                       as_span(two), as_span(offsets), as_span(places), as_span(values)});
}

py::array_t<std::uint8_t> rows_of(const LatticeGas& gas, const py::array& modes) {
    auto rows = require_array<std::uint8_t>(modes, "modes", 2);
    if (static_cast<std::size_t>(rows.shape(1)) != gas.n_sites())
        throw std::invalid_argument("modes has " + std::to_string(rows.shape(1)) + " columns, the cell " +
                                    std::to_string(gas.n_sites()) + " sites");
    return rows;
}

py::array_t<double> py_energies(const LatticeGas& gas, const py::array& modes, int num_threads) {
    const auto rows = rows_of(gas, modes);
    py::array_t<double> energy(rows.shape(0));
    const auto out = as_mutable_span(energy);
    const py::gil_scoped_release released;
    gas.energies(as_span(rows), out, num_threads);
    return energy;
}

py::array_t<double> zeros(std::vector<py::ssize_t> shape) {
    py::array_t<double> made(shape);
    std::fill_n(made.mutable_data(), made.size(), 0.0);
    return made;
}

py::dict py_walk(const LatticeGas& gas, const py::array& modes, const py::array& generators,
                 const py::array& beta, const py::array& field, const std::optional<py::array>& bias,
                 std::size_t n_records, std::size_t n_trials, double changes, std::int32_t sublattice,
                 std::int32_t mode, int num_threads) {
    const auto start = rows_of(gas, modes);
    const auto states = require_array<std::uint64_t>(generators, "generators", 2);
    const auto inverse = require_array<double>(beta, "beta", 1);
    const auto added = require_array<double>(field, "field", 3);
    const auto weights = bias ? require_array<double>(*bias, "bias", 2) : py::array_t<double>(0);
    const py::ssize_t n = start.shape(0), n_levels = bias ? weights.shape(1) : 0;
    const auto n_sublattices = static_cast<py::ssize_t>(gas.n_sublattices()),
               n_modes = static_cast<py::ssize_t>(gas.n_modes()), n_out = static_cast<py::ssize_t>(n_records);
    if (states.shape(0) != n || states.shape(1) != 4 || inverse.shape(0) != n || added.shape(0) != n)
        throw std::invalid_argument("generators, beta and field must be of as many chains as modes");
    // Copies: what a caller gave stays as it is.
    py::array_t<std::uint8_t> row({n, start.shape(1)});
    py::array_t<std::uint64_t> random({n, py::ssize_t{4}});
    std::copy_n(start.data(), start.size(), row.mutable_data());
    std::copy_n(states.data(), states.size(), random.mutable_data());
    py::array_t<double> energy({n, n_out});
    py::array_t<std::int32_t> counts({n, n_out, n_sublattices, n_modes});
    py::array_t<std::int64_t> accepted({n, py::ssize_t{4}});
    std::fill_n(accepted.mutable_data(), accepted.size(), 0);
    py::array_t<double> transitions = zeros({n, n_levels, 3}), level_energy = zeros({n, n_levels, 3});
    const GasChains chains{as_mutable_span(row),
                           as_mutable_span(random),
                           as_span(inverse),
                           as_span(added),
                           as_span(weights),
                           as_mutable_span(energy),
                           as_mutable_span(counts),
                           as_mutable_span(accepted),
                           as_mutable_span(transitions),
                           as_mutable_span(level_energy)};
    const std::size_t work =
        std::max<std::size_t>(1, n_trials * gas.work_per_trial() * static_cast<std::size_t>(n));
    const std::size_t piece = std::max<std::size_t>(1, work_per_piece / work);
    for (std::size_t first = 0; first < n_records; first += piece) {
        {
            const py::gil_scoped_release released;
            gas.walk(
                chains,
                {n_records, first, std::min(n_records, first + piece), n_trials, changes, sublattice, mode},
                num_threads);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    py::dict result;
    result["modes"] = row;
    result["generators"] = random;
    result["energy"] = energy;
    result["counts"] = counts;
    result["accepted"] = accepted;
    result["transitions"] = transitions;
    result["level_energy"] = level_energy;
    return result;
}

}  // namespace

void register_lattice_gas(py::module_& module) {
    py::class_<LatticeGas>(module, "LatticeGas",
                           "Points, pairs and triplets of species on a lattice; matganip/lattice_gas.hpp "
                           "documents it.")
        .def(py::init(&make_gas), py::kw_only(), py::arg("basis"), py::arg("sublattices"), py::arg("modes"),
             py::arg("neighbours"), py::arg("points"), py::arg("pairs"), py::arg("triplet_offsets"),
             py::arg("triplet_places"), py::arg("triplet_values"))
        .def("energies", &py_energies, py::arg("modes"), py::kw_only(), py::arg("num_threads") = 0)
        .def("walk", &py_walk, py::arg("modes"), py::kw_only(), py::arg("generators"), py::arg("beta"),
             py::arg("field"), py::arg("bias") = py::none(), py::arg("n_records"), py::arg("n_trials"),
             py::arg("changes"), py::arg("sublattice") = 0, py::arg("mode") = 0, py::arg("num_threads") = 0,
             "Walk each chain by n_records * n_trials trials; a dict of arrays, as GasChains names them.");
}

}  // namespace matganip::bindings
