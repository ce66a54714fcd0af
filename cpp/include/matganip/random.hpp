#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

namespace matganip {

/// xoshiro256++ (D. Blackman, S. Vigna, ACM Trans. Math. Softw. 47, 36 (2021)) on a state that the caller
/// owns: four words, not all of them zero. The state is all there is, so that a stored one goes on bit for
/// bit.
class Random {
  public:
    explicit Random(std::span<std::uint64_t, 4> state) : s_(state) {}

    std::uint64_t next() {
        const std::uint64_t result = std::rotl(s_[0] + s_[3], 23) + s_[0];
        const std::uint64_t t = s_[1] << 17;
        s_[2] ^= s_[0];
        s_[3] ^= s_[1];
        s_[1] ^= s_[2];
        s_[0] ^= s_[3];
        s_[2] ^= t;
        s_[3] = std::rotl(s_[3], 45);
        return result;
    }
    /// Uniform in [0, 1), a multiple of 2^-53.
    double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    /// Uniform in [0, n), n small beside 2^53.
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(uniform() * static_cast<double>(n)); }

  private:
    std::span<std::uint64_t, 4> s_;
};

/// Throws std::invalid_argument unless `states` are n states that random numbers come from: of one that is
/// all zeros only zeros come, and a draw that waits for something else never ends.
inline void check_states(std::span<const std::uint64_t> states, std::size_t n) {
    if (states.size() != 4 * n) throw std::invalid_argument("generators: not (n_chains, 4)");
    for (std::size_t c = 0; c < n; ++c) {
        const auto state = states.subspan(4 * c, 4);
        if (std::all_of(state.begin(), state.end(), [](std::uint64_t word) { return word == 0; }))
            throw std::invalid_argument("generators: a state is all zeros");
    }
}

}  // namespace matganip
