// SPDX-License-Identifier: Apache-2.0
//
// The codes that encode selects from, for formats of each kind, by hand.
#include <doctest/doctest.h>

#include <cstdint>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/p3109.hpp>
#include <nibble/format/special_codes.hpp>

namespace {

using namespace nibble;
using namespace nibble::formats;

constexpr auto even = rounding_mode::nearest_even;

bool is(const std::uint32_t (&codes)[2], std::uint32_t positive, std::uint32_t negative) {
  return codes[0] == positive && codes[1] == negative;
}

}  // namespace

TEST_CASE("E4M3: two NaN, no Inf") {
  const special_codes sat = make_special_codes(e4m3, even, overflow::saturate, policy::cuda, false);
  CHECK(sat.max_code == 0x7e);
  CHECK(is(sat.overflow, 0x7e, 0xfe));
  CHECK(is(sat.infinity, 0x7e, 0xfe));
  CHECK(is(sat.nan, 0x7f, 0x7f));
  CHECK(is(sat.zero, 0x00, 0x80));
  CHECK(is(sat.underflow, 0x00, 0x80));
  CHECK(sat.payload_mask == 0);
  CHECK_FALSE(sat.drop_sign);
  const special_codes nan = make_special_codes(e4m3, even, overflow::special, policy::cuda, true);
  CHECK(is(nan.overflow, 0x7f, 0xff));
  CHECK(is(nan.infinity, 0x7f, 0xff));
  CHECK(is(nan.nan, 0x7f, 0xff));
}

TEST_CASE("E5M2: Inf, and a NaN that may keep payload") {
  const special_codes special = make_special_codes(e5m2, even, overflow::special, policy::cuda, false);
  CHECK(special.max_code == 0x7b);
  CHECK(is(special.overflow, 0x7c, 0xfc));
  CHECK(is(special.nan, 0x7f, 0x7f));
  const special_codes wide = make_special_codes(e5m2, even, overflow::saturate, policy::cuda, true);
  CHECK(is(wide.overflow, 0x7b, 0xfb));
  CHECK(is(wide.nan, 0x7e, 0xfe));
  CHECK(wide.payload_mask == 0x3);
  const special_codes half = make_special_codes(f16, even, overflow::special, policy::onednn, false);
  CHECK(is(half.nan, 0x7e00, 0xfe00));
  CHECK(half.payload_mask == 0x3ff);
}

TEST_CASE("overflow::special: a rounding that points toward zero keeps finite numbers finite") {
  using enum rounding_mode;
  const auto codes = [](rounding_mode mode) {
    return make_special_codes(e5m2, mode, overflow::special, policy::cuda, false);
  };
  CHECK(is(codes(toward_zero).overflow, 0x7b, 0xfb));
  CHECK(is(codes(upward).overflow, 0x7c, 0xfb));
  CHECK(is(codes(downward).overflow, 0x7b, 0xfc));
  CHECK(is(codes(nearest_away).overflow, 0x7c, 0xfc));
  CHECK(is(codes(to_odd).overflow, 0x7c, 0xfc));
  CHECK(is(codes(stochastic).overflow, 0x7c, 0xfc));
  CHECK(is(codes(toward_zero).infinity, 0x7c, 0xfc));
}

TEST_CASE("formats without special codes saturate whatever is asked") {
  const special_codes codes = make_special_codes(e2m1, even, overflow::special, policy::cuda, false);
  CHECK(is(codes.overflow, 0x7, 0xf));
  CHECK(is(codes.infinity, 0x7, 0xf));
  CHECK(is(codes.nan, 0x7, 0x7));
  const special_codes fixed = make_special_codes(mxint8, even, overflow::special, policy::cuda, false);
  CHECK(is(fixed.overflow, 0x7f, 0x81));
  CHECK(is(fixed.infinity, 0x7f, 0x81));
  CHECK(is(fixed.zero, 0x00, 0x00));
  CHECK(is(make_special_codes(mxint8, even, overflow::saturate, policy::cutlass, false).nan, 0x7f, 0x81));
}

TEST_CASE("one NaN at the code of -0") {
  const special_codes codes = make_special_codes(e4m3fnuz, even, overflow::special, policy::ml_dtypes, false);
  CHECK(codes.max_code == 0x7f);
  CHECK(is(codes.overflow, 0x80, 0x80));
  CHECK(is(codes.nan, 0x80, 0x80));
  CHECK(is(codes.zero, 0x00, 0x00));
  CHECK(is(codes.underflow, 0x00, 0x00));
}

TEST_CASE("formats without sign") {
  const special_codes scale = make_special_codes(e8m0, even, overflow::saturate, policy::cuda, false);
  CHECK(scale.drop_sign);
  CHECK(is(scale.zero, 0x00, 0x00));
  const special_codes strict = make_special_codes(e8m0, even, overflow::special, policy::ml_dtypes, false);
  CHECK_FALSE(strict.drop_sign);
  CHECK(strict.negative == 0xff);
  CHECK(is(strict.zero, 0xff, 0xff));
  CHECK(strict.subnormal_source_rounds_up);
  CHECK_FALSE(make_special_codes(e8m0, even, overflow::special, policy::ml_dtypes, true).subnormal_source_rounds_up);
  const special_codes clamped = make_special_codes(ue4m3, even, overflow::saturate, policy::cuda, false);
  CHECK(clamped.negative == 0x00);
  CHECK(is(clamped.infinity, 0x7e, 0x00));
  const special_codes below = make_special_codes(ue4m3, even, overflow::special, policy::cuda, false);
  CHECK(below.negative == 0x7f);
  CHECK(is(below.infinity, 0x7f, 0x7f));
  CHECK(is(below.underflow, 0x00, 0x00));
  CHECK(make_special_codes(ue4m3, rounding_mode::upward, overflow::special, policy::cuda, false).negative == 0x00);
}

TEST_CASE("special codes are a constant expression") {
  constexpr special_codes codes = make_special_codes(binary8p4se, even, overflow::p3109_none, policy::p3109, false);
  static_assert(codes.overflow[0] == 0x7f && codes.overflow[1] == 0xff && codes.nan[1] == 0x80);
  CHECK(codes.max_code == 0x7e);
}
