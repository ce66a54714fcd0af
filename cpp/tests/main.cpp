#define BOOST_TEST_MODULE matganip
#include <boost/test/included/unit_test.hpp>
