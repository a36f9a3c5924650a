// SPDX-License-Identifier: Apache-2.0
//
// Stochastic rounding of exact quotients with 32 random bits: the code of x / d goes up where
// x >= d * (v + step * k / 2^32), with v the number below the quotient and k = 2^32 - R for the random word R. The right
// side is split in two float32 terms that are exact for divisors of at most 8 significant bits, and so is the remainder
// x - d * v (Sterbenz, "Floating-Point Computation", 1974), so no quotient has to be known beyond float32.
#pragma once

#include <nibble/simd/x86/blocks.hpp>

#if defined(__AVX2__)

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Significant bits of a divisor that the kernel below takes.
inline constexpr int exact_divisor_bits = 8;

/// The largest float32 not above x / d for positive d and its reciprocal; V::is_fused.
template <class V>
NIBBLE_ALWAYS_INLINE typename V::word truncated_quotient(typename V::real x, typename V::real d,
                                                         typename V::real reciprocal) noexcept {
  const typename V::real guess = V::multiply(x, reciprocal);
  // The quotient to less than a unit in the last place; then the sign of its exact remainder.
  const typename V::real q = V::multiply_add(V::subtract_product(guess, d, x), reciprocal, guess);
  const typename V::real rest = V::subtract_product(q, d, x);
  return V::add(V::as_word(q), V::sign_mask(V::as_word(rest)));
}

/// Sums (see rounder) for elements `x`, divided by `d` 2^-prescale, which is plain, or zero: then the sum is that of zero.
template <float_format F, class V>
NIBBLE_ALWAYS_INLINE typename V::word exact_stochastic_sum(typename V::word x, typename V::real d,
                                                           typename V::real reciprocal, typename V::word random) noexcept {
  using rounding = rounder<F, V>;
  using word = typename V::word;
  using real = typename V::real;
  const real magnitude = V::as_real(rounding::magnitude(x));
  const word y = truncated_quotient<V>(magnitude, d, reciprocal);
  const word power = rounding::power_below(y);
  const real rounded = V::template add_power<rounding::raise>(power, V::as_real(y));
  const real value = V::template subtract_power<rounding::raise>(power, rounded);
  const word is_less = V::greater(V::as_word(value), y);
  const real step = V::as_real(V::subtract(power, V::all(static_cast<std::uint32_t>(F.mantissa_bits) << 23)));
  const real below = V::subtract(value, V::as_real(V::both(V::as_word(step), is_less)));
  const real rest = V::subtract_product(below, d, magnitude);
  // k - 1 in two halves, the lower one raised by 1.
  const word limit = V::differ(random, V::all(~0U));
  const word low = V::add(V::both(limit, V::all(0xffffU)), V::all(1U));
  const real unit = V::multiply(V::multiply(step, d), V::all_real(0x1p-32F));
  const real upper = V::multiply(V::multiply(unit, V::all_real(0x1p16F)), V::from_integer(V::template right<16>(limit)));
  const real lower = V::multiply(unit, V::from_integer(low));
  const word stays = V::greater(V::as_word(lower), V::as_word(V::subtract(rest, upper)));
  const word zero = V::equal(V::as_word(d), V::all(0U));
  // One up from the number below, unless it stays.
  const word up = V::subtract(V::add(V::as_word(rounded), is_less), V::all(~0U));
  return V::add(up, V::either(stays, zero));
}

/// Codes of groups of elements. Every `Size` elements share a divisor, given with 2^-prescale and with its reciprocal.
template <float_format F, class V, std::size_t Size, bool Nibbles>
void encode_exact(const float* x, const std::uint32_t* divisor, const std::uint32_t* reciprocal, const std::uint8_t* random,
                  std::size_t groups, const destination& to, negative_zero_rule rule) noexcept {
  using rounding = rounder<F, V>;
  encode_groups<V, Nibbles, true>(groups, to, [=](std::size_t h, std::size_t g) NIBBLE_INLINE_LAMBDA {
    typename V::word v[4];
    typename V::word s[4];
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t at = 8 * V::lanes * g + (4 * h + i) * V::lanes;
      v[i] = V::load(x + at);
      s[i] = exact_stochastic_sum<F, V>(v[i], multiplier_of<V, Size>(divisor, g, 4 * h + i),
                                        multiplier_of<V, Size>(reciprocal, g, 4 * h + i), V::load(random + 4 * at));
    }
    return rounding::codes(rounding::magnitude_bytes(s[0], s[1], s[2], s[3]), v[0], v[1], v[2], v[3], rule);
  });
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
