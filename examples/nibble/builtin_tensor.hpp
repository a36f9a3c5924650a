// SPDX-License-Identifier: Apache-2.0
//
// The tensor that `nibble quantize` works on when it is given none.
#pragma once

#include <cstdint>
#include <vector>

namespace nibble::tool {

struct builtin_tensor {
  std::uint64_t rows = 512, cols = 1024;
  std::vector<float> values;
};

/// 512 x 1024 numbers, close to normal with mean 0 and deviation 0.02 as in the weights of a network, where every
/// 128th column is eight times and one number in 4,096 thirty times as large. The same bits on every machine.
builtin_tensor make_builtin_tensor();

}  // namespace nibble::tool
