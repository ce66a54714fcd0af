#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "brute_force.hpp"
#include "matganip/lowest_orbits.hpp"

using namespace matganip;

namespace {

/// A ring of n sites with one kind beside the reference, pairs by distance and triplets of neighbours.
struct Ring {
    std::size_t n;
    std::vector<std::int32_t> sublattice, first, kind, kind_sublattice{0}, count, triplets, exclusions;
    std::vector<double> field, pair, coupling, shift, cubic;

    Ring(std::size_t sites, std::int32_t taken, bool with_triplets) : n(sites), count{taken} {
        sublattice.assign(n, 0);
        kind.assign(n, 0);
        field.assign(n, 0.3);
        pair.assign(n * n, 0.0);
        for (std::size_t i = 0; i <= n; ++i) first.push_back(static_cast<std::int32_t>(i));
        double largest = 0.0;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                const std::size_t apart = std::min((i + n - j) % n, (j + n - i) % n);
                if (apart > 0) pair[i * n + j] = std::cos(2.7 * static_cast<double>(apart * apart));
                largest += std::abs(pair[i * n + j]);
            }
        shift.assign(n * n, largest);
        cubic.assign(n, 0.0);
        if (!with_triplets) return;
        for (std::size_t i = 0; i < n; ++i) {
            std::vector<std::int32_t> three{static_cast<std::int32_t>(i),
                                            static_cast<std::int32_t>((i + 1) % n),
                                            static_cast<std::int32_t>((i + 2) % n)};
            std::sort(three.begin(), three.end());
            triplets.insert(triplets.end(), three.begin(), three.end());
            coupling.push_back(-0.4);
        }
        cubic.assign(n, 6.0 * 0.4 * static_cast<double>(n));
    }

    InteractionTables tables() const {
        return {sublattice, first,    kind,     kind_sublattice, count, 1.5,   field,
                pair,       triplets, coupling, exclusions,      shift, 100.0, cubic};
    }

    /// No two neighbours carry the state.
    void exclude_neighbours() {
        for (std::size_t i = 0; i < n; ++i) {
            const auto here = static_cast<std::int32_t>(i), next = static_cast<std::int32_t>((i + 1) % n);
            exclusions.insert(exclusions.end(), {here, 0, next, 0});
        }
    }

    bool allows(const testing::Row& row) const {
        for (std::size_t k = 0; k < exclusions.size(); k += 4)
            if (row[exclusions[k]] == exclusions[k + 1] && row[exclusions[k + 2]] == exclusions[k + 3])
                return false;
        return true;
    }

    double energy(const testing::Row& row) const {  // code 0 is the state, 1 the reference
        double sum = 1.5;
        for (std::size_t i = 0; i < n; ++i) {
            if (row[i] != 0) continue;
            sum += field[i];
            for (std::size_t j = 0; j < i; ++j) sum += row[j] == 0 ? pair[i * n + j] : 0.0;
        }
        for (std::size_t k = 0; k < coupling.size(); ++k)
            if (row[triplets[3 * k]] == 0 && row[triplets[3 * k + 1]] == 0 && row[triplets[3 * k + 2]] == 0)
                sum += coupling[k];
        return sum;
    }
};

