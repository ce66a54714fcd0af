#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace matganip {

/// Memory for large results: numbers are not set to 0 before they are written, and large blocks ask for huge
/// pages, as NumPy's do: else a third of a quick kernel's time is the operating system's, handing out pages
/// of 4 KiB.
template <class T>
struct LargeMemory {
    using value_type = T;

    static constexpr std::size_t huge_page = std::size_t{1} << 21;

    LargeMemory() = default;
    template <class U>
    LargeMemory(const LargeMemory<U>&) noexcept {}  // NOLINT: allocators convert

    T* allocate(std::size_t n) {
        const std::size_t bytes = n * sizeof(T);
        const std::size_t unit = bytes >= huge_page ? huge_page : alignof(std::max_align_t);
        void* memory = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
        if (memory == nullptr) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
        if (unit == huge_page) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t) noexcept { std::free(memory); }

    template <class U>
    void construct(U* at) noexcept {
        ::new (static_cast<void*>(at)) U;
    }
    template <class U, class... Arguments>
    void construct(U* at, Arguments&&... arguments) {
        ::new (static_cast<void*>(at)) U(std::forward<Arguments>(arguments)...);
    }

    friend bool operator==(const LargeMemory&, const LargeMemory&) { return true; }
};

template <class T>
using Column = std::vector<T, LargeMemory<T>>;

}  // namespace matganip
