#include "matganip/lattice_diffraction.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>

#include "matganip/parallel.hpp"
#include "matganip/stream.hpp"
#include "matganip/vectorize.hpp"

namespace matganip {
namespace {

// Rows that go through the sums together, one to a vector lane. A short block is padded to whole lanes, so
// that every row sees the same instructions wherever it stands.
constexpr std::size_t lanes = 8;
// Doubles of the widest vector: waves and peaks are padded to it, so that loops have no remainder.
constexpr std::size_t width = 8;
// Sums that one pass over the peaks adds: enough to hide its loads and stores behind multiplications.
constexpr std::size_t sums_per_pass = 4;
constexpr std::size_t rows_per_task = 512;

constexpr std::size_t padded(std::size_t n, std::size_t unit) {
    return (n + unit - 1) / unit * unit;
}

void require(bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
}

/// The lattice Fourier transform: adds the waves of each occupied site to the amplitudes of its mode.
MATGANIP_CLONES
void add_waves(const double* __restrict waves, const std::int32_t* sites, const std::int32_t* modes,
               std::size_t n, std::size_t n_waves, double* __restrict amplitudes) {
    for (std::size_t k = 0; k < n; ++k) {
        const double* wave = waves + static_cast<std::size_t>(sites[k]) * n_waves;
        double* amplitude = amplitudes + static_cast<std::size_t>(modes[k]) * n_waves;
        for (std::size_t w = 0; w < n_waves; w += width)
            for (std::size_t c = 0; c < width; ++c) amplitude[w + c] += wave[w + c];
    }
}

/// sums(lane, s), rows of n_padded, of a block whose amplitudes are (n_slots, lanes): products of two.
MATGANIP_CLONES
void sum_pairs(const double* __restrict amplitudes, const std::int64_t* offsets, std::size_t n_sums,
               std::size_t n_padded, const std::int32_t* factors, const double* weight,
               double* __restrict sums) {
    for (std::size_t s = 0; s < n_sums; ++s) {
        double total[lanes] = {};
        for (std::int64_t t = offsets[s]; t < offsets[s + 1]; ++t) {
            const double* a = amplitudes + static_cast<std::size_t>(factors[2 * t]) * lanes;
            const double* b = amplitudes + static_cast<std::size_t>(factors[2 * t + 1]) * lanes;
            for (std::size_t lane = 0; lane < lanes; ++lane) total[lane] += weight[t] * a[lane] * b[lane];
        }
        for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane * n_padded + s] = total[lane];
    }
}

/// The same for products of three.
MATGANIP_CLONES
void sum_triplets(const double* __restrict amplitudes, const std::int64_t* offsets, std::size_t n_sums,
                  std::size_t n_padded, const std::int32_t* factors, const double* weight,
                  double* __restrict sums) {
    for (std::size_t s = 0; s < n_sums; ++s) {
        double total[lanes] = {};
        for (std::int64_t t = offsets[s]; t < offsets[s + 1]; ++t) {
            const double* a = amplitudes + static_cast<std::size_t>(factors[3 * t]) * lanes;
            const double* b = amplitudes + static_cast<std::size_t>(factors[3 * t + 1]) * lanes;
            const double* c = amplitudes + static_cast<std::size_t>(factors[3 * t + 2]) * lanes;
            for (std::size_t lane = 0; lane < lanes; ++lane)
                total[lane] += weight[t] * a[lane] * b[lane] * c[lane];
        }
        for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane * n_padded + s] = total[lane];
    }
}

