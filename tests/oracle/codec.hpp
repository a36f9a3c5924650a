// SPDX-License-Identifier: Apache-2.0

// Brute-force reference for number formats: what a code means, and which code a number gets, decided by searching the
// list of all values of the format and comparing with exact midpoints. It shares nothing with the library: no bit
// trick, no table, no type. Arithmetic is done on `long double`, whose 64-bit significand and 15-bit exponent (or more)
// hold every value and midpoint of the formats exactly.
#pragma once

#include <oracle/number.hpp>

#include <cmath>
#include <cstdint>

namespace oracle {

enum class specials { none, nan_only, infinity_and_nan, fnuz, p3109_finite, p3109_extended };

enum class rounding { nearest_even, nearest_away, nearest_toward_zero, toward_zero, upward, downward, to_odd };

enum class overflow { saturate, special, p3109_finite, p3109_propagate, p3109_none };

/// Whose convention decides NaN inputs, the sign of zero and the odd cases of E8M0.
enum class policy { cuda, ml_dtypes, cutlass, onednn, p3109, ggml };

/// Value of a code: (-1)^s 2^(E-bias) (1 + T/2^m), and (-1)^s 2^(1-bias) T/2^m for E = 0. Without zero (E8M0) the field
/// E = 0 is an ordinary power of two. A two's complement format has no exponent field: value = T 2^(1-bias-m).
struct format {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  specials special = specials::none;
  bool has_sign = true;
  bool has_zero = true;
  bool twos_complement = false;

