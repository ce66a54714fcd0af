#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "matganip/lowest_orbits.hpp"
#include "matganip/permutation_group.hpp"
#include "register.hpp"

namespace matganip::bindings {
namespace {

std::unique_ptr<LowestOrbits> make_search(const py::array& permutations, const py::array& sublattice,
                                          const py::array& first_state, const py::array& kind,
                                          const py::array& kind_sublattice, const py::array& count,
                                          double constant, const py::array& field, const py::array& pair,
                                          const py::array& triplets, const py::array& coupling,
                                          const py::array& exclusions, const py::array& shift,
                                          double stiffness, const py::array& cubic, std::size_t top,
                                          double window, double slack) {
    const auto images = require_array<std::uint16_t>(permutations, "permutations", 2);
    const auto sublattices = require_array<std::int32_t>(sublattice, "sublattice", 1);
    const auto firsts = require_array<std::int32_t>(first_state, "first_state", 1);
    const auto kinds = require_array<std::int32_t>(kind, "kind", 1);
    const auto of_kinds = require_array<std::int32_t>(kind_sublattice, "kind_sublattice", 1);
    const auto counts = require_array<std::int32_t>(count, "count", 1);
    const auto fields = require_array<double>(field, "field", 1);
    const auto pairs = require_array<double>(pair, "pair", 2);
    const auto threes = require_array<std::int32_t>(triplets, "triplets", 2);
    const auto couplings = require_array<double>(coupling, "coupling", 1);
    const auto excluded = require_array<std::int32_t>(exclusions, "exclusions", 2);
    const auto shifts = require_array<double>(shift, "shift", 2);
    const auto cubics = require_array<double>(cubic, "cubic", 1);
    const InteractionTables tables{as_span(sublattices),
                                   as_span(firsts),
                                   as_span(kinds),
                                   as_span(of_kinds),
                                   as_span(counts),
                                   constant,
                                   as_span(fields),
                                   as_span(pairs),
                                   as_span(threes),
                                   as_span(couplings),
                                   as_span(excluded),
                                   as_span(shifts),
                                   stiffness,
                                   as_span(cubics)};
    PermutationGroup group = group_of(as_span(images), static_cast<std::size_t>(images.shape(1)));
    const py::gil_scoped_release released;
    return std::make_unique<LowestOrbits>(tables, std::move(group), Wanted{top, window, slack});
}

py::dict found_arrays(const FoundOrbits& found) {
    const auto n = static_cast<py::ssize_t>(found.energies.size());
    const py::ssize_t width = n == 0 ? 0 : static_cast<py::ssize_t>(found.codes.size()) / n;
    py::dict result;
    result["codes"] = move_to_array(std::vector(found.codes), {n, width});
    result["energies"] = move_to_array(std::vector(found.energies), {n});
    result["multiplicities"] = move_to_array(std::vector(found.multiplicities), {n});
    return result;
}

py::dict open_arrays(OpenNodes nodes) {
    const auto n = static_cast<py::ssize_t>(nodes.bounds.size());
    const py::ssize_t width = n == 0 ? 0 : static_cast<py::ssize_t>(nodes.codes.size()) / n;
    py::dict result;
    result["codes"] = move_to_array(std::move(nodes.codes), {n, width});
    result["bounds"] = move_to_array(std::move(nodes.bounds), {n});
    return result;
}

void py_resume(LowestOrbits& search, const py::array& open_codes, const py::array& open_bounds,
               const py::array& found_codes, const py::array& found_energies,
               const py::array& found_multiplicities, std::uint64_t n_visited) {
    const auto vector_of = [](const auto& array) {
        return std::vector(array.data(), array.data() + array.size());
    };
    const OpenNodes open{vector_of(require_array<std::uint8_t>(open_codes, "open_codes", 2)),
                         vector_of(require_array<double>(open_bounds, "open_bounds", 1))};
    const FoundOrbits found{
        vector_of(require_array<std::uint8_t>(found_codes, "found_codes", 2)),
        vector_of(require_array<double>(found_energies, "found_energies", 1)),
        vector_of(require_array<std::int64_t>(found_multiplicities, "found_multiplicities", 1))};
    search.resume(open, found, n_visited);
}

}  // namespace

void register_certify(py::module_& module) {
    py::class_<LowestOrbits>(module, "LowestOrbits",
                             "The lowest orbits, proved; matganip/lowest_orbits.hpp documents it.")
        .def(py::init(&make_search), py::kw_only(), py::arg("permutations"), py::arg("sublattice"),
             py::arg("first_state"), py::arg("kind"), py::arg("kind_sublattice"), py::arg("count"),
             py::arg("constant"), py::arg("field"), py::arg("pair"), py::arg("triplets"), py::arg("coupling"),
             py::arg("exclusions"), py::arg("shift"), py::arg("stiffness"), py::arg("cubic"), py::arg("top"),
             py::arg("window"), py::arg("slack"))
        .def("advance", &LowestOrbits::advance, py::kw_only(), py::arg("num_threads") = 0,
             py::call_guard<py::gil_scoped_release>(), "Search on for a round; false once nothing is open.")
        .def_property_readonly("lower_bound", &LowestOrbits::lower_bound)
        .def_property_readonly("threshold", &LowestOrbits::threshold)
        .def("set_ceiling", &LowestOrbits::set_ceiling, py::arg("energy"),
             "Nothing above this energy is wanted any more.")
        .def_property_readonly("n_visited", &LowestOrbits::n_visited)
        .def_property_readonly("n_open", &LowestOrbits::n_open)
        .def(
            "found", [](const LowestOrbits& self) { return found_arrays(self.found()); },
            "A dict of codes, energies and multiplicities, lowest first.")
        .def(
            "open", [](const LowestOrbits& self) { return open_arrays(self.open()); },
            "A dict of the codes and bounds of what is still to be searched.")
        .def("resume", &py_resume, py::kw_only(), py::arg("open_codes"), py::arg("open_bounds"),
             py::arg("found_codes"), py::arg("found_energies"), py::arg("found_multiplicities"),
             py::arg("n_visited"), "Go on from what open, found and n_visited gave.");
}

}  // namespace matganip::bindings
