// SPDX-License-Identifier: Apache-2.0
//
// The unscaled conversions of gfx942 and gfx950 against the oracle: nearest even with and without saturation,
// stochastic rounding at the two words that decide an input, specials, which bytes are written, and all 256 codes
// widened.
#include <doctest/doctest.h>

#include <emulate/support.hpp>
#include <oracle/stochastic.hpp>

#include <cmath>
#include <cstdint>

#include <nibble/emulate/amd_cvt.hpp>

namespace {

using namespace emulate_test;
namespace gfx942 = nibble::emulate::amd::gfx942;
namespace gfx950 = nibble::emulate::amd::gfx950;
using nibble::overflow;

// The conventions of ml_dtypes are those of ROCm's host emulation of FP8: a quiet NaN with the sign, Inf never
// saturated.
std::uint32_t nearest(const oracle::format& f, float x, bool saturate) {
  return encode(f, oracle::float_value(oracle::float_bits(x)), oracle::rounding::nearest_even,
                saturate ? oracle::overflow::saturate : oracle::overflow::special, oracle::policy::ml_dtypes);
}

struct pair_form {
  const char* name;
  oracle::format format;
  bool saturate;
  std::uint32_t (*convert)(float, float, std::uint32_t, int);
};
const pair_form pair_forms[] = {
    {"gfx942 fp8", oracle::e4m3fnuz, false,
     [](float a, float b, std::uint32_t d, int word) { return gfx942::v_cvt_pk_fp8_f32(a, b, d, word); }},
    {"gfx942 bf8", oracle::e5m2fnuz, false,
     [](float a, float b, std::uint32_t d, int word) { return gfx942::v_cvt_pk_bf8_f32(a, b, d, word); }},
    {"gfx950 fp8", oracle::e4m3, false,
     [](float a, float b, std::uint32_t d, int word) { return gfx950::v_cvt_pk_fp8_f32(a, b, d, word); }},
    {"gfx950 bf8", oracle::e5m2, false,
     [](float a, float b, std::uint32_t d, int word) { return gfx950::v_cvt_pk_bf8_f32(a, b, d, word); }},
    {"gfx950 fp8 saturating", oracle::e4m3, true,
     [](float a, float b, std::uint32_t d, int word) {
       return gfx950::v_cvt_pk_fp8_f32(a, b, d, word, overflow::saturate);
     }},
    {"gfx950 bf8 saturating", oracle::e5m2, true, [](float a, float b, std::uint32_t d, int word) {
       return gfx950::v_cvt_pk_bf8_f32(a, b, d, word, overflow::saturate);
     }}};

TEST_CASE("amd cvt: two elements by nearest even, the first in the low byte, the other half kept") {
  for (const pair_form& f : pair_forms) {
    CAPTURE(f.name);
    const auto inputs = deciding_inputs(f.format);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const float a = inputs[i], b = inputs[(i * 7 + 3) % inputs.size()];
      const std::uint32_t pair = nearest(f.format, b, f.saturate) << 8 | nearest(f.format, a, f.saturate);
      wrong += f.convert(a, b, 0x1234'5678U, 0) != (0x1234'0000U | pair) ? 1U : 0U;
      wrong += f.convert(a, b, 0x1234'5678U, 1) != (0x0000'5678U | pair << 16) ? 1U : 0U;
    }
    CHECK(wrong == 0);
  }
}

struct one_form {
  const char* name;
  oracle::format format;
  bool saturate;
  int bits;  ///< of the random word, from above (the S1[31:12] and S1[31:11] of the manuals)
  std::uint32_t (*convert)(float, std::uint32_t, std::uint32_t, int);
};
const one_form one_forms[] = {
    {"gfx942 fp8", oracle::e4m3fnuz, false, 20,
     [](float a, std::uint32_t r, std::uint32_t d, int byte) { return gfx942::v_cvt_sr_fp8_f32(a, r, d, byte); }},
    {"gfx942 bf8", oracle::e5m2fnuz, false, 21,
     [](float a, std::uint32_t r, std::uint32_t d, int byte) { return gfx942::v_cvt_sr_bf8_f32(a, r, d, byte); }},
    {"gfx950 fp8", oracle::e4m3, false, 20,
     [](float a, std::uint32_t r, std::uint32_t d, int byte) { return gfx950::v_cvt_sr_fp8_f32(a, r, d, byte); }},
    {"gfx950 bf8 saturating", oracle::e5m2, true, 21, [](float a, std::uint32_t r, std::uint32_t d, int byte) {
       return gfx950::v_cvt_sr_bf8_f32(a, r, d, byte, overflow::saturate);
     }}};

