#include <pybind11/pybind11.h>

#include "register.hpp"

PYBIND11_MODULE(_core, module) {
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
