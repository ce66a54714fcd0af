#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include "brute_force.hpp"
#include "matganip/orbit_enumerator.hpp"

using namespace matganip;

namespace {

struct Stream {
    std::vector<testing::Row> rows;
    std::vector<std::int64_t> multiplicities;
};

/// Everything an enumerator gives, taken in odd-sized bites so that blocks end in the middle of tasks.
Stream drain(OrbitEnumerator& enumerator, std::size_t degree, int num_threads, std::size_t bite = 7) {
    Stream stream;
    std::vector<std::uint8_t> rows(bite * degree);
    std::vector<std::int64_t> sizes(bite);
    do {
        while (const std::size_t n = enumerator.take(rows, sizes, num_threads)) {
            for (std::size_t i = 0; i < n; ++i) {
                const auto* row = rows.data() + i * degree;
                stream.rows.emplace_back(row, row + degree);
                stream.multiplicities.push_back(sizes[i]);
            }
        }
    } while (enumerator.advance(num_threads));
    return stream;
}

void check_against_brute_force(const PermutationGroup& group, const Composition& composition) {
    OrbitEnumerator enumerator(group, composition);
    const Stream stream = drain(enumerator, group.degree, 1);
    const auto expected = testing::orbits_by_brute_force(group, composition);
    BOOST_REQUIRE(stream.rows.size() == expected.size());
    std::size_t i = 0;
    for (const auto& [key, orbit] : expected) {
        BOOST_TEST(stream.rows[i] == orbit.first);
        BOOST_TEST(stream.multiplicities[i] == orbit.second);
        ++i;
    }
}

}  // namespace

/// Random exclusions and their images under the group.
std::vector<Exclusion> random_exclusions(const PermutationGroup& group, const Composition& composition,
                                         std::size_t n, std::uint64_t seed) {
    std::vector<std::uint16_t> of_column;
    for (const auto& counts : composition.counts)
        for (const std::uint16_t count : counts)
            of_column.insert(of_column.end(), count, static_cast<std::uint16_t>(counts.size()));
    std::mt19937_64 random(seed);
    std::vector<Exclusion> found;
    for (std::size_t k = 0; k < n; ++k) {
        const auto i = random() % group.degree, j = random() % group.degree;
        const auto a = random() % of_column[i], b = random() % of_column[j];
        if (i == j && a != b) continue;
        for (std::size_t g = 0; g < group.order(); ++g)
            found.push_back({group.element(g)[i], static_cast<std::uint16_t>(a), group.element(g)[j],
                             static_cast<std::uint16_t>(b)});
    }
    return found;
}

bool obeys(const testing::Row& row, const std::vector<Exclusion>& exclusions) {
    return std::none_of(exclusions.begin(), exclusions.end(), [&](const Exclusion& one) {
        return row[one.column] == one.code && row[one.other] == one.other_code;
    });
}

BOOST_AUTO_TEST_SUITE(orbit_enumerator)

BOOST_AUTO_TEST_CASE(exclusions_leave_out_what_breaks_them_and_nothing_else) {
    const std::vector<std::pair<PermutationGroup, Composition>> problems = {
        {testing::dihedral(8), {{{3, 5}}}},
        {testing::dihedral(8), {{{2, 2, 4}}}},
        {testing::dihedral(9), {{{0, 3, 6}}}},
        {testing::dihedral(4, 2), {{{1, 1, 2}, {2, 2}}}},
        {testing::dihedral(4, 2), {{{0, 4}, {2, 2}}}},
        {testing::dihedral(6), {{{6, 0}}}},
        {testing::dihedral(6), {{{0, 6}}}},
        {close_group({}, 6, 1), {{{2, 1, 3}}}},
        {close_group({}, 8, 1), {{{2, 2}, {1, 3}}}},
    };
    for (const auto& [group, composition] : problems)
        for (std::uint64_t seed = 0; seed < 12; ++seed) {
            const auto exclusions = random_exclusions(group, composition, 1 + seed % 3, seed);
            std::vector<testing::Row> expected;
            std::vector<std::int64_t> sizes;
            for (const auto& [key, orbit] : testing::orbits_by_brute_force(group, composition))
                if (obeys(orbit.first, exclusions)) {
                    expected.push_back(orbit.first);
                    sizes.push_back(orbit.second);
                }
            OrbitEnumerator enumerator(group, composition, 0, 1, exclusions);
            const Stream stream = drain(enumerator, group.degree, 2);
            BOOST_TEST((stream.rows == expected));
            BOOST_TEST((stream.multiplicities == sizes));
            std::size_t in_shards = 0;
            for (std::uint64_t shard = 0; shard < 3; ++shard) {
                OrbitEnumerator part(group, composition, shard, 3, exclusions);
                const Stream found = drain(part, group.degree, 1);
                in_shards += found.rows.size();
                if (found.rows.size() < 2) continue;
                OrbitEnumerator resumed(group, composition, shard, 3, exclusions);
                resumed.resume_after(found.rows.front());
                BOOST_TEST(drain(resumed, group.degree, 2).rows.size() == found.rows.size() - 1);
            }
            BOOST_TEST(in_shards == expected.size());
        }
}

