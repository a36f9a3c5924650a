// SPDX-License-Identifier: Apache-2.0
//
// The largest magnitude by vectors against the scalar one, at every place of a row, under every rule.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <nibble/format/catalogue.hpp>
#include <nibble/simd/amax.hpp>

namespace {

using namespace nibble;

TEST_CASE("amax: the bits of the scalar one") {
  int wrong = 0;
  for (const float planted : {-8.0F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    for (std::size_t cols = 1; cols < 9500; cols += cols < 80 ? 1 : 3131) {
      for (std::size_t at = 0; at < 2 * cols; at += 1 + at % (cols < 80 ? 3 : 97)) {
        std::vector<float> x(2 * cols, 0.5F);
        x[0] = -2.0F;
        x[at] = planted;
        const matrix_view<float> view(x.data(), 2, cols);
        for (const amax_rule rule : {amax_rule::finite, amax_rule::ignore_nan, amax_rule::propagate}) {
          wrong += to_bits(amax(simd{}, view, rule)) == to_bits(amax(view, rule)) ? 0 : 1;
          wrong += to_bits(amax(simd{}, view.transposed(), rule)) == to_bits(amax(view, rule)) ? 0 : 1;
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("amax: other types, nothing, a null matrix") {
  const minifloat<formats::bf16> x[] = {minifloat<formats::bf16>(1.0F), minifloat<formats::bf16>(-3.0F)};
  CHECK(amax(simd{}, matrix_view(x, 1, 2)) == 3);
  CHECK(amax(simd{}, matrix_view<float>()) == 0);
  CHECK_THROWS_AS(static_cast<void>(amax(simd{}, matrix_view<float>(nullptr, 1, 2))), std::invalid_argument);
}

}  // namespace
