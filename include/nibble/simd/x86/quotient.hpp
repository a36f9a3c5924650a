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

#if defined(__FMA__)
/// x / d correctly rounded, with its sign where it is zero, for the correctly rounded `reciprocal` of a positive d, all of
/// them and the remainder, 2^-48 of x, normal numbers. Of significands X and D the quotient is |k| / 2D units in the last
/// place from halfway between two numbers, with an integer k. The guess is off by less than 1.5 units, so its remainder,
/// if it is rounded, by a unit in the last place of X / D times D, and the sum by less than 5 / 2D; for |k| below 5 the
/// test nearest_quotient tries all X and D. (Markstein's theorem, see cuda/block_multiplier.cuh, asks for a better guess.)
template <class V>
NIBBLE_ALWAYS_INLINE typename V::real nearest_quotient(typename V::real x, typename V::real d,
                                                       typename V::real reciprocal) noexcept {
  const typename V::real guess = V::multiply(x, reciprocal);
  return V::subtract_product(V::product_less(guess, d, x), reciprocal, guess);
}
#endif

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif
