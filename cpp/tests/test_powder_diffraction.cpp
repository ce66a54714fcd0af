#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "matganip/overlaps.hpp"
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
    std::vector<double> constant{55.0, 17.0}, imaginary{0.0, 0.0};
    std::vector<double> coefficients{6.0, 80.0, 5.0, 12.0, 2.0, 20.0, 1.0, 3.0};
    std::vector<double> debye_waller{0.0, 0.9}, isotropic, anisotropic;
    bool mott_bethe = true;

    Crystals() {
        for (const double edge : lattices) reciprocals.push_back(edge == 0 ? 0.0 : 1 / edge);
    }
    matganip::PowderBatch batch() const {
        return {lattices, reciprocals, offsets, coordinates, species, occupancy, isotropic, anisotropic};
    }
    matganip::SpectralLine line(double wavelength, double inner, double outer) const {
        return {
            wavelength, 1.0, inner, outer, {2, constant, coefficients, imaginary, debye_waller, mott_bethe}};
    }

    /// f + i f'' of an atom, damped, at an hkl of an orthogonal cell.
    std::complex<double> scattered(std::int64_t atom, double s2, const double (&hkl)[3]) const {
        const auto kind = static_cast<std::size_t>(species[atom]);
        double sum = 0.0;
        for (std::size_t k = 0; k < 2; ++k)
            sum += coefficients[4 * kind + 2 * k] * std::exp(-coefficients[4 * kind + 2 * k + 1] * s2);
        double exponent = (debye_waller[kind] + (isotropic.empty() ? 0.0 : isotropic[atom])) * s2;
        if (!anisotropic.empty()) {
            const double* u = &anisotropic[6 * atom];
            const auto [h, k, l] = hkl;
            exponent += 2 * std::numbers::pi * std::numbers::pi *
                        (u[0] * h * h + u[1] * k * k + u[2] * l * l +
                         2 * (u[3] * k * l + u[4] * h * l + u[5] * h * k));
        }
        const double real = constant[kind] + (mott_bethe ? -41.78214 * s2 : 1.0) * sum;
        return occupancy[atom] * std::exp(-exponent) * std::complex<double>(real, imaginary[kind]);
    }
};

struct Line {
    double two_theta, intensity;
    bool operator<(const Line& other) const { return two_theta < other.two_theta; }
};

/// The definition: lines of all hkl, Friedel pairs and all, not merged.
std::vector<Line> all_lines(const Crystals& crystals, std::size_t structure,
                            const std::vector<matganip::SpectralLine>& spectrum,
                            const matganip::PowderOptions& options) {
    std::vector<Line> lines;
    const double* edge = crystals.lattices.data() + 9 * structure;
    const double edges[] = {edge[0], edge[4], edge[8]};
    const auto& [r, axis] = options.orientation;
    const double axis_length = std::hypot(axis[0] / edges[0], axis[1] / edges[1], axis[2] / edges[2]);
    for (const auto& line : spectrum)
        for (int i = 0; i < 41 * 41 * 41; ++i) {
            const double hkl[] = {i / 1681 - 20.0, i / 41 % 41 - 20.0, i % 41 - 20.0};
            const double g = std::hypot(hkl[0] / edges[0], hkl[1] / edges[1], hkl[2] / edges[2]);
            if (g == 0.0 || g < line.inner || g > line.outer) continue;
            std::complex<double> sum = 0.0;
            double cosine = 0.0;
            for (std::size_t c = 0; c < 3; ++c)
                cosine += hkl[c] * axis[c] / (edges[c] * edges[c] * g * axis_length);
            for (auto j = crystals.offsets[structure]; j < crystals.offsets[structure + 1]; ++j) {
                const double* x = crystals.coordinates.data() + 3 * j;
                sum +=
                    crystals.scattered(j, g * g / 4, hkl) *
                    std::polar(1.0, 2 * std::numbers::pi * (hkl[0] * x[0] + hkl[1] * x[1] + hkl[2] * x[2]));
            }
            const double theta = std::asin(line.wavelength * g / 2);
            const double polarization = 1 + options.polarization * std::pow(std::cos(2 * theta), 2);
            const double lp = polarization / (std::pow(std::sin(theta), 2) * std::cos(theta));
            const double march = std::pow(r * r * cosine * cosine + (1 - cosine * cosine) / r, -1.5);
            lines.push_back({2 * theta * degree, line.weight * march * lp * std::norm(sum)});
        }
    std::sort(lines.begin(), lines.end());
    return lines;
}

