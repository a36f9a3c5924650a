// SPDX-License-Identifier: Apache-2.0
// nibble::simd brings the SIMD front door and xsimd.
#include <vector>

#include <nibble/simd.hpp>

int main() {
  const std::vector<float> values(33, 3.0f);
  const nibble::matrix_view<float> x{values.data(), 1, values.size()};
  return nibble::quantize<nibble::mxfp4>(nibble::simd{}, x) == nibble::quantize<nibble::mxfp4>(x) ? 0 : 1;
}
