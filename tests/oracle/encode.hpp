// SPDX-License-Identifier: Apache-2.0

// Reference for a whole conversion number -> code: rounding from codec.hpp, then what happens to overflow, to negative
// numbers in unsigned formats, to infinities and to NaN under each convention; and the same as a list of intervals of
// float32 bit patterns, so that a test can sweep all inputs without searching for each.
#pragma once

#include <oracle/codec.hpp>
#include <oracle/number.hpp>

#include <vector>

namespace oracle {

/// Whether a NaN keeps its sign and highest payload bits: the CUDA headers do from double (`from_double`), in E4M3 and
/// E5M2; all formats of at most 8 bits are taken as one of those.
inline bool keeps_nan_of_double(const format& f, policy who, bool from_double) {
  return who == policy::cuda && from_double && f.bits() <= 8;
}

/// NaN code of a format that has Inf and NaN as IEEE 754 does.
inline std::uint32_t ieee_nan(const format& f, std::uint64_t bits, policy who, bool from_double) {
  const std::uint32_t all_ones = f.magnitude_codes() - 1;
  const std::uint32_t sign = (bits >> 63) != 0 ? f.sign_code() : 0;
  const std::uint32_t infinity = max_code(f) + 1;
  const std::uint32_t quiet = infinity | (std::uint32_t{1} << (f.mantissa_bits - 1));
  const auto payload = static_cast<std::uint32_t>((bits & 0xFFFFFFFFFFFFFULL) >> (52 - f.mantissa_bits));
  switch (who) {
    case policy::ml_dtypes: return quiet | sign;
    case policy::onednn: return quiet | payload | sign;
    case policy::p3109: return quiet;
    case policy::cuda: return keeps_nan_of_double(f, who, from_double) ? quiet | payload | sign : all_ones;
    case policy::cutlass:
    case policy::ggml: return all_ones;
  }
  return all_ones;
}

/// NaN in a format without NaN. CUDA headers and PTX: the largest value; CUTLASS host types and oneDNN: with the sign
/// of the NaN; ml_dtypes: negative zero for a positive NaN, zero for a negative one; ggml: zero.
inline std::uint32_t nan_without_nan_code(const format& f, bool negative, policy who) {
  switch (who) {
    case policy::ml_dtypes: return negative || !f.has_negative_zero() ? 0 : f.sign_code();
    case policy::cutlass:
    case policy::onednn: return finite_code(f, max_code(f), negative, who);
    case policy::ggml: return 0;
    case policy::cuda:
    case policy::p3109: return max_code(f);
  }
  return 0;
}

inline std::uint32_t encode_nan(const format& f, double x, policy who, bool from_double) {
  const std::uint64_t bits = double_bits(x);
  const bool negative = (bits >> 63) != 0;
  if (!f.has_nan()) return nan_without_nan_code(f, negative, who);
  if (f.special == specials::infinity_and_nan) return ieee_nan(f, bits, who, from_double);
  if (f.special != specials::nan_only || !f.has_sign) return overflow_nan(f, false);
  const bool keep_sign = who == policy::ml_dtypes || who == policy::onednn || keeps_nan_of_double(f, who, from_double);
  return overflow_nan(f, keep_sign && negative);
}

/// Conversions in which Inf is never saturated, whatever happens to finite numbers.
inline overflow infinity_rule(const format& f, overflow rule, policy who) {
  const bool always = who == policy::ml_dtypes || who == policy::onednn || (who == policy::cutlass && !f.has_zero);
  return always ? overflow::special : rule;
}

/// A magnitude beyond the largest value, finite or infinite, of a sign that the format has.
inline std::uint32_t encode_overflow(const format& f, bool negative, bool infinite, rounding mode, overflow rule,
                                     policy who) {
  const std::uint32_t largest = finite_code(f, max_code(f), negative, who);
  switch (rule) {
    case overflow::saturate:
    case overflow::p3109_finite: return largest;
    case overflow::special:
      if (f.has_infinity()) return infinity_code(f, negative);
      return f.has_nan() ? overflow_nan(f, negative) : largest;
    case overflow::p3109_propagate: return infinite && f.has_infinity() ? infinity_code(f, negative) : largest;
    case overflow::p3109_none: {
      const bool odd_unsigned = !infinite && mode == rounding::to_odd && !f.has_sign;
      return f.has_infinity() && !odd_unsigned ? infinity_code(f, negative) : largest;
    }
  }
  return largest;
}

/// A negative number in an unsigned format: the smallest number, or NaN where overflow is not saturated and the number
/// does not round to zero. Rounding toward zero or up stops at the smallest number.
inline std::uint32_t encode_negative_unsigned(const format& f, long double size, bool infinite, rounding mode,
                                              overflow rule) {
  const bool clamps = rule == overflow::saturate || rule == overflow::p3109_finite || rule == overflow::p3109_propagate;
  if (clamps || !f.has_nan()) return 0;
  if (infinite) return overflow_nan(f, true);
  if (mode == rounding::toward_zero || mode == rounding::upward) return 0;
  return f.has_zero && round_magnitude(f, size, mode, true) == 0 ? 0 : overflow_nan(f, true);
}

/// Whether the sign is ignored: by all conversions to E8M0 but ml_dtypes and IEEE P3109, by CUTLASS in all unsigned
/// formats (exmy_base.h).
inline bool drops_sign(const format& f, policy who) {
  if (f.has_sign) return false;
  return who == policy::cutlass || (!f.has_zero && who != policy::ml_dtypes && who != policy::p3109);
}

/// ml_dtypes sends zero and every negative number to NaN in E8M0 (its only type without either); and there a float32
/// between the two smallest values, a subnormal, always becomes the upper one.
inline bool is_ml_dtypes_nan(const format& f, double x, policy who) {
  if (who != policy::ml_dtypes || !f.has_nan()) return false;
  return is_zero(x) ? !f.has_zero : !f.has_sign && is_negative(x);
}

inline bool is_ml_dtypes_subnormal(const format& f, double x, rounding mode, policy who, bool from_double) {
  const bool nearest = mode == rounding::nearest_even || mode == rounding::nearest_away;
  const bool is_e8m0 = !f.has_sign && !f.has_zero && f.mantissa_bits == 0 && f.bias == 127;
  if (who != policy::ml_dtypes || !is_e8m0 || from_double || !nearest) return false;
  return x > static_cast<double>(magnitude_value(f, 0)) && x < static_cast<double>(magnitude_value(f, 1));
}

/// The code of a number. float32, binary16 and bfloat16 inputs are passed as the equal double with `from_double` false.
inline std::uint32_t encode(const format& f, double x, rounding mode = rounding::nearest_even,
                            overflow rule = overflow::saturate, policy who = policy::cuda, bool from_double = false) {
  if (is_nan(x)) return encode_nan(f, x, who, from_double);
  if (is_ml_dtypes_nan(f, x, who)) return overflow_nan(f, false);
  if (is_ml_dtypes_subnormal(f, x, mode, who, from_double)) return 1;
  const bool lost = !f.has_zero && is_zero(x);  // the sign of a zero that the format does not have
  const bool negative = is_negative(x) && !drops_sign(f, who) && !lost;
  const bool infinite = is_infinite(x);
  const auto size = static_cast<long double>(magnitude(x));
  if (infinite && who == policy::ggml) return 0;
  if (infinite) rule = infinity_rule(f, rule, who);
  if (negative && !f.has_sign) return is_zero(x) ? 0 : encode_negative_unsigned(f, size, infinite, mode, rule);
  if (infinite) return encode_overflow(f, negative, true, mode, rule, who);
  const std::uint32_t code = round_magnitude(f, size, mode, negative);
  if (code > max_code(f)) return encode_overflow(f, negative, false, mode, rule, who);
  return finite_code(f, code, negative, who);
}

/// Inputs whose magnitude bits lie in [first, last] give `code`.
struct interval {
  std::uint32_t first;
  std::uint32_t last;
  std::uint32_t code;
};

/// All finite float32 of one sign, as intervals of magnitude bits 0 .. 0x7F7FFFFF in rising order. Zero stands alone,
/// so that each remaining code fills one run (formats of at most 16 bits).
inline std::vector<interval> float32_intervals(const format& f, bool negative, rounding mode = rounding::nearest_even,
                                               overflow rule = overflow::saturate, policy who = policy::cuda) {
  const std::uint32_t end = 0x7F7FFFFF;
  const auto code_of = [&](std::uint32_t bits) {
    return encode(f, float_value(bits | (negative ? 0x80000000U : 0U)), mode, rule, who);
  };
  std::vector<interval> list{{0, 0, code_of(0)}};
  for (std::uint32_t first = 1; first <= end; first = list.back().last + 1) {
    const std::uint32_t code = code_of(first);
    std::uint32_t low = first;
    std::uint32_t high = end;
    while (low < high) {
      const std::uint32_t middle = low + (high - low + 1) / 2;
      if (code_of(middle) == code) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    list.push_back({first, low, code});
  }
  return list;
}

}  // namespace oracle
