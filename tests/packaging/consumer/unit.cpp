// SPDX-License-Identifier: Apache-2.0
// The second translation unit of a program that includes nibble twice.
#include "consumer.hpp"

nibble::block_tensor<nibble::mxfp4> quantize_elsewhere(const std::vector<float>& values) {
  return nibble::quantize<nibble::mxfp4>(nibble::matrix_view<float>{values.data(), 1, values.size()});
}
