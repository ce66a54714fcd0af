#include <boost/test/unit_test.hpp>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "matganip/rational_kernel.hpp"

namespace {

std::vector<double> numbers(std::size_t n, double seed) {
    std::vector<double> values(n);
    for (std::size_t k = 0; k < n; ++k) values[k] = std::sin(seed + 1.7 * static_cast<double>(k));
    return values;
}

struct Tables {
    std::size_t f, k, m;
    double near;
    std::vector<double> slope, centres, coefficients;

    Tables(std::size_t f_, std::size_t k_, std::size_t m_, double near_)
        : f(f_),
          k(k_),
          m(m_),
          near(near_),
          slope(numbers(k * f, 0.1)),
          centres(numbers(m * f, 0.2)),
          coefficients(numbers(m * k, 0.3)) {}

    matganip::RationalKernelTables view() const { return {f, k, near, slope, centres, coefficients}; }

    double at(const double* u, std::size_t o) const {
        double y = 0.0;
        for (std::size_t j = 0; j < f; ++j) y += slope[o * f + j] * u[j];
        for (std::size_t i = 0; i < m; ++i) {
            double square = 0.0;
            for (std::size_t j = 0; j < f; ++j) square += std::pow(u[j] - centres[i * f + j], 2);
            y += near * coefficients[i * k + o] / (1.0 + square);
        }
        return y;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(rational_kernel)

BOOST_AUTO_TEST_CASE(is_the_sum_that_it_stands_for) {
    for (const Tables& tables : {Tables(3, 1, 5, 1.0), Tables(7, 2, 8, 0.5), Tables(1, 3, 1, 2.0),
                                 Tables(4, 1, 0, 1.0), Tables(5, 1, 9, 0.0)}) {
        const matganip::RationalKernel kernel(tables.view());
        for (const std::size_t n : {std::size_t{1}, std::size_t{8}, std::size_t{133}}) {
            const auto rows = numbers(n * tables.f, 0.7);
            std::vector<double> found(n * tables.k);
            kernel.predict(rows, found, 2);
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t o = 0; o < tables.k; ++o)
                    BOOST_TEST(std::abs(found[i * tables.k + o] - tables.at(&rows[i * tables.f], o)) < 1e-12);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_row_is_the_same_bits_in_any_company) {
    const Tables tables(6, 2, 21, 1.0);
    const matganip::RationalKernel kernel(tables.view());
    const auto rows = numbers(200 * tables.f, 0.4);
    std::vector<double> together(200 * tables.k), alone(tables.k), threads(200 * tables.k);
    kernel.predict(rows, together, 1);
    kernel.predict(rows, threads, 3);
    BOOST_TEST(together == threads, boost::test_tools::per_element());
    for (std::size_t i = 0; i < 200; i += 13) {
        kernel.predict({&rows[i * tables.f], tables.f}, alone, 1);
        for (std::size_t o = 0; o < tables.k; ++o) BOOST_TEST(alone[o] == together[i * tables.k + o]);
    }
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_agree_are_refused) {
    Tables tables(3, 1, 5, 1.0);
    tables.coefficients.pop_back();
    BOOST_CHECK_THROW(matganip::RationalKernel{tables.view()}, std::invalid_argument);
    const Tables good(3, 1, 5, 1.0);
    std::vector<double> outputs(2);
    BOOST_CHECK_THROW(matganip::RationalKernel(good.view()).predict(numbers(9, 0.1), outputs, 1),
                      std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
