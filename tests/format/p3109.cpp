// SPDX-License-Identifier: Apache-2.0
//
// The IEEE P3109 family (Interim Report v4.0, sections 4.2 to 4.9): codes of 0, 1, NaN and Inf, values, and the three
// saturation modes.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>

#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>
#include <nibble/format/p3109.hpp>

#include <oracle/encode.hpp>
#include <oracle/formats.hpp>

namespace {

using namespace nibble;
using namespace nibble::formats;

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Calls `visit(width, precision, has_sign, extended)` for all formats of the family whose numbers are doubles.
template <class Visit>
int for_each_member(Visit&& visit) {
  int members = 0;
  for (int width = 3; width <= 16; ++width) {
    for (int precision = 1; precision <= width; ++precision) {
      for (int flags = 0; flags < 4; ++flags) {
        const bool has_sign = (flags & 1) != 0;
        if (has_sign && precision == width) continue;
        if (!p3109(width, precision, has_sign, (flags & 2) != 0).is_valid()) continue;
        visit(width, precision, has_sign, (flags & 2) != 0);
        ++members;
      }
    }
  }
  return members;
}

}  // namespace

TEST_CASE("codes of 0, 1, NaN and Inf by the report's table") {
  int wrong = 0;
  const int members = for_each_member([&](int width, int precision, bool has_sign, bool extended) {
    const float_format f = p3109(width, precision, has_sign, extended);
    const std::uint32_t half = 1U << (width - 1);
    const std::uint32_t quarter = 1U << (width - 2);
    bool right = f.bits() == width && f.mantissa_bits == precision - 1 && !f.has_negative_zero();
    right = right && decode_double(f, 0) == 0 && decode_double(f, has_sign ? quarter : half) == 1.0;
    right = right && std::isnan(decode_double(f, has_sign ? half : 2 * half - 1));
    if (extended) right = right && decode_double(f, has_sign ? half - 1 : 2 * half - 2) == infinite;
    if (extended && has_sign) right = right && decode_double(f, 2 * half - 1) == -infinite;
    if (!extended) right = right && std::isfinite(decode_double(f, has_sign ? half - 1 : 2 * half - 2));
    int nans = 0;
    for (std::uint32_t code = 0; code < 2 * half; ++code) nans += std::isnan(decode_double(f, code)) ? 1 : 0;
    if (!right || nans != 1) ++wrong;
  });
  CHECK(members > 300);
  CHECK(wrong == 0);
}

