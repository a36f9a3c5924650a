// SPDX-License-Identifier: Apache-2.0
//
// What follows from the fields of a format: the published limits of the named formats by hand, and every derived number
// of many formats against the reference.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/float_format.hpp>
#include <nibble/format/p3109.hpp>

#include <format/subjects.hpp>

namespace {

using namespace nibble;
using namespace nibble::formats;

constexpr std::uint32_t absent = ~0U;

/// A line of the published tables: OCP MX 1.0 tables 2 to 7, OCP OFP8 table 2, PTX ISA 9.0 5.2.3, IEEE 754, ml_dtypes.
struct limits_row {
  float_format format;
  int bits;
  double max;
  std::uint32_t max_code;
  double min_normal;
  double min_positive;
  std::uint32_t infinity;
  std::uint32_t nan;  ///< all ones where there are several
  bool negative_zero;
  int emax;
};

constexpr limits_row published[] = {
    {e2m1, 4, 6, 0x7, 1, 0.5, absent, absent, true, 2},
    {e2m3, 6, 7.5, 0x1f, 1, 0x1p-3, absent, absent, true, 2},
    {e3m2, 6, 28, 0x1f, 0x1p-2, 0x1p-4, absent, absent, true, 4},
    {e4m3, 8, 448, 0x7e, 0x1p-6, 0x1p-9, absent, 0x7f, true, 8},
    {e4m3fnuz, 8, 240, 0x7f, 0x1p-7, 0x1p-10, absent, 0x80, false, 7},
    {e4m3b11fnuz, 8, 30, 0x7f, 0x1p-10, 0x1p-13, absent, 0x80, false, 4},
    {e4m3ieee, 8, 240, 0x77, 0x1p-6, 0x1p-9, 0x78, 0x7f, true, 7},
    {e3m4, 8, 15.5, 0x6f, 0x1p-2, 0x1p-6, 0x70, 0x7f, true, 3},
    {e5m2, 8, 57344, 0x7b, 0x1p-14, 0x1p-16, 0x7c, 0x7f, true, 15},
    {e5m2fnuz, 8, 57344, 0x7f, 0x1p-15, 0x1p-17, absent, 0x80, false, 15},
    {e8m0, 8, 0x1p127, 0xfe, 0x1p-127, 0x1p-127, absent, 0xff, false, 127},
    {ue4m3, 7, 448, 0x7e, 0x1p-6, 0x1p-9, absent, 0x7f, false, 8},
    {e3m0, 4, 16, 0x7, 0x1p-2, 0x1p-2, absent, absent, true, 4},
    {bf16, 16, 0x1.fep127, 0x7f7f, 0x1p-126, 0x1p-133, 0x7f80, 0x7fff, true, 127},
    {f16, 16, 65504, 0x7bff, 0x1p-14, 0x1p-24, 0x7c00, 0x7fff, true, 15},
    {mxint8, 8, 127.0 / 64, 0x7f, 2, 0x1p-6, absent, absent, false, 0},
    {binary8p4se, 8, 224, 0x7e, 0x1p-7, 0x1p-10, 0x7f, 0x80, false, 7},
    {binary8p3se, 8, 49152, 0x7e, 0x1p-15, 0x1p-17, 0x7f, 0x80, false, 15},
    {binary4p2sf, 4, 3, 0x7, 0.5, 0.25, absent, 0x8, false, 1},
    {binary8p1uf, 8, 0x1p126, 0xfe, 0x1p-127, 0x1p-127, absent, 0xff, false, 126},
};

/// Formats by their fields, many of them odd.
std::vector<float_format> many_formats() {
  std::vector<float_format> list;
  using enum special_values;
  for (int exponent_bits = 0; exponent_bits <= 6; ++exponent_bits) {
    for (int mantissa_bits = 0; mantissa_bits <= 5; ++mantissa_bits) {
      for (const auto specials : {none, nan_only, infinity_and_nan, fnuz, p3109_finite, p3109_extended}) {
        for (int flags = 0; flags < 4; ++flags) {
          for (const int bias : {-9, 0, 5}) {
            const float_format f{exponent_bits, mantissa_bits, bias, specials, (flags & 1) != 0, (flags & 2) != 0};
            if (f.is_valid()) list.push_back(f);
          }
        }
      }
    }
  }
  return list;
}

oracle::format reference_of(const float_format& f) {
  return {f.exponent_bits, f.mantissa_bits, f.bias, static_cast<oracle::specials>(f.specials), f.has_sign, f.has_zero};
}

}  // namespace

TEST_CASE("a format is a structural value") {
  static_assert(std::is_trivially_copyable_v<float_format> && std::is_aggregate_v<float_format>);
  static_assert(e4m3 ==
                float_format{.exponent_bits = 4, .mantissa_bits = 3, .bias = 7, .specials = special_values::nan_only});
  static_assert(e4m3 != ue4m3);
  CHECK(e2m1 != binary4p2sf);
}

