// SPDX-License-Identifier: Apache-2.0
//
// Text: every code survives the way there and back, no shorter text would, and hand-made examples.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iomanip>
#include <sstream>
#include <string>

#include <nibble/number/text.hpp>
#include <number/every_format.hpp>

namespace {

template <class T>
std::string text_of(T x) {
  char buffer[nibble::max_text_size];
  const auto [end, error] = nibble::to_chars(buffer, buffer + sizeof buffer, x);
  REQUIRE(error == std::errc{});
  return {buffer, end};
}

std::string text_of(const nibble::float_format& f, std::uint32_t code) {
  const auto text = nibble::detail::text_of_code<160>(f, code);
  return {text.characters, text.size};
}

/// What the reference reads a text as, a magnitude.
std::uint32_t read(const oracle::format& f, const std::string& text) {
  return oracle::round_magnitude(f, std::strtold(text.c_str(), nullptr), oracle::rounding::nearest_even, false);
}

/// Significant digits of a text: without sign, point, exponent and outer zeros.
std::string significant(std::string text) {
  text = text.substr(0, text.find('e'));
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') digits += c;
  }
  digits.erase(0, digits.find_first_not_of('0'));
  digits.erase(digits.find_last_not_of('0') + 1);
  return digits;
}

/// The two decimals of `count` digits next to a value, below and above it.
void decimals(long double value, int count, std::string (&around)[2]) {
  const int exponent = static_cast<int>(std::floor(std::log10(value)));
  const long double unit = std::pow(10.0L, exponent - count + 1);
  for (int up = 0; up < 2; ++up) {
    char text[64];
    std::snprintf(text, sizeof text, "%.0Lfe%d", std::floor(value / unit) + up, exponent - count + 1);
    around[up] = text;
  }
}

}  // namespace

