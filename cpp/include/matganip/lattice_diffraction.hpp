#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace matganip {

/// The tables of a fixed-lattice pattern, as `LatticePattern` reads them. All arrays are row-major.
///
/// On a fixed lattice an arrangement enters the structure factor only through its lattice Fourier transform
///     T_m(q) = sum over the sites i that carry mode m of exp(2 pi i q.R_i),
/// where a mode is (species, basis site of the parent) and q a reciprocal vector modulo the parent's
/// reciprocal lattice. The transform is kept as real waves, cos(2 pi q.R_i) and, where -q is not q, sin(2 pi
/// q.R_i). The amplitudes of an arrangement are the number 1 followed by its waves, mode after mode:
///     amplitude[0] = 1,   amplitude[1 + m * n_waves + w] = sum over the sites i that carry m of waves(i, w).
/// |F|^2 is quadratic in them, a triplet F(h) F*(k) F*(h - k) cubic. Products whose contributions to the
/// peaks are proportional are summed once, with their ratio as a weight, and each peak is linear in these few
/// sums:
///     sum[s]  = sum over the terms t of s of weight[t] * product over f of amplitude[factors(t, f)]
///     peak[p] = base[p] + sum over s of sum[s] * coefficients(s, p).
struct LatticeForm {
    std::size_t n_sites = 0;
    std::size_t n_codes = 0;  ///< columns of `modes`
    std::size_t n_modes = 0;
    std::size_t n_waves = 0;
    std::size_t n_peaks = 0;
    std::span<const std::int32_t> modes;  ///< (n_sites, n_codes): mode of a code, or one of the two below
    std::span<const double> waves;        ///< (n_sites, n_waves)
    std::span<const std::int64_t>
        term_offsets;                       ///< (n_sums + 1): terms of sum s are [offsets[s], offsets[s + 1])
    std::size_t n_factors = 2;              ///< amplitudes in a term: 2 or 3
    std::span<const std::int32_t> factors;  ///< (n_terms, n_factors)
    std::span<const double> weight;         ///< (n_terms)
    std::span<const double> base;           ///< (n_peaks)
    std::span<const double> coefficients;   ///< (n_sums, n_peaks)
    bool non_negative = true;               ///< what rounding leaves below zero is written as zero

    static constexpr std::int32_t reference =
        -1;  ///< the code adds to no mode: the species that was taken as zero
    static constexpr std::int32_t invalid = -2;  ///< the code does not exist on this site

    std::size_t n_sums() const { return term_offsets.empty() ? 0 : term_offsets.size() - 1; }
};

/// Intensities of arrangements on a fixed lattice, at a cost that does not grow with sites times reflections.
class LatticePattern {
  public:
    /// Checks and copies the tables. Throws std::invalid_argument where their sizes or indices do not agree.
    explicit LatticePattern(const LatticeForm& form);

    std::size_t n_sites() const { return n_sites_; }
    std::size_t n_peaks() const { return n_peaks_; }
    std::size_t n_sums() const { return n_sums_; }

    /// What of the tables says how the sums come about, for kernels that need sums and no peaks. Waves are
    /// padded, factors are slots: amplitude w of mode m is slot m * n_waves + w, the constant 1 the last.
    struct SumTables {
        std::size_t n_sites, n_codes, n_waves, n_slots, n_factors;
        std::span<const std::int32_t> modes;    ///< (n_sites, n_codes)
        std::span<const double> waves;          ///< (n_sites, n_waves)
        std::span<const std::int64_t> offsets;  ///< (n_sums + 1)
        std::span<const std::int32_t> factors;  ///< (n_terms, n_factors)
        std::span<const double> weight;         ///< (n_terms)
    };
    SumTables sum_tables() const {
        return {n_sites_, n_codes_, n_waves_, n_slots_, n_factors_,
                modes_,   waves_,   offsets_, factors_, weight_};
    }

    /// Multiplications for one arrangement, roughly: what a caller needs to cut a long call into short ones.
    std::size_t work_per_row() const;

    /// Writes the first `n_columns` peaks of each arrangement, (n_rows, n_columns), into `intensity`.
    ///
    /// `occupations` is (n_rows, n_sites), codes into the columns of `LatticeForm::modes`. With
    /// `scale_to_maximum` each row is scaled so that the largest of *all* its peaks is 100; a row that is
    /// zero throughout stays zero. The bytes do not
    /// depend on `num_threads` nor on where a row stands. Throws std::invalid_argument for a code that its
    /// site does not have, naming row and column (rows counted from `first_row`), and for spans of the wrong
    /// size.
    void intensities(std::span<const std::uint8_t> occupations, std::size_t n_columns, bool scale_to_maximum,
                     std::span<double> intensity, int num_threads, std::size_t first_row = 0) const;

    /// Writes the sums of each arrangement, (n_rows, n_sums), before they become peaks. Throws as
    /// `intensities`.
    void sums(std::span<const std::uint8_t> occupations, std::span<double> sums, int num_threads) const;

  private:
    struct Scratch;
    static void check(const LatticeForm& form);
    std::size_t occupied_sites(const std::uint8_t* occupation, std::size_t row, Scratch& scratch) const;
    void sum_block(const std::uint8_t* occupations, std::size_t n_rows, std::size_t first_row,
                   Scratch& scratch) const;
    void process_block(const std::uint8_t* occupations, std::size_t n_rows, std::size_t first_row,
                       std::size_t n_columns, bool scale_to_maximum, bool past_cache, double* intensity,
                       Scratch& scratch) const;

    // Waves and peaks are padded with zeros to whole cache lines.
    std::size_t n_sites_, n_codes_, n_peaks_, n_sums_;
    std::size_t n_waves_;  // waves of a mode, padded
    std::size_t n_slots_;  // amplitudes: the padded waves of each mode, and the constant 1
    std::size_t stride_;   // peaks, padded
    std::vector<std::int32_t> modes_;
    std::vector<double> waves_;
    std::vector<std::int64_t> offsets_;
    std::size_t n_factors_;
    std::vector<std::int32_t> factors_;
    std::vector<double> weight_, base_, table_;
    double lowest_;  // what a peak may not fall below
};

}  // namespace matganip
