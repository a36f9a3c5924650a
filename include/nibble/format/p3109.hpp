// SPDX-License-Identifier: Apache-2.0
//
// The IEEE P3109 family Binary{K}p{P}{s|u}{f|e} (Interim Report v4.0, section 4.2) as values of the same descriptor.
#pragma once

#include <nibble/format/float_format.hpp>

namespace nibble {
inline namespace v0 {
namespace formats {

/// Binary{width}p{precision}: `precision` counts the hidden bit, so it is mantissa bits + 1. The bias is
/// 2^(width - precision - 1) with a sign and 2^(width - precision) without. `extended` formats have infinities.
/// Widths 3 to 16; 0 < precision < width with a sign, 0 < precision <= width without. Formats whose numbers leave the
/// range of double (precision near 1 at large widths) have is_valid() == false.
NIBBLE_FUNCTION float_format p3109(int width, int precision, bool has_sign, bool extended) noexcept {
  const int exponent_bits = width - precision + (has_sign ? 0 : 1);
  return {.exponent_bits = exponent_bits,
          .mantissa_bits = precision - 1,
          .bias = 1 << (exponent_bits - 1),
          .specials = extended ? special_values::p3109_extended : special_values::p3109_finite,
          .has_sign = has_sign};
}

/// The formats that P3109 requires: Binary8p4se, Binary8p3se, Binary4p2sf and the scale Binary8p1uf.
NIBBLE_CONSTANT float_format binary8p4se = p3109(8, 4, true, true);
NIBBLE_CONSTANT float_format binary8p3se = p3109(8, 3, true, true);
NIBBLE_CONSTANT float_format binary4p2sf = p3109(4, 2, true, false);
NIBBLE_CONSTANT float_format binary8p1uf = p3109(8, 1, false, false);

}  // namespace formats
}  // namespace v0
}  // namespace nibble
