// SPDX-License-Identifier: Apache-2.0
//
// Encode: from a real number to the code of a format. The scalar instantiation is the specification that every other
// backend is compared with.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/format/float_format.hpp>
#include <nibble/format/policy.hpp>
#include <nibble/format/round.hpp>
#include <nibble/format/rounding.hpp>
#include <nibble/format/special_codes.hpp>

namespace nibble {
inline namespace v0 {

/// The unsigned integer that holds a code of `F`.
template <float_format F>
using code_type =
    std::conditional_t<(F.bits() <= 8), std::uint8_t, std::conditional_t<(F.bits() <= 16), std::uint16_t, std::uint32_t>>;

namespace detail::inline NIBBLE_UNIT {

/// Selects between a rounded magnitude and the special results. `bits` are binary32 or binary64 patterns.
template <class Lanes>
NIBBLE_FUNCTION Lanes apply_special_codes(const float_format& f, const special_codes& s, Lanes bits, Lanes magnitude,
                                          Lanes code) noexcept {
  using operations = lane_operations<Lanes>;
  using word = lane_word<Lanes>;
  using layout = ieee_layout<word>;
  const auto lane = [](std::uint32_t value) NIBBLE_INLINE_LAMBDA { return Lanes(static_cast<word>(value)); };
  const Lanes none(word{0});
  const auto is_negative = s.drop_sign ? (none != none) : ((bits & Lanes(layout::sign_bit)) != none);
  const auto by_sign = [&](const std::uint32_t (&codes)[2]) NIBBLE_INLINE_LAMBDA {
    return operations::select(is_negative, lane(codes[1]), lane(codes[0]));
  };
  Lanes negative = code | lane(f.sign_mask());
  if (f.twos_complement) negative = (none - code) & lane(f.code_mask());
  if (!f.has_sign) negative = lane(s.negative);
  Lanes result = operations::select(is_negative, negative, code);
  // A code of 0 without zero is a number like any other.
  if (f.has_zero) result = operations::select(code == none, by_sign(s.underflow), result);
  result = operations::select(code > lane(s.max_code), by_sign(s.overflow), result);
  if (s.subnormal_source_rounds_up) {
    const auto inside = operations::both(magnitude > Lanes(word{1} << (layout::mantissa_bits - 1)),
                                         magnitude < Lanes(word{1} << layout::mantissa_bits));
    result = operations::select(inside, operations::select(is_negative, lane(s.negative), lane(1)), result);
  }
  result = operations::select(magnitude == none, by_sign(s.zero), result);
  const Lanes infinity(layout::infinity);
  result = operations::select(magnitude == infinity, by_sign(s.infinity), result);
  Lanes nan = by_sign(s.nan);
  if (s.payload_mask != 0) {
    nan = nan | ((magnitude >> (layout::mantissa_bits - f.mantissa_bits)) &
                 lane(s.payload_mask));
  }
  return operations::select(magnitude > infinity, nan, result);
}

/// Encodes lanes of binary32 (32-bit lanes) or binary64 (64-bit lanes) patterns by a static_rounding or a
/// run_time_rounding, of which only what the modes do not share is compiled for each. `s` must be made for its mode.
/// Subnormal sources count with their value whatever the control register says.
template <class Rounding, class Lanes>
NIBBLE_FUNCTION Lanes encode_lanes(const Rounding& rounding, const float_format& f, const special_codes& s, Lanes bits,
                                   Lanes random_word, int random_bits) noexcept {
  using word = lane_word<Lanes>;
  using layout = ieee_layout<word>;
  const Lanes magnitude = bits & Lanes(layout::magnitude_mask);
  const Lanes sign = bits >> static_cast<int>(sizeof(word) * 8 - 1);
  // All ones where the source is negative and the sign counts.
  const Lanes negative = s.drop_sign ? Lanes(word{0}) : Lanes(word{0}) - sign;
  const Lanes code = round_magnitude(rounding, f, magnitude, negative, random_word, random_bits);
  return apply_special_codes(f, s, bits, magnitude, code);
}
template <rounding_mode Mode, stochastic_variant Variant = stochastic_variant::a, class Lanes>
NIBBLE_FUNCTION Lanes encode_lanes(const float_format& f, const special_codes& s, Lanes bits, Lanes random_word,
                                   int random_bits) noexcept {
  return encode_lanes(static_rounding<Mode, Variant>{}, f, s, bits, random_word, random_bits);
}

/// Encodes `count` binary32 or binary64 patterns under a format and a rounding known at run time, so that one copy serves
/// all of them. `s` is made for them; `random` has a word for each where the rounding is stochastic.
template <std::unsigned_integral Word>
NIBBLE_OUTLINED void encode_words(const float_format& format, const special_codes& special, const rounding_choice& rounding,
                                  const Word* bits, const std::uint32_t* random, std::size_t count,
                                  std::uint32_t* codes) noexcept {
  // Copies: what is stored might otherwise be one of them.
  const float_format f = format;
  const special_codes s = special;
  const run_time_rounding<> by{rounding.mode, rounding.variant};
  const int random_bits = rounding.random_bits;
  for (std::size_t i = 0; i < count; ++i) {
    const Word word = by.mode == rounding_mode::stochastic ? static_cast<Word>(random[i]) : Word{0};
    codes[i] = static_cast<std::uint32_t>(encode_lanes(by, f, s, bits[i], word, random_bits));
  }
}

/// Encodes one binary32 or binary64 pattern with everything known at run time.
template <std::unsigned_integral Word>
NIBBLE_FUNCTION std::uint32_t encode_bits(const float_format& f, Word bits, const rounding_choice& r, overflow o,
                                          const special_policy& p) noexcept {
  const special_codes s = make_special_codes(f, r.mode, o, p, sizeof(Word) == 8);
  return static_cast<std::uint32_t>(
      encode_lanes(run_time_rounding<>{r.mode, r.variant}, f, s, bits, static_cast<Word>(r.random_word), r.random_bits));
}

}  // namespace detail

/// A source of encode: float or double. Narrower sources (half, bfloat16, any minifloat) are added by
/// nibble/number/minifloat.hpp, which widens them exactly.
template <class T>
concept encode_source = std::same_as<T, float> || std::same_as<T, double>;

/// The code of format `F` for `x`: one rounding, from float or from double alike.
///
/// `r` is a rounding tag (nearest_even{}, toward_zero{}, stochastic_bits<8>{word}, ...), `o` says what a finite value
/// beyond the range becomes, `p` how NaN, Inf, -0 and negative values in unsigned formats are coded (see policy.hpp;
/// the default is what the CUDA headers do). Every bit pattern is valid input. Subnormal sources count with their
/// value. The result is right-aligned; unused bits are zero.
template <float_format F, encode_source Source, rounding Rounding = nearest_even>
[[nodiscard]] NIBBLE_FUNCTION code_type<F> encode(Source x, Rounding r = {}, overflow o = overflow::saturate,
                                                  const special_policy& p = policy::cuda) noexcept {
  static_assert(F.is_valid() && F.bits() <= 16,
                "encode<F>: F must have 2 to 16 bits, and every number of it must be a normal double");
  return static_cast<code_type<F>>(detail::encode_bits(F, to_bits(x), choice_of(r), o, p));
}

/// encode for a format known at run time only.
template <encode_source Source, rounding Rounding = nearest_even>
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t encode(const float_format& f, Source x, Rounding r = {},
                                                   overflow o = overflow::saturate,
                                                   const special_policy& p = policy::cuda) noexcept {
  return detail::encode_bits(f, to_bits(x), choice_of(r), o, p);
}

}  // namespace v0
}  // namespace nibble
