// SPDX-License-Identifier: Apache-2.0
//
// Quotients of float32 vectors by fused products with a correctly rounded reciprocal, which is found once for many.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

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

/// x / d correctly rounded, with its sign where it is zero, for a positive d and its correctly rounded reciprocal, both and
/// the quotient normal numbers; V::is_fused. From half a unit in the last place on the remainder counts: 2^-25 of x must be
/// a normal number, too. With significands X and D the quotient is |k| / 2D units in the last place from halfway between two
/// numbers, k an integer. The guess is off by less than 1.5 units, so that its remainder may be rounded, and the result is
/// that of a number off by less than 5 / 2D; the test nearest_quotient tries all X and D with |k| below 5. (Markstein's
/// theorem, see cuda/block_multiplier.cuh, asks for a guess within one unit.)
template <class V>
NIBBLE_ALWAYS_INLINE typename V::real nearest_quotient(typename V::real x, typename V::real d,
                                                       typename V::real reciprocal) noexcept {
  const typename V::real guess = V::multiply(x, reciprocal);
  return V::subtract_product(V::product_less(guess, d, x), reciprocal, guess);
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif
