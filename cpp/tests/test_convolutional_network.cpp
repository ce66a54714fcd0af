#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "matganip/convolutional_network.hpp"

namespace {

/// Numbers between -1 and 1 that repeat late.
template <class T>
std::vector<T> numbers(std::size_t n, double seed) {
    std::vector<T> values(n);
    for (std::size_t k = 0; k < n; ++k)
        values[k] = static_cast<T>(std::sin(seed + 1.7 * static_cast<double>(k)));
    return values;
}

struct Tables {
    std::size_t c, p, m1, m2, k, outputs;
    std::vector<float> mean, scale, weight1, bias1, weight2, bias2;
    std::vector<double> head, readout, bias;

    Tables(std::size_t c_, std::size_t p_, std::size_t m1_, std::size_t m2_, std::size_t k_, std::size_t o)
        : c(c_),
          p(p_),
          m1(m1_),
          m2(m2_),
          k(k_),
          outputs(o),
          mean(numbers<float>(c * p * p, 0.1)),
          scale(numbers<float>(c * p * p, 0.2)),
          weight1(numbers<float>(m1 * c * k * k, 0.3)),
          bias1(numbers<float>(m1, 0.4)),
          weight2(numbers<float>(m2 * m1 * k * k, 0.5)),
          bias2(numbers<float>(m2, 0.6)),
          head(numbers<double>(o * (p / 4) * (p / 4) * m2, 0.7)),
          readout(numbers<double>(o * c * p * p, 0.8)),
          bias(numbers<double>(o, 0.9)) {}

    matganip::NetworkTables view() const {
        return {c, p, outputs, k, mean, scale, weight1, bias1, weight2, bias2, head, readout, bias};
    }
};

/// Convolution, ReLU and the maximum of 2 by 2, one after the other.
std::vector<double> layer(const std::vector<double>& in, std::size_t c, std::size_t side, std::size_t k,
                          const std::vector<float>& weight, const std::vector<float>& bias) {
    const std::size_t half = side / 2;
    std::vector<double> out(bias.size() * half * half, 0.0);
    const auto reach = static_cast<long>(k / 2), n = static_cast<long>(side);
    for (std::size_t o = 0; o < bias.size(); ++o)
        for (std::size_t y = 0; y < 2 * half; ++y)
            for (std::size_t x = 0; x < 2 * half; ++x) {
                double sum = bias[o];
                for (std::size_t i = 0; i < c; ++i)
                    for (long ky = -reach; ky <= reach; ++ky)
                        for (long kx = -reach; kx <= reach; ++kx) {
                            const long v = static_cast<long>(y) + ky, u = static_cast<long>(x) + kx;
                            if (v < 0 || u < 0 || v >= n || u >= n) continue;
                            const auto tap =
                                static_cast<std::size_t>((ky + reach) * static_cast<long>(k) + kx + reach);
                            sum += static_cast<double>(weight[(o * c + i) * k * k + tap]) *
                                   in[i * side * side + static_cast<std::size_t>(v * n + u)];
                        }
                double& pooled = out[(o * half + y / 2) * half + x / 2];
                pooled = std::max(pooled, sum);
            }
    return out;
}

std::vector<double> direct(const Tables& t, const float* matrix) {
    const std::size_t size = t.c * t.p * t.p, side = t.p / 4;
    std::vector<double> image(size);
    for (std::size_t e = 0; e < size; ++e)
        image[e] = (static_cast<double>(matrix[e]) - static_cast<double>(t.mean[e])) *
                   static_cast<double>(t.scale[e]);
    const auto middle = layer(image, t.c, t.p, t.k, t.weight1, t.bias1);
    const auto last = layer(middle, t.m1, t.p / 2, t.k, t.weight2, t.bias2);
    std::vector<double> outputs(t.bias);
    for (std::size_t o = 0; o < t.outputs; ++o) {
        for (std::size_t e = 0; e < size; ++e)
            outputs[o] += t.readout[o * size + e] * static_cast<double>(matrix[e]);
        for (std::size_t m = 0; m < t.m2; ++m)
            for (std::size_t e = 0; e < side * side; ++e)
                outputs[o] += t.head[(o * side * side + e) * t.m2 + m] * last[m * side * side + e];
    }
    return outputs;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convolutional_network)

BOOST_AUTO_TEST_CASE(it_predicts_what_the_layers_give_one_after_the_other) {
    for (const auto& t : {Tables(1, 12, 8, 16, 3, 1), Tables(2, 9, 3, 5, 5, 2), Tables(3, 4, 1, 1, 1, 3)}) {
        const matganip::ConvolutionalNetwork network(t.view());
        const std::size_t n = 19, size = t.c * t.p * t.p;
        const auto matrices = numbers<float>(n * size, 2.5);
        std::vector<double> outputs(n * t.outputs);
        network.predict(matrices, outputs, 1);
        for (std::size_t row = 0; row < n; ++row) {
            const auto wanted = direct(t, matrices.data() + row * size);
            for (std::size_t o = 0; o < t.outputs; ++o)
                BOOST_TEST(std::abs(outputs[row * t.outputs + o] - wanted[o]) < 1e-4);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_prediction_is_the_same_bits_in_any_company_and_for_any_number_of_threads) {
    const Tables t(1, 8, 4, 6, 3, 1);
    const matganip::ConvolutionalNetwork network(t.view());
    const std::size_t n = 300, size = t.p * t.p;
    const auto matrices = numbers<float>(n * size, 2.5);
    std::vector<double> one(n), three(n), single(1);
    network.predict(matrices, one, 1);
    network.predict(matrices, three, 3);
    BOOST_TEST(one == three);
    for (std::size_t row : {std::size_t{0}, std::size_t{15}, std::size_t{16}, n - 1}) {
        network.predict({matrices.data() + row * size, size}, single, 1);
        BOOST_TEST(single[0] == one[row]);
    }
    network.predict({}, {}, 2);
}

BOOST_AUTO_TEST_CASE(a_value_that_is_not_finite_spoils_its_own_row) {
    const Tables t(1, 8, 4, 6, 3, 1);
    const matganip::ConvolutionalNetwork network(t.view());
    auto matrices = numbers<float>(20 * 64, 2.5);
    matrices[3 * 64 + 63] = std::numeric_limits<float>::quiet_NaN();
    std::vector<double> outputs(20);
    network.predict(matrices, outputs, 1);
    for (std::size_t row = 0; row < 20; ++row) BOOST_TEST(std::isfinite(outputs[row]) == (row != 3));
}

BOOST_AUTO_TEST_CASE(tables_that_do_not_agree_are_refused) {
    Tables t(1, 8, 4, 6, 3, 1);
    t.weight2.pop_back();
    BOOST_CHECK_THROW(matganip::ConvolutionalNetwork{t.view()}, std::invalid_argument);
    const Tables good(1, 8, 4, 6, 3, 1);
    const matganip::ConvolutionalNetwork network(good.view());
    std::vector<double> outputs(2);
    BOOST_CHECK_THROW(network.predict(numbers<float>(64, 0.0), outputs, 1), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