  [[nodiscard]] int bits() const { return exponent_bits + mantissa_bits + (has_sign ? 1 : 0); }
  [[nodiscard]] std::uint32_t magnitude_codes() const { return std::uint32_t{1} << (exponent_bits + mantissa_bits); }
  [[nodiscard]] std::uint32_t sign_code() const { return has_sign ? magnitude_codes() : 0; }
  [[nodiscard]] bool is_p3109() const {
    return special == specials::p3109_finite || special == specials::p3109_extended;
  }
  [[nodiscard]] bool has_nan() const { return special != specials::none; }
  [[nodiscard]] bool has_infinity() const {
    return special == specials::infinity_and_nan || special == specials::p3109_extended;
  }
  /// Formats whose only NaN is a single code give that code to -0 and have no negative zero.
  [[nodiscard]] bool has_negative_zero() const {
    return has_sign && has_zero && !twos_complement && special != specials::fnuz && !is_p3109();
  }
};

/// Largest magnitude code that is a finite number.
inline std::uint32_t max_code(const format& f) {
  const std::uint32_t n = f.magnitude_codes();
  switch (f.special) {
    case specials::none: return n - 1;
    case specials::nan_only: return n - 2;
    case specials::infinity_and_nan: return n - (std::uint32_t{1} << f.mantissa_bits) - 1;
    case specials::fnuz: return n - 1;
    case specials::p3109_finite: return f.has_sign ? n - 1 : n - 2;
    case specials::p3109_extended: return f.has_sign ? n - 2 : n - 3;
  }
  return 0;
}

/// The number at a magnitude code, as if the series of values went on beyond the last one.
inline long double magnitude_value(const format& f, std::uint32_t code) {
  const std::uint32_t fraction = code & ((std::uint32_t{1} << f.mantissa_bits) - 1);
  const int exponent = static_cast<int>(code >> f.mantissa_bits);
  if (f.twos_complement) return std::ldexp(static_cast<long double>(code), 1 - f.bias - f.mantissa_bits);
  const bool subnormal = exponent == 0 && f.has_zero;
  const long double significand =
      std::ldexp(static_cast<long double>(fraction), -f.mantissa_bits) + (subnormal ? 0.0L : 1.0L);
  return std::ldexp(significand, (subnormal ? 1 : exponent) - f.bias);
}

inline long double max_value(const format& f) { return magnitude_value(f, max_code(f)); }

enum class code_class { finite, infinite, nan };

/// What a code stands for. `negative` and `magnitude` describe finite codes.
struct meaning {
  code_class kind;
  bool negative;
  std::uint32_t magnitude;
};

inline meaning classify(const format& f, std::uint32_t code) {
  const std::uint32_t n = f.magnitude_codes();
  const bool negative = f.has_sign && code >= n;
  if (f.twos_complement) return {code_class::finite, negative, negative ? 2 * n - code : code};
  const std::uint32_t magnitude = negative ? code - n : code;
  const bool one_nan = f.special == specials::fnuz || (f.is_p3109() && f.has_sign);
  if (one_nan && negative && magnitude == 0) return {code_class::nan, false, 0};
  if (magnitude <= max_code(f)) return {code_class::finite, negative, magnitude};
  if (f.has_infinity() && magnitude == max_code(f) + 1) return {code_class::infinite, negative, 0};
  return {code_class::nan, negative, 0};
}

/// Exact value of a code (formats of the tests lie inside the range of double).
inline double decode(const format& f, std::uint32_t code) {
  const meaning m = classify(f, code);
  double value = quiet_nan();
  if (m.kind == code_class::infinite) value = infinity();
  if (m.kind == code_class::finite) value = static_cast<double>(magnitude_value(f, m.magnitude));
  return with_sign(value, m.negative);
}

/// The neighbours of a magnitude: code `lower` is the largest with value <= a; `lower + 1` is the next one, which may
/// lie one beyond the last finite code. `exact` says a equals the lower value; `below_all` that a is less than every
/// value.
struct neighbours {
  std::uint32_t lower;
  long double lower_value;
  long double upper_value;
  bool exact;
  bool below_all;
};

inline neighbours find_neighbours(const format& f, long double a) {
  std::uint32_t low = 0;
  std::uint32_t high = max_code(f);
  if (a < magnitude_value(f, 0)) return {0, 0.0L, magnitude_value(f, 0), false, true};
  while (low < high) {
    const std::uint32_t middle = low + (high - low + 1) / 2;
    if (magnitude_value(f, middle) <= a) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  const long double value = magnitude_value(f, low);
  return {low, value, magnitude_value(f, low + 1), value == a, false};
}

/// True when the magnitude goes to the upper neighbour. Ties are decided by the parity of the code.
inline bool rounds_up(const neighbours& n, long double a, rounding mode, bool negative) {
  if (n.exact) return false;
  const long double middle = (n.lower_value + n.upper_value) / 2;
  const bool lower_is_odd = n.lower % 2 != 0;
  switch (mode) {
    case rounding::nearest_even: return a > middle || (a == middle && lower_is_odd);
    case rounding::nearest_away: return a >= middle;
    case rounding::nearest_toward_zero: return a > middle;
    case rounding::toward_zero: return false;
    case rounding::upward: return !negative;
    case rounding::downward: return negative;
    case rounding::to_odd: return !lower_is_odd;
  }
  return false;
}

/// Magnitude code after rounding; `max_code + 1` stands for every overflow. Directed rounding toward zero never
/// overflows: it stops at the largest value.
inline std::uint32_t round_magnitude(const format& f, long double a, rounding mode, bool negative) {
  const neighbours n = find_neighbours(f, a);
  if (n.below_all) return 0;
  const bool inward = mode == rounding::toward_zero || mode == (negative ? rounding::upward : rounding::downward);
  if (n.lower == max_code(f) && a >= n.upper_value) return inward ? n.lower : n.lower + 1;
  return rounds_up(n, a, mode, negative) ? n.lower + 1 : n.lower;
}

/// The code of a finite magnitude with a sign; a zero takes the sign only where the format has a negative zero.
inline std::uint32_t finite_code(const format& f, std::uint32_t magnitude, bool negative, policy who) {
  if (!negative || !f.has_sign) return magnitude;
  const bool drops = !f.has_negative_zero() || who == policy::ggml || who == policy::p3109;
  if (magnitude == 0 && f.has_zero && drops) return 0;
  return f.twos_complement ? 2 * f.magnitude_codes() - magnitude : f.magnitude_codes() + magnitude;
}

inline std::uint32_t infinity_code(const format& f, bool negative) {
  return max_code(f) + 1 + (negative ? f.sign_code() : 0);
}

/// The NaN code that an overflow or a forbidden negative number gives; it has the sign of the number where the code has
/// one.
inline std::uint32_t overflow_nan(const format& f, bool negative) {
  if (f.special == specials::fnuz || (f.is_p3109() && f.has_sign)) return f.sign_code();
  return f.magnitude_codes() - 1 + (negative ? f.sign_code() : 0);
}

}  // namespace oracle
