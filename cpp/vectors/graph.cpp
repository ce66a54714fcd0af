#include "vectors.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace matganip::MATGANIP_TARGET {
namespace {

void make_matrix(const float* __restrict angles, const float* __restrict intensity, std::size_t n,
                 std::size_t n_padded, float* __restrict matrix) {
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n_padded; j += float_lanes)
            store(load(angles + i * n_padded + j) + intensity[i] * load(intensity + j), matrix + i * n + j);
}

void stream_lines(const std::byte* from, std::byte* to, std::size_t bytes) {
#if defined(__AVX512F__)
    for (std::size_t i = 0; i < bytes; i += 64)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
#elif defined(__AVX2__)
    for (std::size_t i = 0; i < bytes; i += 32)
        _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
#elif defined(__SSE2__)
    for (std::size_t i = 0; i < bytes; i += 16)
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
#else
    std::memcpy(to, from, bytes);
#endif
}

}  // namespace

extern const GraphKernels graph_kernels{make_matrix, stream_lines};

}  // namespace matganip::MATGANIP_TARGET
