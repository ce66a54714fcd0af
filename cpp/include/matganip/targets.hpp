#pragma once

#include <span>
#include <string_view>

#include "matganip/kernels.hpp"

/// Which vector width runs. A wheel holds the kernels of every target of its architecture: avx512, avx2 and
/// sse2 on x86-64, neon on aarch64, portable elsewhere.
namespace matganip {

/// The kernels in use: those of the widest target that this processor has, or of the one that the environment
/// variable MATGANIP_TARGET names. Throws std::invalid_argument where it names none that runs here.
const Kernels& kernels();

/// The targets that run here, the widest first.
std::span<const Kernels* const> targets();

/// Uses another target from the next call on. Throws std::invalid_argument where it does not run here.
void use_target(std::string_view name);

}  // namespace matganip
