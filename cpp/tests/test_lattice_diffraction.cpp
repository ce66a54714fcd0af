#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numbers>
#include <vector>

#include "matganip/lattice_diffraction.hpp"

namespace {

/// A ring of n sites, one species beside the reference: the "peaks" are |T(q)|^2 for q = 0 .. n/2, and the
/// first one has the host's amplitude g added before it is squared.
struct Ring {
    std::size_t n;
    double g = 2.5;
    std::size_t n_waves;
    std::vector<std::int32_t> modes;
    std::vector<double> waves;
    std::vector<std::int64_t> offsets{0};
    std::vector<std::int32_t> factors;
    std::vector<double> weight, base, coefficients;

    explicit Ring(std::size_t sites) : n(sites), n_waves(2 * (sites / 2 + 1)) {
        const std::size_t n_q = n / 2 + 1;
        for (std::size_t i = 0; i < n; ++i) {
            modes.insert(modes.end(), {0, matganip::LatticeForm::reference});
            for (std::size_t q = 0; q < n_q; ++q) {
                waves.push_back(std::cos(angle(q, i)));
                waves.push_back(std::sin(angle(q, i)));
            }
        }
        for (std::size_t q = 0; q < n_q; ++q) {
            const auto slot = static_cast<std::int32_t>(1 + 2 * q);
            add_term(slot, slot, 1.0);
            add_term(slot + 1, slot + 1, 1.0);
            close_sum(q);
        }
        add_term(0, 1, 2.0 * g);
        close_sum(0);
        base.assign(n_q, 0.0);
        base[0] = g * g;
    }

    double angle(std::size_t q, std::size_t i) const {
        return 2.0 * std::numbers::pi * static_cast<double>(q * i % n) / static_cast<double>(n);
    }
    void add_term(std::int32_t a, std::int32_t b, double w) {
        factors.insert(factors.end(), {a, b});
        weight.push_back(w);
    }
    void close_sum(std::size_t peak) {
        offsets.push_back(static_cast<std::int64_t>(weight.size()));
        std::vector<double> row(n / 2 + 1, 0.0);
        row[peak] = 1.0;
        coefficients.insert(coefficients.end(), row.begin(), row.end());
    }
    matganip::LatticeForm form() const {
        return {n, 2, 1, n_waves, n / 2 + 1, modes, waves, offsets, 2, factors, weight, base, coefficients};
    }
    /// The slow twin: a direct sum over sites.
    double intensity(const std::uint8_t* occupation, std::size_t q) const {
        double re = q == 0 ? g : 0.0;
        double im = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            if (occupation[i] != 0) continue;
            re += std::cos(angle(q, i));
            im += std::sin(angle(q, i));
        }
        return re * re + im * im;
    }
};

std::vector<std::uint8_t> scattered(std::size_t rows, std::size_t sites) {
    std::vector<std::uint8_t> codes(rows * sites);
    std::uint32_t state = 12345;
    for (auto& code : codes) {
        state = state * 1664525U + 1013904223U;
        code = static_cast<std::uint8_t>(state >> 31);
    }
    return codes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lattice_diffraction)

BOOST_AUTO_TEST_CASE(intensities_are_the_direct_sum) {
    for (const std::size_t n : {1, 2, 5, 12, 17}) {
        const Ring ring(n);
        const matganip::LatticePattern pattern(ring.form());
        const auto codes = scattered(21, n);
        std::vector<double> peaks(21 * pattern.n_peaks());
        pattern.intensities(codes, pattern.n_peaks(), false, peaks, 1);
        double worst = 0.0;
        for (std::size_t row = 0; row < 21; ++row)
            for (std::size_t q = 0; q < pattern.n_peaks(); ++q)
                worst = std::max(
                    worst, std::abs(peaks[row * pattern.n_peaks() + q] - ring.intensity(&codes[row * n], q)));
        BOOST_TEST(worst < 1e-10);
    }
}

BOOST_AUTO_TEST_CASE(bytes_depend_neither_on_threads_nor_on_where_a_row_stands) {
    const Ring ring(17);
    const matganip::LatticePattern pattern(ring.form());
    const std::size_t rows = 1501;
    const std::size_t p = pattern.n_peaks();
    const auto codes = scattered(rows, 17);
    std::vector<double> one(rows * p);
    std::vector<double> four(rows * p);
    pattern.intensities(codes, p, true, one, 1);
    pattern.intensities(codes, p, true, four, 4);
    BOOST_TEST((one == four));
    for (const std::size_t row : {0, 3, 8, 511, 512, 1500}) {
        std::vector<double> alone(p);
        pattern.intensities({codes.data() + row * 17, 17}, p, true, alone, 1);
        BOOST_TEST((alone == std::vector<double>(one.begin() + row * p, one.begin() + (row + 1) * p)));
    }
}

