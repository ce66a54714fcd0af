#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <iterator>

#include "arrays.hpp"
#include "matganip/powder_diffraction.hpp"
#include "register.hpp"

namespace matganip::bindings {
namespace {

// A call asks for interrupts between pieces of about this many multiplications: a fraction of a second.
constexpr double work_per_piece = 1e9;

/// One array of a member of all patterns, one after the other.
template <class T>
py::array_t<T> joined(const std::vector<PowderPattern>& patterns, std::vector<T> PowderPattern::* member) {
    std::size_t total = 0;
    for (const PowderPattern& pattern : patterns) total += (pattern.*member).size();
    py::array_t<T> array(static_cast<py::ssize_t>(total));
    T* end = array.mutable_data();
    for (const PowderPattern& pattern : patterns)
        end = std::copy((pattern.*member).begin(), (pattern.*member).end(), end);
    return array;
}

std::vector<PowderPattern> in_pieces(const PowderBatch& batch, const Scatterers& scatterers,
                                     const PowderOptions& options, int num_threads) {
    std::vector<PowderPattern> patterns;
    for (std::size_t first = 0, last = 0; first < batch.size(); first = last) {
        for (double work = 0; last < batch.size() && work < work_per_piece; ++last)
            work += powder_work(batch, options, last);
        {
            const py::gil_scoped_release released;
            auto piece = powder_patterns(batch, scatterers, options, first, last, num_threads);
            std::move(piece.begin(), piece.end(), std::back_inserter(patterns));
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    return patterns;
}

py::dict py_powder_patterns(const py::array& lattices, const py::array& reciprocals, const py::array& offsets,
                            const py::array& coordinates, const py::array& species,
                            const py::array& occupancy, const py::array& electrons,
                            const py::array& coefficients, const py::array& debye_waller, double wavelength,
                            double inner, double outer, bool bins, bool scaled, int num_threads) {
    const auto cells = require_array<double>(lattices, "lattices", 3);
    const auto inverses = require_array<double>(reciprocals, "reciprocals", 3);
    const auto ends = require_array<std::int64_t>(offsets, "offsets", 1);
    const auto points = require_array<double>(coordinates, "coordinates", 2);
    const auto kinds = require_array<std::int32_t>(species, "species", 1);
    const auto shares = require_array<double>(occupancy, "occupancy", 1);
    const auto charges = require_array<double>(electrons, "electrons", 1);
    const auto fits = require_array<double>(coefficients, "coefficients", 3);
    const auto damping = require_array<double>(debye_waller, "debye_waller", 1);
    const PowderBatch batch{as_span(cells),  as_span(inverses), as_span(ends),
                            as_span(points), as_span(kinds),    as_span(shares)};
    if (cells.size() != 9 * static_cast<py::ssize_t>(batch.size()))
        throw std::invalid_argument("lattices must be (n, 3, 3) for (n + 1,) offsets");
    const Scatterers scatterers{static_cast<std::size_t>(fits.shape(1)), as_span(charges), as_span(fits),
                                as_span(damping)};
    const PowderOptions options{wavelength, inner, outer, bins ? Merge::bins : Merge::proximity, scaled};
    const auto patterns = in_pieces(batch, scatterers, options, num_threads);

    const auto n = static_cast<py::ssize_t>(patterns.size());
    py::array_t<std::int64_t> n_peaks(n), n_reflections(n);
    for (py::ssize_t i = 0; i < n; ++i) {
        const PowderPattern& pattern = patterns[static_cast<std::size_t>(i)];
        n_peaks.mutable_at(i) = static_cast<std::int64_t>(pattern.two_theta.size());
        n_reflections.mutable_at(i) = static_cast<std::int64_t>(pattern.n_reflections);
    }
    using namespace py::literals;
    return py::dict("n_peaks"_a = n_peaks, "n_reflections"_a = n_reflections,
                    "two_theta"_a = joined(patterns, &PowderPattern::two_theta),
                    "intensity"_a = joined(patterns, &PowderPattern::intensity),
                    "d_spacings"_a = joined(patterns, &PowderPattern::d_spacings),
                    "n_members"_a = joined(patterns, &PowderPattern::n_members),
                    "hkl"_a = joined(patterns, &PowderPattern::hkl));
}

}  // namespace

void register_powder(py::module_& module) {
    module.def(
        "powder_patterns", &py_powder_patterns, py::kw_only(), py::arg("lattices"), py::arg("reciprocals"),
        py::arg("offsets"), py::arg("coordinates"), py::arg("species"), py::arg("occupancy"),
        py::arg("electrons"), py::arg("coefficients"), py::arg("debye_waller"), py::arg("wavelength"),
        py::arg("inner"), py::arg("outer"), py::arg("bins"), py::arg("scaled"), py::arg("num_threads") = 0,
        "Peaks of a batch of structures, one after the other; matganip/powder_diffraction.hpp documents the "
        "arrays.");
}

}  // namespace matganip::bindings
