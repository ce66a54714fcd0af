// Every target beside the plainest one, kernel by kernel: the same numbers but for the rounding of products
// that are added in one step. Tolerances are in units of the last place of what is summed, without regard to
// sign.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "matganip/targets.hpp"

using namespace matganip;

namespace {

constexpr double ulp = std::numeric_limits<double>::epsilon();
constexpr double float_ulp = std::numeric_limits<float>::epsilon();

template <class T = double>
std::vector<T> random_numbers(std::size_t n, double low = -1.0, double high = 1.0) {
    static std::mt19937_64 generator(1);
    std::uniform_real_distribution<double> draw(low, high);
    std::vector<T> numbers(n);
    for (T& x : numbers) x = static_cast<T>(draw(generator));
    return numbers;
}

/// Calls `values(kernels)` for each target and compares with the last one.
template <class Values>
void compare(const char* what, double tolerance, Values&& values) {
    const auto expected = values(*targets().back());
    for (const Kernels* target : targets()) {
        const auto found = values(*target);
        BOOST_TEST_CONTEXT(what << " of " << target->target)
        for (std::size_t i = 0; i < expected.size(); ++i)
            BOOST_TEST_REQUIRE(
                !(std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i])) > tolerance));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(vector_targets)

BOOST_AUTO_TEST_CASE(names) {
    BOOST_TEST(!targets().empty());
    const std::string before = kernels().target;
    for (const Kernels* target : targets()) {
        use_target(target->target);
        BOOST_TEST(kernels().target == target->target);
    }
    BOOST_CHECK_THROW(use_target("avx"), std::invalid_argument);
    use_target(before);
}

BOOST_AUTO_TEST_CASE(structure_factors) {
    const std::size_t n_atoms = 37, stride = 24, side = 48;
    const auto p_re = random_numbers(n_atoms), p_im = random_numbers(n_atoms);
    const auto cosine = random_numbers(n_atoms * stride), sine = random_numbers(n_atoms * stride);
    const auto above = random_numbers(n_atoms * stride, 0, 1), below = random_numbers(n_atoms * stride, 0, 1);
    const auto factors = random_numbers(6 * side), lost = random_numbers(6 * side);
    const std::vector<Kind> kinds{{0, 0.0, 0, 5}, {1, 0.0, 5, 20}, {2, 0.0, 20, n_atoms}};
    for (const bool damped : {false, true})
        for (const bool absorbs : {false, true})
            for (const std::size_t half : {1, 7, 8, 9, 17, 24}) {
                const RowTables row{p_re.data(),
                                    p_im.data(),
                                    cosine.data(),
                                    sine.data(),
                                    damped ? above.data() : nullptr,
                                    damped ? below.data() : nullptr,
                                    stride};
                compare("square_row", 16 * ulp * 4.0 * n_atoms * n_atoms, [&](const Kernels& k) {
                    std::vector<double> squared(2 * side);
                    k.structure_factors.square_row(row, kinds.data(), kinds.size(), half, factors.data(),
                                                   absorbs ? lost.data() : nullptr, side, squared.data());
                    for (std::size_t m = half; m < side; ++m) squared[m] = squared[side + m] = 0.0;
                    return squared;
                });
            }
    compare("multiply_phases", 8 * ulp, [&](const Kernels& k) {
        std::vector<double> re(n_atoms), im(n_atoms);
        k.structure_factors.multiply_phases(p_re.data(), p_im.data(), &cosine[0], &sine[0], -1.0, &above[0],
                                            &below[0], 1.0, n_atoms, re.data(), im.data());
        k.structure_factors.multiply(re.data(), im.data(), p_re.data(), p_im.data(), n_atoms, &re[0], &im[0]);
        re.insert(re.end(), im.begin(), im.end());
        return re;
    });
}

BOOST_AUTO_TEST_CASE(scattering) {
    const std::size_t n = 203;
    const auto s = random_numbers(n, 0.0, 0.42);
    compare("add_gaussian", 16 * ulp, [&](const Kernels& k) {
        std::vector<double> sum(n);
        k.scattering.add_gaussian(1.0, 30.0, s.data(), n, sum.data());
        k.scattering.damp(2.0, s.data(), n, sum.data());
        return sum;
    });
    compare("angles", 4 * 180 * ulp, [&](const Kernels& k) {
        std::vector<double> two_theta(n), lorentz(n);
        k.scattering.angles(s.data(), n, 1.54, true, two_theta.data(), lorentz.data());
        for (std::size_t i = 0; i < n; ++i) two_theta.push_back(lorentz[i] * s[i] * s[i]);
        return two_theta;
    });
    compare("fill_damping", 16 * ulp, [&](const Kernels& k) {
        std::vector<double> out(n);
        k.structure_factors.fill_damping(0.1, 0.01, 0.001, n, out.data());
        return out;
    });
}

