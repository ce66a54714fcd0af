#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <vector>

#include "brute_force.hpp"
#include "matganip/canonical_form.hpp"

using namespace matganip;

BOOST_AUTO_TEST_SUITE(canonical)

BOOST_AUTO_TEST_CASE(equals_the_smallest_of_all_images_for_every_row) {
    const auto group = testing::dihedral(4, 2);
    const Composition composition{{{1, 1, 2}, {2, 2}}};
    const auto stages = stages_of(composition);
    const auto orbits = testing::orbits_by_brute_force(group, composition);
    for (const auto& row : testing::all_rows(composition)) {
        std::vector<std::uint8_t> representative(row.size());
        std::vector<std::int64_t> multiplicity(1);
        canonical_form(group, stages, row, representative, multiplicity, 1);
        BOOST_TEST(representative == testing::smallest_image(row, group, stages));
        BOOST_TEST(multiplicity[0] == orbits.at(testing::sort_key(representative, stages)).second);
    }
}

BOOST_AUTO_TEST_CASE(does_not_depend_on_the_number_of_threads) {
    const auto group = testing::dihedral(7);
    const Composition composition{{{3, 4}}};
    std::vector<std::uint8_t> rows;
    for (int copy = 0; copy < 20; ++copy)
        for (const auto& row : testing::all_rows(composition))
            rows.insert(rows.end(), row.begin(), row.end());
    std::vector<std::uint8_t> one(rows.size());
    std::vector<std::uint8_t> three(rows.size());
    std::vector<std::int64_t> sizes_one(rows.size() / 7);
    std::vector<std::int64_t> sizes_three(rows.size() / 7);
    const auto stages = stages_of(composition);
    canonical_form(group, stages, rows, one, sizes_one, 1);
    canonical_form(group, stages, rows, three, sizes_three, 3);
    BOOST_TEST(one == three);
    BOOST_TEST(sizes_one == sizes_three);
}

BOOST_AUTO_TEST_CASE(arrays_that_disagree_are_an_error) {
    const auto group = testing::dihedral(4);
    const auto stages = stages_of({{{2, 2}}});
    std::vector<std::uint8_t> rows(8);
    std::vector<std::uint8_t> out(4);
    std::vector<std::int64_t> sizes(2);
    BOOST_CHECK_THROW(canonical_form(group, stages, rows, out, sizes, 1), std::invalid_argument);
    BOOST_CHECK_THROW(canonical_form(group, stages, rows, rows, sizes, -1), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
