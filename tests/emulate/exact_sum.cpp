// SPDX-License-Identifier: Apache-2.0
//
// The exact sum against MPFR with a precision that loses nothing, and by hand.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>

#include <nibble/emulate/exact_sum.hpp>
#include <nibble/format/decode.hpp>

#if defined(NIBBLE_TEST_HAS_MPFR)
#include <mpfr.h>
#endif

namespace {

using namespace nibble::emulate::detail;
namespace formats = nibble::formats;

std::uint32_t bits(float x) { return nibble::to_bits(x); }

TEST_CASE("exact sum: by hand") {
  exact_sum zero;
  CHECK(zero.round_to(formats::f32) == 0U);
  exact_sum x;
  x.add(3, 100);
  x.add(1, -300);
  x.add(-3, 100);
  x.scale(split_real(bits(0x1p100F)));
  x.scale(split_real(bits(-0x1p100F)));
  x.scale(split_real(bits(0x1p100F)));
  CHECK(x.round_to(formats::f32) == bits(-1.0F));
  // A tie with something far below it, and without.
  exact_sum tie;
  tie.add(0x100'0001, 0);
  CHECK(tie.round_to(formats::f32) == bits(0x1p24F));
  tie.add(1, -600);
  CHECK(tie.round_to(formats::f32) == bits(0x1p24F + 2.0F));
  exact_sum cancelled;
  cancelled.add(-5, 7);
  cancelled.add(5, 7);
  CHECK(cancelled.round_to(formats::f32) == 0U);
  exact_sum tiny;
  tiny.add(-1, -640);
  CHECK(tiny.round_to(formats::f32) == 0x8000'0000U);
  exact_sum huge;
  huge.add(1, 500);
  CHECK(huge.round_to(formats::bf16) == 0x7f80U);
}

TEST_CASE("exact sum: NaN and Inf") {
  const real_parts infinity = split_real(0x7f80'0000U);
  const real_parts minus_infinity = split_real(0xff80'0000U);
  const real_parts nan = split_real(0x7fc0'0000U);
  const real_parts nothing = split_real(0x8000'0000U);
  CHECK(multiply(infinity, nothing).nan);
  CHECK(multiply(minus_infinity, split_real(bits(-2.0F))).infinite);
  CHECK_FALSE(multiply(minus_infinity, split_real(bits(-2.0F))).negative);
  exact_sum x;
  x.add(1, 0);
  x.add(minus_infinity);
  CHECK(x.round_to(formats::f32) == 0xff80'0000U);
  x.scale(split_real(bits(-1.0F)));
  CHECK(x.round_to(formats::f16) == 0x7c00U);
  exact_sum invalid = x;
  invalid.scale(nothing);
  CHECK(invalid.round_to(formats::f32) == 0x7fff'ffffU);
  x.add(minus_infinity);
  CHECK(x.round_to(formats::f32) == 0x7fff'ffffU);
  exact_sum zero;
  zero.scale(infinity);
  CHECK(zero.round_to(formats::f32) == 0x7fff'ffffU);
  exact_sum with_nan;
  with_nan.add(nan);
  CHECK(with_nan.round_to(formats::bf16) == 0x7fffU);
}

#if defined(NIBBLE_TEST_HAS_MPFR)
TEST_CASE("exact sum: random sums against MPFR") {
  std::mt19937 random(77);
  const auto any_float = [&](int centre, int spread) {
    const int exponent = centre + static_cast<int>(random() % static_cast<unsigned>(spread)) - spread / 2;
    const auto field = static_cast<std::uint32_t>(exponent < 0 ? 0 : exponent > 254 ? 254 : exponent);
    return static_cast<std::uint32_t>((random() & 0x807f'ffffU) | field << 23);
  };
  mpfr_t sum;
  mpfr_t term;
  mpfr_inits2(4000, sum, term, static_cast<mpfr_ptr>(nullptr));
  std::size_t wrong = 0;
  for (int round = 0; round < 3000; ++round) {
    exact_sum x;
    mpfr_set_zero(sum, 1);
    const int spread = 1 << random() % 9;
    const int centre = static_cast<int>(random() % 256);
    for (int i = static_cast<int>(random() % 20); i >= 0; --i) {
      const std::uint32_t a = any_float(centre, spread);
      const std::uint32_t b = any_float(254 - centre, spread) & 0xffff'0000U;
      x.add(multiply(split_real(a), split_real(b)));
      mpfr_set_flt(term, nibble::bit_cast<float>(a), MPFR_RNDN);
      mpfr_mul_d(term, term, static_cast<double>(nibble::bit_cast<float>(b)), MPFR_RNDN);
      mpfr_add(sum, sum, term, MPFR_RNDN);
    }
    for (int i = 0; i < 3; ++i) {
      const std::uint32_t factor = any_float(127, round % 2 == 0 ? 4 : 200);
      x.scale(split_real(factor));
      mpfr_mul_d(sum, sum, static_cast<double>(nibble::bit_cast<float>(factor)), MPFR_RNDN);
    }
    const std::uint32_t c = any_float(127, 100);
    x.add(split_real(c));
    mpfr_add_d(sum, sum, static_cast<double>(nibble::bit_cast<float>(c)), MPFR_RNDN);
    // mpfr_get_flt rounds subnormals twice on some versions: the exponent range of binary32 is set instead.
    mpfr_t rounded;
    mpfr_init2(rounded, 24);
    const mpfr_exp_t low = mpfr_get_emin();
    const mpfr_exp_t high = mpfr_get_emax();
    mpfr_set_emin(-148);
    mpfr_set_emax(128);
    const int ternary = mpfr_set(rounded, sum, MPFR_RNDN);
    mpfr_subnormalize(rounded, mpfr_check_range(rounded, ternary, MPFR_RNDN), MPFR_RNDN);
    mpfr_set_emin(low);
    mpfr_set_emax(high);
    const std::uint32_t want = bits(mpfr_get_flt(rounded, MPFR_RNDN));
    mpfr_clear(rounded);
    wrong += x.round_to(formats::f32) != want ? 1U : 0U;
  }
  mpfr_clears(sum, term, static_cast<mpfr_ptr>(nullptr));
  CHECK(wrong == 0);
}
#endif

}  // namespace
