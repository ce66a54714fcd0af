#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <vector>

#include "brute_force.hpp"
#include "matganip/permutation_group.hpp"

using matganip::close_group;

BOOST_AUTO_TEST_SUITE(permutation_group)

BOOST_AUTO_TEST_CASE(dihedral_group_of_the_hexagon_has_twelve_elements_identity_first) {
    const auto group = matganip::testing::dihedral(6);
    BOOST_TEST(group.order() == 12U);
    for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(group.element(0)[i] == i);
}

BOOST_AUTO_TEST_CASE(symmetric_group_of_five_points) {
    const std::vector<std::uint16_t> generators{1, 0, 2, 3, 4, 1, 2, 3, 4, 0};
    BOOST_TEST(close_group(generators, 5, 120).order() == 120U);
}

BOOST_AUTO_TEST_CASE(no_generator_gives_the_identity) {
    const auto group = close_group({}, 3, 10);
    BOOST_TEST(group.order() == 1U);
    BOOST_TEST(group.images == (std::vector<std::uint16_t>{0, 1, 2}));
}

BOOST_AUTO_TEST_CASE(a_group_larger_than_allowed_is_an_error) {
    const std::vector<std::uint16_t> generators{1, 0, 2, 3, 4, 1, 2, 3, 4, 0};
    BOOST_CHECK_THROW(close_group(generators, 5, 119), std::length_error);
}

BOOST_AUTO_TEST_CASE(a_row_that_is_no_permutation_is_an_error) {
    BOOST_CHECK_THROW(close_group(std::vector<std::uint16_t>{0, 0, 1}, 3, 10), std::invalid_argument);
    BOOST_CHECK_THROW(close_group(std::vector<std::uint16_t>{0, 1, 3}, 3, 10), std::invalid_argument);
    BOOST_CHECK_THROW(close_group(std::vector<std::uint16_t>{0, 1, 2, 0}, 3, 10), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
