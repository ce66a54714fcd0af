#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "matganip/lattice_gas.hpp"

namespace {

using matganip::GasChains;
using matganip::GasWalk;
using matganip::LatticeGas;
using matganip::LatticeGasTerms;

/// A ring of n sites with two species: a field, neighbours, and triplets of three in a row.
struct Ring {
    std::size_t n;
    double point, pair, triplet;
    std::vector<std::int32_t> basis, sublattices, modes{2}, neighbours, places;
    std::vector<double> points, pairs, values;
    std::vector<std::int64_t> offsets{0};

    Ring(std::size_t sites, double h, double j, double k)
        : n(sites), point(h), pair(j), triplet(k), basis(sites, 0), sublattices(sites, 0), points{h} {
        for (std::size_t i = 0; i < n; ++i)
            for (const std::size_t step : {n - 2, n - 1, std::size_t{1}, std::size_t{2}})
                neighbours.push_back(static_cast<std::int32_t>((i + step) % n));
        pairs = {0.0, j, j, 0.0};
        const std::vector<std::vector<std::int32_t>> after{{1}, {2}, {3}, {}};  // (-2, -1), (-1, 1), (1, 2)
        for (const auto& one : after) {
            for (const std::int32_t place : one) {
                places.push_back(place);
                values.push_back(k);
            }
            offsets.push_back(static_cast<std::int64_t>(places.size()));
        }
    }
    LatticeGasTerms terms() const {
        return {n, 1, 2, 4, basis, sublattices, modes, neighbours, points, pairs, offsets, places, values};
    }
    /// The slow twin.
    double energy(const std::vector<std::uint8_t>& row) const {
        double total = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            const double a = row[i], b = row[(i + 1) % n], c = row[(i + 2) % n];
            total += point * a + pair * a * b + triplet * a * b * c;
        }
        return total;
    }
};

struct Walked {
    std::vector<std::uint8_t> modes;
    std::vector<std::uint64_t> generators;
    std::vector<double> beta, field, bias, energy, transitions, level_energy;
    std::vector<std::int32_t> counts;
    std::vector<std::int64_t> accepted;

