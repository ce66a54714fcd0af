#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace matganip {

using Matrix = std::array<std::array<double, 3>, 3>;

/// Volume of a cell whose vectors are the rows.
double volume_of(const Matrix& lattice);

/// Reflections up to a radius in reciprocal space, one of each Friedel pair, roughly.
double reflections_expected(const Matrix& lattice, double outer);

/// Reflections (h, k, l) on the axes as they are permuted, l rising by ones through an even number of them, 2
/// half. They are counted from the middle: upper ones l = first + half + m, lower ones l = first + half - 1 -
/// m, m < half.
struct ReflectionRow {
    int h, k, first;
    std::uint32_t half;
    std::uint32_t start;      // of its upper reflections; its lower ones stand at side() + start
    std::array<int, 3> base;  // (h, k, 0) on the axes as given
};

/// A reflection in the range and its |g|.
struct Line {
    double g;
    std::uint32_t reflection;
};

/// One reflection of each Friedel pair up to a radius, in rows along the longest axis. Its memory is used
/// again for the next lattice.
class LimitingSphere {
  public:
    std::array<std::size_t, 3> axes{0, 1, 2};  // the axes that h, k and l of a row stand for
    std::array<int, 3> bounds{};               // of |h|, |k| and |l|
    std::uint32_t longest = 0;                 // half of the longest row
    std::vector<ReflectionRow> rows;

    /// All with |g| up to `outer`; those from `inner` on are in the range. Throws std::invalid_argument where
    /// there are too many to count.
    void fill(const Matrix& lattice, const Matrix& reciprocal, double inner, double outer);

    /// The reflections in the range by rising |g|; where two lengths differ by no more than the relative
    /// `tolerance`, in any order. Valid until the next call.
    const std::vector<Line>& by_length(double tolerance);
    const std::vector<Line>& lines() const { return lines_; }  // as by_length() left them

    /// Slots of the upper reflections, and of the lower ones. A row may write as many slots past its end as a
    /// vector has lanes: the next row, or slack at the end, takes them.
    std::size_t side() const { return side_; }

    using Indices = std::array<std::int16_t, 4>;  // and a zero, for whole words are copied

    /// hkl of a reflection on the axes as given; of the Friedel pair that whose first index that is not 0 is
    /// positive.
    const Indices& hkl(std::uint32_t reflection) const { return hkl_[reflection]; }

  private:
    void fill_hkl();

    double inner_ = 0.0, outer_ = 0.0;
    std::size_t side_ = 0;
    std::vector<double> g_;     // (2 side) |g|
    std::vector<Indices> hkl_;  // (2 side)
    std::vector<std::uint32_t> bins_, ends_;
    std::vector<Line> lines_;
};

}  // namespace matganip
