// SPDX-License-Identifier: Apache-2.0
//
// INT4 times FP4 for all pairs of codes, against the product of their values.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include <nibble/method/int4_fp4.hpp>
#include <nibble/method/luq.hpp>

namespace {

using namespace nibble;

TEST_CASE("int4_fp4: all 256 products are exact, and FP7 numbers of 4 exponent and 2 mantissa bits") {
  std::set<int> exponents;
  for (int a = -8; a < 8; ++a) {
    for (int b = 0; b < 16; ++b) {
      const double wanted = (b >= 8 ? -a : a) * ((b & 7) == 0 ? 0.0 : std::ldexp(1.0, (b & 7) - 1));
      const auto c = multiply_int4_fp4(a & 15, b);
      CHECK(c < 128);
      const int field = c >> 2 & 15;
      const double magnitude = field == 0 ? 0.0 : std::ldexp(1.0 + (c & 3) / 4.0, field - 1);
      CHECK((c >> 6 != 0 ? -magnitude : magnitude) == wanted);
      CHECK(decode_fp7(c) == wanted);
      if (field != 0) exponents.insert(field - 1);
      if (wanted == 0) CHECK(c == 0);
      CHECK(a * double{luq_decode(b, 1.0F)} == wanted);
    }
  }
  CHECK(*exponents.begin() == 0);
  CHECK(*exponents.rbegin() == 9);
}

}  // namespace
