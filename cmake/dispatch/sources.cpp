// SPDX-License-Identifier: Apache-2.0
//
// Largest magnitudes of numbers of any type, and numbers of any type as float32.
#include "unit.hpp"

namespace nibble {
inline namespace v0 {
namespace dispatch {
namespace NIBBLE_DISPATCH_ISA {

template <class T>
std::uint32_t amax_of(const matrix_view<T>& x, amax_rule rule) {
  return unit_kernels::amax(x, 0, x.rows, 0, x.cols, rule);
}

template <class T>
void widen(const matrix_view<T>& x, float* out) {
  constexpr std::size_t part = 256;
  std::uint32_t bits[part];
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t c = 0; c < x.cols; c += part) {
      const std::size_t count = x.cols - c < part ? x.cols - c : part;
      unit_kernels::load(x, r, c, count, bits);
      for (std::size_t i = 0; i < count; ++i) out[r * x.cols + c + i] = bit_cast<float>(bits[i]);
    }
  }
}

template <class T>
inline constexpr source_kernels<T> kernels_for{amax_of<T>, widen<T>};

}  // namespace NIBBLE_DISPATCH_ISA

const all_source_kernels NIBBLE_DISPATCH_ISA::sources{
    NIBBLE_DISPATCH_ISA::kernels_for<float>, NIBBLE_DISPATCH_ISA::kernels_for<double>,
    NIBBLE_DISPATCH_ISA::kernels_for<f16>, NIBBLE_DISPATCH_ISA::kernels_for<bf16>};

}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
