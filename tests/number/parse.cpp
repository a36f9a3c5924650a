// SPDX-License-Identifier: Apache-2.0
//
// The grammar against std::from_chars of double, and rounding against the reference's search.
#include <doctest/doctest.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <type_traits>

#include <nibble/number/parse.hpp>
#include <number/every_format.hpp>

namespace {

using nibble::detail::parse_text;
using nibble::detail::text_kind;
using many_limbs = std::integral_constant<int, 160>;

nibble::detail::rounded_text rounded(const nibble::float_format& f, const std::string& text) {
  const auto parsed = parse_text(text.data(), text.data() + text.size());
  return nibble::detail::round_decimal(f, many_limbs{}, parsed.magnitude, parsed.negative);
}

bool same_as_standard(const std::string& text) {
  const char* first = text.data();
  const char* last = first + text.size();
  double value = 1.0;
  const auto [end, error] = std::from_chars(first, last, value);
  const auto parsed = parse_text(first, last);
  if (error == std::errc::invalid_argument) return parsed.kind == text_kind::invalid && parsed.end == first;
  if (parsed.end != end || parsed.negative != (text[0] == '-')) return false;
  if (error != std::errc{}) return parsed.kind == text_kind::number;
  if (std::isnan(value)) return parsed.kind == text_kind::nan;
  if (std::isinf(value)) return parsed.kind == text_kind::infinity;
  return parsed.kind == text_kind::number && (parsed.magnitude.first == nullptr) == (value == 0.0);
}

/// The exact decimal digits of a number.
std::string exact(long double x) {
  char buffer[1400];
  std::snprintf(buffer, sizeof buffer, "%.320Lf", x);
  return buffer;
}

}  // namespace

TEST_CASE("the grammar is that of std::from_chars") {
  static const char alphabet[] = "0011259..--+eEinfatyINFNAN(x_)' ";
  std::mt19937 random(5);
  std::string first_difference;
  for (int i = 0; i < 400000; ++i) {
    std::string text;
    for (std::size_t size = random() % 12; text.size() < size;) text += alphabet[random() % (sizeof alphabet - 1)];
    if (!same_as_standard(text) && first_difference.empty()) first_difference = "[" + text + "]";
  }
  CHECK(first_difference == "");
}

TEST_CASE("the grammar is that of std::from_chars on numbers alone") {
  std::mt19937 random(6);
  std::string first_difference;
  static const char* const pieces[] = {"",          "-",    "0",  "1",    "00",   "123", ".",        "e",
                                       "E",         "+",    "-",  "5",    "inf",  "nan", "infinity", "INFINITY",
                                       "nan(ab_1)", "nan(", "e+", "e-12", "e400", ")"};
  for (int i = 0; i < 400000; ++i) {
    std::string text;
    for (std::size_t size = random() % 7; size > 0; --size) text += pieces[random() % std::size(pieces)];
    if (!same_as_standard(text) && first_difference.empty()) first_difference = "[" + text + "]";
  }
  CHECK(first_difference == "");
}

TEST_CASE("a midpoint goes to the even code, and the smallest step off it decides") {
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    // Digits below 10^-320 are not printed; those formats have fewer bits.
    const std::uint32_t last = oracle::max_code(p.reference);
    for (std::uint32_t code = 0; code<last; code += last> 1000 ? 257 : 1) {
      const long double low = oracle::magnitude_value(p.reference, code);
      const long double high = oracle::magnitude_value(p.reference, code + 1);
      std::string middle = exact((low + high) / 2);
      if (rounded(p.format, middle).code != (code % 2 == 0 ? code : code + 1)) ++wrong;
      if (rounded(p.format, middle + "0000000000000000000000001").code != code + 1) ++wrong;
      const std::size_t digit = middle.find_last_not_of("0.");
      --middle[digit];
      for (std::size_t i = digit + 1; i < middle.size(); ++i) middle[i] = middle[i] == '.' ? '.' : '9';
      if (rounded(p.format, middle).code != code) ++wrong;
      const auto itself = rounded(p.format, exact(low));
      if (itself.code != code || !itself.exact) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("beyond the largest number the next midpoint is the limit") {
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    const std::uint32_t last = oracle::max_code(p.reference);
    const long double limit =
        (oracle::magnitude_value(p.reference, last) + oracle::magnitude_value(p.reference, last + 1)) / 2;
    const std::string middle = exact(limit);
    if (rounded(p.format, middle).in_range != (last % 2 == 0)) ++wrong;
    if (rounded(p.format, middle + "1").in_range) ++wrong;
    if (!rounded(p.format, exact(limit - limit / 4096)).in_range) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("random decimals are rounded to nearest even") {
  std::mt19937_64 random(9);
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    const long double largest = oracle::max_value(p.reference);
    for (int i = 0; i < 300; ++i) {
      const long double around =
          std::ldexp(largest, -static_cast<int>(random() % 24)) * static_cast<long double>(random() >> 11) / 0x1p53L;
      char text[64];
      std::snprintf(text, sizeof text, "%.*Le", static_cast<int>(random() % 20), around);
      const long double x = std::strtold(text, nullptr);
      // A text within long double's error of a midpoint is left to the tests above.
      const oracle::neighbours n = oracle::find_neighbours(p.reference, x);
      const long double middle = (n.lower_value + n.upper_value) / 2;
      if (std::fabs(x - middle) < x * 0x1p-60L && !n.below_all) continue;
      const std::uint32_t expected = oracle::round_magnitude(p.reference, x, oracle::rounding::nearest_even, false);
      const auto got = rounded(p.format, text);
      if (expected > oracle::max_code(p.reference) ? got.in_range : !got.in_range || got.code != expected) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("signs") {
  using namespace nibble::formats;
  CHECK(rounded(e4m3, "-1").code == 0xb8);
  CHECK(rounded(e4m3, "-0").code == 0x80);
  CHECK(rounded(e4m3, "-1e-9").code == 0x80);
  CHECK(rounded(e4m3fnuz, "-0").code == 0x00);
  CHECK(rounded(e4m3fnuz, "-1e-9").code == 0x00);
  CHECK(rounded(mxint8, "-2").code == 0x80);
  CHECK(rounded(mxint8, "-2").exact);
  CHECK(rounded(mxint8, "-0.015625").code == 0xff);
  CHECK_FALSE(rounded(mxint8, "2").in_range);
  CHECK_FALSE(rounded(mxint8, "-2.01").in_range);
  CHECK_FALSE(rounded(ue4m3, "-1").in_range);
  CHECK(rounded(ue4m3, "-0").in_range);
  CHECK(rounded(ue4m3, "-1e-9").in_range);
  CHECK_FALSE(rounded(e8m0, "-1").in_range);
  CHECK_FALSE(rounded(e8m0, "0").in_range);
  CHECK(rounded(e8m0, "1e-300").code == 0);
}

TEST_CASE("digits and exponents of any length") {
  const std::string zeros(5000, '0');
  using nibble::formats::e4m3;
  CHECK(rounded(e4m3, "1" + zeros + "e-5000").code == 0x38);
  CHECK(rounded(e4m3, "0." + zeros + "1e5001").code == 0x38);
  CHECK(rounded(e4m3, "1.0625" + zeros + "1").code == 0x39);
  CHECK(rounded(e4m3, "1.0625" + zeros).code == 0x38);
  CHECK_FALSE(rounded(e4m3, "1e99999999999999999999").in_range);
  CHECK(rounded(e4m3, "1e-99999999999999999999").code == 0);
  CHECK(rounded(e4m3, "0e99999999999999999999").code == 0);
}
