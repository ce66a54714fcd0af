#include "vectors.hpp"

namespace matganip::MATGANIP_TARGET {
namespace {

/// How many images are compared before the first larger one is acted upon.
constexpr std::size_t chunk = 128;

bool extend_word(const std::uint64_t* __restrict from, std::uint64_t* __restrict to,
                 const std::uint64_t* __restrict bits, std::size_t n, std::uint64_t chosen) {
    for (std::size_t begin = 0; begin < n; begin += chunk) {
        const std::size_t end = n < begin + chunk ? n : begin + chunk;
        std::uint64_t largest = 0;
        for (std::size_t e = begin; e < end; ++e) {
            const std::uint64_t mask = from[e] | bits[e];
            to[e] = mask;
            largest = mask > largest ? mask : largest;
        }
        if (largest > chosen) return false;
    }
    return true;
}

bool extend_words(const std::uint64_t* __restrict from, std::uint64_t* __restrict to,
                  const std::uint16_t* __restrict images, std::size_t n,
                  const std::uint64_t* __restrict chosen, std::size_t words) {
    std::memcpy(to, from, words * n * sizeof(std::uint64_t));
    for (std::size_t e = 0; e < n; ++e)
        to[images[e] / 64 * n + e] |= std::uint64_t{1} << (63 - images[e] % 64);

    std::uint64_t tied[chunk];
    for (std::size_t begin = 0; begin < n; begin += chunk) {
        const std::size_t size = n - begin < chunk ? n - begin : chunk;
        std::uint64_t larger_ones = 0;
        for (std::size_t e = 0; e < size; ++e) tied[e] = 1;
        for (std::size_t w = 0; w < words; ++w) {
            const std::uint64_t* masks = to + w * n + begin;
            const std::uint64_t reference = chosen[w];
            for (std::size_t e = 0; e < size; ++e) {
                larger_ones |= tied[e] & static_cast<std::uint64_t>(masks[e] > reference);
                tied[e] &= static_cast<std::uint64_t>(masks[e] == reference);
            }
        }
        if (larger_ones != 0) return false;
    }
    return true;
}

std::size_t count_equal(const std::uint64_t* masks, std::size_t n, std::uint64_t chosen) {
    std::size_t ties = 0;
    for (std::size_t e = 0; e < n; ++e) ties += static_cast<std::size_t>(masks[e] == chosen);
    return ties;
}

}  // namespace

extern const OrbitKernels orbit_kernels{extend_word, extend_words, count_equal};

}  // namespace matganip::MATGANIP_TARGET