void check_against_brute_force(const Ring& ring, std::size_t top, int num_threads) {
    const auto group = testing::dihedral(ring.n);
    const Composition composition{
        {{static_cast<std::uint16_t>(ring.count[0]),
          static_cast<std::uint16_t>(ring.n - static_cast<std::size_t>(ring.count[0]))}}};
    std::vector<std::pair<double, std::int64_t>> every;
    for (const auto& [key, orbit] : testing::orbits_by_brute_force(group, composition))
        if (ring.allows(orbit.first)) every.emplace_back(ring.energy(orbit.first), orbit.second);
    std::sort(every.begin(), every.end());
    LowestOrbits search(ring.tables(), group, {top, -1.0, 1e-9});
    BOOST_TEST(search.lower_bound() <= every[0].first + 1e-9);
    while (search.advance(num_threads)) BOOST_TEST(search.lower_bound() <= search.threshold() + 1e-9);
    const FoundOrbits& found = search.found();
    BOOST_REQUIRE(found.energies.size() >= std::min(top, every.size()));
    for (std::size_t k = 0; k < std::min(top, every.size()); ++k)
        BOOST_TEST(std::abs(found.energies[k] - every[k].first) < 1e-9);
    for (std::size_t k = 0; k < found.energies.size(); ++k) {
        const testing::Row row(found.codes.begin() + static_cast<std::ptrdiff_t>(k * ring.n),
                               found.codes.begin() + static_cast<std::ptrdiff_t>((k + 1) * ring.n));
        BOOST_TEST(std::abs(ring.energy(row) - found.energies[k]) < 1e-9);
        BOOST_TEST((testing::smallest_image(row, group, stages_of(composition)) == row));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lowest_orbits)

BOOST_AUTO_TEST_CASE(equals_brute_force) {
    for (const bool with_triplets : {false, true})
        for (const std::int32_t taken : {0, 1, 4, 6, 12}) {
            check_against_brute_force(Ring(12, taken, with_triplets), 1, 1);
            check_against_brute_force(Ring(12, taken, with_triplets), 10, 3);
        }
}

BOOST_AUTO_TEST_CASE(what_is_excluded_is_left_out) {
    for (const std::int32_t taken : {1, 4, 6}) {
        Ring ring(12, taken, true);
        ring.exclude_neighbours();
        check_against_brute_force(ring, 5, 2);
    }
}

BOOST_AUTO_TEST_CASE(threads_and_interruptions_change_nothing) {
    const Ring ring(16, 7, true);
    const auto group = testing::dihedral(16);
    LowestOrbits one(ring.tables(), group, {20, -1.0, 1e-9}), three(ring.tables(), group, {20, -1.0, 1e-9});
    while (one.advance(1)) {
    }
    for (int round = 0; round < 2; ++round) three.advance(3);
    LowestOrbits resumed(ring.tables(), group, {20, -1.0, 1e-9});
    resumed.resume(three.open(), three.found(), three.n_visited());
    while (resumed.advance(3)) {
    }
    BOOST_TEST(one.n_visited() == resumed.n_visited());
    BOOST_TEST((one.found().codes == resumed.found().codes));
    BOOST_TEST((one.found().energies == resumed.found().energies));
}

BOOST_AUTO_TEST_CASE(a_ceiling_leaves_out_what_is_above_it_alone) {
    const Ring ring(16, 7, true);
    const auto group = testing::dihedral(16);
    LowestOrbits plain(ring.tables(), group, {20, -1.0, 1e-9}), below(ring.tables(), group, {20, -1.0, 1e-9});
    while (plain.advance(1)) {
    }
    below.set_ceiling(plain.threshold());
    BOOST_TEST(below.threshold() == plain.threshold());
    while (below.advance(1)) {
    }
    BOOST_TEST(below.n_visited() <= plain.n_visited());
    BOOST_TEST((below.found().codes == plain.found().codes));
    BOOST_TEST((below.found().energies == plain.found().energies));
}

BOOST_AUTO_TEST_CASE(misuse_is_an_error) {
    const auto group = testing::dihedral(12);
    Ring ring(12, 4, true);
    BOOST_CHECK_THROW(LowestOrbits(ring.tables(), testing::dihedral(11), {}), std::invalid_argument);
    ring.count[0] = 13;
    BOOST_CHECK_THROW(LowestOrbits(ring.tables(), group, {}), std::invalid_argument);
    ring.count[0] = 4;
    ring.triplets[0] = 12;
    BOOST_CHECK_THROW(LowestOrbits(ring.tables(), group, {}), std::invalid_argument);
    ring.triplets[0] = 0;
    LowestOrbits search(ring.tables(), group, {});
    BOOST_CHECK_THROW(search.resume({{7}, {0.0}}, {}, 0), std::invalid_argument);
    BOOST_CHECK_THROW(search.resume({testing::Row(12, 2), {0.0}}, {}, 0), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
