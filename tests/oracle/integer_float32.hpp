// SPDX-License-Identifier: Apache-2.0

// float32 arithmetic by schoolbook integer operations: one bit is dropped at a time. It serves where the tests
// themselves are compiled with flags that forbid trusting any floating-point operation.
#pragma once

#include <cstdint>

namespace oracle::integer_float32 {

inline constexpr std::uint32_t infinity = 0x7F800000U;
inline constexpr std::uint32_t nan = 0x7FC00000U;

inline bool is_nan(std::uint32_t x) { return (x & 0x7FFFFFFFU) > infinity; }
inline bool is_infinite(std::uint32_t x) { return (x & 0x7FFFFFFFU) == infinity; }
inline bool is_zero(std::uint32_t x) { return (x & 0x7FFFFFFFU) == 0; }

/// The magnitude of a finite number is integer * 2^exponent.
struct scaled_integer {
  std::uint64_t integer;
  int exponent;
};

inline scaled_integer magnitude(std::uint32_t x) {
  const int field = static_cast<int>((x >> 23) & 0xFFU);
  if (field == 0) return {x & 0x7FFFFFU, -149};
  return {(x & 0x7FFFFFU) + 0x800000U, field - 150};
}

/// integer * 2^exponent, and a little more if `more`, to the nearest float32, ties to even.
inline std::uint32_t rounded(bool negative, std::uint64_t integer, int exponent, bool more) {
  const std::uint32_t sign = negative ? 0x80000000U : 0U;
  bool half = false;
  while (integer != 0 && (integer >= 0x1000000U || exponent < -149)) {
    more = more || half;
    half = integer % 2 != 0;
    integer /= 2;
    ++exponent;
  }
  if (integer == 0 && exponent < -149) return sign;
  while (integer < 0x800000U && exponent > -149) {
    integer *= 2;
    --exponent;
  }
  if (half && (more || integer % 2 != 0)) ++integer;
  if (integer == 0x1000000U) {
    integer /= 2;
    ++exponent;
  }
  if (exponent > 104) return sign | infinity;
  if (integer < 0x800000U) return sign | static_cast<std::uint32_t>(integer);
  return sign | (static_cast<std::uint32_t>(exponent + 150) << 23) | static_cast<std::uint32_t>(integer - 0x800000U);
}

inline std::uint32_t mul(std::uint32_t a, std::uint32_t b) {
  const bool negative = ((a ^ b) >> 31) != 0;
  if (is_nan(a) || is_nan(b)) return nan;
  if (is_infinite(a) || is_infinite(b)) {
    if (is_zero(a) || is_zero(b)) return nan;
    return (negative ? 0x80000000U : 0U) | infinity;
  }
  const scaled_integer x = magnitude(a);
  const scaled_integer y = magnitude(b);
  if (x.integer == 0 || y.integer == 0) return negative ? 0x80000000U : 0U;
  return rounded(negative, x.integer * y.integer, x.exponent + y.exponent, false);
}

inline std::uint32_t div(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t sign = (a ^ b) & 0x80000000U;
  if (is_nan(a) || is_nan(b) || (is_infinite(a) && is_infinite(b)) || (is_zero(a) && is_zero(b))) return nan;
  if (is_infinite(a) || is_zero(b)) return sign | infinity;
  if (is_zero(a) || is_infinite(b)) return sign;
  scaled_integer x = magnitude(a);
  const scaled_integer y = magnitude(b);
  while (x.integer < (std::uint64_t{1} << 62)) {
    x.integer *= 2;
    --x.exponent;
  }
  return rounded(sign != 0, x.integer / y.integer, x.exponent - y.exponent, x.integer % y.integer != 0);
}

inline std::uint32_t add(std::uint32_t a, std::uint32_t b) {
  if (is_nan(a) || is_nan(b)) return nan;
  if (is_infinite(a)) return is_infinite(b) && a != b ? nan : a;
  if (is_infinite(b)) return b;
  if ((a & 0x7FFFFFFFU) < (b & 0x7FFFFFFFU)) return add(b, a);
  const bool negative = (a >> 31) != 0;
  const bool subtract = ((a ^ b) >> 31) != 0;
  if (is_zero(a)) return subtract ? 0U : a;
  scaled_integer x = magnitude(a);
  const scaled_integer y = magnitude(b);
  // The larger one is brought to the exponent of the smaller; 36 places beyond its own are more than enough, and what
  // then lies below the last place is "a little more" of the sum, or of one less than the difference.
  int places = x.exponent - y.exponent;
  const bool far = places > 36;
  if (far) places = 36;
  x.integer <<= places;
  x.exponent -= places;
  if (far) {
    const bool more = y.integer != 0;
    return rounded(negative, subtract && more ? x.integer - 1 : x.integer, x.exponent, more);
  }
  const std::uint64_t sum = subtract ? x.integer - y.integer : x.integer + y.integer;
  if (sum == 0) return 0;
  return rounded(negative, sum, x.exponent, false);
}

/// -1, 0, 1 for less, equal, greater; 2 for unordered.
inline int compare(std::uint32_t a, std::uint32_t b) {
  if (is_nan(a) || is_nan(b)) return 2;
  const auto rank = [](std::uint32_t x) {
    const auto size = static_cast<std::int64_t>(x & 0x7FFFFFFFU);
    return (x >> 31) != 0 ? -size : size;
  };
  return rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0;
}

}  // namespace oracle::integer_float32
