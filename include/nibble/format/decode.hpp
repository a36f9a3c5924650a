// SPDX-License-Identifier: Apache-2.0
//
// Decode: from the code of a format to the real number, exact, in integer lanes.
#pragma once

#include <concepts>
#include <cstdint>

#include <nibble/base/lanes.hpp>
#include <nibble/format/catalogue.hpp>
#include <nibble/format/float_format.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Bits of the binary32 (32-bit lanes) or binary64 (64-bit lanes) that equals significand * 2^(exponent - bias -
/// mantissa_bits) in the terms of `f`: an integer that the target holds, and an exponent of at least 1, or 0 without zero.
template <class Lanes>
NIBBLE_FUNCTION Lanes scaled_significand(const float_format& f, Lanes significand, Lanes exponent) noexcept {
  using operations = lane_operations<Lanes>;
  using word = lane_word<Lanes>;
  using layout = ieee_layout<word>;
  constexpr int target_bits = layout::mantissa_bits;
  const auto lane = [](auto value) NIBBLE_INLINE_LAMBDA { return Lanes(static_cast<word>(value)); };

  // The significand as a float supplies normalisation; the exponent is then moved by an integer addition.
  const Lanes converted = operations::bits_of_integer(significand);
  const int unit = -f.bias - f.mantissa_bits;
  const Lanes moved = converted + (exponent << target_bits) +
                      lane(static_cast<word>(static_cast<word>(unit) << target_bits));
  const int lowest = f.min_exponent() - f.mantissa_bits + layout::bias;
  if (lowest >= 1) return operations::select(significand == lane(0), lane(0), moved);

  // Some numbers are subnormal in the target: shift the significand right instead of going below field 1.
  constexpr int headroom = 1 << 11;
  const Lanes target_field = (converted >> target_bits) + exponent + lane(static_cast<word>(headroom + unit));
  const auto is_subnormal = target_field < lane(headroom + 1);
  const Lanes full = (converted & lane((word{1} << target_bits) - 1)) | lane(word{1} << target_bits);
  const Lanes down = operations::minimum(operations::select(is_subnormal, lane(headroom + 1) - target_field, lane(0)),
                                         lane(sizeof(word) * 8 - 1));
  const Lanes result = operations::select(is_subnormal, full >> down, moved);
  return operations::select(significand == lane(0), lane(0), result);
}

/// Bits of the binary32 (32-bit lanes) or binary64 (64-bit lanes) that equals the finite magnitude code `magnitude`.
template <class Lanes>
NIBBLE_FUNCTION Lanes decode_magnitude(const float_format& f, Lanes magnitude) noexcept {
  using operations = lane_operations<Lanes>;
  using word = lane_word<Lanes>;
  const auto lane = [](auto value) NIBBLE_INLINE_LAMBDA { return Lanes(static_cast<word>(value)); };
  const Lanes hidden = lane(word{1} << f.mantissa_bits);
  const Lanes field = magnitude >> f.mantissa_bits;
  const Lanes fraction = magnitude & (hidden - lane(1));
  const auto subnormal = f.has_zero ? field == lane(0) : field != field;
  const Lanes significand = operations::select(subnormal, fraction, fraction | hidden);
  return scaled_significand(f, significand, f.has_zero ? operations::maximum(field, lane(1)) : field);
}

/// Decodes lanes of codes; bits above the format's are ignored. NaN gives the quiet NaN of the target with the sign
/// of the code (formats with one NaN: positive).
template <class Lanes>
NIBBLE_FUNCTION Lanes decode_lanes(const float_format& f, Lanes code) noexcept {
  using operations = lane_operations<Lanes>;
  using word = lane_word<Lanes>;
  using layout = ieee_layout<word>;
  const auto lane = [](auto value) NIBBLE_INLINE_LAMBDA { return Lanes(static_cast<word>(value)); };
  const Lanes sign_bit = code & lane(f.sign_mask());
  const auto negative = sign_bit != lane(0);
  Lanes magnitude = code & lane(f.magnitude_mask());
  const Lanes sign = operations::select(negative, lane(layout::sign_bit), lane(0));
  if (f.twos_complement) {
    const Lanes opposite = (lane(0) - magnitude) & lane(f.magnitude_mask());
    const Lanes absolute = operations::select(opposite == lane(0), lane(f.sign_mask()), opposite);
    magnitude = operations::select(negative, absolute, magnitude);
    // The most negative integer has one magnitude bit more; its value is exact all the same. Zero has no sign bit.
    return scaled_significand(f, magnitude, lane(1)) | sign;
  }
  Lanes result = decode_magnitude(f, magnitude) | sign;
  if (f.has_infinity()) {
    result = operations::select(magnitude == lane(f.infinity_code()), lane(layout::infinity) | sign, result);
  }
  if (f.nan_is_negative_zero()) {
    const auto nan = (code & lane(f.code_mask())) == lane(f.nan_code());
    return operations::select(nan, lane(layout::quiet_nan), result);
  }
  if (!f.has_nan()) return result;
  const std::uint32_t last_number = f.has_infinity() ? f.infinity_code() : f.max_code();
  return operations::select(magnitude > lane(last_number), lane(layout::quiet_nan) | sign, result);
}

}  // namespace detail

/// The value of a code as float32, exact. Bits above the format's are ignored. NaN codes give a quiet NaN.
template <float_format F>
[[nodiscard]] NIBBLE_FUNCTION float decode(std::uint32_t code) noexcept {
  static_assert(F.is_valid(), "decode<F>: F must have 2 to 16 bits (or be binary32)");
  static_assert(F.fits_binary32(), "decode<F>: some numbers of F are no float32; write decode_double<F>(code)");
  if constexpr (F == formats::f32) {
    return bit_cast<float>(code);
  } else {
    return bit_cast<float>(detail::decode_lanes<std::uint32_t>(F, code));
  }
}

/// The value of a code as double, exact for every valid format.
template <float_format F>
[[nodiscard]] NIBBLE_FUNCTION double decode_double(std::uint32_t code) noexcept {
  static_assert(F.is_valid(), "decode_double<F>: F must have 2 to 16 bits (or be binary32)");
  return bit_cast<double>(detail::decode_lanes<std::uint64_t>(F, code));
}

/// decode for a format known at run time only; the result is exact in double.
[[nodiscard]] NIBBLE_FUNCTION double decode_double(const float_format& f, std::uint32_t code) noexcept {
  return bit_cast<double>(detail::decode_lanes<std::uint64_t>(f, code));
}

/// decode for a format known at run time only, which fits_binary32().
[[nodiscard]] NIBBLE_FUNCTION float decode(const float_format& f, std::uint32_t code) noexcept {
  return bit_cast<float>(f == formats::f32 ? code : detail::decode_lanes<std::uint32_t>(f, code));
}

namespace detail::inline NIBBLE_UNIT {

/// The same where it is one of many steps: called, not copied.
NIBBLE_OUTLINED float called_decode(const float_format& f, std::uint32_t code) noexcept { return decode(f, code); }

}  // namespace detail

}  // namespace v0
}  // namespace nibble
