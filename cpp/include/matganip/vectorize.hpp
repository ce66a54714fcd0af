#pragma once

/// MATGANIP_CLONES before a function compiles it once for each vector width and picks one when the library is
/// loaded, so that a portable wheel (no -march=native) still uses AVX2 or AVX-512 where the machine has it.
/// Only GCC on x86-64 Linux resolves such clones reliably; elsewhere, and under sanitizers (whose runtime is
/// not up yet when the choice is made), the macro is empty and the baseline of the architecture is used.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MATGANIP_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
/// Before one of several definitions of a function, of which one is picked in the same way.
#define MATGANIP_TARGET(name) __attribute__((target(name)))
#else
#define MATGANIP_CLONES
#endif
