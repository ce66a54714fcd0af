#include "matganip/targets.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace matganip {

// CMake says which targets there are (cmake/vector_targets.cmake).
#if defined(MATGANIP_AVX512)
namespace avx512 {
extern const Kernels kernels;
}
#endif
#if defined(MATGANIP_AVX2)
namespace avx2 {
extern const Kernels kernels;
}
#endif
#if defined(MATGANIP_SSE2)
namespace sse2 {
extern const Kernels kernels;
}
#endif
#if defined(MATGANIP_NEON)
namespace neon {
extern const Kernels kernels;
}
#endif
#if defined(MATGANIP_PORTABLE)
namespace portable {
extern const Kernels kernels;
}
#endif

namespace {

std::vector<const Kernels*> find_targets() {
    std::vector<const Kernels*> found;
    // The compiler's test asks the operating system, too, whether it keeps the registers.
#if defined(MATGANIP_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        found.push_back(&avx512::kernels);
#endif
#if defined(MATGANIP_AVX2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::kernels);
#endif
#if defined(MATGANIP_SSE2)
    found.push_back(&sse2::kernels);
#endif
#if defined(MATGANIP_NEON)
    found.push_back(&neon::kernels);
#endif
#if defined(MATGANIP_PORTABLE)
    found.push_back(&portable::kernels);
#endif
    return found;
}

const Kernels& named(std::string_view name) {
    std::string known;
    for (const Kernels* target : targets()) {
        if (name == target->target) return *target;
        known += (known.empty() ? "" : ", ") + std::string(target->target);
    }
    throw std::invalid_argument("vector target " + std::string(name) +
                                " does not run here; these do: " + known);
}

/// Null until the first question; the answer is the same for every thread that asks.
std::atomic<const Kernels*> in_use{nullptr};

}  // namespace

std::span<const Kernels* const> targets() {
    static const std::vector<const Kernels*> found = find_targets();
    return found;
}

const Kernels& kernels() {
    const Kernels* chosen = in_use.load(std::memory_order_acquire);
    if (chosen == nullptr) {
        const char* wanted = std::getenv("MATGANIP_TARGET");
        chosen = wanted == nullptr || *wanted == '\0' ? targets().front() : &named(wanted);
        in_use.store(chosen, std::memory_order_release);
    }
    return *chosen;
}

void use_target(std::string_view name) {
    in_use.store(&named(name), std::memory_order_release);
}

}  // namespace matganip