    Walked(const Ring& ring, std::size_t n_chains, double inverse, std::size_t n_records, bool biased)
        : modes(n_chains * ring.n, 0),
          beta(n_chains, inverse),
          field(2 * n_chains, 0.0),
          energy(n_chains * n_records),
          counts(2 * n_chains * n_records),
          accepted(4 * n_chains, 0) {
        for (std::size_t i = 0; i < modes.size(); ++i) modes[i] = i % 3 == 0 ? 1 : 0;
        for (std::size_t i = 0; i < 4 * n_chains; ++i) generators.push_back(17 + 1000003 * i);
        if (biased) {
            bias.assign(n_chains * (ring.n + 1), 0.0);
            transitions.assign(3 * bias.size(), 0.0);
            level_energy.assign(3 * bias.size(), 0.0);
        }
    }
    GasChains chains() {
        return {modes, generators, beta, field, bias, energy, counts, accepted, transitions, level_energy};
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lattice_gas)

BOOST_AUTO_TEST_CASE(energies_are_those_of_the_sum) {
    const Ring ring(9, 0.3, -0.7, 0.2);
    const LatticeGas gas(ring.terms());
    for (unsigned bits = 0; bits < 512; ++bits) {
        std::vector<std::uint8_t> row(9);
        for (std::size_t i = 0; i < 9; ++i) row[i] = (bits >> i) & 1U;
        double found = 0.0;
        gas.energies(row, {&found, 1}, 1);
        BOOST_TEST(std::abs(found - ring.energy(row)) < 1e-12);
    }
}

BOOST_AUTO_TEST_CASE(what_follows_the_trials_is_the_energy_and_threads_do_not_matter) {
    const Ring ring(30, 0.1, -0.4, 0.25);
    const LatticeGas gas(ring.terms());
    for (const double changes : {0.0, 0.5, 1.0}) {
        Walked one(ring, 5, 1.3, 4, true), other(ring, 5, 1.3, 4, true);
        gas.walk(one.chains(), {4, 0, 4, 500, changes, 0, 1}, 1);
        gas.walk(other.chains(), {4, 0, 4, 500, changes, 0, 1}, 4);
        BOOST_TEST(one.modes == other.modes);
        BOOST_TEST(one.energy == other.energy);
        BOOST_TEST(one.transitions == other.transitions);
        for (std::size_t c = 0; c < 5; ++c) {
            const std::vector<std::uint8_t> row(one.modes.begin() + static_cast<std::ptrdiff_t>(30 * c),
                                                one.modes.begin() + static_cast<std::ptrdiff_t>(30 * c + 30));
            BOOST_TEST(std::abs(one.energy[4 * c + 3] - ring.energy(row)) < 1e-10);
            if (changes == 0.0) BOOST_TEST(one.counts[8 * c + 7] == 10);
        }
    }
}

BOOST_AUTO_TEST_CASE(averages_are_those_of_all_arrangements) {
    const Ring ring(8, 0.2, -0.9, 0.5);
    const LatticeGas gas(ring.terms());
    const double beta = 0.8, field = -0.35;
    double sum = 0.0, sum_energy = 0.0, sum_count = 0.0;
    for (unsigned bits = 0; bits < 256; ++bits) {
        std::vector<std::uint8_t> row(8);
        double count = 0.0;
        for (std::size_t i = 0; i < 8; ++i) count += row[i] = (bits >> i) & 1U;
        const double energy = ring.energy(row), weight = std::exp(-beta * (energy + field * count));
        sum += weight;
        sum_energy += weight * energy;
        sum_count += weight * count;
    }
    const std::size_t n_records = 20000;
    Walked walked(ring, 8, beta, n_records, false);
    for (std::size_t c = 0; c < 8; ++c) walked.field[2 * c + 1] = field;
    gas.walk(walked.chains(), {n_records, 0, n_records, 8, 0.5, 0, 1}, 2);
    double energy = 0.0, count = 0.0;
    for (std::size_t r = 0; r < walked.energy.size(); ++r) {
        energy += walked.energy[r] / static_cast<double>(walked.energy.size());
        count += walked.counts[2 * r + 1] / static_cast<double>(walked.energy.size());
    }
    BOOST_TEST(std::abs(energy - sum_energy / sum) < 0.02);
    BOOST_TEST(std::abs(count - sum_count / sum) < 0.04);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
    Ring ring(6, 0.0, 1.0, 0.0);
    const LatticeGas gas(ring.terms());
    Walked walked(ring, 2, 1.0, 1, false);
    const GasWalk how{1, 0, 1, 10, 0.5, 0, 1};
    walked.modes[3] = 2;
    BOOST_CHECK_THROW(gas.walk(walked.chains(), how, 1), std::invalid_argument);
    walked.modes[3] = 1;
    BOOST_CHECK_THROW(gas.walk(walked.chains(), {1, 0, 2, 10, 0.5, 0, 1}, 1), std::invalid_argument);
    BOOST_CHECK_THROW(gas.walk(walked.chains(), {1, 0, 1, 10, 1.5, 0, 1}, 1), std::invalid_argument);
    BOOST_CHECK_THROW(gas.walk(walked.chains(), {1, 0, 1, 10, 0.5, 1, 1}, 1), std::invalid_argument);
    walked.beta[0] = -1.0;
    BOOST_CHECK_THROW(gas.walk(walked.chains(), how, 1), std::invalid_argument);
    ring.neighbours[0] = 6;
    BOOST_CHECK_THROW(LatticeGas{ring.terms()}, std::invalid_argument);
    ring.neighbours[0] = 0;
    ring.places[0] = 4;
    BOOST_CHECK_THROW(LatticeGas{ring.terms()}, std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
