// SPDX-License-Identifier: Apache-2.0
//
// Stochastic rounding with N random bits, understood: the probability of going up is a multiple of 2^-N, so the
// expectation is the number itself exactly if at most N fraction bits of it lie below the step. This header says for
// which numbers that is, and what the expectation, bias and variance are where it is not (IEEE P3109 section 4.7.4,
// variants A, B, C).
#pragma once

#include <cstdint>
#include <optional>

#include <nibble/format/decode.hpp>
#include <nibble/format/round.hpp>

namespace nibble {
inline namespace v0 {

/// The law of a stochastic rounding: `upper` with probability up / 2^bits, else `lower`. Magnitudes; both are the
/// largest number where the magnitude is at or beyond it (saturation).
struct stochastic_law {
  double lower = 0;
  double upper = 0;
  std::uint64_t up = 0;
  int bits = 32;

  [[nodiscard]] NIBBLE_FUNCTION double probability() const noexcept {
    return static_cast<double>(up) * power_of_two(-bits);
  }
  [[nodiscard]] NIBBLE_FUNCTION double expectation() const noexcept { return lower + (upper - lower) * probability(); }
  [[nodiscard]] NIBBLE_FUNCTION double variance() const noexcept {
    return (upper - lower) * (upper - lower) * probability() * (1 - probability());
  }
};

namespace detail::inline NIBBLE_UNIT {

/// How many of the 2^bits random words send the magnitude up. `m` is the magnitude against the grid.
template <class Word>
NIBBLE_FUNCTION std::uint64_t words_up(const aligned_magnitude<Word>& m, int bits,
                                       stochastic_variant variant) noexcept {
  constexpr int width = static_cast<int>(sizeof(Word) * 8);
  const auto significand = std::uint64_t{m.significand};
  const auto shift = static_cast<int>(m.shift < Word{1024} ? m.shift : Word{1024});
  const std::uint64_t below = shift >= width ? significand : significand & ((std::uint64_t{1} << shift) - 1U);
  if (shift <= bits) return below << (bits - shift);
  const int dropped = shift - bits;
  if (dropped >= 64) return 0;
  const std::uint64_t scaled = below >> dropped;
  const std::uint64_t rest = below & ((std::uint64_t{1} << dropped) - 1U);
  const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
  switch (variant) {
    case stochastic_variant::a: return scaled;
    case stochastic_variant::b: return scaled + (rest >= half ? 1U : 0U);
    case stochastic_variant::c: break;
  }
  return scaled + (rest > half || (rest == half && (scaled & 1U) != 0) ? 1U : 0U);
}

template <class Word>
NIBBLE_FUNCTION stochastic_law law_of(const float_format& f, Word magnitude, int bits,
                                      stochastic_variant variant) noexcept {
  const auto m = align(f, magnitude);
  constexpr Word top = sizeof(Word) * 8 - 1;
  const auto code = static_cast<std::uint64_t>(m.code_base + (m.significand >> (m.shift < top ? m.shift : top)));
  // Without zero what lies below all numbers becomes the smallest one.
  if (!f.has_zero && magnitude < first_normal<Word>(f)) return {f.magnitude_value(0), f.magnitude_value(0), 0, bits};
  if (code >= f.max_code()) return {f.max_value(), f.max_value(), 0, bits};
  const auto low = static_cast<std::uint32_t>(code);
  return {f.magnitude_value(low), f.magnitude_value(low + 1U), words_up(m, bits, variant), bits};
}

}  // namespace detail

/// The law of stochastic rounding of |x| to `f` with `bits` (1 to 32) random bits and saturation; x is finite.
[[nodiscard]] NIBBLE_FUNCTION stochastic_law stochastic_law_of(
    const float_format& f, float x, int bits = 32, stochastic_variant variant = stochastic_variant::a) noexcept {
  return detail::law_of(f, to_bits(x) & 0x7fff'ffffU, bits, variant);
}
/// The same for a double.
[[nodiscard]] NIBBLE_FUNCTION stochastic_law stochastic_law_of(
    const float_format& f, double x, int bits = 32, stochastic_variant variant = stochastic_variant::a) noexcept {
  return detail::law_of(f, to_bits(x) & ieee_layout<std::uint64_t>::magnitude_mask, bits, variant);
}

/// Whether E[Q(x)] = x exactly over the 2^bits words: x is in range and has at most `bits` fraction bits below the
/// step. Then it is so for every variant.
template <class Float>
[[nodiscard]] NIBBLE_FUNCTION bool stochastic_is_exact(const float_format& f, Float x, int bits) noexcept {
  const auto magnitude =
      static_cast<decltype(to_bits(x))>(to_bits(x) & ieee_layout<decltype(to_bits(x))>::magnitude_mask);
  if (magnitude > to_bits(static_cast<Float>(f.max_value()))) return false;
  if (!f.has_zero && magnitude < detail::first_normal<decltype(to_bits(x))>(f)) return false;
  if (magnitude == 0) return true;
  const auto m = detail::align(f, magnitude);
  const auto shift = static_cast<std::uint64_t>(m.shift);
  if (shift <= static_cast<std::uint64_t>(bits)) return true;
  const std::uint64_t dropped = shift - static_cast<std::uint64_t>(bits);
  return dropped < 64 && (std::uint64_t{m.significand} & ((std::uint64_t{1} << dropped) - 1U)) == 0;
}

/// The exponent e from which on every float32 in range is exact: |x| >= 2^e. Nothing where there is no such number:
/// fewer random bits than the 23 - mantissa_bits that a float32 holds below the step of a normal number. For E2M1 it is
/// -10 with 32 bits, and nothing with 16 or 8.
[[nodiscard]] NIBBLE_ALWAYS_INLINE constexpr std::optional<int> stochastic_exact_from(const float_format& f,
                                                                                      int bits) noexcept {
  const int spare = bits - (23 - f.mantissa_bits);
  if (spare < 0) return std::nullopt;
  return f.min_exponent() - (f.has_zero ? spare : 0);
}

/// What |E[Q(x)] - x| is always below, in steps of x: the last random bit, 2^-bits, of which variants B and C leave
/// half.
[[nodiscard]] NIBBLE_FUNCTION double stochastic_bias_bound(
    int bits, stochastic_variant variant = stochastic_variant::a) noexcept {
  return power_of_two(-bits - (variant == stochastic_variant::a ? 0 : 1));
}

}  // namespace v0
}  // namespace nibble
