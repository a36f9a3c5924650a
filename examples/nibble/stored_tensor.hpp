// SPDX-License-Identifier: Apache-2.0
//
// One tensor as it lies in an input file, and its elements as float or double.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::tool {

struct stored_tensor {
  std::string name;
  std::string type;                  ///< safetensors spelling: "F32", "BF16", "U8", ...
  std::vector<std::uint64_t> shape;  ///< logical, outermost first; empty for a single number
  std::span<const std::byte> bytes;  ///< little-endian elements
  bool column_major = false;         ///< the first index runs fastest (.npy only)
};

/// Bits of one element of a safetensors type, nothing for a type that is not known.
std::optional<unsigned> type_bits(std::string_view type);

/// The number of elements, nothing where the product does not fit 64 bits.
std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> shape);

/// Whether the elements are F16, BF16, F32 or F64.
bool is_floating(const stored_tensor& tensor);

/// The two-dimensional view that blocks run along: all leading dimensions folded into rows.
struct matrix_shape {
  std::uint64_t rows = 0, cols = 0;
  [[nodiscard]] std::uint64_t size() const noexcept { return rows * cols; }
};

/// [] is 1 x 1, [n] is 1 x n, [a, b, n] is (a*b) x n. A shape with a zero has no elements and gives rows * cols = 0.
matrix_shape fold(std::span<const std::uint64_t> shape);

/// Copies elements [first, first + out.size()) of a floating tensor in row-major order. Into double every element is
/// exact; into float F64 is rounded once to nearest even, the other types are exact. Throws data_error for a tensor
/// that is not floating.
void load_elements(const stored_tensor& tensor, std::uint64_t first, std::span<float> out);
void load_elements(const stored_tensor& tensor, std::uint64_t first, std::span<double> out);

/// The bytes that hold elements [first, first + count), empty for a column-major tensor, whose elements are scattered.
std::span<const std::byte> element_bytes(const stored_tensor& tensor, std::uint64_t first, std::uint64_t count);

}  // namespace nibble::tool
