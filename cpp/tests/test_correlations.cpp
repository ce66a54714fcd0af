#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include "brute_force.hpp"
#include "matganip/correlations.hpp"

using namespace matganip;

namespace {

/// A ring of sites with pairs and triplets of neighbours, two point functions of three species.
struct Ring {
    std::size_t n;
    std::vector<std::int32_t> sublattices, species, slots, labels, ladder{0, 1};
    std::vector<double> point, weights, target{0.1, -0.2, 0.05}, importance{1.0, 2.0, 0.5}, reward{0.5, 0.7};

    explicit Ring(std::size_t sites) : n(sites), sublattices(n, 0), species(n, 3) {
        const double table[2][3] = {{1.0, -0.5, 0.25}, {0.0, 1.0, -1.0}};
        for (std::size_t i = 0; i < n; ++i)
            for (const auto& function : table) point.insert(point.end(), function, function + 3);
        const auto slot = [&](std::size_t i, std::size_t mode) {
            return static_cast<std::int32_t>(i % n * 2 + mode);
        };
        for (std::size_t i = 0; i < n; ++i) {
            add({slot(i, 0), slot(i + 1, 0), -1}, 0);
            add({slot(i, 0), slot(i + 2, 1), -1}, 1);
            add({slot(i, 1), slot(i + 1, 0), slot(i + 3, 1)}, 2);
        }
    }
    void add(std::vector<std::int32_t> members, std::int32_t label) {
        slots.insert(slots.end(), members.begin(), members.end());
        labels.push_back(label);
        weights.push_back(1.0 / static_cast<double>(n));
    }
    CorrelationTables tables() const {
        return {n,      2,       3,      3,          sublattices, species, point, slots,
                labels, weights, target, importance, ladder,      reward,  1e-5};
    }
    double score(const testing::Row& row) const {
        std::vector<double> functions(3, 0.0);
        for (std::size_t c = 0; c < labels.size(); ++c) {
            double product = weights[c];
            for (std::size_t k = 0; k < 3; ++k)
                if (const std::int32_t s = slots[3 * c + k]; s >= 0) {
                    const auto site = static_cast<std::size_t>(s) / 2, mode = static_cast<std::size_t>(s) % 2;
                    product *= point[(site * 2 + mode) * 3 + row[site]];
                }
            functions[static_cast<std::size_t>(labels[c])] += product;
        }
        double total = 0.0, earned = 0.0;
        for (std::size_t f = 0; f < 3; ++f) total += importance[f] * std::abs(functions[f] - target[f]);
        for (std::size_t k = 0; k < 2 && std::abs(functions[k] - target[k]) < 1e-5; ++k) earned = reward[k];
        return total - earned;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(correlations)

BOOST_AUTO_TEST_CASE(scores_equal_sums_over_clusters_in_any_order_of_rows) {
    for (const std::size_t n : {3U, 7U, 9U}) {
        const Ring ring(n);
        const CorrelationMatch match(ring.tables());
        std::mt19937_64 random(n);
        std::vector<std::uint8_t> rows;
        for (std::size_t i = 0; i < 1500 * n; ++i) rows.push_back(static_cast<std::uint8_t>(random() % 3));
        std::vector<double> scores(1500), again(1500);
        match.scores(rows, scores, 1);
        match.scores(rows, again, 3);
        BOOST_TEST((scores == again));
        for (std::size_t i = 0; i < scores.size(); ++i) {
            const testing::Row row(rows.begin() + static_cast<std::ptrdiff_t>(i * n),
                                   rows.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
            BOOST_TEST(scores[i] == ring.score(row), boost::test_tools::tolerance(1e-9));
        }
    }
}

BOOST_AUTO_TEST_CASE(annealing_finds_the_best_of_all_rows_whatever_the_threads) {
    const Ring ring(9);
    const CorrelationMatch match(ring.tables());
    double best = 1e9;
    for (const auto& row : testing::all_rows({{{2, 3, 4}}})) best = std::min(best, ring.score(row));
    std::vector<std::uint8_t> rows;
    for (int chain = 0; chain < 6; ++chain)
        for (const std::uint8_t code : {0, 0, 1, 1, 1, 2, 2, 2, 2}) rows.push_back(code);
    std::vector<std::uint64_t> generators;
    for (std::uint64_t k = 1; k <= 24; ++k) generators.push_back(k * 0x9e3779b97f4a7c15U);
    auto other_rows = rows;
    auto other_generators = generators;
    std::vector<double> scores(6), other(6);
    match.anneal({rows, generators, scores}, 3000, 1);
    match.anneal({other_rows, other_generators, other}, 3000, 4);
    BOOST_TEST((rows == other_rows && generators == other_generators && scores == other));
    BOOST_TEST(*std::min_element(scores.begin(), scores.end()) == best, boost::test_tools::tolerance(1e-9));
    for (std::size_t chain = 0; chain < 6; ++chain)
        BOOST_TEST(std::count(rows.begin() + static_cast<std::ptrdiff_t>(9 * chain),
                              rows.begin() + static_cast<std::ptrdiff_t>(9 * chain + 9), 2) == 4);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_an_error) {
    Ring ring(5);
    const CorrelationMatch match(ring.tables());
    std::vector<std::uint8_t> rows(5, 3);
    std::vector<double> out(1);
    BOOST_CHECK_THROW(match.scores(rows, out, 1), std::invalid_argument);
    ring.slots[0] = 10;
    BOOST_CHECK_THROW(CorrelationMatch{ring.tables()}, std::invalid_argument);
    ring.slots[0] = 0;
    ring.labels[0] = 3;
    BOOST_CHECK_THROW(CorrelationMatch{ring.tables()}, std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
