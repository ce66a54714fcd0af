#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "matganip/targets.hpp"
#include "register.hpp"

namespace matganip::bindings {

void register_targets(pybind11::module_& module) {
    // An unknown MATGANIP_TARGET is refused here: the import says so.
    kernels();
    module.def(
        "vector_target", [] { return std::string(kernels().target); }, "The target whose kernels run.");
    module.def(
        "vector_targets",
        [] {
            std::vector<std::string> names;
            for (const Kernels* target : targets()) names.emplace_back(target->target);
            return names;
        },
        "The targets that run here, the widest first.");
    module.def(
        "use_vector_target", [](const std::string& name) { use_target(name); }, pybind11::arg("name"),
        "Use another target from the next call on.");
}

}  // namespace matganip::bindings
