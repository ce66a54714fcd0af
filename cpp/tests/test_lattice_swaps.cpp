#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "matganip/lattice_swaps.hpp"

namespace {

using matganip::LatticeForm;
using matganip::LatticePattern;
using matganip::LatticeSwaps;

/// A ring of n sites: one sum, the number of neighbours that are both of code 0. With `indicators` a wave
/// tells one site from the others; without, there are two waves, which see every site, and the sum is the
/// square of the first.
struct Ring {
    std::size_t n;
    bool indicators;
    std::vector<std::int32_t> modes, factors, sublattices;
    std::vector<double> waves, weight, base{0.0}, coefficients{1.0};
    std::vector<std::int64_t> offsets{0};

    Ring(std::size_t sites, bool told_apart) : n(sites), indicators(told_apart), sublattices(sites, 0) {
        const std::size_t n_waves = indicators ? n : 2;
        for (std::size_t i = 0; i < n; ++i) {
            modes.insert(modes.end(), {0, LatticeForm::reference});
            for (std::size_t w = 0; w < n_waves; ++w)
                waves.push_back(indicators ? (i == w ? 1.0 : 0.0) : 1.0 / (1.0 + static_cast<double>(i + w)));
        }
        for (std::size_t i = 0; i < (indicators ? n : 1); ++i) {
            factors.push_back(static_cast<std::int32_t>(1 + i));
            factors.push_back(static_cast<std::int32_t>(indicators ? 1 + (i + 1) % n : 1));
            weight.push_back(1.0);
        }
        offsets.push_back(static_cast<std::int64_t>(weight.size()));
    }
    LatticePattern pattern() const {
        return LatticePattern(LatticeForm{n, 2, 1, indicators ? n : 2, 1, modes, waves, offsets, 2, factors,
                                          weight, base, coefficients});
    }
    /// The slow twin.
    double energy(const std::uint8_t* row) const {
        double pairs = 0.0, wave = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            pairs += row[i] == 0 && row[(i + 1) % n] == 0 ? 1.0 : 0.0;
            wave += row[i] == 0 ? 1.0 / (1.0 + static_cast<double>(i)) : 0.0;
        }
        return indicators ? pairs : wave * wave;
    }
};

struct Chains {
    std::vector<std::uint8_t> rows, lowest;
    std::vector<std::uint64_t> generators;
    std::vector<double> beta, energy, lowest_energy;
    std::vector<std::int64_t> accepted;

    Chains(std::size_t n_chains, std::size_t n_sites, double inverse)
        : lowest(n_chains * n_sites),
          beta(n_chains, inverse),
          energy(n_chains),
          lowest_energy(n_chains),
          accepted(n_chains) {
        for (std::size_t c = 0; c < n_chains; ++c) {
            for (std::size_t i = 0; i < n_sites; ++i) rows.push_back(i < n_sites / 2 ? 0 : 1);
            for (std::uint64_t k = 0; k < 4; ++k) generators.push_back(1 + k + 97 * c);
        }
    }
    matganip::SwapChains spans() { return {rows, generators, beta, energy, lowest, lowest_energy, accepted}; }
};

LatticeSwaps make(const LatticePattern& pattern, const std::vector<std::int32_t>& sublattices) {
    const LatticePattern* one = &pattern;
    return LatticeSwaps(std::span(&one, 1), sublattices);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lattice_swaps)

