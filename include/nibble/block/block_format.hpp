// SPDX-License-Identifier: Apache-2.0
//
// A block format as a value: which element format, which scale format, and which elements share a scale. The named ones
// are at the end; a user adds another in one line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nibble/format/catalogue.hpp>
#include <nibble/packed/layout.hpp>

namespace nibble {
inline namespace v0 {

/// Elements, scale, and the rectangle of elements that shares a scale.
///
/// value = element * scale * tensor_scale, the last factor only with `tensor_scale`. Blocks are `block_rows` rows by
/// `block_size` columns of the stored matrix; 0 stands for all rows, or for the whole row. The scale is a code of
/// `scale`; formats::f32 stores a float32.
struct block_format {
  float_format element;
  float_format scale;
  int block_size = 0;
  bool tensor_scale = false;        ///< one float32 for the tensor multiplies every value; not with powers of two
  int block_rows = 1;
  bool replicate_scales = false;    ///< store a block's scale once for each of its rows (16x16 tiles of NVFP4)
  packed_layout packing = layouts::bytes;  ///< how the codes of a row lie in bytes (packed/layout.hpp)

  friend constexpr bool operator==(const block_format&, const block_format&) = default;

  /// Columns of a block in a matrix with `cols` columns; at least 1.
  [[nodiscard]] NIBBLE_FUNCTION std::size_t block_cols(std::size_t cols) const noexcept {
    if (block_size > 0) return static_cast<std::size_t>(block_size);
    return cols > 0 ? cols : 1;
  }
  /// Rows of a block in a matrix with `rows` rows; at least 1.
  [[nodiscard]] NIBBLE_FUNCTION std::size_t rows_per_block(std::size_t rows) const noexcept {
    if (block_rows > 0) return static_cast<std::size_t>(block_rows);
    return rows > 0 ? rows : 1;
  }
  /// Stored scales along the two sides of a matrix.
  [[nodiscard]] NIBBLE_FUNCTION std::size_t scale_cols(std::size_t cols) const noexcept {
    return (cols + block_cols(cols) - 1) / block_cols(cols);
  }
  [[nodiscard]] NIBBLE_FUNCTION std::size_t scale_rows(std::size_t rows) const noexcept {
    return replicate_scales ? rows : (rows + rows_per_block(rows) - 1) / rows_per_block(rows);
  }
  /// Bytes of one row of codes; a last byte that is not full is padded with zero bits.
  [[nodiscard]] NIBBLE_FUNCTION std::size_t row_bytes(std::size_t cols) const noexcept {
    return packed_bytes(packing, cols);
  }
  /// Bytes of one stored scale.
  [[nodiscard]] NIBBLE_FUNCTION std::size_t scale_bytes() const noexcept {
    return scale.bits() <= 8 ? 1U : scale.bits() <= 16 ? 2U : 4U;
  }
  /// Stored bits an element, tensor scale not counted, for rows of whole blocks; block_size must be positive.
  [[nodiscard]] NIBBLE_FUNCTION double bits_per_element() const noexcept {
    const int sharing = block_size * (replicate_scales || block_rows < 1 ? 1 : block_rows);
    return packing.slot_bits + (sharing > 0 ? 8.0 * static_cast<double>(scale_bytes()) / sharing : 0.0);
  }
  /// Whether scales are powers of two (a scale format without mantissa bits).
  [[nodiscard]] NIBBLE_FUNCTION bool power_of_two_scale() const noexcept { return scale.mantissa_bits == 0; }

  /// Whether the library's quantizers take this format.
  [[nodiscard]] NIBBLE_FUNCTION bool is_valid() const noexcept {
    if (!element.is_valid() || !scale.is_valid() || element.bits() > 8 || !element.fits_binary32()) return false;
    if (!scale.fits_binary32() || block_size < 0 || block_rows < 0) return false;
    if (tensor_scale && power_of_two_scale()) return false;
    if (!packing.is_valid() || packing.slot_bits < element.bits() || packing.slot_bits > 8) return false;
    if (packing.slot_bits == 4 && packing.order == nibble_order::split_halves) return packing.group == block_size;
    return packing.slot_bits == 8 || block_size % (packing.slot_bits == 4 ? 2 : 4) == 0;
  }
};

/// NVFP4: E2M1, a UE4M3 scale for 16 elements (stored in a byte), one float32 for the tensor.
NIBBLE_CONSTANT block_format nvfp4{.element = formats::e2m1,
                                    .scale = formats::e4m3,
                                    .block_size = 16,
                                    .tensor_scale = true,
                                    .packing = layouts::nibbles_low_first};
/// NVFP4 with 16x16 tiles, whose scale is stored for each of the 16 rows (weights of the NVFP4 training recipe).
NIBBLE_CONSTANT block_format nvfp4_2d{.element = formats::e2m1,
                                       .scale = formats::e4m3,
                                       .block_size = 16,
                                       .tensor_scale = true,
                                       .block_rows = 16,
                                       .replicate_scales = true,
                                       .packing = layouts::nibbles_low_first};
/// The OCP MX 1.0 formats: 32 elements share an E8M0 scale.
NIBBLE_CONSTANT block_format mxfp4{.element = formats::e2m1,
                                    .scale = formats::e8m0,
                                    .block_size = 32,
                                    .packing = layouts::nibbles_low_first};
NIBBLE_CONSTANT block_format mxfp6_e2m3{.element = formats::e2m3, .scale = formats::e8m0, .block_size = 32};
NIBBLE_CONSTANT block_format mxfp6_e3m2{.element = formats::e3m2, .scale = formats::e8m0, .block_size = 32};
NIBBLE_CONSTANT block_format mxfp8_e4m3{.element = formats::e4m3, .scale = formats::e8m0, .block_size = 32};
NIBBLE_CONSTANT block_format mxfp8_e5m2{.element = formats::e5m2, .scale = formats::e8m0, .block_size = 32};
NIBBLE_CONSTANT block_format mxint8{.element = formats::mxint8, .scale = formats::e8m0, .block_size = 32};

/// FP8 with float32 scales: one a tensor, one a row, or one for 128x128 elements.
NIBBLE_CONSTANT block_format fp8_per_tensor{.element = formats::e4m3, .scale = formats::f32, .block_rows = 0};
NIBBLE_CONSTANT block_format fp8_per_row{.element = formats::e4m3, .scale = formats::f32};
NIBBLE_CONSTANT block_format fp8_128x128{
    .element = formats::e4m3, .scale = formats::f32, .block_size = 128, .block_rows = 128};

/// ggml's blocks as matrices: element and scale as in mxfp4 and nvfp4, nibbles in split halves, no tensor scale.
NIBBLE_CONSTANT block_format ggml_mxfp4{.element = formats::e2m1,
                                         .scale = formats::e8m0,
                                         .block_size = 32,
                                         .packing = layouts::ggml_mxfp4};
NIBBLE_CONSTANT block_format ggml_nvfp4{.element = formats::e2m1,
                                         .scale = formats::ue4m3,
                                         .block_size = 16,
                                         .packing = layouts::ggml_nvfp4};

/// A block format and its name.
struct named_block_format {
  std::string_view name;
  block_format format;
};

/// The block formats that have a name, in the order in which tables show them.
inline constexpr named_block_format named_block_formats[] = {
    {"nvfp4", nvfp4},           {"nvfp4-2d", nvfp4_2d},     {"mxfp4", mxfp4},
    {"mxfp6-e2m3", mxfp6_e2m3}, {"mxfp6-e3m2", mxfp6_e3m2}, {"mxfp8-e4m3", mxfp8_e4m3},
    {"mxfp8-e5m2", mxfp8_e5m2}, {"mxint8", mxint8},
};

}  // namespace v0
}  // namespace nibble