TEST_CASE("the limits of the named formats are the published ones") {
  int wrong = 0;
  for (const limits_row& row : published) {
    const float_format& f = row.format;
    bool right = f.is_valid() && f.bits() == row.bits && f.max_value() == row.max && f.max_code() == row.max_code;
    right = right && f.min_positive() == row.min_positive && f.max_exponent() == row.emax;
    right = right && (f.twos_complement || f.min_normal() == row.min_normal);
    right = right && f.has_infinity() == (row.infinity != absent) && f.has_nan() == (row.nan != absent);
    right = right && (!f.has_infinity() || f.infinity_code() == row.infinity);
    right = right && (!f.has_nan() || f.nan_code() == row.nan);
    right = right && f.has_negative_zero() == row.negative_zero;
    if (!right) {
      ++wrong;
      MESSAGE("row " << (&row - published));
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("masks are of the code's own bits") {
  static_assert(e2m1.magnitude_mask() == 0x7 && e2m1.sign_mask() == 0x8 && e2m1.code_mask() == 0xf);
  static_assert(e8m0.magnitude_mask() == 0xff && e8m0.sign_mask() == 0 && e8m0.code_mask() == 0xff);
  static_assert(ue4m3.code_mask() == 0x7f && f32.code_mask() == 0xffffffffU && f32.sign_mask() == 0x80000000U);
  CHECK(bf16.magnitude_bits() == 15);
}

TEST_CASE("what follows from the fields agrees with the reference for many formats") {
  int wrong = 0;
  int formats_seen = 0;
  for (const float_format& f : many_formats()) {
    const oracle::format r = reference_of(f);
    ++formats_seen;
    bool right = f.bits() == r.bits() && f.max_code() == oracle::max_code(r);
    right = right && f.max_value() == static_cast<double>(oracle::max_value(r));
    for (std::uint32_t code = 0; code <= f.max_code(); ++code) {
      right = right && f.magnitude_value(code) == static_cast<double>(oracle::magnitude_value(r, code));
    }
    right = right && f.min_positive() == f.magnitude_value(f.has_zero ? 1 : 0);
    right = right && f.max_exponent() == std::ilogb(f.max_value());
    right = right && f.has_negative_zero() == r.has_negative_zero() && f.has_nan() == r.has_nan();
    for (std::uint32_t code = 0; code <= f.code_mask(); ++code) {
      const auto kind = oracle::classify(r, code).kind;
      if (f.has_infinity() && code == f.infinity_code()) right = right && kind == oracle::code_class::infinite;
      if (f.has_nan() && code == f.nan_code()) right = right && kind == oracle::code_class::nan;
    }
    if (!right) ++wrong;
  }
  CHECK(formats_seen > 1000);
  CHECK(wrong == 0);
}

TEST_CASE("formats that the codecs cannot take are invalid") {
  using enum special_values;
  CHECK_FALSE(float_format{}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 1, .mantissa_bits = 0, .bias = 0, .has_sign = false}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 8, .mantissa_bits = 8, .bias = 127}.is_valid());  // 17 bits
  CHECK(float_format{.exponent_bits = 8, .mantissa_bits = 8, .bias = 127, .has_sign = false}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = -1, .mantissa_bits = 4}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 4, .mantissa_bits = -1}.is_valid());
  CHECK_FALSE(
      float_format{.exponent_bits = 4, .mantissa_bits = 3, .bias = 7, .specials = fnuz, .has_sign = false}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 0, .mantissa_bits = 4, .specials = infinity_and_nan}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 4, .mantissa_bits = 0, .specials = infinity_and_nan}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 1, .mantissa_bits = 0, .specials = nan_only}.is_valid());  // 0 and NaN
  CHECK(float_format{.exponent_bits = 1, .mantissa_bits = 0, .specials = nan_only, .has_zero = false}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 4, .mantissa_bits = 3, .specials = fnuz, .has_zero = false}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 3, .mantissa_bits = 4, .twos_complement = true}.is_valid());
  // Numbers must be normal doubles.
  CHECK_FALSE(float_format{.exponent_bits = 4, .mantissa_bits = 3, .bias = 1100}.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 4, .mantissa_bits = 3, .bias = -1100}.is_valid());
  CHECK(float_format{.exponent_bits = 4, .mantissa_bits = 3, .bias = 900}.is_valid());
  CHECK(f32.is_valid());
  CHECK_FALSE(float_format{.exponent_bits = 9, .mantissa_bits = 22, .bias = 255}.is_valid());
}

TEST_CASE("fits_binary32 tells whether every number is a float32") {
  static_assert(e8m0.fits_binary32() && bf16.fits_binary32() && f32.fits_binary32() && subjects::huge.fits_binary32());
  static_assert(!subjects::tiny.fits_binary32());
  CHECK(float_format{.exponent_bits = 4, .mantissa_bits = 3, .bias = 147}.fits_binary32());        // down to 2^-149
  CHECK_FALSE(float_format{.exponent_bits = 4, .mantissa_bits = 3, .bias = 148}.fits_binary32());  // down to 2^-150
  CHECK(float_format{.exponent_bits = 3, .mantissa_bits = 2, .bias = -120}.fits_binary32());       // up to 2^127
  // A two's complement integer goes down to -2^(1 - bias).
  CHECK(float_format{.mantissa_bits = 3, .bias = -126, .twos_complement = true}.fits_binary32());
  CHECK_FALSE(float_format{.mantissa_bits = 3, .bias = -127, .twos_complement = true}.fits_binary32());
  CHECK_FALSE(float_format{.exponent_bits = 3, .mantissa_bits = 2, .bias = -121}.fits_binary32());
}