BOOST_AUTO_TEST_CASE(a_cold_walk_takes_neighbours_apart) {
    for (const bool indicators : {true, false}) {
        const Ring ring(8, indicators);
        const LatticePattern pattern = ring.pattern();
        const LatticeSwaps swaps = make(pattern, ring.sublattices);
        Chains chains(3, 8, 1e9);
        const std::vector<double> coefficients{1.0};
        swaps.walk(chains.spans(), coefficients, 400, 1);
        for (std::size_t c = 0; c < 3; ++c) {
            const std::uint8_t* row = chains.rows.data() + 8 * c;
            BOOST_TEST(std::count(row, row + 8, 0) == 4);
            BOOST_TEST(chains.energy[c] == ring.energy(row), boost::test_tools::tolerance(1e-12));
            BOOST_TEST(chains.lowest_energy[c] == ring.energy(chains.lowest.data() + 8 * c),
                       boost::test_tools::tolerance(1e-12));
            // Downhill only: 4 of 8 sites without a neighbour, or the sites of the smallest waves.
            if (indicators) BOOST_TEST(chains.energy[c] <= 1.0);
            if (!indicators) BOOST_TEST(std::count(row, row + 4, 0) == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_same_bytes_for_any_threads) {
    const Ring ring(10, true);
    const LatticePattern pattern = ring.pattern();
    const LatticeSwaps swaps = make(pattern, ring.sublattices);
    const std::vector<double> coefficients{0.7};
    Chains one(5, 10, 1.0), three(5, 10, 1.0);
    swaps.walk(one.spans(), coefficients, 100, 1);
    swaps.walk(three.spans(), coefficients, 100, 3);
    BOOST_TEST(one.rows == three.rows);
    BOOST_TEST(one.generators == three.generators);
    BOOST_TEST(one.energy == three.energy);
}

BOOST_AUTO_TEST_CASE(a_walk_keeps_within_exclusions_and_exchanges_lead_out_of_what_no_swap_leaves) {
    // Sites 0 and 4 are one split site of two sublattices, 1 and 5 another, and so on: no two of code 0.
    for (const bool indicators : {true, false}) {
        Ring ring(8, indicators);
        for (std::size_t i = 4; i < 8; ++i) ring.sublattices[i] = 1;
        const LatticePattern pattern = ring.pattern();
        const LatticePattern* one = &pattern;
        std::vector<matganip::Exclusion> exclusions;
        std::vector<std::int64_t> offsets{0};
        std::vector<std::int32_t> exchanges;
        for (std::uint16_t i = 0; i < 4; ++i) {
            exclusions.push_back({i, 0, static_cast<std::uint16_t>(i + 4), 0});
            for (std::int32_t j = i + 1; j < 4; ++j) {
                exchanges.insert(exchanges.end(), {i, j, i + 4, j + 4});
                offsets.push_back(static_cast<std::int64_t>(exchanges.size() / 2));
            }
        }
        const matganip::SwapRules stuck{exclusions, {}, {}}, rules{exclusions, offsets, exchanges};
        Chains fixed(3, 8, 0.0), chains(3, 8, 0.0);
        const std::vector<std::uint8_t> full{0, 0, 1, 1, 1, 1, 0, 0};  // each split site holds one
        for (std::size_t c = 0; c < 3; ++c) {
            std::copy(full.begin(), full.end(), fixed.rows.begin() + static_cast<std::ptrdiff_t>(8 * c));
            std::copy(full.begin(), full.end(), chains.rows.begin() + static_cast<std::ptrdiff_t>(8 * c));
        }
        LatticeSwaps(std::span(&one, 1), ring.sublattices, stuck)
            .walk(fixed.spans(), ring.coefficients, 99, 1);
        LatticeSwaps(std::span(&one, 1), ring.sublattices, rules)
            .walk(chains.spans(), ring.coefficients, 99, 2);
        for (std::size_t c = 0; c < 3; ++c) {
            BOOST_TEST(std::equal(full.begin(), full.end(),
                                  fixed.rows.begin() + static_cast<std::ptrdiff_t>(8 * c)));
            BOOST_TEST(chains.accepted[c] > 10);
            for (std::size_t i = 0; i < 4; ++i)
                BOOST_TEST(chains.rows[8 * c + i] + chains.rows[8 * c + i + 4] == 1);
            BOOST_TEST(chains.energy[c] == ring.energy(chains.rows.data() + 8 * c),
                       boost::test_tools::tolerance(1e-12));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_full_sublattice_has_nothing_to_swap) {
    const Ring ring(6, true);
    const LatticePattern pattern = ring.pattern();
    Chains chains(1, 6, 0.0);
    std::fill(chains.rows.begin(), chains.rows.end(), std::uint8_t{0});
    const std::vector<double> coefficients{1.0};
    make(pattern, ring.sublattices).walk(chains.spans(), coefficients, 10, 1);
    BOOST_TEST(chains.energy[0] == 6.0);
    BOOST_TEST(chains.accepted[0] == 0);
}

BOOST_AUTO_TEST_CASE(refusals) {
    const Ring ring(6, true), other(8, true);
    const LatticePattern pattern = ring.pattern(), another = other.pattern();
    const std::vector<std::int32_t> short_list(5, 0), wrong(6, 9);
    BOOST_CHECK_THROW(make(pattern, short_list), std::invalid_argument);
    BOOST_CHECK_THROW(make(pattern, wrong), std::invalid_argument);
    const LatticePattern* both[] = {&pattern, &another};
    BOOST_CHECK_THROW(LatticeSwaps(both, ring.sublattices), std::invalid_argument);
    const LatticeSwaps swaps = make(pattern, ring.sublattices);
    Chains chains(1, 6, 1.0);
    const std::vector<double> coefficients{1.0}, none;
    BOOST_CHECK_THROW(swaps.walk(chains.spans(), none, 1, 1), std::invalid_argument);
    chains.rows[2] = 2;
    BOOST_CHECK_THROW(swaps.walk(chains.spans(), coefficients, 1, 1), std::invalid_argument);
    chains.rows[2] = 0;
    chains.beta[0] = -1.0;
    BOOST_CHECK_THROW(swaps.walk(chains.spans(), coefficients, 1, 1), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
