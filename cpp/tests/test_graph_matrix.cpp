#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "matganip/graph_matrix.hpp"

namespace {

struct Patterns {
    std::vector<double> two_theta;
    std::vector<double> intensity;
    std::size_t n_rows;

    Patterns(std::size_t rows, std::size_t peaks) : n_rows(rows) {
        for (std::size_t p = 0; p < peaks; ++p) two_theta.push_back(7.0 + 1.5 * static_cast<double>(p));
        for (std::size_t k = 0; k < rows * peaks; ++k)
            intensity.push_back(std::fmod(37.7 * static_cast<double>(k), 100.0));
    }

    matganip::PeakTable table() const { return {two_theta, intensity, n_rows, 1.0 / 180.0, 1.0 / 100.0}; }
};

/// The definition, element by element.
double entry(const Patterns& patterns, std::size_t row, std::size_t i, std::size_t j) {
    const std::size_t n = patterns.two_theta.size();
    if (i >= n || j >= n) return 0.0;
    return patterns.two_theta[i] * patterns.two_theta[j] / (180.0 * 180.0) +
           patterns.intensity[row * n + i] * patterns.intensity[row * n + j] / (100.0 * 100.0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(graph_matrix)

BOOST_AUTO_TEST_CASE(every_entry_is_the_definition_for_any_size_and_alignment) {
    const Patterns patterns(9, 30);
    for (const std::size_t n : {1, 2, 3, 7, 16, 28, 30, 33}) {
        for (const std::size_t shift : {0, 1, 2, 3}) {
            std::vector<float> memory(9 * n * n + shift + 1, -1.0F);
            matganip::graph_matrices(patterns.table(), n, {memory.data() + shift, 9 * n * n}, 1);
            double worst = 0.0;
            for (std::size_t row = 0; row < 9; ++row)
                for (std::size_t i = 0; i < n; ++i)
                    for (std::size_t j = 0; j < n; ++j)
                        worst = std::max(worst, std::abs(entry(patterns, row, i, j) -
                                                         memory[shift + (row * n + i) * n + j]));
            BOOST_TEST(worst < 1e-6);
            BOOST_TEST(memory.back() == -1.0F);
        }
    }
}

BOOST_AUTO_TEST_CASE(large_calls_that_bypass_the_cache_give_the_same_bytes_for_any_number_of_threads) {
    const std::size_t rows = 3001;
    const std::size_t n = 27;
    const Patterns patterns(rows, 27);
    std::vector<float> one(rows * n * n + 1);
    std::vector<float> three(rows * n * n + 1);
    matganip::graph_matrices(patterns.table(), n, {one.data() + 1, rows * n * n}, 1);
    matganip::graph_matrices(patterns.table(), n, {three.data() + 1, rows * n * n}, 3);
    BOOST_TEST((one == three));
    BOOST_TEST(std::abs(one[1 + (3000 * n + 26) * n + 25] - entry(patterns, 3000, 26, 25)) < 1e-6);
}

BOOST_AUTO_TEST_CASE(nothing_to_write_is_no_error) {
    const Patterns none(0, 5);
    std::vector<float> empty;
    BOOST_CHECK_NO_THROW(matganip::graph_matrices(none.table(), 28, empty, 1));
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_agree_are_refused) {
    const Patterns patterns(2, 5);
    std::vector<float> matrices(2 * 9);
    BOOST_CHECK_THROW(matganip::graph_matrices(patterns.table(), 4, matrices, 1), std::invalid_argument);
    matganip::PeakTable table = patterns.table();
    table.n_rows = 3;
    BOOST_CHECK_THROW(matganip::graph_matrices(table, 3, matrices, 1), std::invalid_argument);
    BOOST_CHECK_THROW(matganip::graph_matrices(patterns.table(), 3, matrices, -1), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
