// SPDX-License-Identifier: Apache-2.0
//
// Exact decimal digits of binary numbers, and their comparison with decimal text of any length. A binary number
// n * 2^k has finitely many decimal digits, so that reading and writing text need no floating-point arithmetic and no
// rounding but the one that is asked for.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/format/float_format.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// How many 9-digit limbs hold every number of `f`, and every midpoint of two of them, as an integer times 10^-s.
constexpr int decimal_limbs(const float_format& f) noexcept {
  const int fraction_bits = f.mantissa_bits + 1 - f.min_exponent();
  // n * 2^-b is (n * 5^b) * 10^-b; 5 takes less than 2.33 bits and 9 digits are more than 29 bits.
  const int with_fraction = 32 + (fraction_bits > 0 ? fraction_bits * 233 / 100 : 0);
  const int integers = f.max_exponent() + 3;
  return 2 + (with_fraction > integers ? with_fraction : integers) / 29;
}

/// A non-negative number 0.d0 d1 d2 ... * 10^point in decimal, d0 nonzero unless the number is zero.
template <int Limbs>
class exact_decimal {
 public:
  /// n * 2^exponent.
  constexpr exact_decimal(std::uint32_t n, int exponent) noexcept {
    multiply_add(1, n);
    int twos = n != 0 && exponent > 0 ? exponent : 0;
    for (; twos > 0; twos -= 29) multiply_add(std::uint32_t{1} << (twos < 29 ? twos : 29), 0);
    const int scale = n != 0 && exponent < 0 ? -exponent : 0;
    int fives = scale;
    for (; fives >= 12; fives -= 12) multiply_add(244'140'625U, 0);
    for (; fives > 0; --fives) multiply_add(5, 0);
    std::uint32_t top = used_ == 0 ? 0U : limbs_[used_ - 1];
    for (; top != 0; top /= 10) ++top_digits_;
    count_ = used_ == 0 ? 0 : 9 * (used_ - 1) + top_digits_;
    point_ = count_ - scale;
  }

  [[nodiscard]] constexpr bool is_zero() const noexcept { return count_ == 0; }
  [[nodiscard]] constexpr int point() const noexcept { return point_; }
  /// Digits that are stored; trailing zeros may be among them.
  [[nodiscard]] constexpr int count() const noexcept { return count_; }

  /// Digit `i`, counted from the most significant one; 0 outside the stored digits.
  [[nodiscard]] constexpr int digit(int i) const noexcept {
    if (i < 0 || i >= count_) return 0;
    const int from_bottom = count_ - 1 - i;
    std::uint32_t limb = limbs_[from_bottom / 9];
    for (int step = from_bottom % 9; step > 0; --step) limb /= 10;
    return static_cast<int>(limb % 10);
  }

 private:
  constexpr void multiply_add(std::uint32_t factor, std::uint32_t carry_in) noexcept {
    std::uint64_t carry = carry_in;
    for (int i = 0; i < used_; ++i) {
      const std::uint64_t product = std::uint64_t{limbs_[i]} * factor + carry;
      limbs_[i] = static_cast<std::uint32_t>(product % 1'000'000'000U);
      carry = product / 1'000'000'000U;
    }
    for (; carry != 0; carry /= 1'000'000'000U) limbs_[used_++] = static_cast<std::uint32_t>(carry % 1'000'000'000U);
  }

  std::uint32_t limbs_[static_cast<std::size_t>(Limbs)] = {};  // least significant first
  int used_ = 0;
  int top_digits_ = 0;
  int count_ = 0;
  int point_ = 0;
};

/// Decimal digits in memory: 0.d0 d1 ... * 10^point, other characters between the digits being ignored. d0 is nonzero,
/// or there is nothing at all: zero.
struct decimal_text {
  const char* first = nullptr;
  const char* last = nullptr;
  std::int64_t point = 0;
};

/// Sign of text - number: -1, 0 or 1, exact.
template <int Limbs>
constexpr int compare(const decimal_text& text, const exact_decimal<Limbs>& number) noexcept {
  if (text.first == text.last || number.is_zero()) {
    return (number.is_zero() ? 0 : -1) + (text.first == text.last ? 0 : 1);
  }
  if (text.point != number.point()) return text.point < number.point() ? -1 : 1;
  int i = 0;
  for (const char* c = text.first; c != text.last; ++c) {
    if (*c < '0' || *c > '9') continue;
    const int difference = (*c - '0') - number.digit(i++);
    if (difference != 0) return difference < 0 ? -1 : 1;
  }
  for (; i < number.count(); ++i) {
    if (number.digit(i) != 0) return -1;
  }
  return 0;
}

/// The value of magnitude code `magnitude` of `f`, or with `halves = 1` the midpoint between it and the next one, the
/// codes above the largest number counting as if the exponent went on.
template <int Limbs>
constexpr exact_decimal<Limbs> decimal_of_magnitude(const float_format& f, std::uint32_t magnitude,
                                                    std::uint32_t halves = 0) noexcept {
  const std::uint32_t hidden = std::uint32_t{1} << f.mantissa_bits;
  const std::uint32_t field = magnitude >> f.mantissa_bits;
  const bool subnormal = f.exponent_bits == 0 || (field == 0 && f.has_zero);
  const std::uint32_t significand = subnormal ? magnitude : (magnitude & (hidden - 1U)) + hidden;
  const int exponent = subnormal ? f.min_exponent() : static_cast<int>(field) - f.bias;
  return {2 * significand + halves, exponent - f.mantissa_bits - 1};
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