/// Adds four rows of the table, times their sums, to the peaks of two arrangements.
inline void add_four(const double* __restrict table, std::size_t stride, std::size_t n_peaks,
                     const double* __restrict sums0, const double* __restrict sums1,
                     double* __restrict peaks0, double* __restrict peaks1) {
    const double a0 = sums0[0], a1 = sums0[1], a2 = sums0[2], a3 = sums0[3];
    const double b0 = sums1[0], b1 = sums1[1], b2 = sums1[2], b3 = sums1[3];
    for (std::size_t p = 0; p < n_peaks; ++p) {
        const double t0 = table[p], t1 = table[stride + p], t2 = table[2 * stride + p],
                     t3 = table[3 * stride + p];
        peaks0[p] += a0 * t0 + a1 * t1 + a2 * t2 + a3 * t3;
        peaks1[p] += b0 * t0 + b1 * t1 + b2 * t2 + b3 * t3;
    }
}

/// peaks(lane, p) = base[p] + sum over s of sums(lane, s) table(s, p); n_sums in whole passes.
MATGANIP_CLONES
void sum_peaks(const double* __restrict sums, std::size_t n_sums, const double* __restrict base,
               const double* __restrict table, std::size_t stride, std::size_t n_peaks,
               double* __restrict peaks) {
    for (std::size_t lane = 0; lane < lanes; lane += 2) {
        double* peaks0 = peaks + lane * stride;
        double* peaks1 = peaks0 + stride;
        const double* sums0 = sums + lane * n_sums;
        for (std::size_t p = 0; p < n_peaks; ++p) peaks0[p] = peaks1[p] = base[p];
        for (std::size_t s = 0; s < n_sums; s += sums_per_pass)
            add_four(table + s * stride, stride, n_peaks, sums0 + s, sums0 + n_sums + s, peaks0, peaks1);
    }
}

/// Writes a row: what is below `lowest` as that, and the largest of `n_peaks` as 100 where wanted.
MATGANIP_CLONES
void finish_row(const double* __restrict peaks, std::size_t n_peaks, std::size_t n_columns,
                bool scale_to_maximum, double lowest, double* __restrict intensity) {
    double factor = 1.0;
    if (scale_to_maximum) {
        double largest[width] = {};
        for (std::size_t p = 0; p < n_peaks; p += width)
            for (std::size_t c = 0; c < width; ++c) largest[c] = std::max(largest[c], peaks[p + c]);
        const double maximum = *std::max_element(largest, largest + width);
        factor = maximum > 0.0 ? 100.0 / maximum : 0.0;
    }
    for (std::size_t p = 0; p < n_columns; ++p) intensity[p] = std::max(peaks[p], lowest) * factor;
}

}  // namespace

struct LatticePattern::Scratch {
    std::vector<std::int32_t> sites, modes;
    std::vector<double> row, amplitudes, sums, peaks, finished;

    explicit Scratch(const LatticePattern& pattern)
        : sites(pattern.n_sites_),
          modes(pattern.n_sites_),
          row(pattern.n_slots_),
          amplitudes(pattern.n_slots_ * lanes),
          sums(lanes * pattern.n_table_rows_),
          peaks(lanes * pattern.stride_),
          finished(lanes * pattern.n_peaks_) {}
};

LatticePattern::LatticePattern(const LatticeForm& form)
    : n_sites_(form.n_sites),
      n_codes_(form.n_codes),
      n_peaks_(form.n_peaks),
      n_sums_(form.n_sums()),
      n_waves_(padded(form.n_waves, width)),
      n_slots_(form.n_modes * n_waves_ + 1),
      n_table_rows_(padded(n_sums_, sums_per_pass)),
      stride_(padded(form.n_peaks, width)),
      modes_(form.modes.begin(), form.modes.end()),
      offsets_(form.term_offsets.begin(), form.term_offsets.end()),
      n_factors_(form.n_factors),
      weight_(form.weight.begin(), form.weight.end()),
      lowest_(form.non_negative ? 0.0 : -std::numeric_limits<double>::infinity()) {
    check(form);
    waves_.assign(n_sites_ * n_waves_, 0.0);
    for (std::size_t i = 0; i < n_sites_; ++i)
        std::copy_n(form.waves.begin() + i * form.n_waves, form.n_waves, waves_.begin() + i * n_waves_);

    // Here the waves of a mode are padded, and the constant stands last.
    const auto slot = [&](std::int32_t a) {
        const auto wave = static_cast<std::size_t>(a) - 1;
        return static_cast<std::int32_t>(a == 0 ? n_slots_ - 1
                                                : wave / form.n_waves * n_waves_ + wave % form.n_waves);
    };
    std::transform(form.factors.begin(), form.factors.end(), std::back_inserter(factors_), slot);

    base_.assign(stride_, 0.0);
    std::copy(form.base.begin(), form.base.end(), base_.begin());
    table_.assign(n_table_rows_ * stride_, 0.0);
    for (std::size_t s = 0; s < n_sums_; ++s)
        std::copy_n(form.coefficients.begin() + s * n_peaks_, n_peaks_, table_.begin() + s * stride_);
}

