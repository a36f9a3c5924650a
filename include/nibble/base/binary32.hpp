// SPDX-License-Identifier: Apache-2.0
//
// IEEE 754 binary32 arithmetic in integers. The few floating-point operations that define a quantization recipe are
// spelled in this type, so that contraction, reassociation, reciprocal approximation and flush-to-zero, which a
// consumer may switch on for a whole program, cannot reach them. Results equal the hardware's in default modes. Device
// code takes the instructions that PTX defines to be IEEE 754 whatever the flags say.
#pragma once

#include <cstdint>

#include <nibble/base/bits.hpp>

namespace nibble {
inline namespace v0 {

/// Integer arithmetic on binary32 patterns, each called, not inlined: recipes chain these operations, and code that held a
/// copy of each would take most of the time to compile a quantizer.
namespace detail::inline NIBBLE_UNIT {

/// The number significand * 2^exponent.
struct binary32_parts {
  std::uint64_t significand;
  int exponent;
};

NIBBLE_FUNCTION binary32_parts split_binary32(std::uint32_t magnitude) noexcept {
  const std::uint32_t field = magnitude >> 23;
  const std::uint32_t fraction = magnitude & 0x007f'ffffU;
  if (field == 0) return {fraction, -149};
  return {fraction | 0x0080'0000U, static_cast<int>(field) - 150};
}

/// Brings a nonzero significand to 24 bits.
NIBBLE_FUNCTION binary32_parts normalise_binary32(binary32_parts x) noexcept {
  while (x.significand < 0x0080'0000U) {
    x.significand <<= 1;
    --x.exponent;
  }
  return x;
}

/// Number of bits of a nonzero integer.
NIBBLE_FUNCTION int width_of(std::uint64_t x) noexcept {
#if defined(__CUDA_ARCH__)
  if (!__builtin_is_constant_evaluated()) return 64 - __clzll(static_cast<long long>(x));
#elif defined(__GNUC__)
  return 64 - __builtin_clzll(x);
#endif
#if defined(__CUDA_ARCH__) || !defined(__GNUC__)
  int bits = 0;
  for (; x != 0; x >>= 1) ++bits;
  return bits;
#endif
}

/// Rounds significand * 2^exponent, plus something below its last bit if `sticky`, to nearest even.
NIBBLE_OUTLINED std::uint32_t round_binary32(std::uint32_t sign, std::uint64_t significand, int exponent,
                                             bool sticky) noexcept {
  using layout = ieee_layout<std::uint32_t>;
  if (significand == 0) return sign;
  // The step is 2^(top - 23), and never below 2^-149.
  const int top = exponent + width_of(significand) - 1;
  const int step = top - 23 < -149 ? -149 : top - 23;
  const int shift = step - exponent;
  std::uint64_t kept = 0;
  if (shift <= 0) {
    kept = significand << -shift;
  } else if (shift < 64) {
    kept = significand >> shift;
    const std::uint64_t half = std::uint64_t{1} << (shift - 1);
    const std::uint64_t rest = significand & ((half << 1) - 1);
    const bool above = rest > half || (rest == half && (sticky || (kept & 1) != 0));
    kept += above ? 1U : 0U;
  }
  // A normal result carries its hidden bit into the exponent field by the addition.
  const int field = step + 149;
  if (field >= 254) return sign | layout::infinity;
  const std::uint64_t magnitude = (static_cast<std::uint64_t>(field) << 23) + kept;
  return sign | (magnitude >= layout::infinity ? layout::infinity : static_cast<std::uint32_t>(magnitude));
}

NIBBLE_OUTLINED std::uint32_t multiply_binary32(std::uint32_t a, std::uint32_t b) noexcept {
  using layout = ieee_layout<std::uint32_t>;
  const std::uint32_t sign = (a ^ b) & layout::sign_bit;
  a &= layout::magnitude_mask;
  b &= layout::magnitude_mask;
  if (a >= layout::infinity || b >= layout::infinity) {
    const bool invalid = a > layout::infinity || b > layout::infinity || a == 0 || b == 0;
    return invalid ? layout::quiet_nan : sign | layout::infinity;
  }
  const binary32_parts x = split_binary32(a);
  const binary32_parts y = split_binary32(b);
  return round_binary32(sign, x.significand * y.significand, x.exponent + y.exponent, false);
}

NIBBLE_OUTLINED std::uint32_t divide_binary32(std::uint32_t a, std::uint32_t b) noexcept {
  using layout = ieee_layout<std::uint32_t>;
  const std::uint32_t sign = (a ^ b) & layout::sign_bit;
  a &= layout::magnitude_mask;
  b &= layout::magnitude_mask;
  if (a > layout::infinity || b > layout::infinity || (a == b && (a == 0 || a == layout::infinity))) {
    return layout::quiet_nan;
  }
  if (a == layout::infinity || b == 0) return sign | layout::infinity;
  if (a == 0 || b == layout::infinity) return sign;
  const binary32_parts x = normalise_binary32(split_binary32(a));
  const binary32_parts y = normalise_binary32(split_binary32(b));
  const std::uint64_t dividend = x.significand << 32;
  const std::uint64_t quotient = dividend / y.significand;
  return round_binary32(sign, quotient, x.exponent - y.exponent - 32, quotient * y.significand != dividend);
}

NIBBLE_OUTLINED std::uint32_t add_binary32(std::uint32_t a, std::uint32_t b) noexcept {
  using layout = ieee_layout<std::uint32_t>;
  if ((a & layout::magnitude_mask) < (b & layout::magnitude_mask)) {
    const std::uint32_t larger = b;
    b = a;
    a = larger;
  }
  const bool subtract = ((a ^ b) & layout::sign_bit) != 0;
  const std::uint32_t sign = a & layout::sign_bit;
  a &= layout::magnitude_mask;
  b &= layout::magnitude_mask;
  if (a >= layout::infinity) {
    return a > layout::infinity || (subtract && b == a) ? layout::quiet_nan : sign | layout::infinity;
  }
  const binary32_parts x = split_binary32(a);
  const binary32_parts y = split_binary32(b);
  const int distance = x.exponent - y.exponent;
  // 30 spare bits hold every bit of b that can matter; what is below them is sticky.
  const std::uint64_t wide = x.significand << 30;
  const std::uint64_t narrow = distance < 54 ? (y.significand << 30) >> distance : 0U;
  const bool lost = distance < 54 ? (narrow << distance) != (y.significand << 30) : y.significand != 0;
  // Subtracting a little more than `narrow` is subtracting narrow + 1 and adding a sticky rest.
  const std::uint64_t sum = subtract ? wide - narrow - (lost ? 1U : 0U) : wide + narrow;
  if (sum == 0 && !lost) return subtract ? 0U : sign;
  return round_binary32(sign, sum, x.exponent - 30, lost);
}

}  // namespace detail

/// A binary32 number with `+ - * /` rounded to nearest even, subnormals kept, NaN quiet and otherwise unspecified.
/// Comparisons are by value, false for NaN.
class binary32 {
 public:
  constexpr binary32() = default;
  NIBBLE_FUNCTION explicit binary32(float x) noexcept : bits_(to_bits(x)) {}

  [[nodiscard]] NIBBLE_FUNCTION static binary32 from_bits(std::uint32_t bits) noexcept {
    binary32 x;
    x.bits_ = bits;
    return x;
  }
  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t bits() const noexcept { return bits_; }
  [[nodiscard]] NIBBLE_FUNCTION explicit operator float() const noexcept { return bit_cast<float>(bits_); }

  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t magnitude() const noexcept { return bits_ & layout::magnitude_mask; }
  [[nodiscard]] NIBBLE_FUNCTION bool is_nan() const noexcept { return magnitude() > layout::infinity; }
  [[nodiscard]] NIBBLE_FUNCTION bool is_infinity() const noexcept { return magnitude() == layout::infinity; }
  [[nodiscard]] NIBBLE_FUNCTION bool is_finite() const noexcept { return magnitude() < layout::infinity; }
  [[nodiscard]] NIBBLE_FUNCTION bool is_zero() const noexcept { return magnitude() == 0; }
  [[nodiscard]] NIBBLE_FUNCTION bool is_negative() const noexcept { return bits_ != magnitude(); }

  [[nodiscard]] NIBBLE_FUNCTION binary32 operator-() const noexcept { return from_bits(bits_ ^ layout::sign_bit); }
  [[nodiscard]] NIBBLE_FUNCTION binary32 absolute() const noexcept { return from_bits(magnitude()); }

  friend NIBBLE_FUNCTION binary32 operator*(binary32 a, binary32 b) noexcept {
#if defined(__CUDA_ARCH__)
    if (!__builtin_is_constant_evaluated()) return device_multiply(a, b);
#endif
    return from_bits(detail::multiply_binary32(a.bits_, b.bits_));
  }

  friend NIBBLE_FUNCTION binary32 operator/(binary32 a, binary32 b) noexcept {
#if defined(__CUDA_ARCH__)
    if (!__builtin_is_constant_evaluated()) return device_divide(a, b);
#endif
    return from_bits(detail::divide_binary32(a.bits_, b.bits_));
  }

  friend NIBBLE_FUNCTION binary32 operator+(binary32 a, binary32 b) noexcept {
#if defined(__CUDA_ARCH__)
    if (!__builtin_is_constant_evaluated()) return device_add(a, b);
#endif
    return from_bits(detail::add_binary32(a.bits_, b.bits_));
  }
  friend NIBBLE_FUNCTION binary32 operator-(binary32 a, binary32 b) noexcept { return a + -b; }

  friend NIBBLE_FUNCTION bool operator<(binary32 a, binary32 b) noexcept {
    return !a.is_nan() && !b.is_nan() && a.order() < b.order();
  }
  friend NIBBLE_FUNCTION bool operator>(binary32 a, binary32 b) noexcept { return b < a; }
  friend NIBBLE_FUNCTION bool operator==(binary32 a, binary32 b) noexcept {
    return !a.is_nan() && !b.is_nan() && a.order() == b.order();
  }

 private:
  using layout = ieee_layout<std::uint32_t>;

#if defined(__CUDACC__)
  // Without .ftz these keep subnormals, and inline PTX is never contracted. A NaN result is the one of the integer code.
  __device__ static binary32 device_multiply(binary32 a, binary32 b) noexcept {
    std::uint32_t result;
    asm("mul.rn.f32 %0, %1, %2;" : "=r"(result) : "r"(a.bits_), "r"(b.bits_));
    return canonical(result);
  }
  __device__ static binary32 device_divide(binary32 a, binary32 b) noexcept {
    std::uint32_t result;
    asm("div.rn.f32 %0, %1, %2;" : "=r"(result) : "r"(a.bits_), "r"(b.bits_));
    return canonical(result);
  }
  __device__ static binary32 device_add(binary32 a, binary32 b) noexcept {
    std::uint32_t result;
    asm("add.rn.f32 %0, %1, %2;" : "=r"(result) : "r"(a.bits_), "r"(b.bits_));
    return canonical(result);
  }
  __device__ static binary32 canonical(std::uint32_t bits) noexcept {
    const bool nan = (bits & layout::magnitude_mask) > layout::infinity;
    return from_bits(nan ? layout::quiet_nan : bits);
  }
#endif

  /// A total order of the non-NaN values with -0 equal to +0.
  [[nodiscard]] NIBBLE_FUNCTION std::int64_t order() const noexcept {
    return is_negative() ? -static_cast<std::int64_t>(magnitude()) : static_cast<std::int64_t>(magnitude());
  }

  std::uint32_t bits_ = 0;
};

/// The smaller of two numbers; a NaN in either gives NaN.
NIBBLE_FUNCTION binary32 minimum(binary32 a, binary32 b) noexcept {
  if (a.is_nan()) return a;
  return b.is_nan() || b < a ? b : a;
}
/// The larger of two numbers; a NaN in either gives NaN.
NIBBLE_FUNCTION binary32 maximum(binary32 a, binary32 b) noexcept {
  if (a.is_nan()) return a;
  return b.is_nan() || a < b ? b : a;
}

}  // namespace v0
}  // namespace nibble
