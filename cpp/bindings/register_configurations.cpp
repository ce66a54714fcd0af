#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <vector>

#include "arrays.hpp"
#include "exclusion_rows.hpp"
#include "matganip/canonical_form.hpp"
#include "matganip/orbit_enumerator.hpp"
#include "matganip/permutation_group.hpp"
#include "register.hpp"

namespace matganip::bindings {
namespace {

using Counts = std::vector<std::vector<std::uint16_t>>;

PermutationGroup group_from(const py::array& permutations) {
    const auto images = require_array<std::uint16_t>(permutations, "permutations", 2);
    return group_of(as_span(images), static_cast<std::size_t>(images.shape(1)));
}

/// Every row must have the composition: else what comes out is no orbit's representative.
void require_composition(const Counts& counts, std::span<const std::uint8_t> rows, std::size_t degree) {
    std::vector<std::size_t> met;
    for (std::size_t row = 0; row * degree < rows.size(); ++row) {
        const std::uint8_t* code = rows.data() + row * degree;
        for (std::size_t s = 0; s < counts.size(); ++s) {
            met.assign(256, 0);
            std::size_t n_columns = 0;
            for (const std::uint16_t count : counts[s]) n_columns += count;
            for (std::size_t i = 0; i < n_columns; ++i) ++met[*code++];
            if (!std::equal(counts[s].begin(), counts[s].end(), met.begin()))
                throw std::invalid_argument("occupations: row " + std::to_string(row) +
                                            " has another composition on sublattice " + std::to_string(s));
        }
    }
}

py::array_t<std::uint16_t> py_close_group(const py::array& generators, std::size_t max_order) {
    const auto rows = require_array<std::uint16_t>(generators, "generators", 2);
    const auto degree = static_cast<std::size_t>(rows.shape(1));
    PermutationGroup group;
    {
        const py::gil_scoped_release released;
        group = close_group(as_span(rows), degree, max_order);
    }
    const auto order = static_cast<py::ssize_t>(group.order());
    return move_to_array(std::move(group.images), {order, static_cast<py::ssize_t>(degree)});
}

py::tuple py_canonical_form(const py::array& permutations, const Counts& counts, const py::array& occupations,
                            int num_threads) {
    const PermutationGroup group = group_from(permutations);
    const auto rows = require_array<std::uint8_t>(occupations, "occupations", 2);
    if (static_cast<std::size_t>(rows.shape(1)) != group.degree)
        throw std::invalid_argument("occupations has " + std::to_string(rows.shape(1)) +
                                    " columns, the space " + std::to_string(group.degree) + " sites");
    const std::vector<Stage> stages = stages_of({counts});
    if (Composition{counts}.n_columns() != group.degree)
        throw std::invalid_argument("counts: do not add up to the " + std::to_string(group.degree) +
                                    " sites");
    require_composition(counts, as_span(rows), group.degree);
    py::array_t<std::uint8_t> representatives({rows.shape(0), rows.shape(1)});
    py::array_t<std::int64_t> multiplicities(rows.shape(0));
    const auto in = as_span(rows);
    const auto out = as_mutable_span(representatives);
    const auto sizes = as_mutable_span(multiplicities);
    {
        const py::gil_scoped_release released;
        canonical_form(group, stages, in, out, sizes, num_threads);
    }
    return py::make_tuple(representatives, multiplicities);
}

/// Fills the caller's arrays with the next orbits, asking Python for interrupts between the rounds of tasks.
std::size_t py_fill(OrbitEnumerator& enumerator, const py::array& occupations, const py::array& multiplicity,
                    int num_threads) {
    auto rows = require_array<std::uint8_t>(occupations, "occupations", 2);
    auto sizes = require_array<std::int64_t>(multiplicity, "multiplicity", 1);
    if (rows.shape(0) != sizes.shape(0))
        throw std::invalid_argument("occupations and multiplicity must have the same number of rows");
    const auto all_rows = as_mutable_span(rows);
    const auto all_sizes = as_mutable_span(sizes);
    const auto degree = static_cast<std::size_t>(rows.shape(1));
    if (degree != enumerator.n_sites())
        throw std::invalid_argument("occupations has " + std::to_string(degree) + " columns, the space " +
                                    std::to_string(enumerator.n_sites()) + " sites");
    std::size_t filled = 0;
    for (bool more = true; more && filled < all_sizes.size();) {
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        const py::gil_scoped_release released;
        filled += enumerator.take(all_rows.subspan(filled * degree), all_sizes.subspan(filled), num_threads);
        if (filled < all_sizes.size()) more = enumerator.advance(num_threads);
    }
    return filled;
}

}  // namespace

void register_configurations(py::module_& module) {
    module.def(
        "close_group", &py_close_group, py::arg("generators"), py::kw_only(), py::arg("max_order"),
        "All elements of the group that permutations (n, degree) uint16 span, in lexicographic order.");
    module.def(
        "canonical_form", &py_canonical_form, py::arg("permutations"), py::arg("counts"),
        py::arg("occupations"), py::kw_only(), py::arg("num_threads") = 0,
        "The smallest member (n, n_sites) uint8 of each row's orbit, and the size (n,) int64 of the orbit.");
    py::class_<OrbitEnumerator>(module, "OrbitEnumerator",
                                "Streams the orbits of a composition under a permutation group.")
        .def(py::init([](const py::array& permutations, const Counts& counts, std::uint64_t shard,
                         std::uint64_t n_shards, const py::object& exclusions) {
                 return std::make_unique<OrbitEnumerator>(group_from(permutations), Composition{counts},
                                                          shard, n_shards, exclusions_from(exclusions));
             }),
             py::arg("permutations"), py::arg("counts"), py::kw_only(), py::arg("shard") = 0,
             py::arg("n_shards") = 1, py::arg("exclusions") = py::none())
        .def(
            "resume_after",
            [](OrbitEnumerator& self, const py::array& row) {
                self.resume_after(as_span(require_array<std::uint8_t>(row, "row", 1)));
            },
            py::arg("row"), "Start after this representative, which the stream has given before.")
        .def("fill", &py_fill, py::arg("occupations"), py::arg("multiplicity"), py::kw_only(),
             py::arg("num_threads") = 0,
             "Write the next orbits into the arrays; the number written, less than their length only at the "
             "end.");
}

}  // namespace matganip::bindings
