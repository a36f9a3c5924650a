// SPDX-License-Identifier: Apache-2.0
//
// Exact decimal digits against those that the C library prints, which are exact for every long double.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <string>

#include <nibble/number/decimal.hpp>
#include <number/every_format.hpp>

namespace {

/// Digits without outer zeros, and the power of ten of the point before them.
struct digits {
  std::string text;
  int point = 0;
};

digits printed(long double x) {
  char buffer[2300];
  std::snprintf(buffer, sizeof buffer, "%.1140Le", x);
  std::string text;
  const char* c = buffer;
  for (; *c != 'e'; ++c) {
    if (*c != '.') text += *c;
  }
  text.erase(text.find_last_not_of('0') + 1);
  return {text, x == 0 ? 0 : std::atoi(c + 1) + 1};
}

template <int Limbs>
digits of(const nibble::detail::exact_decimal<Limbs>& number) {
  std::string text;
  for (int i = 0; i < number.count(); ++i) text += static_cast<char>('0' + number.digit(i));
  text.erase(text.find_last_not_of('0') + 1);
  return {text, number.is_zero() ? 0 : number.point()};
}

template <int Limbs>
bool equals(const nibble::detail::exact_decimal<Limbs>& number, long double x) {
  const digits expected = printed(x);
  const digits got = of(number);
  return got.text == expected.text && got.point == expected.point;
}

}  // namespace

TEST_CASE("numbers and midpoints of every format have the digits that printf gives") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    constexpr int limbs = nibble::detail::decimal_limbs(s.format);
    const std::uint32_t last = oracle::max_code(s.reference);
    for (std::uint32_t code = 0; code <= last; code += last > 1000 ? 61 : 1) {
      const long double value = oracle::magnitude_value(s.reference, code);
      const long double next = oracle::magnitude_value(s.reference, code + 1);
      if (!equals(nibble::detail::decimal_of_magnitude<limbs>(s.format, code), value)) ++wrong;
      if (!equals(nibble::detail::decimal_of_magnitude<limbs>(s.format, code, 1), (value + next) / 2)) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("the number of limbs suffices at the ends of the widest formats") {
  constexpr nibble::float_format wide{.exponent_bits = 10, .mantissa_bits = 5, .bias = 511};
  constexpr nibble::float_format small{.exponent_bits = 4, .mantissa_bits = 11, .bias = 980};
  constexpr nibble::float_format large{.exponent_bits = 4, .mantissa_bits = 11, .bias = -1000};
  int wrong = 0;
  const auto check_ends = [&]<nibble::float_format F>() {
    constexpr int limbs = nibble::detail::decimal_limbs(F);
    const oracle::format f{F.exponent_bits, F.mantissa_bits, F.bias};
    for (const std::uint32_t code : {1U, 2U, 3U, oracle::max_code(f) - 1, oracle::max_code(f)}) {
      const long double value = oracle::magnitude_value(f, code);
      const long double middle = (value + oracle::magnitude_value(f, code + 1)) / 2;
      if (!equals(nibble::detail::decimal_of_magnitude<limbs>(F, code), value)) ++wrong;
      if (!equals(nibble::detail::decimal_of_magnitude<limbs>(F, code, 1), middle)) ++wrong;
    }
  };
  REQUIRE((wide.is_valid() && small.is_valid() && large.is_valid()));
  check_ends.operator()<wide>();
  check_ends.operator()<small>();
  check_ends.operator()<large>();
  CHECK(wrong == 0);
}

TEST_CASE("text is compared with numbers by value") {
  std::mt19937 random(3);
  int wrong = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto n = static_cast<std::uint32_t>(random() % 100000);
    const int exponent = static_cast<int>(random() % 60) - 40;
    const nibble::detail::exact_decimal<40> number(n, exponent);
    const digits d = printed(std::ldexp(static_cast<long double>(n), exponent));
    const auto compared = [&](const std::string& text, int point) {
      return nibble::detail::compare({text.data(), text.data() + text.size(), point}, number);
    };
    if (compared(d.text, d.point) != 0) ++wrong;
    if (n == 0) continue;
    if (compared(d.text + "000", d.point) != 0) ++wrong;
    if (compared(d.text + "0001", d.point) != 1) ++wrong;
    const std::string prefix = d.text.substr(0, d.text.size() - 1);
    if (!prefix.empty() && compared(prefix, d.point) != -1) ++wrong;
    if (compared(d.text, d.point + 1) != 1 || compared(d.text, d.point - 1) != -1) ++wrong;
    std::string below = d.text;
    below.back() = static_cast<char>(below.back() - 1);
    // A lone digit 1 becomes 0.999...: its text begins one place further right.
    const bool vanished = below.find_first_not_of('0') == std::string::npos;
    if (compared(vanished ? "99999" : below + "99999", vanished ? d.point - 1 : d.point) != -1) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("zero compares as zero") {
  const nibble::detail::exact_decimal<4> zero(0, 5);
  const nibble::detail::exact_decimal<4> one(1, 0);
  const char text[] = "1";
  CHECK(zero.is_zero());
  CHECK(nibble::detail::compare({}, zero) == 0);
  CHECK(nibble::detail::compare({}, one) == -1);
  CHECK(nibble::detail::compare({text, text + 1, 1}, zero) == 1);
  CHECK(nibble::detail::compare({text, text + 1, 1}, one) == 0);
}