BOOST_AUTO_TEST_CASE(lengths_are_the_same_bytes) {
    const auto reciprocal = random_numbers(9, -0.1, 0.1);
    const double index[3] = {3, -7, 2};
    for (const std::size_t running : {0, 1, 2})
        compare("fill_squares", 0.0, [&](const Kernels& k) {
            std::vector<double> g(32);
            k.sphere.fill_squares(index, reciprocal.data(), running, -1.0, 19, g.data());
            std::vector<std::uint32_t> bins(19);
            k.sphere.fill_bins(g.data(), 19, 0.1, 0.9, 30.0, 100, bins.data());
            g.resize(19);
            g.insert(g.end(), bins.begin(), bins.end());
            return g;
        });
}

BOOST_AUTO_TEST_CASE(lattice) {
    const std::size_t n_slots = 40, n_sums = 11, stride = 56;
    const auto rows = random_numbers(lattice_rows * n_slots), weight = random_numbers(5 * n_sums);
    const auto base = random_numbers(stride), table = random_numbers(n_sums * stride);
    std::vector<std::int64_t> offsets(n_sums + 1);
    for (std::size_t s = 0; s < n_sums; ++s) offsets[s + 1] = offsets[s] + static_cast<std::int64_t>(s % 6);
    std::vector<std::int32_t> factors(3 * weight.size());
    for (std::size_t f = 0; f < factors.size(); ++f) factors[f] = static_cast<std::int32_t>(7 * f % n_slots);
    for (const bool pairs : {true, false})
        for (const std::size_t n_peaks : {8, 24, 56})
            compare("lattice", 128 * ulp, [&](const Kernels& k) {
                std::vector<double> amplitudes(lattice_rows * n_slots), sums(lattice_rows * n_sums),
                    peaks(lattice_rows * stride);
                k.lattice.transpose(rows.data(), n_slots, amplitudes.data());
                (pairs ? k.lattice.sum_pairs : k.lattice.sum_triplets)(
                    amplitudes.data(), offsets.data(), n_sums, factors.data(), weight.data(), sums.data());
                k.lattice.sum_peaks(sums.data(), n_sums, base.data(), table.data(), stride, n_peaks,
                                    peaks.data());
                peaks.push_back(k.lattice.largest(peaks.data(), n_peaks));
                std::vector<double> finished(n_peaks);
                k.lattice.finish(peaks.data(), n_peaks, 0.0, 2.0, finished.data());
                finished.insert(finished.end(), peaks.begin(), peaks.end());
                finished.insert(finished.end(), sums.begin(), sums.end());
                return finished;
            });
}

BOOST_AUTO_TEST_CASE(graphs) {
    for (const std::size_t n : {1, 16, 28, 33}) {
        const auto angles = random_numbers<float>(n * padded(n, line_floats)),
                   intensity = random_numbers<float>(n + line_floats);
        compare("make_matrix", 2 * float_ulp, [&](const Kernels& k) {
            std::vector<float> matrix(n * n + line_floats);
            k.graph.make_matrix(angles.data(), intensity.data(), n, padded(n, line_floats), matrix.data());
            matrix.resize(n * n);
            return matrix;
        });
    }
}

