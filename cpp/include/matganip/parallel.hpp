#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <stdexcept>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace matganip {

/// Number of threads to use: `num_threads` itself, or every core that OpenMP offers where it is 0.
/// Throws std::invalid_argument where it is negative.
inline int resolve_threads(int num_threads) {
    if (num_threads < 0) throw std::invalid_argument("num_threads must be 0 (all cores) or positive");
#if defined(_OPENMP)
    return num_threads == 0 ? omp_get_max_threads() : num_threads;
#else
    return 1;
#endif
}

/// Calls `body(i)` for each i in [0, n), the iterations dealt out dynamically to `num_threads` threads.
///
/// An exception may not leave an OpenMP region; the first one is kept, the remaining iterations do nothing, and it
/// is thrown again here. What `body(i)` writes must depend on i alone: then the result is the same for any number
/// of threads.
template <class Body>
void parallel_for(std::size_t n, int num_threads, Body&& body) {
    std::exception_ptr failure;
    std::atomic<bool> failed{false};
    const auto count = static_cast<std::ptrdiff_t>(n);
    [[maybe_unused]] const int threads = resolve_threads(num_threads);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1)
    for (std::ptrdiff_t i = 0; i < count; ++i) {
        if (failed.load(std::memory_order_relaxed)) continue;
        try {
            body(static_cast<std::size_t>(i));
        } catch (...) {
#pragma omp critical(matganip_parallel_for)
            if (!failed.exchange(true)) failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace matganip
