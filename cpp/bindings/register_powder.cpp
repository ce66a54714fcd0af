#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "matganip/families.hpp"
#include "matganip/overlaps.hpp"
#include "matganip/powder_diffraction.hpp"
#include "register.hpp"

namespace matganip::bindings {
namespace {

/// A NumPy array that owns the column's memory: no copy.
template <class T>
py::array_t<T> moved(Column<T>&& column) {
    auto* owned = new Column<T>(std::move(column));
    const py::capsule owner(owned, [](void* pointer) { delete static_cast<Column<T>*>(pointer); });
    return py::array_t<T>(static_cast<py::ssize_t>(owned->size()), owned->data(), owner);
}

/// Arrays of all structures, kept alive beside the spans that point into them.
struct Batch {
    py::array_t<double> lattices, reciprocals;
    py::array_t<std::int64_t> offsets;
    py::array_t<double> coordinates;
    py::array_t<std::int32_t> species;
    py::array_t<double> occupancy, isotropic, anisotropic;
    PowderBatch spans;

    explicit Batch(const py::dict& arrays)
        : lattices(require_array<double>(arrays["lattices"], "lattices", 3)),
          reciprocals(require_array<double>(arrays["reciprocals"], "reciprocals", 3)),
          offsets(require_array<std::int64_t>(arrays["offsets"], "offsets", 1)),
          coordinates(require_array<double>(arrays["coordinates"], "coordinates", 2)),
          species(require_array<std::int32_t>(arrays["species"], "species", 1)),
          occupancy(require_array<double>(arrays["occupancy"], "occupancy", 1)),
          isotropic(require_array<double>(arrays["isotropic"], "isotropic", 1)),
          anisotropic(require_array<double>(arrays["anisotropic"], "anisotropic", 2)),
          spans{as_span(lattices), as_span(reciprocals), as_span(offsets),   as_span(coordinates),
                as_span(species),  as_span(occupancy),   as_span(isotropic), as_span(anisotropic)} {
        if (lattices.size() != 9 * static_cast<py::ssize_t>(spans.size()))
            throw std::invalid_argument("lattices must be (n, 3, 3) for (n + 1,) offsets");
    }
};

/// A spectral line from a dictionary, with the arrays that it points into.
struct Spectrum {
    std::vector<py::array_t<double>> kept;
    std::vector<SpectralLine> lines;

