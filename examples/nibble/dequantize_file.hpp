// SPDX-License-Identifier: Apache-2.0
//
// Quantized tensors back to float32.
#pragma once

#include <cstdint>
#include <string>

#include "input_file.hpp"

namespace nibble::tool {

struct dequantize_summary {
  std::uint64_t dequantized = 0, copied = 0;  ///< tensors
};

/// Writes `output`: every quantized tensor as F32 under its own name and shape, every other tensor as it is. A .npy
/// output takes a file with one tensor, a quantized one. Throws data_error where there is nothing to dequantize.
dequantize_summary dequantize_file(const input_file& input, const std::string& output, unsigned threads);

}  // namespace nibble::tool
