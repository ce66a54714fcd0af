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

/// Reflections (h, k, l), first <= l < first + count, on the axes as they are permuted.
struct ReflectionRow {
    int h, k, first, count;
    std::size_t start;  // of its reflections
};

/// One reflection of each Friedel pair up to a radius, in rows along the longest axis.
struct LimitingSphere {
    std::array<std::size_t, 3> axes{0, 1, 2};  // the axes that h, k and l of a row stand for
    std::array<int, 3> bounds{};               // of |h|, |k| and |l|
    std::vector<ReflectionRow> rows;
    std::vector<double> g;                         // |g| of each reflection
    std::vector<std::array<std::int16_t, 3>> hkl;  // on the axes as given
    std::vector<std::uint32_t> in_range;           // reflections that lie in the range

    /// All with |g| up to `outer`; those from `inner` on are in the range. Throws std::invalid_argument where
    /// there are too many to count.
    LimitingSphere(const Matrix& lattice, const Matrix& reciprocal, double inner, double outer);

    /// The reflections in the range by rising |g|.
    std::vector<std::uint32_t> by_length() const;

  private:
    double inner_, outer_;
    void add_row(int h, int k, const Matrix& reciprocal);
    void fill_row(const ReflectionRow& row, const Matrix& reciprocal);
};

}  // namespace matganip