BOOST_AUTO_TEST_CASE(a_row_is_scaled_by_the_largest_of_all_its_peaks_also_where_fewer_are_written) {
    const Ring ring(12);
    const matganip::LatticePattern pattern(ring.form());
    const auto codes = scattered(10, 12);
    const std::size_t p = pattern.n_peaks();
    std::vector<double> raw(10 * p);
    std::vector<double> scaled(10 * 2);
    pattern.intensities(codes, p, false, raw, 1);
    pattern.intensities(codes, 2, true, scaled, 1);
    for (std::size_t row = 0; row < 10; ++row) {
        const double largest = *std::max_element(raw.begin() + row * p, raw.begin() + (row + 1) * p);
        for (std::size_t q = 0; q < 2; ++q)
            BOOST_TEST(scaled[row * 2 + q] == raw[row * p + q] * 100.0 / largest,
                       boost::test_tools::tolerance(1e-13));
    }
}

BOOST_AUTO_TEST_CASE(a_pattern_without_any_intensity_stays_zero) {
    Ring ring(4);
    ring.base.assign(ring.base.size(), 0.0);
    const matganip::LatticePattern pattern(ring.form());
    const std::vector<std::uint8_t> reference_everywhere(4, 1);
    std::vector<double> peaks(pattern.n_peaks(), -1.0);
    pattern.intensities(reference_everywhere, pattern.n_peaks(), true, peaks, 1);
    BOOST_TEST((peaks == std::vector<double>(pattern.n_peaks(), 0.0)));
}

BOOST_AUTO_TEST_CASE(products_of_three_are_summed_and_keep_their_sign) {
    Ring ring(5);
    ring.factors = {1, 3, 4, 0, 3, 3};  // C(0) C(1) S(1), and C(1)^2
    ring.weight = {-2.0, 0.5};
    ring.offsets = {0, 1, 2};
    ring.base.assign(ring.base.size(), 0.0);
    ring.base[2] = -7.0;
    ring.coefficients.assign(2 * ring.base.size(), 0.0);
    ring.coefficients[0] = ring.coefficients[ring.base.size() + 1] = 1.0;
    matganip::LatticeForm form = ring.form();
    form.n_factors = 3;
    form.non_negative = false;
    const matganip::LatticePattern pattern(form);
    const std::vector<std::uint8_t> codes{0, 1, 1, 0, 1};
    std::vector<double> peaks(pattern.n_peaks());
    pattern.intensities(codes, pattern.n_peaks(), false, peaks, 1);
    const double c = 1 + std::cos(ring.angle(1, 3)), s = std::sin(ring.angle(1, 3));
    BOOST_TEST(peaks[0] == -2.0 * 2.0 * c * s, boost::test_tools::tolerance(1e-13));
    BOOST_TEST(peaks[1] == 0.5 * c * c, boost::test_tools::tolerance(1e-13));
    BOOST_TEST(peaks[2] == -7.0);

    form.n_factors = 4;
    BOOST_CHECK_THROW(matganip::LatticePattern{form}, std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_code_that_its_site_lacks_is_named) {
    const Ring ring(4);
    const matganip::LatticePattern pattern(ring.form());
    std::vector<std::uint8_t> codes(3 * 4, 0);
    codes[2 * 4 + 1] = 9;
    std::vector<double> peaks(3 * pattern.n_peaks());
    BOOST_CHECK_EXCEPTION(pattern.intensities(codes, pattern.n_peaks(), true, peaks, 2, 100),
                          std::invalid_argument, [](const std::invalid_argument& error) {
                              return std::string(error.what()).starts_with("occupations[102, 1] = 9");
                          });
}

BOOST_AUTO_TEST_CASE(tables_that_do_not_agree_are_refused) {
    const auto refused = [](auto&& spoil) {
        Ring ring(4);
        spoil(ring);
        BOOST_CHECK_THROW(matganip::LatticePattern{ring.form()}, std::invalid_argument);
    };
    refused([](Ring& r) { r.modes[0] = 1; });
    refused([](Ring& r) { r.modes.pop_back(); });
    refused([](Ring& r) { r.waves.pop_back(); });
    refused([](Ring& r) { r.factors[0] = 1000; });
    refused([](Ring& r) { r.factors[1] = -1; });
    refused([](Ring& r) { r.factors.pop_back(); });
    refused([](Ring& r) { r.offsets.back() += 1; });
    refused([](Ring& r) { r.coefficients.pop_back(); });
    refused([](Ring& r) { r.base.clear(); });

    const Ring ring(4);
    const matganip::LatticePattern pattern(ring.form());
    std::vector<double> peaks(pattern.n_peaks());
    const std::vector<std::uint8_t> codes(4, 0);
    BOOST_CHECK_THROW(pattern.intensities({codes.data(), 3}, pattern.n_peaks(), true, peaks, 1),
                      std::invalid_argument);
    BOOST_CHECK_THROW(pattern.intensities(codes, pattern.n_peaks() + 1, true, peaks, 1),
                      std::invalid_argument);
    BOOST_CHECK_THROW(pattern.intensities(codes, 1, true, peaks, 1), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
