// SPDX-License-Identifier: Apache-2.0

// Exact numbers for the oracle: bit views, and float32 arithmetic carried out in double and rounded once by hand.
// A float32 is held in a double, so that the results depend neither on contraction, fast-math or flush-to-zero settings
// nor on the compiler: the product of two float32 is exact in double, and for sums and quotients the second rounding is
// harmless (53 >= 2 * 24 + 2 bits). NaN, Inf and the sign of zero are decided on bits.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace oracle {

inline std::uint32_t float_bits(float x) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float bits_float(std::uint32_t bits) {
  float x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline std::uint64_t double_bits(double x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline double bits_double(std::uint64_t bits) {
  double x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline constexpr std::uint64_t double_infinity_bits = 0x7FF0000000000000U;

inline bool is_negative(double x) { return (double_bits(x) >> 63) != 0; }
inline bool is_nan(double x) { return (double_bits(x) << 1) > (double_infinity_bits << 1); }
inline bool is_infinite(double x) { return (double_bits(x) << 1) == (double_infinity_bits << 1); }
inline bool is_zero(double x) { return (double_bits(x) << 1) == 0; }
inline double with_sign(double x, bool negative) {
  return bits_double((double_bits(x) & ~(std::uint64_t{1} << 63)) | (std::uint64_t{negative} << 63));
}
inline double magnitude(double x) { return with_sign(x, false); }
inline double infinity() { return bits_double(double_infinity_bits); }
inline double quiet_nan() { return bits_double(0x7FF8000000000000U); }

/// The double equal to a float32 bit pattern; NaN keeps its sign and payload.
inline double float_value(std::uint32_t bits) {
  const std::uint32_t fraction = bits & 0x7FFFFFU;
  const int exponent = static_cast<int>((bits >> 23) & 0xFFU);
  double x = 0;
  if (exponent == 255) {
    x = bits_double(double_infinity_bits | (std::uint64_t{fraction} << 29));
  } else if (exponent == 0) {
    x = std::ldexp(static_cast<double>(fraction), -149);
  } else {
    x = std::ldexp(static_cast<double>(fraction + 0x800000U), exponent - 150);
  }
  return with_sign(x, (bits >> 31) != 0);
}

/// A double rounded to the nearest float32, ties to even, with gradual underflow and overflow to infinity.
inline double round_to_float(double x) {
  if (is_nan(x) || is_infinite(x) || is_zero(x)) return x;
  int exponent = 0;
  (void)std::frexp(x, &exponent);
  const int quantum = exponent - 24 < -149 ? -149 : exponent - 24;
  const double steps = std::ldexp(magnitude(x), -quantum);
  double whole = std::floor(steps);
  const double rest = steps - whole;
  if (rest > 0.5 || (rest == 0.5 && static_cast<std::uint64_t>(whole) % 2 != 0)) whole += 1.0;
  const double result = std::ldexp(whole, quantum);
  return with_sign(result >= 0x1p128 ? infinity() : result, is_negative(x));
}

/// The bits of a double that holds a float32 (NaN as 0x7FC00000 with its sign).
inline std::uint32_t bits_of_float(double x) {
  const std::uint32_t sign = is_negative(x) ? 0x80000000U : 0U;
  if (is_nan(x)) return sign | 0x7FC00000U;
  if (is_infinite(x)) return sign | 0x7F800000U;
  const double a = magnitude(x);
  if (a < 0x1p-126) return sign | static_cast<std::uint32_t>(std::ldexp(a, 149));
  int exponent = 0;
  const double fraction = std::frexp(a, &exponent);
  return sign | ((static_cast<std::uint32_t>(exponent + 126) << 23) +
                 static_cast<std::uint32_t>(std::ldexp(fraction, 24)) - 0x800000U);
}

/// float32 operations on doubles that hold float32 values.
namespace f32 {

inline constexpr double max = 0x1.fffffep127;

inline double mul(double a, double b) {
  const bool negative = is_negative(a) != is_negative(b);
  const bool zero = is_zero(a) || is_zero(b);
  const bool infinite = is_infinite(a) || is_infinite(b);
  if (is_nan(a)) return a;
  if (is_nan(b)) return b;
  if (infinite) return zero ? quiet_nan() : with_sign(infinity(), negative);
  return with_sign(zero ? 0.0 : round_to_float(magnitude(a) * magnitude(b)), negative);
}

inline double div(double a, double b) {
  const bool negative = is_negative(a) != is_negative(b);
  if (is_nan(a)) return a;
  if (is_nan(b)) return b;
  if (is_infinite(a)) return is_infinite(b) ? quiet_nan() : with_sign(infinity(), negative);
  if (is_infinite(b)) return with_sign(0.0, negative);
  if (is_zero(b)) return is_zero(a) ? quiet_nan() : with_sign(infinity(), negative);
  return with_sign(is_zero(a) ? 0.0 : round_to_float(magnitude(a) / magnitude(b)), negative);
}

/// Sum of finite numbers.
inline double add(double a, double b) { return round_to_float(a + b); }

/// The smaller one; a NaN stays.
inline double at_most(double a, double limit) { return !is_nan(a) && a > limit ? limit : a; }

inline double clamp(double a, double low, double high) {
  if (is_nan(a)) return a;
  return a < low ? low : at_most(a, high);
}

/// log2 as a correctly rounded float32, rounded down to an integer: one too high for the last few floats below a power
/// of two far from 1, as in every implementation that takes log2 in float32.
inline int floor_log2(double a) {
  return static_cast<int>(std::floor(round_to_float(static_cast<double>(std::log2(static_cast<long double>(a))))));
}

}  // namespace f32
}  // namespace oracle