void LatticePattern::check(const LatticeForm& form) {
    const std::size_t n_sums = form.n_sums();
    const std::size_t n_terms = form.weight.size();
    const auto& offsets = form.term_offsets;
    require(form.n_peaks > 0, "base: no peaks");
    require(form.modes.size() == form.n_sites * form.n_codes, "modes: not (n_sites, n_codes)");
    require(form.waves.size() == form.n_sites * form.n_waves, "waves: not (n_sites, n_waves)");
    require(!offsets.empty() && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
                static_cast<std::size_t>(offsets.back()) == n_terms,
            "term_offsets: must rise from 0 to the number of terms");
    require(form.n_factors == 2 || form.n_factors == 3, "factors: a term has two or three");
    require(form.factors.size() == n_terms * form.n_factors, "factors: not (n_terms, n_factors)");
    require(form.base.size() == form.n_peaks, "base: not (n_peaks,)");
    require(form.coefficients.size() == n_sums * form.n_peaks, "coefficients: not (n_sums, n_peaks)");

    const auto is_mode = [&](std::int32_t m) {
        return m >= LatticeForm::invalid && m < static_cast<std::int32_t>(form.n_modes);
    };
    require(std::all_of(form.modes.begin(), form.modes.end(), is_mode), "modes: an entry is no mode");
    const auto is_slot = [&](std::int32_t a) {
        return a >= 0 && static_cast<std::size_t>(a) <= form.n_modes * form.n_waves;
    };
    require(std::all_of(form.factors.begin(), form.factors.end(), is_slot),
            "factors: an entry is no amplitude");
}

std::size_t LatticePattern::work_per_row() const {
    return n_sites_ * n_waves_ + (n_factors_ - 1) * weight_.size() + (1 + n_table_rows_) * stride_;
}

std::size_t LatticePattern::occupied_sites(const std::uint8_t* occupation, std::size_t row,
                                           Scratch& scratch) const {
    std::size_t n = 0;
    for (std::size_t i = 0; i < n_sites_; ++i) {
        const std::uint8_t code = occupation[i];
        const std::int32_t mode = code < n_codes_ ? modes_[i * n_codes_ + code] : LatticeForm::invalid;
        if (mode == LatticeForm::invalid)
            throw std::invalid_argument("occupations[" + std::to_string(row) + ", " + std::to_string(i) +
                                        "] = " + std::to_string(code) +
                                        " is not a species code of that site");
        // Without a branch on the species, which no processor could foresee.
        scratch.sites[n] = static_cast<std::int32_t>(i);
        scratch.modes[n] = mode;
        n += mode != LatticeForm::reference;
    }
    return n;
}

void LatticePattern::sum_block(const std::uint8_t* occupations, std::size_t n_rows, std::size_t first_row,
                               Scratch& scratch) const {
    for (std::size_t lane = 0; lane < n_rows; ++lane) {
        const std::size_t n = occupied_sites(occupations + lane * n_sites_, first_row + lane, scratch);
        std::fill(scratch.row.begin(), scratch.row.end(), 0.0);
        scratch.row.back() = 1.0;
        add_waves(waves_.data(), scratch.sites.data(), scratch.modes.data(), n, n_waves_, scratch.row.data());
        for (std::size_t a = 0; a < n_slots_; ++a) scratch.amplitudes[a * lanes + lane] = scratch.row[a];
    }
    (n_factors_ == 2 ? sum_pairs : sum_triplets)(scratch.amplitudes.data(), offsets_.data(), n_sums_,
                                                 n_table_rows_, factors_.data(), weight_.data(),
                                                 scratch.sums.data());
}

