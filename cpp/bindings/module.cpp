#include <pybind11/pybind11.h>

#include "register.hpp"

PYBIND11_MODULE(_core, module) {
    // Values inside of a dict or a list are cast by the bindings themselves; pybind11 would say RuntimeError.
    pybind11::register_exception_translator([](std::exception_ptr pointer) {
        try {
            if (pointer) std::rethrow_exception(pointer);
        } catch (const pybind11::cast_error&) {
            PyErr_SetString(PyExc_TypeError, "a value inside of an argument is of the wrong type");
        }
    });
    module.doc() =
        "The compiled kernels of matganip; called by its configurations and diffraction rooms only.";
    matganip::bindings::register_certify(module);
    matganip::bindings::register_configurations(module);
    matganip::bindings::register_diffraction(module);
    matganip::bindings::register_lattice_gas(module);
    matganip::bindings::register_network(module);
    matganip::bindings::register_powder(module);
    matganip::bindings::register_swaps(module);
    matganip::bindings::register_correlations(module);
    matganip::bindings::register_targets(module);
}
