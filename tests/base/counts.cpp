// SPDX-License-Identifier: Apache-2.0
//
// Numbers of elements, by hand, up to the largest there are.
#include <doctest/doctest.h>

#include <cstdint>

#include <nibble/base/counts.hpp>

TEST_CASE("counts") {
  using nibble::detail::pieces;
  using nibble::detail::smaller;
  CHECK(smaller(3, 4) == 3);
  CHECK(smaller(4, 3) == 3);
  CHECK(pieces(0, 16) == 0);
  CHECK(pieces(1, 16) == 1);
  CHECK(pieces(16, 16) == 1);
  CHECK(pieces(17, 16) == 2);
  CHECK(pieces(SIZE_MAX, 1) == SIZE_MAX);
  CHECK(pieces(SIZE_MAX, SIZE_MAX) == 1);
  CHECK(pieces(SIZE_MAX, 2) == SIZE_MAX / 2 + 1);
}
