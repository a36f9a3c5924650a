// SPDX-License-Identifier: Apache-2.0
//
// The rounding of magnitudes to codes: neighbours, ties and their parity, by hand, in 32- and 64-bit lanes.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/p3109.hpp>
#include <nibble/format/round.hpp>

#include <oracle/number.hpp>

namespace {

using namespace nibble;

constexpr auto even = rounding_mode::nearest_even;
constexpr auto away = rounding_mode::nearest_away;
constexpr auto down_on_ties = rounding_mode::nearest_toward_zero;
constexpr auto zero = rounding_mode::toward_zero;
constexpr auto up = rounding_mode::upward;
constexpr auto down = rounding_mode::downward;
constexpr auto odd = rounding_mode::to_odd;

/// The magnitude code of `x`, from float and from double; ~0 if they differ.
template <rounding_mode Mode>
std::uint32_t code(const float_format& f, double x) {
  const auto narrow = oracle::float_bits(static_cast<float>(x < 0 ? -x : x));
  const auto wide = oracle::double_bits(x < 0 ? -x : x);
  const std::uint32_t negative = x < 0 ? ~std::uint32_t{0} : 0;
  const std::uint64_t negative_wide = x < 0 ? ~std::uint64_t{0} : 0;
  const std::uint32_t a = detail::round_magnitude<Mode>(f, narrow, negative, 0U, 32);
  const auto b =
      static_cast<std::uint32_t>(detail::round_magnitude<Mode>(f, wide, negative_wide, std::uint64_t{0}, 32));
  return a == b ? a : ~0U;
}

/// Codes in the order of the modes below.
std::array<std::uint32_t, 7> codes(const float_format& f, double x) {
  return {code<even>(f, x), code<away>(f, x), code<down_on_ties>(f, x), code<zero>(f, x),
          code<up>(f, x),   code<down>(f, x), code<odd>(f, x)};
}

using row = std::array<std::uint32_t, 7>;

}  // namespace

TEST_CASE("E2M1 in every mode: even, away, toward zero on ties; zero, up, down, odd") {
  using formats::e2m1;
  CHECK(codes(e2m1, 0.0) == row{0, 0, 0, 0, 0, 0, 0});
  CHECK(codes(e2m1, 0.5) == row{1, 1, 1, 1, 1, 1, 1});
  CHECK(codes(e2m1, 0.25) == row{0, 1, 0, 0, 1, 0, 1});
  CHECK(codes(e2m1, 0.75) == row{2, 2, 1, 1, 2, 1, 1});
  CHECK(codes(e2m1, 1.25) == row{2, 3, 2, 2, 3, 2, 3});
  CHECK(codes(e2m1, 1.75) == row{4, 4, 3, 3, 4, 3, 3});
  CHECK(codes(e2m1, 2.5) == row{4, 5, 4, 4, 5, 4, 5});
  CHECK(codes(e2m1, 3.5) == row{6, 6, 5, 5, 6, 5, 5});
  CHECK(codes(e2m1, 5.0) == row{6, 7, 6, 6, 7, 6, 7});
  CHECK(codes(e2m1, 2.5078125) == row{5, 5, 5, 4, 5, 4, 5});
  CHECK(codes(e2m1, 2.4921875) == row{4, 4, 4, 4, 5, 4, 5});
  CHECK(codes(e2m1, 0x1p-149) == row{0, 0, 0, 0, 1, 0, 1});
  CHECK(codes(e2m1, -0x1p-149) == row{0, 0, 0, 0, 0, 1, 1});
  CHECK(codes(e2m1, -2.25) == row{4, 4, 4, 4, 4, 5, 5});
}

TEST_CASE("beyond the largest number the codes go on") {
  using formats::e2m1;
  CHECK(codes(e2m1, 7.0) == row{8, 8, 7, 7, 8, 7, 7});
  CHECK(codes(e2m1, 8.0) == row{8, 8, 8, 8, 8, 8, 8});
  CHECK(code<even>(e2m1, 0x1.fffffep127) == 2 * 128 + 2);
}

TEST_CASE("without mantissa bits parity is that of the exponent field") {
  using formats::e3m0;
  CHECK(codes(e3m0, 1.5) == row{4, 4, 3, 3, 4, 3, 3});
  CHECK(codes(e3m0, 3.0) == row{4, 5, 4, 4, 5, 4, 5});
  CHECK(codes(e3m0, 0.125) == row{0, 1, 0, 0, 1, 0, 1});
}

TEST_CASE("without zero everything below the range is the smallest number") {
  using formats::e8m0;
  CHECK(codes(e8m0, 0.0) == row{0, 0, 0, 0, 0, 0, 0});
  CHECK(codes(e8m0, 0x1p-149) == row{0, 0, 0, 0, 0, 0, 0});
  CHECK(codes(e8m0, 0x1p-127) == row{0, 0, 0, 0, 0, 0, 0});
  CHECK(codes(e8m0, 0x1.8p-127) == row{0, 1, 0, 0, 1, 0, 1});
  CHECK(codes(e8m0, 0x1.8p-126) == row{2, 2, 1, 1, 2, 1, 1});
  CHECK(codes(e8m0, 0x1.8p127) == row{254, 255, 254, 254, 255, 254, 255});
  constexpr float_format far{.exponent_bits = 2, .mantissa_bits = 1, .bias = -900, .has_zero = false};
  CHECK(detail::round_magnitude<even>(far, 0x7f7fffffU, 0U, 0U, 32) == 0);
  CHECK(code<away>(far, 1.0) == 0);
}

TEST_CASE("numbers below float32's subnormals are rounded too") {
  constexpr float_format deep{.exponent_bits = 5, .mantissa_bits = 3, .bias = 150};
  CHECK(codes(deep, 0x1p-149) == row{8, 8, 8, 8, 8, 8, 8});
  CHECK(codes(deep, 0x1.8p-148) == row{20, 20, 20, 20, 20, 20, 20});
  CHECK(code<even>(deep, 0x1.23p-140) == 10 * 8 + 1);
}

TEST_CASE("carries cross a binade") {
  using formats::e4m3;
  CHECK(codes(e4m3, 0x1.fp0) == row{0x40, 0x40, 0x3f, 0x3f, 0x40, 0x3f, 0x3f});
  CHECK(codes(e4m3, 0x1.ep-7) == row{0x08, 0x08, 0x07, 0x07, 0x08, 0x07, 0x07});
}
