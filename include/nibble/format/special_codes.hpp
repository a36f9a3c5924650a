// SPDX-License-Identifier: Apache-2.0
//
// From format, rounding, overflow and policy to the handful of codes that encode selects from. The branching happens
// here, once a call; the per-element work is branch-free.
#pragma once

#include <cstdint>

#include <nibble/format/float_format.hpp>
#include <nibble/format/policy.hpp>
#include <nibble/format/rounding.hpp>

namespace nibble {
inline namespace v0 {

/// Codes of the special results; index 0 for a positive source, 1 for a negative one.
struct special_codes {
  std::uint32_t max_code = 0;      ///< a rounded magnitude above this has overflowed
  std::uint32_t overflow[2] = {};  ///< finite overflow
  std::uint32_t infinity[2] = {};
  std::uint32_t nan[2] = {};
  std::uint32_t zero[2] = {};       ///< the source is zero
  std::uint32_t underflow[2] = {};  ///< a nonzero source has rounded to zero
  std::uint32_t payload_mask = 0;   ///< mantissa bits of a NaN source that are ORed into `nan`
  std::uint32_t negative = 0;       ///< unsigned formats: a negative source that did not round to zero
  bool drop_sign = false;           ///< unsigned formats: read the magnitude instead
  bool subnormal_source_rounds_up = false;
};

namespace detail::inline NIBBLE_UNIT {

/// The largest number with the sign.
NIBBLE_FUNCTION std::uint32_t saturated_code(const float_format& f, bool negative) noexcept {
  if (f.twos_complement && negative) return (f.code_mask() + 1U - f.max_code()) & f.code_mask();
  return f.max_code() | (negative ? f.sign_mask() : 0U);
}

/// Codes of a format that one call asks for many times, by sign.
struct end_codes {
  std::uint32_t sign;
  std::uint32_t nan;           ///< the positive canonical one, if there is one
  std::uint32_t special[2];    ///< Inf, else NaN, else the largest number
  std::uint32_t saturated[2];  ///< saturated_code
};
NIBBLE_FUNCTION end_codes make_end_codes(const float_format& f) noexcept {
  const std::uint32_t sign = f.sign_mask();
  const std::uint32_t nan = f.nan_code();
  const std::uint32_t largest = f.max_code();
  const std::uint32_t special = f.has_infinity() ? largest + 1U : f.has_nan() ? nan : largest;
  const bool has_one = !f.has_infinity() && f.nan_is_negative_zero();
  return {sign, nan, {special, has_one ? nan : special | sign}, {largest, saturated_code(f, true)}};
}

/// Whether a rounding mode never moves a value of this sign away from zero.
NIBBLE_FUNCTION bool points_toward_zero(rounding_mode mode, bool negative) noexcept {
  return mode == rounding_mode::toward_zero || mode == (negative ? rounding_mode::upward : rounding_mode::downward);
}

/// Finite overflow in a format that can hold the sign (IEEE P3109 4.8 for its own three policies).
NIBBLE_FUNCTION std::uint32_t overflow_code(const float_format& f, const end_codes& end, rounding_mode mode, overflow o,
                                            bool negative) noexcept {
  const std::uint32_t saturated = end.saturated[negative];
  if (o != overflow::special && o != overflow::p3109_none) return saturated;
  if (points_toward_zero(mode, negative) || f.twos_complement) return saturated;
  if (o == overflow::special) return end.special[negative];
  if (mode == rounding_mode::to_odd && !f.has_sign && f.has_infinity()) return saturated;
  return f.has_infinity() ? end.special[negative] : saturated;
}

NIBBLE_FUNCTION std::uint32_t infinity_result(const float_format& f, const end_codes& end, overflow o, infinity_rule rule,
                                              bool negative) noexcept {
  const bool special = rule == infinity_rule::special ||
                       (rule == infinity_rule::special_in_scale && !f.has_zero) || o == overflow::special;
  if (rule == infinity_rule::zero) return 0U;
  if (f.twos_complement) return end.saturated[negative];
  if (special) return end.special[negative];
  const bool propagate = o == overflow::p3109_propagate || o == overflow::p3109_none;
  return propagate && f.has_infinity() ? end.special[negative] : end.saturated[negative];
}

NIBBLE_FUNCTION std::uint32_t absent_nan_code(const float_format& f, const end_codes& end, absent_nan_rule rule,
                                              bool negative) noexcept {
  if (rule == absent_nan_rule::max_positive) return end.saturated[0];
  if (rule == absent_nan_rule::max_with_sign) return end.saturated[negative];
  const bool flips = rule == absent_nan_rule::negated_zero && f.has_negative_zero();
  return flips && !negative ? end.sign : 0U;
}

NIBBLE_FUNCTION void set_nan(special_codes& codes, const float_format& f, const end_codes& end, const special_policy& p,
                             bool from_double) noexcept {
  const bool keeps = from_double && p.nan_from_double_keeps_payload && f.bits() <= 8;
  const bool keep_sign = (keeps || p.nan_sign == nan_sign_rule::keep) && f.has_sign && !f.nan_is_negative_zero();
  const nan_code_rule rule = keeps ? nan_code_rule::quiet_payload : p.nan_code;
  const bool choice = f.specials == special_values::infinity_and_nan && f.mantissa_bits > 0;
  if (!f.has_nan()) {
    for (int negative = 0; negative < 2; ++negative) {
      codes.nan[negative] = absent_nan_code(f, end, p.absent_nan, negative != 0);
    }
    return;
  }
  std::uint32_t code = end.nan;
  if (choice && rule != nan_code_rule::all_ones) {
    code = f.infinity_code() | (std::uint32_t{1} << (f.mantissa_bits - 1));
  }
  codes.nan[0] = code;
  codes.nan[1] = code | (keep_sign ? end.sign : 0U);
  if (choice && rule == nan_code_rule::quiet_payload) {
    codes.payload_mask = (std::uint32_t{1} << f.mantissa_bits) - 1U;
  }
}

/// Negative sources in a format without sign.
NIBBLE_FUNCTION void set_unsigned_negative(special_codes& codes, const float_format& f, const end_codes& end,
                                           rounding_mode mode, overflow o, const special_policy& p) noexcept {
  const unsigned_rule rule = p.negative_in_unsigned;
  if (rule == unsigned_rule::magnitude || (rule == unsigned_rule::magnitude_in_scale && !f.has_zero)) {
    codes.drop_sign = true;
    return;
  }
  const bool none = o == overflow::special || o == overflow::p3109_none;
  const bool to_nan = f.has_nan() && (rule == unsigned_rule::nan || none);
  const bool finite_to_nan = to_nan && (rule == unsigned_rule::nan || !points_toward_zero(mode, true));
  codes.negative = finite_to_nan ? end.nan : 0U;
  codes.overflow[1] = codes.negative;
  const bool infinity_to_nan = to_nan || (p.infinity == infinity_rule::special && f.has_nan());
  codes.infinity[1] = infinity_to_nan && p.infinity != infinity_rule::zero ? end.nan : 0U;
  codes.underflow[1] = rule == unsigned_rule::nan && f.has_nan() ? end.nan : 0U;
}

}  // namespace detail

/// The special results of one conversion. `from_double` says that the source is wider than binary32, which the `cuda`
/// policy treats differently for NaN.
NIBBLE_FUNCTION special_codes make_special_codes(const float_format& f, rounding_mode mode, overflow o,
                                                 const special_policy& p, bool from_double) noexcept {
  special_codes codes;
  const detail::end_codes end = detail::make_end_codes(f);
  codes.max_code = end.saturated[0];
  for (int negative = 0; negative < 2; ++negative) {
    const bool is_negative = negative != 0;
    codes.overflow[negative] = detail::overflow_code(f, end, mode, o, is_negative);
    codes.infinity[negative] = detail::infinity_result(f, end, o, p.infinity, is_negative);
  }
  const std::uint32_t negative_zero = f.has_negative_zero() ? end.sign : 0U;
  codes.zero[1] = p.negative_zero == negative_zero_rule::keep ? negative_zero : 0U;
  codes.underflow[1] = p.negative_zero == negative_zero_rule::drop ? 0U : negative_zero;
  if (!f.has_zero && p.absent_zero_is_nan && f.has_nan()) codes.zero[0] = codes.zero[1] = end.nan;
  detail::set_nan(codes, f, end, p, from_double);
  if (!f.has_sign) detail::set_unsigned_negative(codes, f, end, mode, o, p);
  const bool is_e8m0 = !f.has_sign && !f.has_zero && f.mantissa_bits == 0 && f.bias == 127;
  codes.subnormal_source_rounds_up = p.subnormal_source_rounds_up && is_e8m0 && !from_double &&
                                     (mode == rounding_mode::nearest_even || mode == rounding_mode::nearest_away);
  return codes;
}

namespace detail::inline NIBBLE_UNIT {

/// make_special_codes where it is one of many steps of a call: called, not copied.
NIBBLE_OUTLINED special_codes called_special_codes(const float_format& f, rounding_mode mode, overflow o,
                                                   const special_policy& p, bool from_double) noexcept {
  return make_special_codes(f, mode, o, p, from_double);
}

}  // namespace detail

}  // namespace v0
}  // namespace nibble
