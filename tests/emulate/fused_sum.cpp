// SPDX-License-Identifier: Apache-2.0
//
// The fused sum against a brute-force big-integer sum in which every step is a loop over bits, and by hand.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <vector>

#include <nibble/emulate/fused_sum.hpp>

namespace {

using namespace nibble::emulate;

/// A number as a sign and an integer multiple of 2^unit, one bit an entry, lowest first: nothing overflows.
struct big {
  bool negative = false;
  std::vector<int> bits;
  [[nodiscard]] int top() const {
    for (std::size_t i = bits.size(); i > 0; --i) {
      if (bits[i - 1] != 0) return static_cast<int>(i) - 1;
    }
    return -1;
  }
};
constexpr int unit = -400;
constexpr std::size_t size = 800;

big of(std::int64_t significand, int exponent) {
  big x;
  x.bits.assign(size, 0);
  x.negative = significand < 0;
  auto rest = static_cast<std::uint64_t>(significand < 0 ? -significand : significand);
  auto at = static_cast<std::size_t>(exponent - unit);
  for (; rest != 0; rest >>= 1) x.bits[at++] = static_cast<int>(rest & 1U);
  return x;
}
/// Clears every bit below 2^exponent.
void cut(big& x, int exponent) {
  for (int i = 0; i < exponent - unit && i < static_cast<int>(size); ++i) x.bits[static_cast<std::size_t>(i)] = 0;
}
big sum_of(const std::vector<big>& terms) {
  std::vector<int> digits(size, 0);
  for (const big& t : terms) {
    for (std::size_t i = 0; i < size; ++i) digits[i] += t.negative ? -t.bits[i] : t.bits[i];
  }
  // The sign of the highest column of a full carry; once more with the opposite sign if it was negative.
  for (int turn = 0; turn < 2; ++turn) {
    big x;
    x.negative = turn == 1;
    int carry = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const int column = (turn == 1 ? -digits[i] : digits[i]) + carry;
      x.bits.push_back(column & 1);
      carry = (column - (column & 1)) / 2;
    }
    if (carry == 0) return x;
  }
  return {};
}
double value_of(const big& x, int first, int last) {
  double value = 0;
  for (int i = last; i >= first; --i) value = value * 2 + x.bits[static_cast<std::size_t>(i - unit)];
  return value;
}

