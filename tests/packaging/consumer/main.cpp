// SPDX-License-Identifier: Apache-2.0
// A whole program that uses nibble the way a newcomer would, from two translation units.
#include "consumer.hpp"

static_assert(__cplusplus >= 202002L, "nibble's target asks for C++20");
static_assert(float(nibble::e2m1{2.6f}) == 3.0f);

int main() {
  // Every value is an FP4 value, so that a block of them comes back unchanged under the scale 1.
  const std::vector<float> values{0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                  -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f, 6.0f};
  const auto here = nibble::quantize<nibble::mxfp4>(nibble::matrix_view<float>{values.data(), 1, values.size()});
  const auto there = quantize_elsewhere(values);
  const bool same = nibble::dequantize(here) == nibble::dequantize(there);
  return same && nibble::dequantize(here) == values ? 0 : 1;
}
