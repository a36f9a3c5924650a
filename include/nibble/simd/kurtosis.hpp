// SPDX-License-Identifier: Apache-2.0
//
// The moments of a tensor with simd{}: the sums of the scalar function, bit for bit, as far as that promises its own.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include <nibble/method/kurtosis.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/x86/kurtosis.hpp>

namespace nibble {
inline namespace v0 {

/// As measure_moments(x, deviation). Vectors take float32 whose columns are consecutive; everything else, and machines
/// without AVX2 and FMA, take the scalar code.
template <class Arch, class T>
[[nodiscard]] moments measure_moments(basic_simd<Arch> /*backend*/, const matrix_view<T>& x,
                                      kurtosis_deviation deviation = kurtosis_deviation::population) {
#if defined(__AVX2__) && defined(__FMA__)
  if constexpr (detail::has_avx2<Arch> && std::is_same_v<T, float>) {
    if (x.col_stride == 1 && x.cols != 0) {
      using vector = detail::x86::vector_of<Arch>;
      detail::check_view(x, "x");
      return detail::moments_of_rows(
          x.rows, x.size(), deviation, [&](std::size_t r) { return detail::x86::sum_row<vector>(&x(r, 0), x.cols); },
          [&](std::size_t r, double mean) { return detail::x86::sum_deviations<vector>(&x(r, 0), x.cols, mean); });
    }
  }
#endif
  return measure_moments(x, deviation);
}
/// As above for one row.
template <class Arch>
[[nodiscard]] moments measure_moments(basic_simd<Arch> backend, std::span<const float> x,
                                      kurtosis_deviation deviation = kurtosis_deviation::population) {
  return measure_moments(backend, matrix_view<float>(x.data(), 1, x.size()), deviation);
}

}  // namespace v0
}  // namespace nibble
