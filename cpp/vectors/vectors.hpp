#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "matganip/kernels.hpp"

// Everything in cpp/vectors/ stands in a namespace of its target. Nothing there may emit a function outside
// of it: the linker keeps one copy of an inline function, whichever target it was compiled for, and a machine
// without those instructions would run it. So no function of the standard library is called but memcpy; a
// test (cpp/tests/symbols.cmake) reads the objects.
#if !defined(MATGANIP_TARGET)
#error "compiled once for each target: see cmake/vector_targets.cmake"
#endif

#if defined(_MSC_VER)
#define MATGANIP_INLINE __forceinline
#else
#define MATGANIP_INLINE [[gnu::always_inline]] inline
#endif

namespace matganip::MATGANIP_TARGET {

// Bytes of a vector, and how many vectors the processor keeps in registers.
#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64, n_registers = 32;
#elif defined(__AVX2__)
inline constexpr std::size_t vector_bytes = 32, n_registers = 16;
#elif defined(__aarch64__)
inline constexpr std::size_t vector_bytes = 16, n_registers = 32;
#else
inline constexpr std::size_t vector_bytes = 16, n_registers = 16;
#endif

inline constexpr std::size_t lanes = vector_bytes / sizeof(double);       // doubles of a vector
inline constexpr std::size_t float_lanes = vector_bytes / sizeof(float);  // floats

#if defined(__GNUC__) && !defined(MATGANIP_PLAIN_VECTORS)

using Doubles [[gnu::vector_size(vector_bytes)]] = double;
using Floats [[gnu::vector_size(vector_bytes)]] = float;
using HalfFloats [[gnu::vector_size(vector_bytes / 2)]] = float;  // as many as `Doubles` has

template <class Vector>
MATGANIP_INLINE Vector larger(const Vector& a, const Vector& b) {
    return a > b ? a : b;
}

MATGANIP_INLINE Doubles widened(const HalfFloats& a) {
    return __builtin_convertvector(a, Doubles);
}

#else

#define MATGANIP_LANEWISE(op)                                               \
    friend Plain operator op(const Plain& a, const Plain& b) {              \
        return each([&](std::size_t i) { return a.lane[i] op b.lane[i]; }); \
    }                                                                       \
    friend Plain operator op(T a, const Plain& b) {                         \
        return each([&](std::size_t i) { return a op b.lane[i]; });         \
    }

/// For compilers without vector extensions: an array that is worked on lane by lane.
template <class T, std::size_t n>
struct alignas(n * sizeof(T)) Plain {
    T lane[n];

    template <class Do>
    MATGANIP_INLINE static Plain each(Do&& value) {
        Plain made;
        for (std::size_t i = 0; i < n; ++i) made.lane[i] = value(i);
        return made;
    }
    MATGANIP_LANEWISE(+)
    MATGANIP_LANEWISE(-)
    MATGANIP_LANEWISE(*)
    MATGANIP_LANEWISE(/)
    Plain& operator+=(const Plain& b) { return *this = *this + b; }
};
using Doubles = Plain<double, lanes>;
using Floats = Plain<float, float_lanes>;
using HalfFloats = Plain<float, lanes>;
#undef MATGANIP_LANEWISE

template <class Vector>
MATGANIP_INLINE Vector larger(const Vector& a, const Vector& b) {
    return Vector::each([&](std::size_t i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}

MATGANIP_INLINE Doubles widened(const HalfFloats& a) {
    return Doubles::each([&](std::size_t i) { return static_cast<double>(a.lane[i]); });
}

#endif

template <class Vector, class T>
MATGANIP_INLINE Vector load(const T* from) {
    Vector vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

template <class Vector, class T>
MATGANIP_INLINE void store(const Vector& vector, T* to) {
    std::memcpy(to, &vector, sizeof vector);
}

MATGANIP_INLINE Doubles load(const double* from) {
    return load<Doubles>(from);
}

MATGANIP_INLINE Floats load(const float* from) {
    return load<Floats>(from);
}

/// Keeps a vector that is used several times in a register: GCC would read it from memory for each use, and
/// loads are then what a loop waits for.
template <class Vector>
MATGANIP_INLINE void keep([[maybe_unused]] Vector& vector) {
#if defined(__GNUC__) && defined(__x86_64__) && !defined(MATGANIP_PLAIN_VECTORS)
    asm("" : "+v"(vector));
#endif
}

/// The same number in every lane. A sum with zero would not do: it turns -0 into 0.
MATGANIP_INLINE Doubles all(double x) {
    return x - Doubles{};
}

}  // namespace matganip::MATGANIP_TARGET
