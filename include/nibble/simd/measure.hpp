// SPDX-License-Identifier: Apache-2.0
//
// The measures of (x, y) with simd{}: the sums of the scalar function, bit for bit, as far as that promises its own.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include <nibble/method/measure.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/x86/measure.hpp>

namespace nibble {
inline namespace v0 {

/// As measure(x, y). Vectors take float32 whose columns are consecutive; everything else, and machines without AVX2 and
/// FMA, take the scalar code.
template <class Arch, class T, class U>
[[nodiscard]] error_measures measure(basic_simd<Arch> /*backend*/, const matrix_view<T>& x, const matrix_view<U>& y) {
#if defined(__AVX2__) && defined(__FMA__)
  if constexpr (detail::has_avx2<Arch> && std::is_same_v<T, float> && std::is_same_v<U, float>) {
    if (x.col_stride == 1 && y.col_stride == 1) {
      detail::check_same_shape(x, y, "y");
      error_measures total;
      for (std::size_t r = 0; r < x.rows && x.cols != 0; ++r) {
        using vector = detail::x86::vector_of<Arch>;
        total += detail::x86::measure_row<vector>(&x(r, 0), &y(r, 0), x.cols).measures(x.cols);
      }
      return total;
    }
  }
#endif
  return measure(x, y);
}
/// As above for two rows.
template <class Arch>
[[nodiscard]] error_measures measure(basic_simd<Arch> backend, std::span<const float> x, std::span<const float> y) {
  return measure(backend, matrix_view<float>(x.data(), 1, x.size()), matrix_view<float>(y.data(), 1, y.size()));
}

}  // namespace v0
}  // namespace nibble
