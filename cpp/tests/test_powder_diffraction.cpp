#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>
#include <utility>
#include <vector>

#include "matganip/powder_diffraction.hpp"

namespace {

using matganip::Merge;

constexpr double degree = 180.0 / std::numbers::pi;

/// Two structures on orthorhombic and cubic cells, so that the reciprocal vectors are plain.
struct Crystals {
    std::vector<double> lattices{4, 0, 0, 0, 5.5, 0, 0, 0, 4.7, 6, 0, 0, 0, 6, 0, 0, 0, 6};
    std::vector<double> reciprocals;
    std::vector<std::int64_t> offsets{0, 3, 5};
    std::vector<double> coordinates{0.1, 0.2, 0.3, 0.55, -0.4, 1.8, 0.7, 0.05, 0.5, 0, 0, 0, 0.5, 0.5, 0.5};
    std::vector<std::int32_t> species{1, 0, 1, 0, 1};
    std::vector<double> occupancy{1.0, 0.75, 1.0, 1.0, 1.0};
    std::vector<double> electrons{55.0, 17.0};
    std::vector<double> coefficients{6.0, 80.0, 5.0, 12.0, 2.0, 20.0, 1.0, 3.0};
    std::vector<double> debye_waller{0.0, 0.9};

    Crystals() {
        for (const double edge : lattices) reciprocals.push_back(edge == 0 ? 0.0 : 1 / edge);
    }
    matganip::PowderBatch batch() const {
        return {lattices, reciprocals, offsets, coordinates, species, occupancy};
    }
    matganip::Scatterers scatterers() const { return {2, electrons, coefficients, debye_waller}; }

