#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "matganip/targets.hpp"

namespace matganip {

/// Above this size a result does not stay in a core's own cache anyway: storing past it spares reading the
/// lines first.
constexpr std::size_t bytes_to_stream = std::size_t{1} << 22;

/// Copies n numbers past the cache: whole lines by non-temporal stores, what is left over at both ends as
/// usual.
template <class T>
void stream(const T* source, T* target, std::size_t n) {
    const std::size_t bytes = n * sizeof(T);
    const auto* from = reinterpret_cast<const std::byte*>(source);
    auto* to = reinterpret_cast<std::byte*>(target);
    constexpr std::size_t line = line_doubles * sizeof(double);
    const std::size_t past = reinterpret_cast<std::uintptr_t>(to) % line;
    const std::size_t head = past == 0 ? 0 : std::min(bytes, line - past);
    const std::size_t whole = (bytes - head) / line * line;
    std::memcpy(to, from, head);
    kernels().graph.stream_lines(from + head, to + head, whole);
    std::memcpy(to + head + whole, from + head + whole, bytes - head - whole);
}

/// Streamed stores become visible in order with what follows.
inline void finish_stream() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

}  // namespace matganip
