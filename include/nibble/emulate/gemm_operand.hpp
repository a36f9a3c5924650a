// SPDX-License-Identifier: Apache-2.0
//
// A quantized matrix as the emulated GEMM reads it: one code a byte, every row padded to whole instructions, scales as
// codes and as float32, whatever the block format was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <nibble/block/tensor.hpp>
#include <nibble/emulate/exact_sum.hpp>
#include <nibble/format/value_table.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// The values of a format's codes, each way in which the accumulations want them.
struct element_table {
  std::uint32_t bits[256] = {};   // binary32
  real_parts parts[256] = {};
};

struct gemm_operand {
  float_format element{};
  float_format scale{};
  std::size_t rows = 0;
  std::size_t k = 0;
  std::size_t stride = 0;         // bytes of a row of codes, k padded with zero codes
  std::size_t block = 0;          // elements of a row that share a scale
  std::size_t scale_stride = 0;   // scales of a row
  binary32 tensor_scale{};
  std::vector<std::uint8_t> codes;
  std::vector<std::uint32_t> scales;       // binary32
  std::vector<std::uint8_t> scale_codes;   // only of one-byte scales
  element_table table{};

  [[nodiscard]] const std::uint8_t* row(std::size_t r) const noexcept { return codes.data() + r * stride; }
  /// The scale of a block of a row, as binary32.
  [[nodiscard]] std::uint32_t scale_of(std::size_t r, std::size_t block_index) const noexcept {
    return scales[r * scale_stride + block_index];
  }
};

/// Codes of a row are padded to a multiple of this: the products of the longest instruction.
inline constexpr std::size_t k_padding = 64;

template <block_format F, class Byte>
gemm_operand make_operand(const block_view<F, Byte>& q) {
  gemm_operand x;
  x.element = F.element;
  x.scale = F.scale;
  x.rows = q.rows;
  x.k = q.cols;
  x.stride = (q.cols + k_padding - 1) / k_padding * k_padding;
  x.block = F.block_cols(q.cols);
  x.scale_stride = (x.stride + x.block - 1) / x.block;
  x.tensor_scale = binary32(F.tensor_scale ? *q.tensor_scale : 1.0F);
  x.codes.resize(x.rows * x.stride);
  x.scales.resize(x.rows * x.scale_stride);
  if (F.scale_bytes() == 1) x.scale_codes.resize(x.scales.size());
  for (std::size_t r = 0; r < q.rows; ++r) {
    nibble::detail::load_codes<F>(q.codes + r * q.code_stride, 0, q.cols, x.codes.data() + r * x.stride);
    const std::size_t from = F.replicate_scales ? r : r / F.rows_per_block(q.rows);
    for (std::size_t i = 0; i < F.scale_cols(q.cols); ++i) {
      const auto code = q.scales[from * q.scale_stride + i];
      x.scales[r * x.scale_stride + i] = to_bits(decode<F.scale>(code));
      if (F.scale_bytes() == 1) x.scale_codes[r * x.scale_stride + i] = static_cast<std::uint8_t>(code);
    }
  }
  for (std::size_t code = 0; code < std::size_t{1} << F.element.bits(); ++code) {
    x.table.bits[code] = to_bits(value_table<F.element>[code]);
    x.table.parts[code] = split_real(x.table.bits[code]);
  }
  return x;
}

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
