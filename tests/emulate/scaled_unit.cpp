// SPDX-License-Identifier: Apache-2.0
//
// Block-scaled units: facts of the published model worked by hand, and random operands against the rule in binary64, where
// every sum of an instruction is exact.
#include <doctest/doctest.h>

#include <oracle/formats.hpp>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <nibble/emulate/scaled_unit.hpp>

namespace {

using namespace nibble::emulate;
namespace formats = nibble::formats;

struct operands {
  std::uint8_t a[64] = {};
  std::uint8_t b[64] = {};
  std::uint8_t a_scales[4] = {0x38, 0x38, 0x38, 0x38};
  std::uint8_t b_scales[4] = {0x38, 0x38, 0x38, 0x38};
};

std::uint32_t nvfp4(const operands& x, std::uint32_t c) {
  const scale_operands scales{formats::e4m3, 16, x.a_scales, x.b_scales};
  return multiply_accumulate(units::blackwell_mxf4nvf4, formats::e2m1, formats::e2m1, x.a, x.b, scales, c);
}
std::uint32_t mx(const nibble::float_format& f, const operands& x, std::uint32_t c) {
  const scaled_unit& u = f == formats::e2m1 ? units::blackwell_mxf4 : units::blackwell_mxf8f6f4;
  return multiply_accumulate(u, f, f, x.a, x.b, {formats::e8m0, 32, x.a_scales, x.b_scales}, c);
}

TEST_CASE("scaled unit: NVFP4 by hand") {
  operands x;
  x.a[0] = 0x7;  // 6
  x.b[0] = 0xf;  // -6
  CHECK(nvfp4(x, 0U) == 0xc210'0000U);  // -36
  x.a_scales[0] = 0x7e;                 // 448
  x.b_scales[0] = 0xfe;                 // the sign bit is ignored
  CHECK(nvfp4(x, 0U) == nibble::to_bits(-36.0F * 448 * 448));
  x.a_scales[3] = 0x7f;
  CHECK(nvfp4(x, 0U) == 0x7fff'ffffU);
  // Alignment by the scales alone: groups at 2^16 and 2^-18, 34 apart, stay with 35 bits; the sum is cut to 24.
  operands y;
  y.a[0] = 0x2;
  y.b[0] = 0x2;
  y.a_scales[0] = 0x78;  // 2^8
  y.b_scales[0] = 0x78;
  y.a[16] = 0x2;
  y.b[16] = 0x2;
  y.a_scales[1] = 0x01;  // 2^-9
  y.b_scales[1] = 0x01;
  CHECK(nvfp4(y, 0U) == 0x4780'0000U);
  CHECK(nvfp4(y, 0xc780'0000U) == 0x3680'0000U);  // -2^16 leaves 2^-18
  // An accumulator of 2^18 moves the last kept place to 2^-17: 2^-18 is lost before the sum.
  operands z = y;
  z.a_scales[0] = 0;
  CHECK(nvfp4(z, 0x4880'0000U) == 0x4880'0000U);
  z.a[0] = 0x4;
  CHECK(nvfp4(z, 0x4880'0000U) == 0x4880'0000U);
}

TEST_CASE("scaled unit: a group without elements takes part in the alignment by its scales") {
  // 2^-18 beside an empty group of scales 2^16 and 2^1 more: 448 * 448 has exponent 16 and keeps 2^-19; an accumulator of
  // 2^-20 is cut away, and stays when the empty group's scales are 1.
  operands x;
  x.a_scales[2] = 0x7e;
  x.b_scales[2] = 0x7e;
  CHECK(nvfp4(x, 0x3580'0000U) == 0U);
  x.b_scales[2] = 0x38;
  CHECK(nvfp4(x, 0x3580'0000U) == 0x3580'0000U);
  // A zero scale counts with its format's smallest exponent: 0 * 448 with 2, so that 2^-34 is cut away.
  operands y;
  for (int i = 0; i < 4; ++i) y.a_scales[i] = y.b_scales[i] = 0x01;
  CHECK(nvfp4(y, 0x2e80'0000U) == 0x2e80'0000U);
  y.a_scales[1] = 0x00;
  y.b_scales[1] = 0x7e;
  CHECK(nvfp4(y, 0x2e80'0000U) == 0U);
}

TEST_CASE("scaled unit: MX scales, NaN, Inf, -0") {
  operands x;
  for (int i = 0; i < 4; ++i) x.a_scales[i] = x.b_scales[i] = 127;
  x.a[0] = 0x38;
  x.b[0] = 0x38;
  CHECK(mx(formats::e4m3, x, 0U) == 0x3f80'0000U);
  x.a_scales[0] = 254;
  CHECK(mx(formats::e4m3, x, 0U) == 0x7f00'0000U);
  x.b_scales[0] = 128;
  CHECK(mx(formats::e4m3, x, 0U) == 0x7f80'0000U);
  x.a_scales[0] = 0;
  x.b_scales[0] = 0;
  CHECK(mx(formats::e4m3, x, 0U) == 0U);
  x.b_scales[0] = 105;  // 2^-127 * 2^-22
  CHECK(mx(formats::e4m3, x, 0U) == 1U);
  x.b_scales[0] = 255;
  CHECK(mx(formats::e4m3, x, 0U) == 0x7fff'ffffU);
  x.b_scales[0] = 127;
  x.a[1] = 0x7f;
  CHECK(mx(formats::e4m3, x, 0U) == 0x7fff'ffffU);
  x.a[1] = 0x7c;
  x.a_scales[0] = 127;
  CHECK(mx(formats::e5m2, x, 0U) == 0x7fff'ffffU);  // Inf * 0
  x.b[1] = 0xbc;
  CHECK(mx(formats::e5m2, x, 0U) == 0xff80'0000U);
  CHECK(mx(formats::e5m2, x, 0x7f80'0000U) == 0x7fff'ffffU);
  operands zero;
  zero.a[0] = 0x8;
  zero.b[0] = 0x2;
  CHECK(nvfp4(zero, 0x8000'0000U) == 0U);
}

/// sum * 2^exponent, cut to binary32.
std::uint32_t cut_to_binary32(double sum, int exponent) {
  if (sum == 0) return 0U;
  int top = 0;
  (void)std::frexp(sum, &top);
  int last = top + exponent - 24;
  last = last < -149 ? -149 : last;
  const double steps = std::trunc(std::ldexp(sum, exponent - last));
  const double size = std::fabs(std::ldexp(steps, last));
  const std::uint32_t sign = sum < 0 ? 0x8000'0000U : 0U;
  return sign | (size >= 0x1p128 ? 0x7f80'0000U : nibble::to_bits(static_cast<float>(size)));
}

struct scaled_parts {
  double significand = 0;
  int exponent = 0;
};
scaled_parts parts_of(const oracle::format& f, std::uint32_t code, bool zero_is_lowest) {
  const std::uint32_t magnitude = f.has_sign ? code & (f.sign_code() - 1U) : code;
  const auto field = static_cast<int>(magnitude >> f.mantissa_bits);
  scaled_parts x;
  x.exponent = (field == 0 && f.has_zero ? 1 : field) - f.bias;
  x.significand = static_cast<double>(magnitude_value(f, magnitude) / std::ldexp(1.0L, x.exponent));
  if (magnitude == 0 && f.has_zero && zero_is_lowest) x.exponent = -126;
  if (magnitude != code && f.has_sign) x.significand = -x.significand;
  return x;
}

/// The published rule for finite operands.
std::uint32_t expected(const oracle::format& element, const oracle::format& scale, int k, int group, int block,
                       int fraction_bits, const operands& x, float c) {
  std::vector<scaled_parts> terms;
  for (int first = 0; first < k; first += group) {
    const scaled_parts s = parts_of(scale, x.a_scales[first / block] & 0x7fU, false);
    const scaled_parts t = parts_of(scale, x.b_scales[first / block] & 0x7fU, false);
    scaled_parts term{0, s.exponent + t.exponent};
    for (int i = first; i < first + group; ++i) {
      const scaled_parts p = parts_of(element, x.a[i], true);
      const scaled_parts q = parts_of(element, x.b[i], true);
      if (group == 1) {
        term = {p.significand * q.significand, term.exponent + p.exponent + q.exponent};
      } else {
        term.significand += std::ldexp(p.significand, p.exponent) * std::ldexp(q.significand, q.exponent);
      }
    }
    term.significand *= s.significand * t.significand;
    terms.push_back(term);
  }
  int exponent = 0;
  const double fraction = std::frexp(static_cast<double>(c), &exponent);
  terms.push_back({2 * fraction, c == 0 ? -126 : exponent - 1});
  int largest = terms[0].exponent;
  for (const scaled_parts& t : terms) largest = t.exponent > largest ? t.exponent : largest;
  double sum = 0;
  for (const scaled_parts& t : terms) sum += std::trunc(std::ldexp(t.significand, fraction_bits + t.exponent - largest));
  return cut_to_binary32(sum, largest - fraction_bits);
}

TEST_CASE("scaled unit: random operands against the rule in exact doubles") {
  struct kind {
    oracle::format element, scale;
    nibble::float_format own_element, own_scale;
    scaled_unit unit;
    int block;
  };
  const kind kinds[] = {
      {oracle::e2m1, oracle::ue4m3, formats::e2m1, formats::e4m3, units::blackwell_mxf4nvf4, 16},
      {oracle::e2m1, oracle::e8m0, formats::e2m1, formats::e8m0, units::blackwell_mxf4, 32},
      {oracle::e4m3, oracle::e8m0, formats::e4m3, formats::e8m0, units::blackwell_mxf8f6f4, 32},
      {oracle::e5m2, oracle::e8m0, formats::e5m2, formats::e8m0, units::blackwell_mxf8f6f4, 32},
      {oracle::e3m2, oracle::e8m0, formats::e3m2, formats::e8m0, units::blackwell_mxf8f6f4, 32}};
  std::mt19937 random(31);
  for (const kind& n : kinds) {
    std::size_t wrong = 0;
    for (int round = 0; round < 20'000; ++round) {
      operands x;
      for (int i = 0; i < n.unit.k; ++i) {
        const std::uint32_t limit = max_code(n.element) + 1;
        x.a[i] = static_cast<std::uint8_t>(random() % limit | (random() % 2 != 0 ? n.element.sign_code() : 0U));
        x.b[i] = static_cast<std::uint8_t>(random() % limit | (random() % 2 != 0 ? n.element.sign_code() : 0U));
        if (round % 7 == 0 && i % 2 == 1) {  // cancellation
          x.a[i] = static_cast<std::uint8_t>(x.a[i - 1] ^ n.element.sign_code());
          x.b[i] = x.b[i - 1];
        }
      }
      for (std::uint8_t* s : {x.a_scales, x.b_scales}) {
        for (int i = 0; i < 4; ++i) {
          const std::size_t power = round % 3 == 0 ? random() % 128 : 50 + random() % 30;
          s[i] = static_cast<std::uint8_t>(n.block == 16 ? random() % 127 : power);
        }
      }
      const int exponent = n.block == 16 ? static_cast<int>(random() % 50) - 28 : static_cast<int>(random() % 60) - 115;
      const float wide = std::ldexp(static_cast<float>(random() % 0x100'0000U) - 0x1p23F, exponent - 23);
      const float c = round % 4 == 0 ? 0.0F : wide;
      const scale_operands scales{n.own_scale, n.block, x.a_scales, x.b_scales};
      const std::uint32_t got =
          multiply_accumulate(n.unit, n.own_element, n.own_element, x.a, x.b, scales, nibble::to_bits(c));
      const std::uint32_t want =
          expected(n.element, n.scale, n.unit.k, n.unit.group, n.block, n.unit.rule.fraction_bits, x, c);
      wrong += got != want ? 1U : 0U;
    }
    CHECK(wrong == 0);
  }
}

}  // namespace
