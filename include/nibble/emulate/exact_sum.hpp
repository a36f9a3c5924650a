// SPDX-License-Identifier: Apache-2.0
//
// An exact sum: a fixed-point number wide enough for every product of two scaled elements, three float32 factors and a
// float32 product beside it, rounded once at the end. It is what other accumulations are measured against.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/emulate/fused_sum.hpp>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// A binary32 number taken apart: value = significand * 2^exponent, or Inf, or NaN.
struct real_parts {
  std::int64_t significand = 0;  // with sign
  int exponent = 0;
  bool negative = false;
  bool infinite = false;
  bool nan = false;

  [[nodiscard]] NIBBLE_FUNCTION bool is_zero() const noexcept { return significand == 0 && !infinite && !nan; }
};

NIBBLE_FUNCTION real_parts split_real(std::uint32_t bits) noexcept {
  const std::uint32_t field = bits >> 23 & 0xffU;
  const std::uint32_t fraction = bits & 0x007f'ffffU;
  real_parts x;
  x.negative = (bits >> 31) != 0;
  x.infinite = field == 255 && fraction == 0;
  x.nan = field == 255 && fraction != 0;
  if (field == 255) return x;
  auto significand = static_cast<std::int64_t>(field == 0 ? fraction : fraction | 0x0080'0000U);
  x.exponent = field == 0 ? -149 : static_cast<int>(field) - 150;
  for (; significand != 0 && significand % 2 == 0; ++x.exponent) significand /= 2;
  x.significand = x.negative ? -significand : significand;
  return x;
}

/// A product of real numbers; one NaN, or Inf beside zero, makes it NaN. `significand` is below 2^63 by the caller's care.
NIBBLE_FUNCTION real_parts multiply(const real_parts& a, const real_parts& b) noexcept {
  real_parts x;
  x.negative = a.negative != b.negative;
  x.nan = a.nan || b.nan || (a.infinite && b.is_zero()) || (b.infinite && a.is_zero());
  x.infinite = !x.nan && (a.infinite || b.infinite);
  x.significand = a.significand * b.significand;
  x.exponent = a.exponent + b.exponent;
  return x;
}

/// A sum of numbers significand * 2^exponent. Two's complement in 1536 bits, the lowest of weight 2^-640 before `scale`.
class exact_sum {
 public:
  static constexpr int words = 24;
  static constexpr int lowest = -640;

  /// Adds a product; its magnitude is below 2^600 and a multiple of 2^-640 before the first scale().
  NIBBLE_FUNCTION void add(const real_parts& x) noexcept {
    nan_ = nan_ || x.nan;
    if (x.infinite) infinity_[x.negative ? 1 : 0] = true;
    if (!x.nan && !x.infinite) add(x.significand, x.exponent);
  }

  NIBBLE_FUNCTION void add(std::int64_t significand, int exponent) noexcept {
    if (significand == 0) return;
    const auto bit = static_cast<unsigned>(exponent - exponent_);
    const unsigned shift = bit % 64;
    const auto extension = significand < 0 ? ~std::uint64_t{0} : std::uint64_t{0};
    const auto pattern = static_cast<std::uint64_t>(significand);
    std::uint64_t carry = 0;
    for (unsigned i = bit / 64, n = 0; i < words; ++i, ++n) {
      std::uint64_t addend = extension;
      if (n == 0) addend = pattern << shift;
      if (n == 1) addend = shift == 0 ? extension : (pattern >> (64 - shift)) | (extension << shift);
      const std::uint64_t with_carry = addend + carry;
      const std::uint64_t sum = word_[i] + with_carry;
      carry = (with_carry < carry ? 1U : 0U) + (sum < with_carry ? 1U : 0U);
      word_[i] = sum;
      // Past the number's own words: adding 0 + 0 or -1 + 1 changes nothing more.
      if (n >= 1 && (extension == 0 ? carry == 0 : carry == 1)) break;
    }
  }

  /// Multiplies by a float32 number. At most three times.
  NIBBLE_FUNCTION void scale(const real_parts& factor) noexcept {
    const bool infinite = infinity_[0] || infinity_[1];
    nan_ = nan_ || factor.nan || (infinity_[0] && infinity_[1]);
    nan_ = nan_ || (infinite && factor.is_zero()) || (factor.infinite && !infinite && is_zero());
    const bool negative = infinite ? infinity_[1] : is_negative();
    if (infinite || factor.infinite) {
      infinity_[0] = negative == factor.negative;
      infinity_[1] = !infinity_[0];
      return;
    }
    if (is_negative()) negate();
    const auto multiplier = static_cast<std::uint64_t>(factor.negative ? -factor.significand : factor.significand);
    std::uint64_t carry = 0;
    for (std::uint64_t& word : word_) {
      const std::uint64_t low = (word & 0xffff'ffffU) * multiplier + carry;
      const std::uint64_t high = (word >> 32) * multiplier + (low >> 32);
      word = high << 32 | (low & 0xffff'ffffU);
      carry = high >> 32;
    }
    if (negative != factor.negative) negate();
    exponent_ += factor.exponent;
  }

  /// The code of the nearest number of `f` (ties to even, overflow to Inf); an exact zero is +0.
  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t round_to(const float_format& f) const noexcept {
    if (nan_ || (infinity_[0] && infinity_[1])) return f.nan_code();
    if (infinity_[0] || infinity_[1]) return f.infinity_code() | (infinity_[1] ? f.sign_mask() : 0U);
    exact_sum x = *this;
    const bool negative = x.is_negative();
    if (negative) x.negate();
    int top = words - 1;
    while (top >= 0 && x.word_[top] == 0) --top;
    if (top < 0) return 0U;
    // 53 bits of the magnitude, the last one odd if anything is below: a second rounding cannot go wrong.
    const int high = 64 * top + bit_width(x.word_[top]) - 1;
    std::uint64_t significand = 0;
    for (int i = high; i > high - 53; --i) significand = significand << 1 | (i >= 0 ? x.bit(i) : 0U);
    bool sticky = false;
    for (int i = 0; i <= high - 53 && !sticky; ++i) sticky = x.bit(i) != 0;
    if (sticky) significand |= 1U;
    // Far below any format a power that binary64 has rounds to the same zero.
    const int exponent = high - 52 + exponent_ < -900 ? -900 : high - 52 + exponent_;
    const double magnitude = static_cast<double>(significand) * power_of_two(exponent);
    return encode(f, negative ? -magnitude : magnitude, nearest_even{}, overflow::special);
  }

 private:
  [[nodiscard]] NIBBLE_FUNCTION std::uint64_t bit(int i) const noexcept { return word_[i / 64] >> (i % 64) & 1U; }
  [[nodiscard]] NIBBLE_FUNCTION bool is_negative() const noexcept { return (word_[words - 1] >> 63) != 0; }
  [[nodiscard]] NIBBLE_FUNCTION bool is_zero() const noexcept {
    std::uint64_t any = 0;
    for (const std::uint64_t word : word_) any |= word;
    return any == 0;
  }
  NIBBLE_FUNCTION void negate() noexcept {
    std::uint64_t carry = 1;
    for (std::uint64_t& word : word_) {
      word = ~word + carry;
      carry = carry != 0 && word == 0 ? 1U : 0U;
    }
  }

  std::uint64_t word_[words] = {};
  int exponent_ = lowest;
  bool nan_ = false;
  bool infinity_[2] = {false, false};
};

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
