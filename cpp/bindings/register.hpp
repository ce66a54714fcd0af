#pragma once

#include <pybind11/pybind11.h>

namespace matganip::bindings {

void register_certify(pybind11::module_& module);
void register_configurations(pybind11::module_& module);
void register_diffraction(pybind11::module_& module);
void register_lattice_gas(pybind11::module_& module);
void register_network(pybind11::module_& module);
void register_powder(pybind11::module_& module);
void register_swaps(pybind11::module_& module);
void register_correlations(pybind11::module_& module);
void register_targets(pybind11::module_& module);

}  // namespace matganip::bindings