BOOST_AUTO_TEST_CASE(an_exclusion_of_what_does_not_exist_is_an_error) {
    const auto group = testing::dihedral(6);
    const std::vector<Exclusion> column{{6, 0, 0, 0}}, code{{0, 0, 1, 2}};
    BOOST_CHECK_THROW(OrbitEnumerator(group, {{{2, 4}}}, 0, 1, column), std::invalid_argument);
    BOOST_CHECK_THROW(OrbitEnumerator(group, {{{2, 4}}}, 0, 1, code), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(equals_brute_force_in_content_and_order) {
    check_against_brute_force(testing::dihedral(8), {{{3, 5}}});
    check_against_brute_force(testing::dihedral(8), {{{2, 2, 4}}});
    check_against_brute_force(testing::dihedral(9), {{{0, 3, 6}}});
    check_against_brute_force(testing::dihedral(4, 2), {{{1, 1, 2}, {2, 2}}});
    check_against_brute_force(testing::dihedral(4, 2), {{{0, 4}, {2, 2}}});
    check_against_brute_force(testing::dihedral(6), {{{6, 0}}});
    check_against_brute_force(close_group({}, 6, 1), {{{2, 4}}});
}

BOOST_AUTO_TEST_CASE(necklaces_of_several_words_are_counted_right) {
    // Bracelets of 70 beads, 3 of them black.
    const auto group = testing::dihedral(70);
    OrbitEnumerator enumerator(group, {{{3, 67}}});
    const Stream stream = drain(enumerator, 70, 2);
    const auto total =
        std::accumulate(stream.multiplicities.begin(), stream.multiplicities.end(), std::int64_t{0});
    BOOST_TEST(total == 70 * 69 * 68 / 6);
    std::size_t partitions = 0;  // a bracelet of three black beads is a way to write 70 as three gaps
    for (int a = 1; a <= 70; ++a)
        for (int b = a; a + 2 * b <= 70; ++b) ++partitions;
    BOOST_TEST(stream.rows.size() == partitions);
}

BOOST_AUTO_TEST_CASE(does_not_depend_on_threads_and_shards_partition_it) {
    const auto group = testing::dihedral(16);
    const Composition composition{{{3, 4, 9}}};
    OrbitEnumerator whole(group, composition);
    const Stream all = drain(whole, 16, 1);
    OrbitEnumerator threaded(group, composition);
    const Stream same = drain(threaded, 16, 3, 1000);
    BOOST_TEST((all.rows == same.rows));

    std::vector<testing::Row> collected;
    for (std::uint64_t shard = 0; shard < 5; ++shard) {
        OrbitEnumerator part(group, composition, shard, 5);
        const Stream stream = drain(part, 16, 2);
        BOOST_TEST(stream.rows.size() > all.rows.size() / 7);
        collected.insert(collected.end(), stream.rows.begin(), stream.rows.end());
    }
    const auto stages = stages_of(composition);
    std::sort(collected.begin(), collected.end(), [&](const auto& a, const auto& b) {
        return testing::sort_key(a, stages) < testing::sort_key(b, stages);
    });
    BOOST_TEST((collected == all.rows));
}

BOOST_AUTO_TEST_CASE(resumes_after_any_row) {
    const auto group = testing::dihedral(10);
    const Composition composition{{{2, 3, 5}}};
    for (const std::uint64_t n_shards : {1U, 3U}) {
        OrbitEnumerator enumerator(group, composition, 0, n_shards);
        const Stream all = drain(enumerator, 10, 1);
        for (std::size_t i = 0; i < all.rows.size(); ++i) {
            OrbitEnumerator resumed(group, composition, 0, n_shards);
            resumed.resume_after(all.rows[i]);
            const Stream rest = drain(resumed, 10, 1);
            BOOST_TEST((rest.rows ==
                        std::vector(all.rows.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.rows.end())));
        }
    }
}

BOOST_AUTO_TEST_CASE(misuse_is_an_error) {
    const auto group = testing::dihedral(6);
    BOOST_CHECK_THROW(OrbitEnumerator(group, {{{2, 3}}}), std::invalid_argument);
    BOOST_CHECK_THROW(OrbitEnumerator(group, {{{2, 4}}}, 2, 2), std::invalid_argument);
    OrbitEnumerator enumerator(group, {{{2, 4}}});
    BOOST_CHECK_THROW(enumerator.resume_after(testing::Row{0, 0, 0, 1, 1, 1}), std::invalid_argument);
    BOOST_CHECK_THROW(enumerator.resume_after(testing::Row{0, 0}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