    double form_factor(std::int32_t kind, double s2) const {
        double sum = 0.0;
        for (std::size_t k = 0; k < 2; ++k)
            sum += coefficients[4 * kind + 2 * k] * std::exp(-coefficients[4 * kind + 2 * k + 1] * s2);
        return (electrons[kind] - 41.78214 * s2 * sum) * std::exp(-debye_waller[kind] * s2);
    }
};

/// The definition: lines (two theta, intensity) of all hkl, Friedel pairs and all, not merged.
std::vector<std::pair<double, double>> all_lines(const Crystals& crystals, std::size_t structure,
                                                 const matganip::PowderOptions& options) {
    std::vector<std::pair<double, double>> lines;
    const double* edge = crystals.lattices.data() + 9 * structure;
    for (int h = -20; h <= 20; ++h)
        for (int k = -20; k <= 20; ++k)
            for (int l = -20; l <= 20; ++l) {
                const double g = std::hypot(h / edge[0], k / edge[4], l / edge[8]);
                if (g == 0.0 || g < options.inner || g > options.outer) continue;
                std::complex<double> sum = 0.0;
                for (auto j = crystals.offsets[structure]; j < crystals.offsets[structure + 1]; ++j) {
                    const double* x = crystals.coordinates.data() + 3 * j;
                    sum += crystals.occupancy[j] * crystals.form_factor(crystals.species[j], g * g / 4) *
                           std::polar(1.0, 2 * std::numbers::pi * (h * x[0] + k * x[1] + l * x[2]));
                }
                const double theta = std::asin(options.wavelength * g / 2);
                const double lp =
                    (1 + std::pow(std::cos(2 * theta), 2)) / (std::pow(std::sin(theta), 2) * std::cos(theta));
                lines.emplace_back(2 * theta * degree, lp * std::norm(sum));
            }
    std::sort(lines.begin(), lines.end());
    return lines;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(powder_diffraction)

BOOST_AUTO_TEST_CASE(peaks_are_the_sums_of_all_lines) {
    const Crystals crystals;
    for (const Merge merge : {Merge::proximity, Merge::bins}) {
        const matganip::PowderOptions options{1.54184, 0.2, 1.1, merge, false};
        const auto patterns =
            matganip::powder_patterns(crystals.batch(), crystals.scatterers(), options, 0, 2, 1);
        BOOST_REQUIRE(patterns.size() == 2);
        for (std::size_t i = 0; i < 2; ++i) {
            const auto& pattern = patterns[i];
            const auto lines = all_lines(crystals, i, options);
            BOOST_TEST(2 * pattern.n_reflections == lines.size());
            double listed = 0.0, all = 0.0;
            for (const auto& [angle, intensity] : lines) all += intensity;
            for (std::size_t p = 0; p < pattern.two_theta.size(); ++p) {
                double expected = 0.0;
                for (const auto& [angle, intensity] : lines)
                    if (std::abs(angle - pattern.two_theta[p]) < 1e-6) expected += intensity;
                BOOST_TEST(pattern.intensity[p] == expected, boost::test_tools::tolerance(1e-10));
                const double sine = std::sin(pattern.two_theta[p] / 2 / degree);
                BOOST_TEST(pattern.d_spacings[p] * 2 * sine == options.wavelength,
                           boost::test_tools::tolerance(1e-12));
                listed += pattern.intensity[p];
            }
            // What is dropped is weak: a thousandth of a percent of the strongest peak, each.
            BOOST_TEST(all - listed <= 1e-5 * static_cast<double>(lines.size()) * all);
            std::int64_t members = 0;
            for (const std::int64_t n : pattern.n_members) members += n;
            BOOST_TEST(pattern.hkl.size() == static_cast<std::size_t>(3 * members));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_strongest_peak_is_scaled_to_100_and_threads_change_no_byte) {
    const Crystals crystals;
    const matganip::PowderOptions options{0.71073, 0.0, 1.4, Merge::proximity, true};
    const auto one = matganip::powder_patterns(crystals.batch(), crystals.scatterers(), options, 0, 2, 1);
    const auto three = matganip::powder_patterns(crystals.batch(), crystals.scatterers(), options, 0, 2, 3);
    for (std::size_t i = 0; i < 2; ++i) {
        BOOST_TEST(*std::max_element(one[i].intensity.begin(), one[i].intensity.end()) == 100.0);
        BOOST_TEST((one[i].intensity == three[i].intensity));
        BOOST_TEST((one[i].two_theta == three[i].two_theta));
        BOOST_TEST((one[i].hkl == three[i].hkl));
    }
}

BOOST_AUTO_TEST_CASE(the_whole_limiting_sphere_and_an_empty_range_are_no_error) {
    const Crystals crystals;
    const matganip::PowderOptions all{1.5, 0.0, 2 / 1.5, Merge::proximity, true};  // (008) at 180 degrees
    const auto whole = matganip::powder_patterns(crystals.batch(), crystals.scatterers(), all, 1, 2, 1);
    BOOST_TEST(whole.at(0).two_theta.back() == 180.0, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(std::isfinite(whole[0].intensity.back()));
    const matganip::PowderOptions none{1.5, 0.0, 0.01, Merge::proximity, true};
    const auto empty = matganip::powder_patterns(crystals.batch(), crystals.scatterers(), none, 0, 2, 1);
    BOOST_TEST(empty.at(0).n_reflections == 0U);
    BOOST_TEST(empty.at(1).two_theta.empty());
}

BOOST_AUTO_TEST_CASE(arrays_that_do_not_agree_are_refused) {
    const matganip::PowderOptions options{1.5, 0.0, 1.0, Merge::proximity, true};
    const auto refused = [&](auto&& spoil) {
        Crystals crystals;
        spoil(crystals);
        BOOST_CHECK_THROW(
            matganip::powder_patterns(crystals.batch(), crystals.scatterers(), options, 0, 2, 1),
            std::invalid_argument);
    };
    refused([](Crystals& c) { c.species[0] = 2; });
    refused([](Crystals& c) { c.offsets[2] = 6; });
    refused([](Crystals& c) { c.lattices.pop_back(); });
    refused([](Crystals& c) { c.coordinates.pop_back(); });
    refused([](Crystals& c) { c.occupancy.pop_back(); });
    refused([](Crystals& c) { c.coefficients.pop_back(); });
    refused([](Crystals& c) { c.debye_waller.pop_back(); });
    refused([](Crystals& c) { c.lattices[0] = 1e9; });
}

BOOST_AUTO_TEST_SUITE_END()