    explicit Spectrum(const py::list& list) {
        for (const py::handle item : list) {
            const auto line = item.cast<py::dict>();
            const auto column = [&](const char* name, py::ssize_t ndim) {
                kept.push_back(require_array<double>(line[name], name, ndim));
                return as_span(kept.back());
            };
            const auto coefficients = column("coefficients", 3);
            const auto n_terms = static_cast<std::size_t>(kept.back().shape(1));
            const Scatterers scatterers{n_terms,
                                        column("constant", 1),
                                        coefficients,
                                        column("imaginary", 1),
                                        column("debye_waller", 1),
                                        line["mott_bethe"].cast<bool>()};
            lines.push_back({line["wavelength"].cast<double>(), line["weight"].cast<double>(),
                             line["inner"].cast<double>(), line["outer"].cast<double>(), scatterers});
        }
    }
};

py::dict py_powder_patterns(const py::dict& arrays, const py::list& lines, bool bins, bool scaled,
                            double polarization, double march_r, std::array<double, 3> march_hkl,
                            int num_threads) {
    if (!(polarization >= 0.0 && polarization <= 1.0))
        throw std::invalid_argument("polarization must be between 0 and 1");
    const Batch batch(arrays);
    const Spectrum spectrum(lines);
    const PowderOptions options{bins ? Merge::bins : Merge::proximity,
                                scaled,
                                polarization,
                                {march_r, {march_hkl[0], march_hkl[1], march_hkl[2]}}};
    PowderPatterns patterns;
    PowderRun run(batch.spans, spectrum.lines, options, num_threads);
    for (bool more = true; more;) {
        {
            const py::gil_scoped_release released;
            more = run.next(patterns);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    using namespace py::literals;
    return py::dict("n_peaks"_a = moved(std::move(patterns.n_peaks)),
                    "n_reflections"_a = moved(std::move(patterns.n_reflections)),
                    "n_listed"_a = moved(std::move(patterns.n_listed)),
                    "two_theta"_a = moved(std::move(patterns.two_theta)),
                    "intensity"_a = moved(std::move(patterns.intensity)),
                    "d_spacings"_a = moved(std::move(patterns.d_spacings)),
                    "n_members"_a = moved(std::move(patterns.n_members)),
                    "hkl"_a = moved(std::move(patterns.hkl)));
}

/// Takes a new reference of the interpreter's, or throws what it raised.
py::object owned(PyObject* made) {
    if (made == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
}

/// The collector of cycles rests meanwhile: it would look through all that the program holds, again and
/// again, while thousands of objects are made that hold none.
struct NoCollection {
    const bool was_on = PyGC_Disable() != 0;
    NoCollection() = default;
    NoCollection(const NoCollection&) = delete;
    NoCollection& operator=(const NoCollection&) = delete;
    ~NoCollection() {
        if (was_on) PyGC_Enable();
    }
};

/// {"hkl": (h, k, l), "multiplicity": m}. By the interpreter's own calls: there are thousands.
py::object as_dict(const Family& family, std::size_t n_indices, const py::str& hkl,
                   const py::str& multiplicity) {
    py::object indices = owned(PyTuple_New(static_cast<Py_ssize_t>(n_indices)));
    for (std::size_t i = 0; i < n_indices; ++i)
        PyTuple_SET_ITEM(indices.ptr(), static_cast<Py_ssize_t>(i),
                         owned(PyLong_FromLong(family.hkl[i])).release().ptr());
    // Numbers alone make no cycle; the collector would find out by itself, one tuple and one dictionary at a
    // time.
    PyObject_GC_UnTrack(indices.ptr());
    py::object dict = owned(PyDict_New());
    const py::object count = owned(PyLong_FromLongLong(family.multiplicity));
    if (PyDict_SetItem(dict.ptr(), hkl.ptr(), indices.ptr()) != 0 ||
        PyDict_SetItem(dict.ptr(), multiplicity.ptr(), count.ptr()) != 0)
        throw py::error_already_set();
    return dict;
}

py::list py_families(const py::array& hkl, const py::array& ends, bool hexagonal) {
    const auto rows = require_array<std::int32_t>(hkl, "hkl", 2);
    const auto last = require_array<std::int64_t>(ends, "ends", 1);
    if (rows.shape(1) != 3) throw std::invalid_argument("hkl must be (n, 3)");
    Families found;
    {
        const py::gil_scoped_release released;
        found = find_families(as_span(rows), as_span(last), hexagonal);
    }
    const NoCollection resting;
    const py::str key("hkl"), multiplicity("multiplicity");
    py::list peaks(found.ends.size());
    std::size_t family = 0;
    for (std::size_t p = 0; p < found.ends.size(); ++p) {
        py::list families(found.ends[p] - family);
        for (std::size_t i = 0; family < found.ends[p]; ++i, ++family)
            PyList_SET_ITEM(
                families.ptr(), static_cast<Py_ssize_t>(i),
                as_dict(found.families[family], hexagonal ? 4 : 3, key, multiplicity).release().ptr());
        PyList_SET_ITEM(peaks.ptr(), static_cast<Py_ssize_t>(p), families.release().ptr());
    }
    return peaks;
}

/// (structure, atom, other) of the first overlap, or None.
py::object py_find_overlap(const py::dict& arrays, double distance, int num_threads) {
    const Batch batch(arrays);
    std::optional<Overlap> overlap;
    {
        const py::gil_scoped_release released;
        check(batch.spans);
        overlap = find_overlap(batch.spans, distance, num_threads);
    }
    if (!overlap) return py::none();
    return py::make_tuple(overlap->structure, overlap->atom, overlap->other);
}

}  // namespace

void register_powder(py::module_& module) {
    module.def(
        "powder_patterns", &py_powder_patterns, py::kw_only(), py::arg("arrays"), py::arg("spectrum"),
        py::arg("bins"), py::arg("scaled"), py::arg("polarization"), py::arg("march_r"), py::arg("march_hkl"),
        py::arg("num_threads") = 0,
        "Peaks of a batch of structures, one after the other; matganip/powder_diffraction.hpp documents "
        "the arrays.");
    module.def("reflection_families", &py_families, py::arg("hkl"), py::arg("ends"), py::kw_only(),
               py::arg("hexagonal"),
               "Families (lists of dictionaries) of the reflections of each peak; matganip/families.hpp.");
    module.def("find_overlap", &py_find_overlap, py::kw_only(), py::arg("arrays"), py::arg("distance"),
               py::arg("num_threads") = 0,
               "Structure and two atoms of the first overlap of a batch, or None; matganip/overlaps.hpp.");
}

}  // namespace matganip::bindings
