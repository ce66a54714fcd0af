#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "matganip/kernels.hpp"
#include "matganip/limiting_sphere.hpp"
#include "matganip/powder_diffraction.hpp"

namespace matganip {

/// Atoms of one structure by kind.
class Atoms {
  public:
    void read(const PowderBatch& batch, std::size_t structure);

    std::vector<Kind> kinds;
    std::array<std::vector<double>, 3> x;
    std::vector<double> occupancy;
    std::vector<std::array<double, 6>> exponents;  // 2 pi^2 U* of each atom; empty where no atom has any

    std::size_t size() const { return occupancy.size(); }

  private:
    std::vector<std::size_t> order_;
};

/// Phases of the atoms along the axes of a sphere, as tables, and |F|^2 of its rows of reflections.
///
/// A row is walked from its middle to both sides: with p = occupancy exp(2 pi i (h x + k y + middle z)) of an
/// atom and w = 2 pi (m + 1/2) z, four real products, of p's parts with cos w and sin w, serve two
/// reflections.
class StructureFactors {
  public:
    void read(const Atoms& atoms, const LimitingSphere& sphere);

    /// Writes |sum of f A|^2, and adds |sum of f'' A|^2 where there is f'', to `squared`, (2 side) as the
    /// sphere counts. A are the sums of a kind's atoms; `factors` and `imaginary` are (n_kinds, 2 side), the
    /// latter empty where nothing absorbs.
    void square(const Atoms& atoms, const LimitingSphere& sphere, const double* factors,
                const double* imaginary, double* squared);

  private:
    /// Numbers exp(2 pi i n x) of every atom, as (n, n_atoms).
    struct Phases {
        std::vector<double> re, im;
        void fill(std::span<const double> x, std::size_t count);            // n = 0, 1, 2 ...
        void fill_between(std::span<const double> x, const Phases& whole);  // n = 1/2, 3/2, 5/2 ...
    };

    void start(const ReflectionRow& row);
    void damp(const Atoms& atoms, const LimitingSphere& sphere, const ReflectionRow& row);

    Phases x_, y_, z_, whole_;
    std::size_t n_ = 0, stride_ = 0;
    std::vector<double> cosine_, sine_;  // (n_atoms, stride) of 2 pi (m + 1/2) z
    std::vector<double> p_re_, p_im_;
    std::vector<double>
        damping_;  // (2, n_atoms, stride) anisotropic, of the upper and lower reflections of a row
};

}  // namespace matganip