void LatticePattern::process_block(const std::uint8_t* occupations, std::size_t n_rows, std::size_t first_row,
                                   std::size_t n_columns, bool scale_to_maximum, bool past_cache,
                                   double* intensity, Scratch& scratch) const {
    sum_block(occupations, n_rows, first_row, scratch);
    // The largest of all peaks is needed for the scale, also where only the first ones are written.
    const std::size_t n_peaks = scale_to_maximum ? stride_ : padded(n_columns, width);
    sum_peaks(scratch.sums.data(), n_table_rows_, base_.data(), table_.data(), stride_, n_peaks,
              scratch.peaks.data());
    double* finished = past_cache ? scratch.finished.data() : intensity;
    for (std::size_t lane = 0; lane < n_rows; ++lane)
        finish_row(scratch.peaks.data() + lane * stride_, n_peaks, n_columns, scale_to_maximum, lowest_,
                   finished + lane * n_columns);
    if (past_cache) stream(finished, intensity, n_rows * n_columns);
}

void LatticePattern::intensities(std::span<const std::uint8_t> occupations, std::size_t n_columns,
                                 bool scale_to_maximum, std::span<double> intensity, int num_threads,
                                 std::size_t first_row) const {
    require(n_columns <= n_peaks_, "n_columns: more than there are peaks");
    require(n_sites_ > 0 && occupations.size() % n_sites_ == 0, "occupations: not (n_rows, n_sites)");
    const std::size_t n_rows = occupations.size() / n_sites_;
    require(intensity.size() == n_rows * n_columns, "intensity: not (n_rows, n_columns)");

    const bool past_cache = intensity.size_bytes() >= bytes_to_stream;
    const std::size_t n_tasks = (n_rows + rows_per_task - 1) / rows_per_task;
    parallel_for(n_tasks, num_threads, [&](std::size_t task) {
        Scratch scratch(*this);
        const std::size_t end = std::min(n_rows, (task + 1) * rows_per_task);
        for (std::size_t row = task * rows_per_task; row < end; row += lanes)
            process_block(occupations.data() + row * n_sites_, std::min(lanes, end - row), first_row + row,
                          n_columns, scale_to_maximum, past_cache, intensity.data() + row * n_columns,
                          scratch);
        if (past_cache) finish_stream();
    });
}

void LatticePattern::sums(std::span<const std::uint8_t> occupations, std::span<double> sums,
                          int num_threads) const {
    require(n_sites_ > 0 && occupations.size() % n_sites_ == 0, "occupations: not (n_rows, n_sites)");
    const std::size_t n_rows = occupations.size() / n_sites_;
    require(sums.size() == n_rows * n_sums_, "sums: not (n_rows, n_sums)");
    const std::size_t n_tasks = (n_rows + rows_per_task - 1) / rows_per_task;
    parallel_for(n_tasks, num_threads, [&](std::size_t task) {
        Scratch scratch(*this);
        const std::size_t end = std::min(n_rows, (task + 1) * rows_per_task);
        for (std::size_t row = task * rows_per_task; row < end; row += lanes) {
            const std::size_t n = std::min(lanes, end - row);
            sum_block(occupations.data() + row * n_sites_, n, row, scratch);
            for (std::size_t lane = 0; lane < n; ++lane)
                std::copy_n(scratch.sums.data() + lane * n_table_rows_, n_sums_,
                            sums.data() + (row + lane) * n_sums_);
        }
    });
}

}  // namespace matganip
