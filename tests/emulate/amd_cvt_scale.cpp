// SPDX-License-Identifier: Apache-2.0
//
// The scaled conversions of gfx950 against the oracle on the exact quotient: every form, scales of all kinds,
// stochastic rounding at the words that decide, the order of packed elements, and all codes widened under every scale.
#include <doctest/doctest.h>

#include <emulate/support.hpp>
#include <oracle/stochastic.hpp>

#include <cmath>
#include <cstdint>

#include <nibble/emulate/amd_cvt_scale.hpp>

namespace {

using namespace emulate_test;
namespace amd = nibble::emulate::amd;
namespace gfx950 = nibble::emulate::amd::gfx950;
using nibble::overflow;

/// Scales whose exponent fields are the ends, the middle and others; signs and fractions that must not matter.
constexpr std::uint32_t scale_bits[] = {0x3f80'0000U, 0x0000'0000U, 0x8012'3456U, 0x0080'0000U, 0x7f00'0000U,
                                        0xff7f'ffffU, 0x4123'4567U, 0xbe00'0001U, 0x7f80'0000U, 0xffc1'2345U};

/// x over the power of two of a scale, exactly; NaN for the field 255.
double quotient(float x, std::uint32_t scale) {
  const auto field = static_cast<int>(scale >> 23 & 0xffU);
  const double value = oracle::float_value(oracle::float_bits(x));
  if (field == 255) return std::copysign(oracle::float_value(0x7fc0'0000U), std::signbit(value) ? -1.0 : 1.0);
  return std::ldexp(value, 127 - field);
}

std::uint32_t nearest(const oracle::format& f, double x, bool saturate) {
  // FP8 as in ml_dtypes; in formats without NaN the largest number of the sign, as in CUTLASS.
  const auto who = f.has_nan() ? oracle::policy::ml_dtypes : oracle::policy::cutlass;
  return encode(f, x, oracle::rounding::nearest_even, saturate ? oracle::overflow::saturate : oracle::overflow::special,
                who);
}

struct pair_form {
  const char* name;
  oracle::format format, source;
  bool saturate;
  std::uint32_t (*convert)(std::uint32_t, std::uint32_t, float, std::uint32_t);
};
float number(std::uint32_t bits) { return oracle::bits_float(bits); }
#define NIBBLE_TEST_PAIRS(NAME, FORMAT, SATURATE, ...)                                                             \
  {#NAME "_f32", oracle::FORMAT, oracle::bf16, SATURATE,                                                           \
   [](std::uint32_t a, std::uint32_t b, float scale, std::uint32_t d) {                                            \
     return gfx950::v_cvt_scalef32_pk_##NAME##_f32(number(a), number(b), scale, d, 1 __VA_OPT__(, ) __VA_ARGS__);  \
   }},                                                                                                             \
      {#NAME "_f16", oracle::FORMAT, oracle::f16, SATURATE,                                                        \
       [](std::uint32_t a, std::uint32_t b, float scale, std::uint32_t d) {                                        \
         return gfx950::v_cvt_scalef32_pk_##NAME##_f16(b << 16 | a, scale, d, 1 __VA_OPT__(, ) __VA_ARGS__);       \
       }},                                                                                                         \
  {                                                                                                                \
#NAME "_bf16", oracle::FORMAT, oracle::bf16, SATURATE, [](std::uint32_t a, std::uint32_t b, float scale,         \
                                                             std::uint32_t d) {                                     \
     return gfx950::v_cvt_scalef32_pk_##NAME##_bf16(b << 16 | a, scale, d, 1 __VA_OPT__(, ) __VA_ARGS__);           \
   } \
  }
const pair_form pair_forms[] = {
    NIBBLE_TEST_PAIRS(fp4, e2m1, true), NIBBLE_TEST_PAIRS(fp8, e4m3, false), NIBBLE_TEST_PAIRS(bf8, e5m2, false),
    NIBBLE_TEST_PAIRS(fp8, e4m3, true, overflow::saturate), NIBBLE_TEST_PAIRS(bf8, e5m2, true, overflow::saturate)};

TEST_CASE("amd scaled cvt: pairs by nearest even of the exact quotient") {
  for (const pair_form& f : pair_forms) {
    CAPTURE(f.name);
    const bool from_f32 = std::string_view(f.name).ends_with("_f32");
    const int width = f.format.bits();
    std::size_t wrong = 0;
    std::uint32_t turn = 0;
    for (const std::uint32_t scale : scale_bits) {
      for (float x : deciding_inputs(f.format)) {
        // Scaled back, so that the quotient decides; as the source format has it.
        if ((++turn & 1U) != 0) x = static_cast<float>(std::ldexp(x, static_cast<int>(scale >> 23 & 0xffU) - 127));
        std::uint32_t a = oracle::float_bits(x), b = oracle::float_bits(-x) ^ (turn * 64U & 0x3ff'ffffU);
        float first = x, second = number(b);
        if (!from_f32) {
          a = encode(f.source, static_cast<double>(x)) & 0xffffU;
          b &= 0xffffU;
          first = decoded(f.source, a);
          second = decoded(f.source, b);
          if (std::isnan(second)) second = number((b & 0x8000U) << 16 | 0x7fc0'0000U);
          if (std::isnan(first)) first = number((a & 0x8000U) << 16 | 0x7fc0'0000U);
        }
        const std::uint32_t pair = nearest(f.format, quotient(second, scale), f.saturate) << width |
                                   nearest(f.format, quotient(first, scale), f.saturate);
        const std::uint32_t mask = ((1U << 2 * width) - 1U) << 2 * width;
        wrong += f.convert(a, b, number(scale), 0x89ab'cdefU) != ((0x89ab'cdefU & ~mask) | pair << 2 * width) ? 1U : 0U;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("amd scaled cvt: the register of random words") {
  // x^32 + x^7 + x^6 + x^2 + 1, one shift a step.
  CHECK(amd::v_prng_b32(1U) == 2U);
  CHECK(amd::v_prng_b32(0x8000'0000U) == 0xc5U);
  CHECK(amd::v_prng_b32(0xffff'ffffU) == 0xffff'ff3bU);
  CHECK(amd::v_prng_b32(0x4000'0001U) == 0x8000'0002U);
}

/// The code of x over a scale by the upper `bits` bits of a random word.
std::uint32_t stochastic(const oracle::format& f, float x, std::uint32_t scale, std::uint32_t word, int bits) {
  const double value = quotient(x, scale);
  if (!std::isfinite(value)) return nearest(f, value, !f.has_nan());
  const auto o = odds(f, std::fabs(value), bits, oracle::stochastic_variant::a);
  const std::uint32_t magnitude = o.lower + (stochastic_up(o, word >> (32 - bits)) ? 1U : 0U);
  const bool negative = std::signbit(value);
  if (magnitude <= max_code(f)) return finite_code(f, magnitude, negative, oracle::policy::cutlass);
  return encode_overflow(f, negative, false, oracle::rounding::nearest_even, oracle::overflow::special,
                         oracle::policy::cutlass);
}

TEST_CASE("amd scaled cvt sr: words that decide, one step of the register an element") {
  std::size_t wrong = 0;
  std::mt19937 random(5);
  for (const std::uint32_t scale : scale_bits) {
    const float s = number(scale);
    for (const float unscaled : deciding_inputs(oracle::e4m3)) {
      const auto x = static_cast<float>(std::ldexp(unscaled, static_cast<int>(scale >> 23 & 0xffU) - 127));
      const double value = std::fabs(quotient(x, scale));
      for (int i = 0; i < 3; ++i) {
        std::uint32_t word = static_cast<std::uint32_t>(random());
        if (i < 2 && std::isfinite(value)) {  // the last that stays, the first that goes up, of fp4
          const auto o = odds(oracle::e2m1, value, 22, oracle::stochastic_variant::a);
          word = static_cast<std::uint32_t>((o.words - o.up) << 10) - static_cast<std::uint32_t>(i);
        }
        const std::uint32_t next = (word << 1) ^ (word >= 0x8000'0000U ? 0xc5U : 0U);
        const std::uint32_t fp4 =
            stochastic(oracle::e2m1, -x, scale, next, 22) << 4 | stochastic(oracle::e2m1, x, scale, word, 22);
        wrong += gfx950::v_cvt_scalef32_sr_pk_fp4_f32(x, -x, word, s, 0xffff'ffffU, 2) != (0xff00'ffffU | fp4 << 16);
        wrong += gfx950::v_cvt_scalef32_sr_fp8_f32(x, word, s) != stochastic(oracle::e4m3, x, scale, word, 20);
        wrong += gfx950::v_cvt_scalef32_sr_bf8_f32(x, word, s, 0, 3) != stochastic(oracle::e5m2, x, scale, word, 21)
                                                                            << 24;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("amd scaled cvt: every code widened under every scale") {
  std::size_t wrong = 0;
  const auto check = [&](const oracle::format& f, std::uint32_t code, std::uint32_t scale, float found) {
    const auto field = static_cast<int>(scale >> 23 & 0xffU);
    const double value = oracle::decode(f, code);
    if (field == 255 || std::isnan(value)) {
      wrong += std::isnan(found) ? 0U : 1U;
    } else {
      const auto expected = static_cast<float>(std::ldexp(value, field - 127));
      wrong += oracle::float_bits(found) != oracle::float_bits(expected) ? 1U : 0U;
    }
  };
  for (std::uint32_t field = 0; field < 256; ++field) {
    const std::uint32_t scale = field << 23 | (field % 3 == 0 ? 0x8034'5678U : 0U);
    const float s = number(scale);
    for (std::uint32_t code = 0; code < 256; ++code) {
      const std::uint32_t a = code << 8 | 0x11U;
      check(oracle::e4m3, code, scale, gfx950::v_cvt_scalef32_f32_fp8(a, s, 1));
      check(oracle::e5m2, code, scale, gfx950::v_cvt_scalef32_f32_bf8(a, s, 1));
      check(oracle::e4m3, code, scale, gfx950::v_cvt_scalef32_pk_f32_fp8(a, s).high);
      check(oracle::e5m2, 0x11U, scale, gfx950::v_cvt_scalef32_pk_f32_bf8(a, s).low);
      check(oracle::e2m1, code & 15U, scale, gfx950::v_cvt_scalef32_pk_f32_fp4(a, s, 1).low);
      check(oracle::e2m1, code >> 4, scale, gfx950::v_cvt_scalef32_pk_f32_fp4(a, s, 1).high);
    }
  }
  CHECK(wrong == 0);
}

/// Bits 6 i to 6 i + 5 of 24 bytes.
std::uint32_t six_bits(const std::uint8_t* bytes, int i) {
  std::uint32_t code = 0;
  for (int k = 0; k < 6; ++k) {
    const int bit = 6 * i + k;
    code |= (static_cast<std::uint32_t>(bytes[bit / 8]) >> bit % 8 & 1U) << k;
  }
  return code;
}

TEST_CASE("amd scaled cvt: 32 elements of FP6") {
  const auto inputs = deciding_inputs(oracle::e2m3);
  std::size_t wrong = 0;
  for (std::size_t start = 0; start + 32 <= inputs.size(); start += 32) {
    const float* x = &inputs[start];
    const std::uint32_t scale = scale_bits[start / 32 % std::size(scale_bits)];
    const float s = number(scale);
    std::uint8_t fp6[24], bf6[24], random_fp6[24], random_bf6[24];
    gfx950::v_cvt_scalef32_2xpk16_fp6_f32(x, x + 16, s, fp6);
    gfx950::v_cvt_scalef32_2xpk16_bf6_f32(x, x + 16, s, bf6);
    std::uint32_t word = 0x9e37'79b9U * static_cast<std::uint32_t>(start + 1);
    gfx950::v_cvt_scalef32_sr_pk32_fp6_f32(x, word, s, random_fp6);
    gfx950::v_cvt_scalef32_sr_pk32_bf6_f32(x, word, s, random_bf6);
    float wide_fp6[32], wide_bf6[32];
    gfx950::v_cvt_scalef32_pk32_f32_fp6(fp6, number(0x3f80'0000U), wide_fp6);
    gfx950::v_cvt_scalef32_pk32_f32_bf6(bf6, number(0x3f80'0000U), wide_bf6);
    for (int i = 0; i < 32; ++i) {
      const float interleaved = x[i / 2 + i % 2 * 16];
      wrong += six_bits(fp6, i) != nearest(oracle::e2m3, quotient(interleaved, scale), true) ? 1U : 0U;
      wrong += six_bits(bf6, i) != nearest(oracle::e3m2, quotient(interleaved, scale), true) ? 1U : 0U;
      wrong += six_bits(random_fp6, i) != stochastic(oracle::e2m3, x[i], scale, word, 20) ? 1U : 0U;
      wrong += six_bits(random_bf6, i) != stochastic(oracle::e3m2, x[i], scale, word, 21) ? 1U : 0U;
      wrong += static_cast<double>(wide_fp6[i]) != oracle::decode(oracle::e2m3, six_bits(fp6, i)) ? 1U : 0U;
      wrong += static_cast<double>(wide_bf6[i]) != oracle::decode(oracle::e3m2, six_bits(bf6, i)) ? 1U : 0U;
      word = (word << 1) ^ (word >= 0x8000'0000U ? 0xc5U : 0U);
    }
  }
  CHECK(wrong == 0);
}

}  // namespace