matganip::PowderPatterns patterns_of(const Crystals& crystals,
                                     const std::vector<matganip::SpectralLine>& spectrum,
                                     const matganip::PowderOptions& options, int num_threads = 1) {
    matganip::PowderPatterns patterns;
    const matganip::PowderBatch batch = crystals.batch();
    matganip::PowderRun run(batch, spectrum, options, num_threads);
    while (run.next(patterns)) continue;
    return patterns;
}

/// Every peak is the sum of the lines near it, and what is not listed is weak.
void compare(const Crystals& crystals, const std::vector<matganip::SpectralLine>& spectrum,
             const matganip::PowderOptions& options) {
    const auto patterns = patterns_of(crystals, spectrum, options);
    BOOST_REQUIRE(patterns.n_peaks.size() == 2);
    std::size_t begin = 0;
    for (std::size_t i = 0; i < 2; begin += static_cast<std::size_t>(patterns.n_peaks[i++])) {
        const auto lines = all_lines(crystals, i, spectrum, options);
        BOOST_TEST(2 * patterns.n_reflections[i] == static_cast<std::int64_t>(lines.size()));
        double listed = 0.0, all = 0.0;
        for (const Line& line : lines) all += line.intensity;
        BOOST_TEST(patterns.n_peaks[i] > 0);
        for (std::size_t p = begin; p < begin + static_cast<std::size_t>(patterns.n_peaks[i]); ++p) {
            double expected = 0.0;
            for (const Line& line : lines)
                if (std::abs(line.two_theta - patterns.two_theta[p]) < 1e-6) expected += line.intensity;
            BOOST_TEST(patterns.intensity[p] == expected, boost::test_tools::tolerance(1e-10));
            listed += patterns.intensity[p];
        }
        // What is dropped is weak: a thousandth of a percent of the strongest peak, each.
        BOOST_TEST(all - listed <= 1e-5 * static_cast<double>(lines.size()) * all);
    }
    std::int64_t members = 0;
    for (const std::int64_t n : patterns.n_members) members += n;
    BOOST_TEST(patterns.hkl.size() == static_cast<std::size_t>(3 * members));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(powder_diffraction)

BOOST_AUTO_TEST_CASE(peaks_are_the_sums_of_all_lines) {
    const Crystals crystals;
    for (const Merge merge : {Merge::proximity, Merge::bins})
        compare(crystals, {crystals.line(1.54184, 0.2, 1.1)}, {merge, false, true, {}});
}

BOOST_AUTO_TEST_CASE(absorption_displacements_and_orientation_are_what_they_are_defined_as) {
    Crystals crystals;
    crystals.imaginary = {7.9, 0.7};
    crystals.mott_bethe = false;
    compare(crystals, {crystals.line(1.54184, 0.0, 1.2)}, {Merge::proximity, false, false, {0.6, {1, 2, 0}}});
    crystals.isotropic = {0.3, 1.2, 0.3, 2.0, 0.0};
    compare(crystals, {crystals.line(1.54184, 0.0, 1.2)}, {Merge::proximity, false, true, {1.7, {0, 0, 1}}});
    crystals.anisotropic = {1e-3, 2e-3, 5e-4, 1e-4, -2e-4, 3e-4, 0,    0, 0,    0,
                            0,    0,    8e-4, 8e-4, 4e-3,  0,    0,    0, 2e-3, 1e-3,
                            1e-3, 5e-4, 0,    0,    1e-3,  1e-3, 1e-3, 0, 0,    0};
    compare(crystals, {crystals.line(1.54184, 0.0, 1.2)}, {Merge::proximity, false, true, {}});
}

BOOST_AUTO_TEST_CASE(lines_of_a_spectrum_stand_in_one_list) {
    const Crystals crystals;
    auto first = crystals.line(1.54056, 0.1, 1.1), second = crystals.line(1.54439, 0.1, 1.0972);
    first.weight = 2.0 / 3, second.weight = 1.0 / 3;
    compare(crystals, {first, second}, {Merge::proximity, false, true, {}});
    const auto patterns = patterns_of(crystals, {first, second}, {});
    const auto end = patterns.two_theta.begin() + patterns.n_peaks[0];
    BOOST_TEST(std::is_sorted(patterns.two_theta.begin(), end));
    // Two lines of one wavelength fall together.
    first.weight = second.weight = 0.5;
    second.wavelength = first.wavelength, second.outer = first.outer;
    const auto twice = patterns_of(crystals, {first, second}, {Merge::proximity, false, true, {}});
    first.weight = 1.0;
    const auto once = patterns_of(crystals, {first}, {Merge::proximity, false, true, {}});
    BOOST_TEST((twice.two_theta == once.two_theta));
    BOOST_TEST((twice.intensity == once.intensity));
}

BOOST_AUTO_TEST_CASE(the_strongest_peak_is_scaled_to_100_and_threads_change_no_byte) {
    const Crystals crystals;
    const std::vector<matganip::SpectralLine> spectrum{crystals.line(0.71073, 0.0, 1.4)};
    const auto one = patterns_of(crystals, spectrum, {}), three = patterns_of(crystals, spectrum, {}, 3);
    BOOST_TEST(*std::max_element(one.intensity.begin(), one.intensity.end()) == 100.0);
    BOOST_TEST((one.intensity == three.intensity));
    BOOST_TEST((one.two_theta == three.two_theta));
    BOOST_TEST((one.hkl == three.hkl));
}

BOOST_AUTO_TEST_CASE(the_whole_limiting_sphere_and_an_empty_range_are_no_error) {
    Crystals crystals;
    // (008) of the cubic cell at 180 degrees.
    const auto whole = patterns_of(crystals, {crystals.line(1.5, 0.0, 2 / 1.5)}, {});
    BOOST_TEST(whole.two_theta.back() == 180.0, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(std::isfinite(whole.intensity.back()));
    const auto empty = patterns_of(crystals, {crystals.line(1.5, 0.0, 0.01)}, {});
    BOOST_TEST(empty.n_reflections[0] == 0);
    BOOST_TEST(empty.two_theta.empty());
}

BOOST_AUTO_TEST_CASE(arrays_that_do_not_agree_are_refused) {
    const auto refused = [&](auto&& spoil) {
        Crystals crystals;
        spoil(crystals);
        BOOST_CHECK_THROW(patterns_of(crystals, {crystals.line(1.5, 0.0, 1.0)}, {}), std::invalid_argument);
    };
    refused([](Crystals& c) { c.species[0] = 2; });
    refused([](Crystals& c) { c.offsets[2] = 6; });
    refused([](Crystals& c) { c.lattices.pop_back(); });
    refused([](Crystals& c) { c.coordinates.pop_back(); });
    refused([](Crystals& c) { c.occupancy.pop_back(); });
    refused([](Crystals& c) { c.coefficients.pop_back(); });
    refused([](Crystals& c) { c.imaginary.pop_back(); });
    refused([](Crystals& c) { c.debye_waller.pop_back(); });
    refused([](Crystals& c) { c.isotropic = {1.0}; });
    refused([](Crystals& c) { c.anisotropic = {1.0}; });
    refused([](Crystals& c) { c.lattices[0] = 1e9; });
    const Crystals crystals;
    BOOST_CHECK_THROW(patterns_of(crystals, {}, {}), std::invalid_argument);
    BOOST_CHECK_THROW(patterns_of(crystals, {crystals.line(1.5, 1.0, 0.5)}, {}), std::invalid_argument);
    BOOST_CHECK_THROW(patterns_of(crystals, {crystals.line(1.5, 0.0, 1.0)}, {Merge::bins, true, true, {0.0}}),
                      std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(atoms_that_fill_one_place_twice_are_found) {
    Crystals crystals;
    BOOST_TEST(!matganip::find_overlap(crystals.batch(), 0.01, 1).has_value());
    crystals.coordinates = {0.1, 0.2, 0.3, 0.55, -0.4, 1.8, 0.7, 0.05, 0.5, 0.0005, 0, 0.999, -0.0005, 1, 1};
    const auto found = matganip::find_overlap(crystals.batch(), 0.01, 2);
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->structure == 1);
    BOOST_TEST(found->atom == 3);
    BOOST_TEST(found->other == 4);
    crystals.occupancy[3] = crystals.occupancy[4] = 0.5;
    BOOST_TEST(!matganip::find_overlap(crystals.batch(), 0.01, 1).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