TEST_CASE("every code reads back from its text") {
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    for (std::uint32_t code = 0; code<every::codes(p); code += p.reference.bits()> 8 ? 7 : 1) {
      const std::string text = text_of(p.format, code);
      if (text.size() > nibble::max_text_size) ++wrong;
      const oracle::meaning m = oracle::classify(p.reference, code);
      const std::string sign = m.negative ? "-" : "";
      if (m.kind == oracle::code_class::nan && text != sign + "nan") ++wrong;
      if (m.kind == oracle::code_class::infinite && text != sign + "inf") ++wrong;
      if (m.kind != oracle::code_class::finite) continue;
      if ((text[0] == '-') != m.negative || read(p.reference, text.substr(sign.size())) != m.magnitude) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("from_chars takes back what to_chars wrote, every code") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    using number = nibble::minifloat<s.format>;
    for (std::uint32_t code = 0; code < std::uint32_t{1} << s.format.bits(); ++code) {
      const auto x = number::from_bits(code);
      const std::string text = text_of(x);
      number y{};
      const auto [end, error] = nibble::from_chars(text.data(), text.data() + text.size(), y);
      if (error != std::errc{} || end != text.data() + text.size()) ++wrong;
      const bool nan = oracle::classify(s.reference, code).kind == oracle::code_class::nan;
      if (nan ? !isnan(y) || signbit(x) != signbit(y) : y.bits() != code) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("no decimal with fewer digits reads back, and none with as many is nearer") {
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    const std::uint32_t last = oracle::max_code(p.reference);
    for (std::uint32_t code = p.reference.has_zero ? 1 : 0; code <= last; code += last > 1000 ? 61 : 1) {
      const std::string text = text_of(p.format, code);
      const long double value = oracle::magnitude_value(p.reference, code);
      const int count = static_cast<int>(significant(text).size());
      // A whole number is shown in full, so that its digits may be more than are needed.
      const bool whole = text.find_first_of(".e") == std::string::npos;
      if (whole && std::strtold(text.c_str(), nullptr) != value) ++wrong;
      if (whole) continue;
      std::string around[2];
      if (count > 1) {
        decimals(value, count - 1, around);
        if (read(p.reference, around[0]) == code || read(p.reference, around[1]) == code) ++wrong;
      }
      decimals(value, count, around);
      const long double off = std::fabs(std::strtold(text.c_str(), nullptr) - value);
      for (const std::string& other : around) {
        const bool nearer = std::fabs(std::strtold(other.c_str(), nullptr) - value) < off * (1 - 0x1p-50L);
        if (nearer && read(p.reference, other) == code && significant(other) != "") ++wrong;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("texts by hand") {
  using namespace nibble;
  CHECK(text_of(e2m1{-1.5F}) == "-1.5");
  CHECK(text_of(e4m3{448.0F}) == "448");
  CHECK(text_of(e4m3::from_bits(0x01)) == "0.002");
  CHECK(text_of(e5m2{57344.0F}) == "57344");
  CHECK(text_of(e5m2::from_bits(0x01)) == "2e-05");
  CHECK(text_of(e5m2::from_bits(0xfc)) == "-inf");
  CHECK(text_of(e5m2::from_bits(0xfe)) == "-nan");
  CHECK(text_of(e4m3fnuz::from_bits(0x80)) == "nan");
  CHECK(text_of(e8m0::from_bits(0)) == "6e-39");
  CHECK(text_of(e8m0::from_bits(254)) == "2e+38");
  CHECK(text_of(f16{65504.0F}) == "65504");
  CHECK(text_of(f16{0.1F}) == "0.1");
  CHECK(text_of(f16{3.14159F}) == "3.14");
  CHECK(text_of(f16::from_bits(1)) == "6e-08");
  CHECK(text_of(bf16{3.38953139e38F}) == "3.39e+38");
  CHECK(text_of(bf16{0.1F}) == "0.1");
  CHECK(text_of(bf16{100000.0F}) == "99840");
  CHECK(text_of(bf16{200000.0F}) == "2e+05");
  CHECK(text_of(mxint8_element::from_bits(0x80)) == "-2");
  CHECK(text_of(e4m3::from_bits(0x80)) == "-0");
}

TEST_CASE("a decimal that is a midpoint stands for the even neighbour alone") {
  // 500000 lies halfway between 499968 (an even code) and 500032 (an odd one).
  constexpr nibble::float_format f{.exponent_bits = 3, .mantissa_bits = 12, .bias = -12};
  using number = nibble::minifloat<f>;
  REQUIRE(double(number{499968}) == 499968.0);
  REQUIRE(double(next_up(number{499968})) == 500032.0);
  CHECK(text_of(number{499968}) == "5e+05");
  CHECK(text_of(number{500032}) == "500032");
}

TEST_CASE("exponents of three digits") {
  constexpr nibble::float_format f{.exponent_bits = 10, .mantissa_bits = 5, .bias = 511};
  using number = nibble::minifloat<f>;
  CHECK(text_of(number{1e100}) == "1e+100");
  CHECK(text_of(number{-2.5e-123}) == "-2.5e-123");
  CHECK(text_of(number{1.0}) == "1");
}

TEST_CASE("errors leave the value alone") {
  using namespace nibble;
  const auto fails = [](const std::string& text, auto value, std::errc expected, std::size_t length) {
    const auto kept = value.bits();
    const auto [end, error] = from_chars(text.data(), text.data() + text.size(), value);
    return error == expected && value.bits() == kept && end == text.data() + length;
  };
  CHECK(fails("", e4m3{1}, std::errc::invalid_argument, 0));
  CHECK(fails(" 1", e4m3{1}, std::errc::invalid_argument, 0));
  CHECK(fails("+1", e4m3{1}, std::errc::invalid_argument, 0));
  CHECK(fails("-", e4m3{1}, std::errc::invalid_argument, 0));
  CHECK(fails("465x", e4m3{1}, std::errc::result_out_of_range, 3));
  CHECK(fails("inf", e4m3{1}, std::errc::result_out_of_range, 3));
  CHECK(fails("nan", e2m1{1}, std::errc::result_out_of_range, 3));
  CHECK(fails("-1", ue4m3{1}, std::errc::result_out_of_range, 2));
  CHECK(fails("0", e8m0{1}, std::errc::result_out_of_range, 1));
  constexpr float_format unsigned_extended = formats::p3109(8, 4, false, true);
  CHECK(fails("-inf", minifloat<unsigned_extended>{1}, std::errc::result_out_of_range, 4));
  char buffer[4];
  CHECK(to_chars(buffer, buffer + 4, e4m3{-0.5F}).ec == std::errc{});
  CHECK(to_chars(buffer, buffer + 3, e4m3{-0.5F}).ec == std::errc::value_too_large);
  CHECK(to_chars(buffer, buffer + 3, e4m3{-0.5F}).ptr == buffer + 3);
}

TEST_CASE("streams") {
  std::ostringstream out;
  out << nibble::e4m3{1.5F} << ' ' << std::setw(6) << nibble::e5m2{-2.0F} << ' ' << std::left << std::setw(4)
      << std::setfill('*') << nibble::e2m1{6.0F} << std::setprecision(1) << nibble::f16{3.14159F};
  CHECK(out.str() == "1.5     -2 6***3.14");
}
