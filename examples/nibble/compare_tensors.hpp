// SPDX-License-Identifier: Apache-2.0
//
// Two tensors of one shape, element by element.
#pragma once

#include <cstdint>
#include <optional>

#include "progress.hpp"
#include "tensor_reader.hpp"

namespace nibble::tool {

/// How far `b` is from `a`. Values are equal where they are the same number with the same sign of zero, or both NaN.
struct comparison {
  std::uint64_t elements = 0;
  std::uint64_t equal = 0;  ///< elements with equal values; of tensors without values: with equal bytes
  std::optional<std::uint64_t> first_difference;  ///< row-major index
  bool has_values = false;
  double a_there = 0, b_there = 0;  ///< the values at the first difference
  bool has_codes = false;           ///< both quantized to the same format
  std::uint64_t equal_codes = 0;
  std::uint64_t scales = 0, equal_scales = 0;
  std::optional<std::uint64_t> first_code_difference;
  unsigned a_code = 0, b_code = 0;  ///< the codes there
  // Over the elements where both are finite; NaN where there are none, SQNR also where they agree, but others are finite
  // in one tensor only.
  double mse = 0, sqnr_db = 0, largest_error = 0;
};

/// Compares the values of two tensors with values and equal shapes.
comparison compare_tensors(const tensor_reader& a, const tensor_reader& b, unsigned threads, progress& bar);

/// Compares the bytes of two plain tensors with equal types and shapes, element by element; byte by byte where an
/// element is no whole number of bytes or the type is not known.
comparison compare_bytes(const stored_tensor& a, const stored_tensor& b, const input_file& file_a,
                         const input_file& file_b, progress& bar);

}  // namespace nibble::tool