std::uint32_t expected_f32(big x, int kept, sum_overflow overflow) {
  if (x.top() < 0) return 0U;
  const int top = x.top() + unit;
  const std::uint32_t sign = x.negative ? 0x8000'0000U : 0U;
  if (top > 127) {
    std::uint32_t largest = 0;
    for (int i = 0; i < 8 + kept; ++i) largest |= i == kept ? 0U : 1U << (23 - kept + i);
    return sign | (overflow == sum_overflow::infinity ? 0x7f80'0000U : largest);
  }
  const int lowest = top < -126 ? -126 - kept : top - kept;
  cut(x, lowest);
  const auto field = top < -126 ? 0U : static_cast<std::uint32_t>(top + 127);
  const int first = top < -126 ? -149 : top - 23;
  const double fraction = value_of(x, first, top < -126 ? -127 : top - 1);
  return sign | field << 23 | static_cast<std::uint32_t>(fraction);
}

/// Nearest even to binary16, decided on bits.
std::uint32_t expected_f16(big x) {
  if (x.top() < 0) return 0U;
  const std::uint32_t sign = x.negative ? 0x8000U : 0U;
  const int top = x.top() + unit;
  const int lowest = top < -14 ? -24 : top - 10;
  const auto bit = [&](int i) { return x.bits[static_cast<std::size_t>(i - unit)] != 0; };
  bool sticky = false;
  for (int i = unit; i < lowest - 1; ++i) sticky = sticky || bit(i);
  if (top < lowest - 1) return sign;
  auto code = static_cast<std::uint32_t>(top < -24 ? 0.0 : value_of(x, lowest, top));
  if (bit(lowest - 1) && (sticky || code % 2 != 0)) ++code;
  code += top < -14 ? 0U : static_cast<std::uint32_t>(top + 14) << 10;
  return sign | (code > 0x7c00U ? 0x7c00U : code);
}

std::uint32_t expected_sum(const sum_rule& rule, const std::vector<sum_term>& terms) {
  int largest = terms[0].exponent;
  for (const sum_term& t : terms) largest = t.exponent > largest ? t.exponent : largest;
  std::vector<big> aligned;
  for (const sum_term& t : terms) {
    aligned.push_back(of(t.significand, t.exponent - t.fraction));
    cut(aligned.back(), largest - rule.fraction_bits);
  }
  const big sum = sum_of(aligned);
  if (rule.output == sum_output::f16) return expected_f16(sum);
  return expected_f32(sum, rule.output == sum_output::f32 ? 23 : 13, rule.overflow);
}

TEST_CASE("fused sum: by hand") {
  // 1 + 2^-13 stays with 13 fraction bits, 1 + 2^-14 loses its second term before the sum, whatever its sign.
  const sum_rule rule{.fraction_bits = 13, .output = sum_output::f32_13_bits};
  const sum_term one{1, 0, 0};
  const sum_term kept[] = {one, {1, -13, 0}};
  const sum_term lost[] = {one, {1, -14, 0}};
  const sum_term lost_negative[] = {one, {-3, -14, 1}};
  CHECK(fused_sum(rule, kept, 2) == 0x3f80'0400U);
  CHECK(fused_sum(rule, lost, 2) == 0x3f80'0000U);
  CHECK(fused_sum(rule, lost_negative, 2) == 0x3f80'0000U);
  // A zero with a large exponent pushes the others down.
  const sum_term pushed[] = {{0, 10, 0}, {7, -1, 2}};
  CHECK(fused_sum(rule, pushed, 2) == 0x3f60'0000U);
  const sum_term pushed_out[] = {{0, 12, 0}, {7, -1, 2}};
  CHECK(fused_sum(rule, pushed_out, 2) == 0x3f00'0000U);
  // An exact zero is +0.
  const sum_term cancelled[] = {one, {-1, 0, 0}};
  CHECK(fused_sum(rule, cancelled, 2) == 0U);
  // Below the smallest number: a zero of the sign, or +0.
  const sum_term tiny[] = {{-1, -150, 0}};
  CHECK(fused_sum({}, tiny, 1) == 0x8000'0000U);
  CHECK(fused_sum({.keeps_sign_of_underflow = false}, tiny, 1) == 0U);
  // Beyond binary32: Inf, or the largest number with 13 fraction bits.
  const sum_term huge[] = {{1, 127, 0}, {1, 127, 0}};
  CHECK(fused_sum(rule, huge, 2) == 0x7f80'0000U);
  const sum_rule largest{.fraction_bits = 13, .output = sum_output::f32_13_bits, .overflow = sum_overflow::largest};
  CHECK(fused_sum(largest, huge, 2) == 0x7f7f'fc00U);
}

TEST_CASE("fused sum: random terms against big integers") {
  std::mt19937 random(11);
  const auto below = [&](std::uint32_t n) { return static_cast<int>(random() % n); };
  std::size_t wrong = 0;
  for (int round = 0; round < 30'000; ++round) {
    sum_rule rule{.fraction_bits = 1 + below(36)};
    rule.output = static_cast<sum_output>(below(3));
    rule.overflow = static_cast<sum_overflow>(below(2));
    const int spread = 1 << below(7);
    const int centre = rule.output == sum_output::f16 ? below(40) - 24 : below(5) == 0 ? 100 : below(5) == 0 ? -130 : 0;
    std::vector<sum_term> terms(static_cast<std::size_t>(1 + below(33)));
    for (sum_term& t : terms) {
      const int fraction = below(21);
      const auto limit = std::int64_t{4} << fraction;
      t.significand = (static_cast<std::int64_t>(random()) % limit) * (below(2) * 2 - 1);
      t.exponent = centre + below(static_cast<std::uint32_t>(spread));
      t.fraction = fraction;
    }
    if (below(3) == 0 && terms.size() > 1) {
      terms[1] = terms[0];
      terms[1].significand = -terms[0].significand + below(2);
    }
    const std::uint32_t got = fused_sum(rule, terms.data(), static_cast<int>(terms.size()));
    wrong += got != expected_sum(rule, terms) ? 1U : 0U;
  }
  CHECK(wrong == 0);
}

}  // namespace
