#include "matganip/lattice_diffraction.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>

#include "matganip/parallel.hpp"
#include "matganip/stream.hpp"
#include "matganip/targets.hpp"

namespace matganip {
namespace {

constexpr std::size_t rows_per_task = 512;
constexpr std::size_t max_amplitudes = std::size_t{1} << 30;

void require(bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
}

}  // namespace

struct LatticePattern::Scratch {
    std::vector<std::int32_t> sites, modes;
    std::vector<double> rows, amplitudes, sums, peaks, finished;

    explicit Scratch(const LatticePattern& pattern)
        : sites(pattern.n_sites_),
          modes(pattern.n_sites_),
          rows(lattice_rows * padded(pattern.n_slots_)),
          amplitudes(rows.size()),
          sums(lattice_rows * pattern.n_sums_),
          peaks(lattice_rows * pattern.stride_),
          finished(lattice_rows * pattern.n_peaks_) {}
};

LatticePattern::LatticePattern(const LatticeForm& form)
    : n_sites_(form.n_sites),
      n_codes_(form.n_codes),
      n_peaks_(form.n_peaks),
      n_sums_(form.n_sums()),
      n_waves_(padded(form.n_waves)),
      n_slots_(form.n_modes * n_waves_ + 1),
      stride_(padded(form.n_peaks)),
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
    table_.assign(n_sums_ * stride_, 0.0);
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

    // Slots are numbered by int32, and nobody has as many amplitudes.
    require(form.n_modes <= max_amplitudes && form.n_modes * padded(form.n_waves) <= max_amplitudes,
            "modes: more than 2^30 amplitudes");
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
    return n_sites_ * n_waves_ + (n_factors_ - 1) * weight_.size() + (1 + n_sums_) * stride_;
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
    const LatticeKernels& lattice = kernels().lattice;
    const std::size_t n_padded = padded(n_slots_);
    std::fill(scratch.rows.begin(), scratch.rows.end(), 0.0);
    for (std::size_t lane = 0; lane < n_rows; ++lane) {
        const std::size_t n = occupied_sites(occupations + lane * n_sites_, first_row + lane, scratch);
        double* row = scratch.rows.data() + lane * n_padded;
        row[n_slots_ - 1] = 1.0;
        lattice.add_waves(waves_.data(), scratch.sites.data(), scratch.modes.data(), n, n_waves_, row);
    }
    lattice.transpose(scratch.rows.data(), n_padded, scratch.amplitudes.data());
    (n_factors_ == 2 ? lattice.sum_pairs : lattice.sum_triplets)(scratch.amplitudes.data(), offsets_.data(),
                                                                 n_sums_, factors_.data(), weight_.data(),
                                                                 scratch.sums.data());
}

void LatticePattern::process_block(const std::uint8_t* occupations, std::size_t n_rows, std::size_t first_row,
                                   std::size_t n_columns, bool scale_to_maximum, bool past_cache,
                                   double* intensity, Scratch& scratch) const {
    sum_block(occupations, n_rows, first_row, scratch);
    // The largest of all peaks is needed for the scale, also where only the first ones are written.
    const std::size_t n_peaks = scale_to_maximum ? stride_ : padded(n_columns);
    const LatticeKernels& lattice = kernels().lattice;
    lattice.sum_peaks(scratch.sums.data(), n_sums_, base_.data(), table_.data(), stride_, n_peaks,
                      scratch.peaks.data());
    double* finished = past_cache ? scratch.finished.data() : intensity;
    for (std::size_t lane = 0; lane < n_rows; ++lane) {
        const double* peaks = scratch.peaks.data() + lane * stride_;
        const double maximum = scale_to_maximum ? lattice.largest(peaks, n_peaks) : 100.0;
        lattice.finish(peaks, n_columns, lowest_, maximum > 0.0 ? 100.0 / maximum : 0.0,
                       finished + lane * n_columns);
    }
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
        for (std::size_t row = task * rows_per_task; row < end; row += lattice_rows)
            process_block(occupations.data() + row * n_sites_, std::min(lattice_rows, end - row),
                          first_row + row, n_columns, scale_to_maximum, past_cache,
                          intensity.data() + row * n_columns, scratch);
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
        for (std::size_t row = task * rows_per_task; row < end; row += lattice_rows) {
            const std::size_t n = std::min(lattice_rows, end - row);
            sum_block(occupations.data() + row * n_sites_, n, row, scratch);
            for (std::size_t lane = 0; lane < n; ++lane)
                for (std::size_t s = 0; s < n_sums_; ++s)
                    sums[(row + lane) * n_sums_ + s] = scratch.sums[s * lattice_rows + lane];
        }
    });
}

}  // namespace matganip