TEST_CASE("amd cvt sr: the upper bits of the word decide, specials do not ask it") {
  for (const one_form& f : one_forms) {
    CAPTURE(f.name);
    const int below = 32 - f.bits;
    std::size_t wrong = 0;
    int byte = 0;
    for (const float x : deciding_inputs(f.format)) {
      byte = (byte + 1) % 4;
      const auto check = [&](std::uint32_t word, std::uint32_t code) {
        const std::uint32_t kept = 0x89ab'cdefU & ~(0xffU << 8 * byte);
        if (f.convert(x, word, 0x89ab'cdefU, byte) != (kept | code << 8 * byte)) ++wrong;
      };
      const double value = oracle::float_value(oracle::float_bits(x));
      if (!std::isfinite(value)) {
        check(0xffff'ffffU, nearest(f.format, x, f.saturate));
        continue;
      }
      const auto o = odds(f.format, std::fabs(value), f.bits, oracle::stochastic_variant::a);
      const bool negative = std::signbit(value);
      const auto code = [&](std::uint32_t magnitude) {
        if (magnitude <= max_code(f.format)) {
          return finite_code(f.format, magnitude, negative, oracle::policy::ml_dtypes);
        }
        return encode_overflow(f.format, negative, false, oracle::rounding::nearest_even,
                               f.saturate ? oracle::overflow::saturate : oracle::overflow::special,
                               oracle::policy::ml_dtypes);
      };
      // The last word that stays and the first that goes up, with the bits below them all set and all clear.
      const std::uint64_t first_up = o.words - o.up;
      if (first_up > 0) check(static_cast<std::uint32_t>(first_up << below) - 1U, code(o.lower));
      if (o.up > 0) check(static_cast<std::uint32_t>(first_up << below), code(o.lower + 1));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("amd cvt: every code of FP8 widened, of each byte and half") {
  const auto same = [](float x, double y) {
    return std::isnan(y) ? std::isnan(x) : oracle::float_bits(x) == oracle::float_bits(static_cast<float>(y));
  };
  for (std::uint32_t code = 0; code < 256; ++code) {
    const std::uint32_t other = code ^ 0x5aU;
    const std::uint32_t a = code << 16 | other << 24 | 0x0102U;
    CHECK(same(gfx942::v_cvt_f32_fp8(a, 2), oracle::decode(oracle::e4m3fnuz, code)));
    CHECK(same(gfx942::v_cvt_f32_bf8(a, 2), oracle::decode(oracle::e5m2fnuz, code)));
    CHECK(same(gfx950::v_cvt_f32_fp8(a, 2), oracle::decode(oracle::e4m3, code)));
    CHECK(same(gfx950::v_cvt_f32_bf8(a, 2), oracle::decode(oracle::e5m2, code)));
    CHECK(same(gfx942::v_cvt_pk_f32_fp8(a, 1).low, oracle::decode(oracle::e4m3fnuz, code)));
    CHECK(same(gfx942::v_cvt_pk_f32_bf8(a, 1).high, oracle::decode(oracle::e5m2fnuz, other)));
    CHECK(same(gfx950::v_cvt_pk_f32_fp8(a, 1).high, oracle::decode(oracle::e4m3, other)));
    CHECK(same(gfx950::v_cvt_pk_f32_bf8(a >> 16).low, oracle::decode(oracle::e5m2, code)));
  }
}

}  // namespace
