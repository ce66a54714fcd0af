#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace matganip {

inline constexpr int most_threads = 1024;

/// Number of threads to use: `num_threads` itself, or every core that OpenMP offers where it is 0.
/// Throws std::invalid_argument where it is negative or above `most_threads`.
inline int resolve_threads(int num_threads) {
    if (num_threads < 0 || num_threads > most_threads)
        throw std::invalid_argument("num_threads must be 0 (all cores) or 1 to " +
                                    std::to_string(most_threads));
#if defined(_OPENMP)
    return num_threads == 0 ? omp_get_max_threads() : num_threads;
#else
    return 1;
#endif
}

/// Runs `worker()` on each thread of a team and waits for all of them.
///
/// The team is OpenMP's, except under ThreadSanitizer: it cannot see the synchronisation inside an OpenMP
/// runtime that was not built with it and would report races that are none, while it understands std::thread.
template <class Worker>
void run_team([[maybe_unused]] int threads, Worker&& worker) {
#if defined(__SANITIZE_THREAD__)
    std::vector<std::jthread> team;
    for (int t = 0; t < threads; ++t) team.emplace_back([&] { worker(); });
#else
#pragma omp parallel num_threads(threads) if (threads > 1)
    worker();
#endif
}

/// Calls `body(i)` for each i in [0, n), the iterations dealt out one by one to `num_threads` threads.
///
/// An exception may not leave an OpenMP region; the first one is kept, the remaining iterations are dropped,
/// and it is thrown again here. What `body(i)` writes must depend on i alone: then the result is the same for
/// any number of threads.
template <class Body>
void parallel_for(std::size_t n, int num_threads, Body&& body) {
    std::atomic<std::size_t> next{0};
    std::mutex guard;
    std::exception_ptr failure;
    // No larger a team than there is work: waking one for a single task costs more than a small call.
    const auto useful = static_cast<int>(std::min<std::size_t>(std::max<std::size_t>(n, 1), 1U << 16));
    run_team(std::min(resolve_threads(num_threads), useful), [&] {
        for (std::size_t i = next.fetch_add(1); i < n; i = next.fetch_add(1)) {
            try {
                body(i);
            } catch (...) {
                const std::lock_guard lock(guard);
                if (!failure) failure = std::current_exception();
                next.store(n);
            }
        }
    });
    if (failure) std::rethrow_exception(failure);
}

}  // namespace matganip