TEST_CASE("every value of the family by the report's formula") {
  int wrong = 0;
  for_each_member([&](int width, int precision, bool has_sign, bool extended) {
    const float_format f = p3109(width, precision, has_sign, extended);
    const int bias = has_sign ? 1 << (width - precision - 1) : 1 << (width - precision);
    const std::uint32_t steps = 1U << (precision - 1);
    for (std::uint32_t code = 0; code <= f.max_code(); ++code) {
      const double part = static_cast<double>(code % steps) / steps;
      const int exponent = static_cast<int>(code / steps);
      const double wanted = exponent == 0 ? std::ldexp(part, 1 - bias) : std::ldexp(1 + part, exponent - bias);
      if (decode_double(f, code) != wanted) ++wrong;
      if (has_sign && code != 0 && decode_double(f, code + (1U << (width - 1))) != -wanted) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("the required formats by hand") {
  static_assert(binary8p4se.bias == 8 && binary8p3se.bias == 16 && binary4p2sf.bias == 2 && binary8p1uf.bias == 128);
  static_assert(decode<binary8p4se>(0x7e) == 224.0f && decode<binary8p4se>(0x01) == 0x1p-10f);
  static_assert(decode<binary8p3se>(0x7e) == 49152.0f && decode<binary8p3se>(0x01) == 0x1p-17f);
  static_assert(decode<binary4p2sf>(0x7) == 3.0f && decode<binary4p2sf>(0x1) == 0.25f);
  static_assert(decode<binary8p1uf>(0x01) == 0x1p-127f && decode<binary8p1uf>(0xfe) == 0x1p126f);
  CHECK(decode<binary4p2sf>(0xf) == -3.0f);
  CHECK(binary4p2sf != e2m1);
  CHECK(binary8p1uf != e8m0);
}

namespace {

struct row {
  float_format format;
  double x;
  rounding_mode mode;
  overflow rule;
  std::uint32_t code;
};

int wrong(std::span<const row> rows) {
  int count = 0;
  for (const row& r : rows) {
    const std::uint32_t code = encode(r.format, r.x, rounding_choice{r.mode}, r.rule, policy::p3109);
    if (code == r.code) continue;
    std::printf("row %d: 0x%x instead of 0x%x\n", static_cast<int>(&r - rows.data()), code, r.code);
    ++count;
  }
  return count;
}

constexpr auto even = rounding_mode::nearest_even;
constexpr auto away = rounding_mode::nearest_away;
constexpr auto zero = rounding_mode::toward_zero;
constexpr auto up = rounding_mode::upward;
constexpr auto down = rounding_mode::downward;
constexpr auto odd = rounding_mode::to_odd;
constexpr auto clamp = overflow::p3109_finite;
constexpr auto propagate = overflow::p3109_propagate;
constexpr auto none = overflow::p3109_none;
constexpr float_format unsigned_extended = p3109(8, 4, false, true);
constexpr float_format unsigned_finite = p3109(8, 4, false, false);
constexpr float_format signed_finite = p3109(8, 4, true, false);

}  // namespace

TEST_CASE("SatFinite: everything but NaN is clamped") {
  const row rows[] = {
      {binary8p4se, 1e9, even, clamp, 0x7e},       {binary8p4se, infinite, even, clamp, 0x7e},
      {binary8p4se, -infinite, even, clamp, 0xfe}, {binary8p4se, not_a_number, even, clamp, 0x80},
      {binary4p2sf, infinite, up, clamp, 0x7},     {binary4p2sf, -100, down, clamp, 0xf},
      {binary8p1uf, infinite, even, clamp, 0xfe},  {binary8p1uf, -infinite, even, clamp, 0x00},
      {binary8p1uf, -5, down, clamp, 0x00},        {unsigned_extended, infinite, even, clamp, 0xfd},
  };
  CHECK(wrong(rows) == 0);
}

TEST_CASE("SatPropagate: finite numbers are clamped, Inf stays where the format has it") {
  const row rows[] = {
      {binary8p4se, 1e9, up, propagate, 0x7e},
      {binary8p4se, infinite, zero, propagate, 0x7f},
      {binary8p4se, -infinite, up, propagate, 0xff},
      {binary8p4se, -1e9, even, propagate, 0xfe},
      {binary4p2sf, infinite, even, propagate, 0x7},
      {binary4p2sf, -infinite, even, propagate, 0xf},
      {unsigned_extended, infinite, odd, propagate, 0xfe},
      {unsigned_extended, -infinite, odd, propagate, 0x00},
      {unsigned_extended, -3, down, propagate, 0x00},
      {binary8p1uf, infinite, even, propagate, 0xfe},
  };
  CHECK(wrong(rows) == 0);
}

TEST_CASE("SatNone: Inf where the format has it, the largest number where not, NaN below an unsigned range") {
  const row rows[] = {
      {binary8p4se, 225, even, none, 0x7e},
      {binary8p4se, 232, even, none, 0x7e},
      {binary8p4se, 232, away, none, 0x7f},
      {binary8p4se, 232.5, even, none, 0x7f},
      {binary8p4se, 240, even, none, 0x7f},
      {binary8p4se, 1e9, even, none, 0x7f},
      {binary8p4se, 1e9, zero, none, 0x7e},
      {binary8p4se, 1e9, down, none, 0x7e},
      {binary8p4se, -1e9, down, none, 0xff},
      {binary8p4se, -1e9, up, none, 0xfe},
      {binary8p4se, -1e9, zero, none, 0xfe},
      {binary8p4se, infinite, zero, none, 0x7f},
      {binary8p4se, -infinite, up, none, 0xff},
      {binary4p2sf, 1e9, even, none, 0x7},
      {binary4p2sf, infinite, up, none, 0x7},
      {binary4p2sf, -infinite, even, none, 0xf},
      {signed_finite, -1e9, down, none, 0xff},
      {signed_finite, 1e9, up, none, 0x7f},
      {unsigned_extended, 1e9, even, none, 0xfe},
      {unsigned_extended, 1e9, odd, none, 0xfd},
      {unsigned_extended, infinite, odd, none, 0xfe},
      {unsigned_extended, 1e9, down, none, 0xfd},
      {unsigned_extended, -infinite, even, none, 0xff},
      {unsigned_extended, -1, even, none, 0xff},
      {unsigned_extended, -1, zero, none, 0x00},
      {unsigned_extended, -1, up, none, 0x00},
      {unsigned_extended, -1, down, none, 0xff},
      {unsigned_extended, -1e-9, even, none, 0x00},
      {unsigned_extended, -1e-9, down, none, 0xff},
      {unsigned_finite, 1e9, even, none, 0xfe},
      {unsigned_finite, -1, even, none, 0xff},
      {unsigned_finite, -1, zero, none, 0x00},
      {binary8p1uf, -infinite, zero, none, 0xff},
      {binary8p1uf, not_a_number, even, none, 0xff},
      {binary8p4se, 1e9, odd, none, 0x7f},
      {unsigned_finite, 1e9, odd, none, 0xfe},
  };
  CHECK(wrong(rows) == 0);
}

TEST_CASE("precision 1: an even code is one whose exponent field is even") {
  const row rows[] = {
      {binary8p1uf, 1.5, even, clamp, 0x80},     {binary8p1uf, 3.0, even, clamp, 0x82},
      {binary8p1uf, 6.0, even, clamp, 0x82},     {binary8p1uf, 1.25, odd, clamp, 0x81},
      {binary8p1uf, 2.5, odd, clamp, 0x81},      {binary8p1uf, 0x1p-128, even, clamp, 0x00},
      {binary8p1uf, 0x1.8p-128, even, clamp, 1}, {binary8p1uf, 0x1p-140, odd, clamp, 0x01},
  };
  CHECK(wrong(rows) == 0);
}
