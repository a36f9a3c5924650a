// SPDX-License-Identifier: Apache-2.0
//
// What error_kernels.cpp defines for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "error_measure.hpp"

namespace nibble::tool {

/// Adds the pairs (before[i], after[i]) of a row to all sums. Elements of block b are clipped above limits[scales[b]].
using row_error_function = void(const float* before, const float* after, const float* limits,
                                const std::uint8_t* scales, std::size_t count, std::size_t block_size,
                                error_sums& sums);

/// The same for the pairs of before[i] and what code i of 4 bits, low half of a byte first, makes of it: a magnitude
/// magnitudes[8 * scale + (code & 7)] with the code's sign, which is that of before[i] unless it is 0. Meanwhile the
/// cache gets the numbers that lie `ahead` elements behind those.
using coded_row_error_function = void(const float* before, const std::uint8_t* codes, const std::uint8_t* scales,
                                      const float* magnitudes, const float* limits, std::size_t count,
                                      std::size_t block_size, std::size_t ahead, error_sums& sums);

namespace base {
row_error_function add_row_errors;
coded_row_error_function add_coded_row_errors;
}  // namespace base
namespace avx2 {
row_error_function add_row_errors;
coded_row_error_function add_coded_row_errors;
}  // namespace avx2
namespace avx512 {
row_error_function add_row_errors;
coded_row_error_function add_coded_row_errors;
}  // namespace avx512

}  // namespace nibble::tool
