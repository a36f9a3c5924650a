// SPDX-License-Identifier: Apache-2.0
//
// The error of E2M1 blocks under a scale, as four over six has it (block/four_over_six.hpp), a lane a block. Of the
// eight values that code * scale * amax / denominator takes, all are powers of two times that of 1 or of 1.5, so that a
// block takes two divisions. Estimates take multiples of that of 1 for all.
#pragma once

#include <nibble/simd/x86/round.hpp>
#include <nibble/simd/x86/transpose.hpp>

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>

#include <nibble/format/catalogue.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// How a vector of blocks is scaled, and the values of its codes.
template <class V, bool Exact>
struct choice_candidate {
  typename V::word operand;       ///< multipliers
  typename V::real one;           ///< the values of 1
  typename V::real three_halves;  ///< and of 1.5

  /// For decoded scales `d`, with few enough significant bits that their products with codes are exact. `unit` is about
  /// amax / denominator.
  choice_candidate(typename V::word multiplier, typename V::real d, float amax, float denominator, float unit) noexcept
      : operand(multiplier) {
    const auto value = [&](typename V::real x) NIBBLE_INLINE_LAMBDA {
      return V::divide(V::multiply(x, V::all_real(amax)), V::all_real(denominator));
    };
    if constexpr (Exact) {
      one = value(d);
      three_halves = value(V::multiply(d, V::all_real(1.5F)));
    } else {
      one = V::multiply(d, V::all_real(unit));
      three_halves = one;
    }
  }

  /// The difference, of any sign, between magnitudes and the values that they are rounded to.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE typename V::real difference(typename V::real x) const noexcept {
    using word = typename V::word;
    using real = typename V::real;
    using rounding = rounder<formats::e2m1, V, false>;
    const word y = V::smallest(V::as_word(V::multiply(x, V::as_real(operand))), V::all(to_bits(6.0F)));
    const real power = V::as_real(rounding::power_below(y));
    const real raised = V::all_real(static_cast<float>(1U << rounding::raise));
    const real rounded = V::multiply_add(power, raised, V::as_real(y));
    const real code_value = V::subtract_product(power, raised, rounded);
    if constexpr (!Exact) {
      return V::subtract_product(code_value, one, x);
    } else {
      // A power of two, or zero, times the value of 1 or of 1.5.
      const word bits = V::as_word(code_value);
      const real unit = V::by_sign(one, three_halves, V::template left<9>(bits));
      return V::subtract_product(V::as_real(V::both(bits, V::all(0x7f80'0000U))), unit, x);
    }
  }
};

/// Sums of the errors of V::lanes runs of `size` (a multiple of 4) elements side by side, under two candidates.
/// Estimates are of absolute errors. Exact sums lower the last two to the least magnitudes that are not 0, less one (a
/// zero becomes the largest number), of elements and of differences that are squared.
template <class V, bool Exact>
NIBBLE_ALWAYS_INLINE void choice_errors(const float* x, std::size_t size, bool squares,
                                        const choice_candidate<V, Exact> (&candidates)[2], float* const (&sums)[2],
                                        typename V::word& least_element, typename V::word& least_difference) noexcept {
  using word = typename V::word;
  using real = typename V::real;
  real sum[2] = {V::all_real(0.0F), V::all_real(0.0F)};
  for (std::size_t i = 0; i < size; i += 4) {
    word turned[4];
    transpose_four(x + i, static_cast<std::ptrdiff_t>(size), turned);
    for (std::size_t k = 0; k < 4; ++k) {
      const word magnitude = V::both(turned[k], V::all(0x7fff'ffffU));
      if constexpr (Exact) least_element = V::smallest_unsigned(least_element, V::add(magnitude, V::all(~0U)));
      for (std::size_t c = 0; c < 2; ++c) {
        const real d = candidates[c].difference(V::as_real(magnitude));
        const word size_of_d = V::both(V::as_word(d), V::all(0x7fff'ffffU));
        if (Exact && squares) {
          least_difference = V::smallest_unsigned(least_difference, V::add(size_of_d, V::all(~0U)));
          sum[c] = V::add(sum[c], V::multiply(d, d));
        } else {
          sum[c] = V::add(sum[c], V::as_real(size_of_d));
        }
      }
    }
  }
  for (std::size_t c = 0; c < 2; ++c) V::store(sums[c], V::as_word(sum[c]));
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