BOOST_AUTO_TEST_CASE(network) {
    const std::size_t n_in = 3, kernel = 3, n_out = 8, out_side = 3, in_stride = 2 * out_side + 2;
    const auto weight = random_numbers<float>(n_out * n_in * kernel * kernel),
               bias = random_numbers<float>(n_out);
    const auto numbers = random_numbers<float>(in_stride * in_stride * n_in * line_floats);
    std::vector<Pixel> in(in_stride * in_stride * n_in);
    for (std::size_t i = 0; i < numbers.size(); ++i) in[i / line_floats].lanes[i % line_floats] = numbers[i];
    compare("convolve", 28 * float_ulp * 4, [&](const Kernels& k) {
        std::vector<Pixel> out(out_side * out_side * n_out);
        k.network.convolve({in.data(), in_stride, n_in, kernel, weight.data(), bias.data(), n_out, out.data(),
                            out_side, out_side});
        std::vector<float> values;
        for (const Pixel& pixel : out) values.insert(values.end(), pixel.lanes, pixel.lanes + line_floats);
        return values;
    });
    const std::size_t n = 13;
    const auto matrices = random_numbers<float>(n * line_floats), mean = random_numbers<float>(n),
               scale = random_numbers<float>(n);
    const auto readout = random_numbers(2 * n);
    const float* rows[line_floats];
    for (std::size_t i = 0; i < line_floats; ++i) rows[i] = matrices.data() + i * n;
    compare("read_row", 4 * float_ulp, [&](const Kernels& k) {
        std::vector<Pixel> pixels(n);
        std::vector<Sum> outputs(2);
        Pixel broken{};
        k.network.read_row(rows, n, mean.data(), scale.data(), readout.data(), n, 2, pixels.data(), 1,
                           outputs.data(), &broken);
        k.network.add_products(pixels.data(), readout.data(), n, &outputs[1]);
        std::vector<double> values(broken.lanes, broken.lanes + line_floats);
        for (const Pixel& pixel : pixels) values.insert(values.end(), pixel.lanes, pixel.lanes + line_floats);
        for (const Sum& sum : outputs) values.insert(values.end(), sum.lanes, sum.lanes + line_floats);
        return values;
    });
}

BOOST_AUTO_TEST_CASE(readout) {
    const std::size_t n_features = 11, n_groups = 7, n_outputs = 2;
    const auto u = random_numbers(n_features * readout_rows), slope = random_numbers(n_features);
    const auto centres = random_numbers(n_groups * n_features * centre_group);
    const auto coefficients = random_numbers(n_groups * centre_group * n_outputs);
    compare("readout", 28 * 8 * ulp, [&](const Kernels& k) {
        std::vector<double> sums(n_outputs * readout_rows);
        k.readout.add_linear(u.data(), slope.data(), n_features, sums.data());
        k.readout.add_near(u.data(), n_features, centres.data(), n_groups, 0.5, coefficients.data(),
                           n_outputs, sums.data());
        return sums;
    });
}

BOOST_AUTO_TEST_CASE(sums_of_squares) {
    const std::size_t n = 21, n_inputs = 28;
    const auto rows = random_numbers(n * n_inputs);
    for (const std::size_t stride : {8, 16, 24}) {
        const auto directions = random_numbers(n_inputs * stride), shift = random_numbers(stride);
        const auto linear = random_numbers(stride), squares = random_numbers(stride);
        compare("sum_squares", 16 * 30 * 30 * stride * ulp, [&](const Kernels& k) {
            std::vector<double> values(n), one(1);
            k.readout.sum_squares(rows.data(), n, n_inputs, directions.data(), stride, shift.data(),
                                  linear.data(), squares.data(), 0.5, values.data());
            // A row has the same value in any company.
            for (std::size_t row = 0; row < n; ++row) {
                k.readout.sum_squares(&rows[row * n_inputs], 1, n_inputs, directions.data(), stride,
                                      shift.data(), linear.data(), squares.data(), 0.5, one.data());
                BOOST_TEST_REQUIRE(one[0] == values[row]);
            }
            return values;
        });
    }
}

BOOST_AUTO_TEST_CASE(masks_are_the_same_bytes) {
    const std::size_t n = 301, words = 2;
    std::mt19937_64 generator(7);
    std::vector<std::uint64_t> from(words * n), bits(n), chosen{~std::uint64_t{0}, 5};
    for (auto& mask : from) mask = generator();
    for (auto& bit : bits) bit = std::uint64_t{1} << generator() % 64;
    std::vector<std::uint16_t> images(n);
    for (auto& image : images) image = static_cast<std::uint16_t>(generator() % (64 * words));
    const auto run = [&](const Kernels& k) {
        std::vector<std::uint64_t> to(words * n);
        std::vector<std::uint64_t> said{
            k.orbits.extend_word(from.data(), to.data(), bits.data(), n, chosen[0]),
            k.orbits.extend_word(from.data(), to.data(), bits.data(), n, from[5]),
            k.orbits.count_equal(to.data(), n, to[9]),
            k.orbits.extend_words(from.data(), to.data(), images.data(), n, chosen.data(), words)};
        said.insert(said.end(), to.begin(), to.end());
        return said;
    };
    for (const Kernels* target : targets()) BOOST_TEST(run(*target) == run(*targets().back()));
}

BOOST_AUTO_TEST_SUITE_END()
