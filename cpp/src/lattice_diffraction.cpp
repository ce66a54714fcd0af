#include "matganip/lattice_diffraction.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "matganip/parallel.hpp"
#include "matganip/vectorize.hpp"

namespace matganip {
namespace {

// Rows that go through the sums together, one to a vector lane, and columns of one register tile. A short
// block is padded to whole lanes, so that every row sees the same instructions wherever it stands.
constexpr std::size_t lanes = 8;
constexpr std::size_t tile = 8;
constexpr std::size_t rows_per_task = 512;

void require(bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
}

/// sums(s, lane) of a block whose amplitudes are (n_slots, lanes).
MATGANIP_CLONES
void sum_products(const double* __restrict amplitudes, const std::int64_t* offsets, std::size_t n_sums,
                  const std::int32_t* left, const std::int32_t* right, const double* weight,
                  double* __restrict sums) {
    for (std::size_t s = 0; s < n_sums; ++s) {
        double total[lanes] = {};
        for (std::int64_t t = offsets[s]; t < offsets[s + 1]; ++t) {
            const double* a = amplitudes + static_cast<std::size_t>(left[t]) * lanes;
            const double* b = amplitudes + static_cast<std::size_t>(right[t]) * lanes;
            for (std::size_t lane = 0; lane < lanes; ++lane) total[lane] += weight[t] * a[lane] * b[lane];
        }
        std::copy_n(total, lanes, sums + s * lanes);
    }
}

/// peaks(lane, p) = base[p] + sum over s of sums(s, lane) coefficients(s, p), negatives cut off.
MATGANIP_CLONES
void sum_peaks(const double* __restrict sums, std::size_t n_sums, const double* __restrict table,
               std::size_t n_padded, double* __restrict peaks) {
    for (std::size_t p = 0; p < n_padded; p += tile) {
        double block[lanes][tile];
        for (auto& row : block) std::copy_n(table + p, tile, row);
        for (std::size_t s = 0; s < n_sums; ++s) {
            const double* coefficient = table + (1 + s) * n_padded + p;
            for (std::size_t lane = 0; lane < lanes; ++lane)
                for (std::size_t c = 0; c < tile; ++c)
                    block[lane][c] += sums[s * lanes + lane] * coefficient[c];
        }
        for (std::size_t lane = 0; lane < lanes; ++lane)
            for (std::size_t c = 0; c < tile; ++c)
                peaks[lane * n_padded + p + c] = block[lane][c] > 0.0 ? block[lane][c] : 0.0;
    }
}

MATGANIP_CLONES
void scale_rows(double* __restrict peaks, std::size_t n_rows, std::size_t n_padded) {
    for (std::size_t row = 0; row < n_rows; ++row) {
        double* peak = peaks + row * n_padded;
        double largest[tile] = {};
        for (std::size_t p = 0; p < n_padded; p += tile)
            for (std::size_t c = 0; c < tile; ++c)
                largest[c] = peak[p + c] > largest[c] ? peak[p + c] : largest[c];
        const double maximum = *std::max_element(largest, largest + tile);
        const double factor = maximum > 0.0 ? 100.0 / maximum : 0.0;
        for (std::size_t p = 0; p < n_padded; ++p) peak[p] *= factor;
    }
}

}  // namespace

struct LatticePattern::Scratch {
    std::vector<double> row, amplitudes, sums, peaks;
};

LatticePattern::LatticePattern(const LatticeForm& form)
    : n_sites_(form.n_sites),
      n_codes_(form.n_codes),
      n_modes_(form.n_modes),
      n_waves_(form.n_waves),
      n_peaks_(form.n_peaks),
      n_padded_((form.n_peaks + tile - 1) / tile * tile),
      modes_(form.modes.begin(), form.modes.end()),
      waves_(form.waves.begin(), form.waves.end()),
      offsets_(form.term_offsets.begin(), form.term_offsets.end()),
      left_(form.left.begin(), form.left.end()),
      right_(form.right.begin(), form.right.end()),
      weight_(form.weight.begin(), form.weight.end()) {
    require(n_peaks_ > 0, "base: no peaks");
    require(modes_.size() == n_sites_ * n_codes_, "modes: not (n_sites, n_codes)");
    require(waves_.size() == n_sites_ * n_waves_, "waves: not (n_sites, n_waves)");
    require(!offsets_.empty() && offsets_.front() == 0 && std::is_sorted(offsets_.begin(), offsets_.end()) &&
                static_cast<std::size_t>(offsets_.back()) == weight_.size(),
            "term_offsets: must rise from 0 to the number of terms");
    require(left_.size() == weight_.size() && right_.size() == weight_.size(),
            "left, right, weight: sizes differ");
    require(form.base.size() == n_peaks_, "base: not (n_peaks,)");
    require(form.coefficients.size() == n_sums() * n_peaks_, "coefficients: not (n_sums, n_peaks)");

    const auto is_mode = [&](std::int32_t m) {
        return m >= LatticeForm::invalid && m < static_cast<std::int32_t>(n_modes_);
    };
    require(std::all_of(modes_.begin(), modes_.end(), is_mode), "modes: an entry is no mode");
    const auto is_slot = [&](std::int32_t a) {
        return a >= 0 && static_cast<std::size_t>(a) <= n_modes_ * n_waves_;
    };
    require(std::all_of(left_.begin(), left_.end(), is_slot) &&
                std::all_of(right_.begin(), right_.end(), is_slot),
            "left, right: an entry is no amplitude");

    table_.assign((1 + n_sums()) * n_padded_, 0.0);
    std::copy(form.base.begin(), form.base.end(), table_.begin());
    for (std::size_t s = 0; s < n_sums(); ++s)
        std::copy_n(form.coefficients.begin() + s * n_peaks_, n_peaks_, table_.begin() + (1 + s) * n_padded_);
}

std::size_t LatticePattern::work_per_row() const {
    return n_sites_ * n_waves_ + weight_.size() + (1 + n_sums()) * n_padded_;
}

void LatticePattern::transform(const std::uint8_t* occupation, std::size_t row, double* amplitudes) const {
    std::fill_n(amplitudes, 1 + n_modes_ * n_waves_, 0.0);
    amplitudes[0] = 1.0;
    for (std::size_t i = 0; i < n_sites_; ++i) {
        const std::uint8_t code = occupation[i];
        const std::int32_t mode = code < n_codes_ ? modes_[i * n_codes_ + code] : LatticeForm::invalid;
        if (mode == LatticeForm::reference) continue;
        if (mode == LatticeForm::invalid)
            throw std::invalid_argument("occupations[" + std::to_string(row) + ", " + std::to_string(i) +
                                        "] = " + std::to_string(code) +
                                        " is not a species code of that site");
        double* amplitude = amplitudes + 1 + static_cast<std::size_t>(mode) * n_waves_;
        const double* wave = waves_.data() + i * n_waves_;
        for (std::size_t w = 0; w < n_waves_; ++w) amplitude[w] += wave[w];
    }
}

void LatticePattern::process_block(const std::uint8_t* occupations, std::size_t n_rows, std::size_t first_row,
                                   std::size_t n_columns, bool scale_to_maximum, double* intensity,
                                   Scratch& scratch) const {
    const std::size_t n_slots = 1 + n_modes_ * n_waves_;
    for (std::size_t lane = 0; lane < n_rows; ++lane) {
        transform(occupations + lane * n_sites_, first_row + lane, scratch.row.data());
        for (std::size_t a = 0; a < n_slots; ++a) scratch.amplitudes[a * lanes + lane] = scratch.row[a];
    }
    sum_products(scratch.amplitudes.data(), offsets_.data(), n_sums(), left_.data(), right_.data(),
                 weight_.data(), scratch.sums.data());
    sum_peaks(scratch.sums.data(), n_sums(), table_.data(), n_padded_, scratch.peaks.data());
    if (scale_to_maximum) scale_rows(scratch.peaks.data(), n_rows, n_padded_);
    for (std::size_t lane = 0; lane < n_rows; ++lane)
        std::copy_n(scratch.peaks.data() + lane * n_padded_, n_columns, intensity + lane * n_columns);
}

void LatticePattern::intensities(std::span<const std::uint8_t> occupations, std::size_t n_columns,
                                 bool scale_to_maximum, std::span<double> intensity, int num_threads,
                                 std::size_t first_row) const {
    require(n_columns <= n_peaks_, "n_columns: more than there are peaks");
    require(n_sites_ > 0 && occupations.size() % n_sites_ == 0, "occupations: not (n_rows, n_sites)");
    const std::size_t n_rows = occupations.size() / n_sites_;
    require(intensity.size() == n_rows * n_columns, "intensity: not (n_rows, n_columns)");

    const std::size_t n_tasks = (n_rows + rows_per_task - 1) / rows_per_task;
    parallel_for(n_tasks, num_threads, [&](std::size_t task) {
        const std::size_t n_slots = 1 + n_modes_ * n_waves_;
        Scratch scratch{std::vector<double>(n_slots), std::vector<double>(n_slots * lanes),
                        std::vector<double>(n_sums() * lanes), std::vector<double>(n_padded_ * lanes)};
        const std::size_t end = std::min(n_rows, (task + 1) * rows_per_task);
        for (std::size_t row = task * rows_per_task; row < end; row += lanes)
            process_block(occupations.data() + row * n_sites_, std::min(lanes, end - row), first_row + row,
                          n_columns, scale_to_maximum, intensity.data() + row * n_columns, scratch);
    });
}

}  // namespace matganip
