// SPDX-License-Identifier: Apache-2.0
//
// Block formats behind one interface: a table of functions a format, so that the commands know no template and every
// instantiation is compiled once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nibble/block/block_format.hpp>
#include <nibble/block/matrix_view.hpp>
#include <nibble/block/options.hpp>
#include <string_view>
#include <vector>

namespace nibble::tool {

/// Codes and scales of a rectangle of blocks: Byte is std::uint8_t to write, const of it to read.
template <class Byte>
struct code_area {
  Byte* codes = nullptr;
  std::size_t code_stride = 0;  ///< bytes from row to row
  Byte* scales = nullptr;
  std::size_t scale_stride = 0;
};

/// What the commands need to know of a block format, and how to run it. All of them store a scale in a byte and one
/// row of scales for each row of codes.
struct block_codec {
  std::string_view name;
  block_format format;
  /// Quantizes a rectangle whose codes start at the beginning of a block. Returns the tensor scale, 1 without one.
  float (*quantize)(const matrix_view<float>& values, const code_area<std::uint8_t>& out,
                    const quantize_options& options);
  /// Decodes rows x cols elements without gaps.
  void (*dequantize)(const code_area<const std::uint8_t>& in, float tensor_scale, std::size_t rows, std::size_t cols,
                     float* out);
  /// Whether files hold block scales. Without them all scales are 1, rounding is stochastic, and NaN has no code.
  bool stores_scales = true;

  /// Scales that a file holds for a row.
  [[nodiscard]] std::uint64_t stored_scales(std::uint64_t cols) const noexcept {
    return stores_scales ? format.scale_cols(cols) : 0;
  }
  /// Bits an element with its share of the scale, codes packed as densely as they can be.
  [[nodiscard]] double nominal_bits() const noexcept {
    const double scale_bits = 8.0 * static_cast<double>(format.scale_bytes()) / format.block_size;
    return format.element.bits() + (stores_scales ? scale_bits : 0.0);
  }
};

/// All block formats, in the order in which tables show them.
const std::vector<block_codec>& block_codecs();

/// Defined in block_codec_*.cpp.
std::vector<block_codec> make_fp4_codecs();
std::vector<block_codec> make_fp6_codecs();
std::vector<block_codec> make_fp8_codecs();
std::vector<block_codec> make_luq_codecs();

/// nullptr where there is none.
const block_codec* find_block_codec(std::string_view name);

}  // namespace nibble::tool
