// SPDX-License-Identifier: Apache-2.0
//
// What error_kernels.cpp defines for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "error_measure.hpp"

namespace nibble::tool {

/// Adds the pairs (before[i], after[i]) of a row to all sums. Elements of block b are clipped above limits[scales[b]].
using row_error_function = void(const float* before, const float* after, const float* limits, const std::uint8_t* scales,
                                std::size_t count, std::size_t block_size, error_sums& sums);

namespace base {
row_error_function add_row_errors;
}
namespace avx2 {
row_error_function add_row_errors;
}
namespace avx512 {
row_error_function add_row_errors;
}

}  // namespace nibble::tool
