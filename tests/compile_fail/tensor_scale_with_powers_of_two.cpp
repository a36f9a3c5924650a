// SPDX-License-Identifier: Apache-2.0
// A tensor scale beside power-of-two block scales has no meaning.
// expect: no tensor scale beside power-of-two scales
#include <nibble/nibble.hpp>

inline constexpr nibble::block_format format{.element = nibble::formats::e2m1,
                                             .scale = nibble::formats::e8m0,
                                             .block_size = 32,
#ifndef RIGHT_USE
                                             .tensor_scale = true,
#endif
                                             .packing = nibble::mxfp4.packing};

nibble::block_tensor<format> quantized(const float* values) {
  return nibble::quantize<format>(nibble::matrix_view<float>{values, 1, 32});
}
