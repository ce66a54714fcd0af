#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace matganip {

/// Above this size a result does not stay in a core's own cache anyway: storing past it spares reading the
/// lines first.
constexpr std::size_t bytes_to_stream = std::size_t{1} << 22;

#if defined(__SSE2__)
namespace detail {

constexpr std::size_t line = 64;  // bytes of a cache line

/// Copies whole lines past the cache, a line to an instruction where the processor has one for it.
__attribute__((target("avx512f"))) inline void stream_lines_512(const std::byte* from, std::byte* to,
                                                                std::size_t n) {
    for (std::size_t i = 0; i < n; i += line)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
}

inline void stream_lines_128(const std::byte* from, std::byte* to, std::size_t n) {
    for (std::size_t i = 0; i < n; i += 16)
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
}

}  // namespace detail
#endif

/// Copies n numbers past the cache: whole lines by non-temporal stores, what is left over at both ends as
/// usual.
template <class T>
void stream(const T* source, T* target, std::size_t n) {
    const std::size_t bytes = n * sizeof(T);
    const auto* from = reinterpret_cast<const std::byte*>(source);
    auto* to = reinterpret_cast<std::byte*>(target);
#if defined(__SSE2__)
    static const auto stream_lines =
        __builtin_cpu_supports("avx512f") ? detail::stream_lines_512 : detail::stream_lines_128;
    const std::size_t past = reinterpret_cast<std::uintptr_t>(to) % detail::line;
    const std::size_t head = past == 0 ? 0 : std::min(bytes, detail::line - past);
    const std::size_t whole = (bytes - head) / detail::line * detail::line;
    std::memcpy(to, from, head);
    stream_lines(from + head, to + head, whole);
    std::memcpy(to + head + whole, from + head + whole, bytes - head - whole);
#else
    std::memcpy(to, from, bytes);
#endif
}

/// Streamed stores become visible in order with what follows.
inline void finish_stream() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

}  // namespace matganip
