// SPDX-License-Identifier: Apache-2.0
//
// What the tests of quantize(simd{}, ...) share: the comparison with the scalar backend.
#pragma once

#include <nibble/simd.hpp>

namespace simd_test {

inline constexpr nibble::rounding_mode modes[] = {
    nibble::rounding_mode::nearest_even, nibble::rounding_mode::nearest_away, nibble::rounding_mode::toward_zero,
    nibble::rounding_mode::upward,       nibble::rounding_mode::downward,     nibble::rounding_mode::to_odd,
    nibble::rounding_mode::nearest_toward_zero};

/// Whether both backends give the same.
template <nibble::block_format F, class T>
bool same(const nibble::matrix_view<T>& x, const nibble::quantize_options& options) {
  return nibble::quantize<F>(nibble::scalar{}, x, options) == nibble::quantize<F>(nibble::simd{}, x, options);
}

/// Whether both backends notice the same, with the same codes.
template <nibble::block_format F, class T>
bool same_counts(const nibble::matrix_view<T>& x, nibble::quantize_options options) {
  nibble::quantize_counts plain;
  nibble::quantize_counts vectors;
  options.counts = &plain;
  const nibble::block_tensor<F> expected = nibble::quantize<F>(nibble::scalar{}, x, options);
  options.counts = &vectors;
  return nibble::quantize<F>(nibble::simd{}, x, options) == expected && plain.elements == vectors.elements &&
         plain.clipped == vectors.clipped && plain.zeroed == vectors.zeroed && plain.nonfinite == vectors.nonfinite;
}

}  // namespace simd_test
