// SPDX-License-Identifier: Apache-2.0
//
// What a code is and how codes are ordered, answered on its bits: no floating-point comparison takes part, so that
// -ffast-math and flushed subnormals cannot change an answer. Codes have no bits above those of the format.
#pragma once

#include <cstdint>

#include <nibble/format/float_format.hpp>

namespace nibble {
inline namespace v0 {

/// Whether `code` is a NaN of `f`.
[[nodiscard]] NIBBLE_FUNCTION bool is_nan_code(const float_format& f, std::uint32_t code) noexcept {
  if (!f.has_nan()) return false;
  if (f.nan_is_negative_zero()) return code == f.nan_code();
  return (code & f.magnitude_mask()) > (f.has_infinity() ? f.infinity_code() : f.max_code());
}

/// Whether `code` is an infinity of `f`, of either sign.
[[nodiscard]] NIBBLE_FUNCTION bool is_infinity_code(const float_format& f, std::uint32_t code) noexcept {
  return f.has_infinity() && (code & f.magnitude_mask()) == f.infinity_code();
}

/// Whether the sign bit of `code` is set. The one NaN of a format without -0 has no sign.
[[nodiscard]] NIBBLE_FUNCTION bool is_negative_code(const float_format& f, std::uint32_t code) noexcept {
  return (code & f.sign_mask()) != 0 && !(f.nan_is_negative_zero() && code == f.nan_code());
}

namespace detail::inline NIBBLE_UNIT {

/// The rank of sign_mask(): that of +0, or without a zero one less than that of code 0, a number like any other.
NIBBLE_FUNCTION std::int32_t first_negative_rank(const float_format& f) noexcept { return f.has_zero ? 0 : -1; }

}  // namespace detail

/// Position of a code that is no NaN among the numbers of `f`: equal for -0 and +0, one more for the next larger
/// number. Infinities come just outside the largest numbers.
[[nodiscard]] NIBBLE_FUNCTION std::int32_t code_rank(const float_format& f, std::uint32_t code) noexcept {
  const auto magnitude = static_cast<std::int32_t>(code & f.magnitude_mask());
  if ((code & f.sign_mask()) == 0) return magnitude;
  if (f.twos_complement) return magnitude - static_cast<std::int32_t>(f.sign_mask());
  return detail::first_negative_rank(f) - magnitude;
}

/// Rank of the largest code that is no NaN: infinity where the format has it.
[[nodiscard]] NIBBLE_FUNCTION std::int32_t highest_rank(const float_format& f) noexcept {
  return static_cast<std::int32_t>(f.has_infinity() ? f.infinity_code() : f.max_code());
}

/// Rank of the smallest code that is no NaN: -infinity where the format has it.
[[nodiscard]] NIBBLE_FUNCTION std::int32_t lowest_rank(const float_format& f) noexcept {
  if (f.twos_complement) return -static_cast<std::int32_t>(f.sign_mask());
  return f.has_sign ? detail::first_negative_rank(f) - highest_rank(f) : 0;
}

/// The code of a rank between lowest_rank() and highest_rank(); rank 0 gives code 0, which is +0 where there is a zero.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t code_of_rank(const float_format& f, std::int32_t rank) noexcept {
  if (rank >= 0) return static_cast<std::uint32_t>(rank);
  if (f.twos_complement) return static_cast<std::uint32_t>(rank) & f.code_mask();
  return static_cast<std::uint32_t>(detail::first_negative_rank(f) - rank) | f.sign_mask();
}

/// The code of the negated value: the sign bit flips, NaN stays NaN, and zero stays zero where there is no -0. In two's
/// complement the most negative integer gives the largest one. A format without sign is returned as it is.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t negated_code(const float_format& f, std::uint32_t code) noexcept {
  if (f.twos_complement) return code == f.sign_mask() ? f.max_code() : (0U - code) & f.code_mask();
  const bool only_zero = (code & f.magnitude_mask()) == 0 && !f.has_negative_zero();
  return only_zero && f.has_zero ? code : code ^ f.sign_mask();
}

/// The code of the magnitude, by the rules of negated_code().
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t absolute_code(const float_format& f, std::uint32_t code) noexcept {
  return is_negative_code(f, code) ? negated_code(f, code) : code;
}

/// The code of the next larger number (IEEE 754 nextUp): the highest stays, NaN stays, the largest negative number
/// gives -0 where the format has it.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t next_up_code(const float_format& f, std::uint32_t code) noexcept {
  if (is_nan_code(f, code)) return code;
  const std::int32_t rank = code_rank(f, code);
  if (rank == highest_rank(f)) return code;
  return rank == -1 && f.has_negative_zero() ? f.sign_mask() : code_of_rank(f, rank + 1);
}

/// The code of the next smaller number (IEEE 754 nextDown): the lowest stays, NaN stays, the smallest positive number
/// gives +0.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t next_down_code(const float_format& f, std::uint32_t code) noexcept {
  if (is_nan_code(f, code)) return code;
  const std::int32_t rank = code_rank(f, code);
  return rank == lowest_rank(f) ? code : code_of_rank(f, rank - 1);
}

}  // namespace v0
}  // namespace nibble
