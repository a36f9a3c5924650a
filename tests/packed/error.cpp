// SPDX-License-Identifier: Apache-2.0
//
// Messages name the argument, what it was and what was allowed.
#include <doctest/doctest.h>

#include <stdexcept>

#include <nibble/packed/error.hpp>

using nibble::nibble_order;
using nibble::detail::check_bytes;
using nibble::detail::check_order;

TEST_CASE("sizes") {
  CHECK_NOTHROW(check_bytes("bytes", 4, 4, 8));
  CHECK_THROWS_WITH_AS(check_bytes("bytes", 3, 4, 8), "nibble: bytes has 3 bytes; 8 codes need at least 4",
                       std::invalid_argument);
}

TEST_CASE("groups and orders") {
  CHECK_NOTHROW(check_order("order", nibble_order::low_first, "group", 0));
  CHECK_NOTHROW(check_order("order", nibble_order::split_halves, "group", 2));
  CHECK_THROWS_WITH_AS(check_order("order", nibble_order::split_halves, "group", 0),
                       "nibble: group is 0; it must be even and positive", std::invalid_argument);
  CHECK_THROWS_WITH_AS(check_order("order", nibble_order::split_halves, "to_group", 31),
                       "nibble: to_group is 31; it must be even and positive", std::invalid_argument);
  CHECK_THROWS_WITH_AS(check_order("from_order", static_cast<nibble_order>(3), "group", 32),
                       "nibble: from_order is 3; it must be low_first, high_first or split_halves",
                       std::invalid_argument);
}

TEST_CASE("indices") {
  CHECK_THROWS_WITH_AS(nibble::detail::throw_index(5, 5), "nibble: index is 5; it must be below the size, 5",
                       std::out_of_range);
}
