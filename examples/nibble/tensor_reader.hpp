// SPDX-License-Identifier: Apache-2.0
//
// The values of a tensor, plain or quantized, tile by tile; pages of the file that were read are handed back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "block_codec.hpp"
#include "input_file.hpp"
#include "tile.hpp"

namespace nibble::tool {

class tensor_reader {
 public:
  /// A tensor of a file; both must outlive the reader. Without a file, no pages are handed back.
  tensor_reader(const input_file* file, const logical_tensor& tensor);
  tensor_reader(const input_file& file, const logical_tensor& tensor) : tensor_reader(&file, tensor) {}
  /// A plain tensor in memory.
  explicit tensor_reader(const stored_tensor& tensor);

  [[nodiscard]] const matrix_shape& shape() const noexcept { return shape_; }
  /// Whether the tensor has values: quantized, or of a floating type.
  [[nodiscard]] bool has_values() const noexcept { return codec_ != nullptr || is_floating(*plain_); }
  /// The format of a quantized tensor, nullptr for a plain one.
  [[nodiscard]] const block_codec* codec() const noexcept { return codec_; }
  /// The codes and scales of a quantized tensor from the beginning of a tile on; no scales where none are stored.
  [[nodiscard]] code_area<const std::uint8_t> codes_at(const tile& part) const noexcept;
  /// Bytes that a pass over the tensor reads.
  [[nodiscard]] std::uint64_t bytes() const noexcept;

  /// Copies a tile, row by row without gaps; F64 is rounded once to nearest even for float. `part` begins at the
  /// beginning of a block and at an even column.
  void load(const tile& part, std::span<float> out) const;
  void load(const tile& part, std::span<double> out) const;

  /// The values of a tile where they lie, or, where that cannot be read as floats, loaded into `buffer`.
  matrix_view<float> view(const tile& part, std::vector<float>& buffer) const;
  /// Hands the pages of a plain tile back, once its view is not needed any more.
  void release(const tile& part) const;

 private:
  /// Calls use(bytes) for every run of bytes that holds elements of a plain tile of a file.
  template <class Use>
  void for_runs(const tile& part, const Use& use) const;
  template <class Value>
  void load_plain(const tile& part, std::span<Value> out) const;
  void load_quantized(const tile& part, float* out) const;
  void release_codes(const std::uint8_t* begin, std::uint64_t size) const;

  const input_file* file_ = nullptr;
  const logical_tensor* tensor_ = nullptr;
  const stored_tensor* plain_ = nullptr;
  const block_codec* codec_ = nullptr;
  float tensor_scale_ = 1.0F;
  matrix_shape shape_;
};

}  // namespace nibble::tool
