// SPDX-License-Identifier: Apache-2.0
//
// The largest magnitude of a matrix with simd{}.
#pragma once

#include <nibble/block/amax.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/kernels.hpp>

namespace nibble {
inline namespace v0 {

/// As amax(x, rule). Vectors take rows whose columns are consecutive.
template <class Arch, class T>
[[nodiscard]] float amax(basic_simd<Arch> /*backend*/, const matrix_view<T>& x, amax_rule rule = amax_rule::finite) {
  detail::check_view(x, "x");
  return bit_cast<float>(detail::simd_kernels<Arch>::amax(x, 0, x.rows, 0, x.cols, rule));
}

}  // namespace v0
}  // namespace nibble
