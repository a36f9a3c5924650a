// SPDX-License-Identifier: Apache-2.0
//
// What can be rounded into a format beside float and double: other small floats, integers, and the standard's extended
// floating-point types. Each is widened to a binary32 or binary64 pattern without a rounding that could be seen later.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#if __has_include(<stdfloat>)
#include <stdfloat>
#endif

#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {

template <float_format F>
class minifloat;

/// Whether T is minifloat<F> for some F, const and volatile aside.
template <class T>
inline constexpr bool is_minifloat = false;
template <float_format F>
inline constexpr bool is_minifloat<minifloat<F>> = true;
template <class T>
inline constexpr bool is_minifloat<const T> = is_minifloat<T>;
template <class T>
inline constexpr bool is_minifloat<volatile T> = is_minifloat<T>;
template <class T>
inline constexpr bool is_minifloat<const volatile T> = is_minifloat<T>;

/// minifloat<F> for some F, cv-unqualified.
template <class T>
concept minifloat_type = is_minifloat<T> && std::same_as<T, std::remove_cv_t<T>>;

/// std::float16_t and std::bfloat16_t, where the compiler has them.
template <class T>
concept extended_float = false
#if defined(__STDCPP_FLOAT16_T__)
                         || std::same_as<T, std::float16_t>
#endif
#if defined(__STDCPP_BFLOAT16_T__)
                         || std::same_as<T, std::bfloat16_t>
#endif
    ;

/// An integer of at most 64 bits.
template <class T>
concept integer_source = std::integral<T> && sizeof(T) <= 8;

/// Anything that a minifloat can be made from and that encode accepts: float, double, integers, minifloats,
/// std::float16_t and std::bfloat16_t. `long double` is not: write double(x) and know that it rounds.
template <class T>
concept number_source = encode_source<T> || minifloat_type<T> || integer_source<T> || extended_float<T>;

namespace detail::inline NIBBLE_UNIT {

/// binary64 bits of an integer, rounded to odd where it has more than 53 bits. A format of at most 16 bits sees no
/// difference: its own rounding, with 32 random bits too, looks at fewer than 53 leading bits and whether any follow.
NIBBLE_FUNCTION std::uint64_t bits_of_magnitude(std::uint64_t magnitude) noexcept {
  std::uint64_t dropped = 0;
  int shift = 0;
  while ((magnitude >> 53) != 0) {
    dropped |= magnitude & 1U;
    magnitude >>= 1;
    ++shift;
  }
  magnitude |= dropped;
  const std::uint64_t exact = to_bits(static_cast<double>(static_cast<std::int64_t>(magnitude)));
  return exact + (static_cast<std::uint64_t>(shift) << 52);
}

/// The pattern of a code of `F` in binary32 where that is exact, else in binary64. NaN keeps its sign and, in formats
/// with an IEEE layout, its payload: an encode policy may copy it.
template <float_format F>
NIBBLE_FUNCTION auto widened_bits(std::uint32_t code) noexcept {
  using word = std::conditional_t<F.fits_binary32(), std::uint32_t, std::uint64_t>;
  word bits = decode_lanes<word>(F, static_cast<word>(code));
  if constexpr (F.specials == special_values::infinity_and_nan && F.mantissa_bits > 0) {
    using layout = ieee_layout<word>;
    constexpr std::uint32_t mantissa_mask = (std::uint32_t{1} << F.mantissa_bits) - 1U;
    const bool is_nan = (code & F.magnitude_mask()) > F.infinity_code();
    if (is_nan) bits |= static_cast<word>(code & mantissa_mask) << (layout::mantissa_bits - F.mantissa_bits);
  }
  return bits;
}

/// The binary32 or binary64 pattern of any source.
template <number_source Source>
NIBBLE_FUNCTION auto source_bits(const Source& x) noexcept {
  if constexpr (encode_source<Source>) {
    return to_bits(x);
  } else if constexpr (minifloat_type<Source>) {
    return widened_bits<Source::format>(x.bits());
  } else if constexpr (std::integral<Source>) {
    const bool negative = x < Source{0};
    const auto wide = static_cast<std::uint64_t>(x);
    const std::uint64_t bits = bits_of_magnitude(negative ? 0U - wide : wide);
    return negative ? bits | ieee_layout<std::uint64_t>::sign_bit : bits;
  } else {
    return to_bits(static_cast<float>(x));
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
