// SPDX-License-Identifier: Apache-2.0
//
// What a diagnosis is about: the matrix, the bytes that a kernel made of it, and the blocks in which both are walked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nibble/base/counts.hpp>
#include <nibble/base/executor.hpp>
#include <nibble/block/amax.hpp>
#include <nibble/block/encode_chunk.hpp>
#include <nibble/block/options.hpp>
#include <nibble/block/tensor.hpp>
#include <nibble/check/layout.hpp>
#include <nibble/format/decode.hpp>

namespace nibble {
inline namespace v0 {
namespace check {

/// The bytes that a kernel wrote. `codes` has rows * F.row_bytes(cols) bytes, `scales` one byte a scale in row-major
/// order or padded as one of the layouts of scale_layout demands.
struct device_bytes {
  std::span<const std::uint8_t> codes;
  std::span<const std::uint8_t> scales;
  std::optional<float> tensor_scale{};  ///< of formats that have one; without it the recipe's is taken for granted
};

namespace detail::inline NIBBLE_UNIT {

using nibble::detail::smaller;

/// `x` narrowed and widened again.
NIBBLE_FUNCTION std::uint32_t narrowed(narrowing n, std::uint32_t bits) noexcept {
  if (n == narrowing::none) return bits;
  if (n == narrowing::bfloat16_truncated) return bits & 0xffff'0000U;
  const float_format& f = n == narrowing::bfloat16 ? formats::bf16 : formats::f16;
  const std::uint32_t code = nibble::detail::encode_bits(f, bits, rounding_choice{}, overflow::special, policy::cuda);
  return to_bits(decode(f, code));
}
NIBBLE_FUNCTION binary32 narrowed(narrowing n, binary32 x) noexcept {
  return binary32::from_bits(narrowed(n, x.bits()));
}

/// `bits` with a subnormal replaced by the zero of its sign.
NIBBLE_FUNCTION std::uint32_t flushed(std::uint32_t bits) noexcept {
  return (bits & 0x7f80'0000U) == 0 ? bits & 0x8000'0000U : bits;
}

/// A rectangle of the matrix.
struct rectangle {
  std::size_t row = 0, rows = 0, col = 0, cols = 0;
};

/// Encodes scaled elements with the element format known to the compiler.
template <class Word>
using encode_function = void (*)(const rounding_choice& rounding, const special_codes& s, const Word* scaled,
                                 const std::uint32_t* random, std::size_t count, std::uint8_t* codes);
template <float_format F, class Word>
void encode_elements(const rounding_choice& rounding, const special_codes& s, const Word* scaled,
                     const std::uint32_t* random, std::size_t count, std::uint8_t* codes) {
  const nibble::detail::run_time_rounding<> by{rounding.mode, rounding.variant};
  const special_codes special = s;
  for (std::size_t i = 0; i < count; ++i) {
    const Word word = by.mode == rounding_mode::stochastic ? static_cast<Word>(random[i]) : Word{0};
    codes[i] =
        static_cast<std::uint8_t>(nibble::detail::encode_lanes(by, F, special, scaled[i], word, rounding.random_bits));
  }
}

/// One matrix and the bytes made of it. Blocks are numbered row by row.
struct subject {
  block_format f{};
  encode_function<std::uint32_t> encode = nullptr;
  encode_function<std::uint64_t> encode_quotients = nullptr;
  std::size_t rows = 0, cols = 0;
  std::vector<std::uint32_t> x;  ///< binary32 bits, row-major
  device_bytes bytes{};
  element_rounding random{};     ///< where random words come from
  std::optional<float> tensor_amax{};
  /// The amax of every block, for matrices without NaN and Inf, where all amax rules agree; else null.
  const std::vector<std::uint32_t>* known_amax = nullptr;

  [[nodiscard]] std::size_t block_cols() const noexcept { return f.block_cols(cols); }
  [[nodiscard]] std::size_t block_rows() const noexcept { return f.rows_per_block(rows); }
  [[nodiscard]] std::size_t across() const noexcept { return f.scale_cols(cols); }
  [[nodiscard]] std::size_t down() const noexcept { return (rows + block_rows() - 1) / block_rows(); }
  [[nodiscard]] std::size_t blocks() const noexcept { return rows == 0 || cols == 0 ? 0U : across() * down(); }
  [[nodiscard]] rectangle block(std::size_t index) const noexcept {
    const std::size_t row = index / across() * block_rows();
    const std::size_t col = index % across() * block_cols();
    return {row, smaller(block_rows(), rows - row), col, smaller(block_cols(), cols - col)};
  }

  /// Row `r` of the matrix of scales that the block of element row `row` uses.
  [[nodiscard]] std::size_t scale_row(std::size_t row) const noexcept {
    return f.replicate_scales ? row : row / block_rows();
  }
  [[nodiscard]] std::size_t scale_rows() const noexcept { return f.scale_rows(rows); }
  /// The byte of a scale.
  [[nodiscard]] std::uint8_t scale(scale_layout layout, std::size_t row, std::size_t block_col) const noexcept {
    return bytes.scales[scale_offset(layout, row, block_col, scale_rows(), across())];
  }
  /// The code of an element.
  [[nodiscard]] std::uint8_t code(code_order order, std::size_t r, std::size_t c) const noexcept {
    const code_place place = code_location(order, f, rows, cols, r, c);
    const std::uint32_t mask = (std::uint32_t{1} << f.packing.slot_bits) - 1U;
    std::uint32_t word = bytes.codes[place.byte];
    if (place.shift + f.packing.slot_bits > 8 && f.packing.slot_bits == 6) {
      word |= std::uint32_t{bytes.codes[place.byte + 1]} << 8;
    }
    return static_cast<std::uint8_t>(word >> place.shift & mask);
  }

  /// The codes of `count` columns of a row.
  void codes_of(code_order order, std::size_t r, std::size_t c, std::size_t count, std::uint8_t* out) const noexcept {
    const bool in_place = order == code_order::as_format;
    if (in_place && f.packing.slot_bits == 8) {
      const std::uint8_t* from = bytes.codes.data() + r * f.row_bytes(cols) + c;
      for (std::size_t i = 0; i < count; ++i) out[i] = from[i];
    } else if (in_place && f.packing == layouts::nibbles_low_first && c % 2 == 0) {
      const std::uint8_t* from = bytes.codes.data() + r * f.row_bytes(cols) + c / 2;
      for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(from[i / 2] >> 4 * (i % 2) & 15U);
    } else {
      for (std::size_t i = 0; i < count; ++i) out[i] = code(order, r, c + i);
    }
  }

  /// What a kernel reads as `count` columns of a row.
  void input_of(const kernel_model& m, std::size_t r, std::size_t c, std::size_t count,
                std::uint32_t* out) const noexcept {
    const bool is_plain = m.reach == reach::all && !m.transposed && !m.flush && m.input == narrowing::none;
    const std::uint32_t* from = x.data() + r * cols + c;
    for (std::size_t i = 0; i < count; ++i) out[i] = is_plain ? from[i] : input(m, r, c + i);
  }

  /// What a kernel reads as element (r, c).
  [[nodiscard]] std::uint32_t input(const kernel_model& m, std::size_t r, std::size_t c) const noexcept {
    if (m.reach != reach::all && !is_read(m.reach, r, c)) return 0;
    std::uint32_t bits = m.transposed ? x[c * rows + r] : x[r * cols + c];
    if (m.flush) bits = flushed(bits);
    return narrowed(m.input, bits);
  }

 private:
  [[nodiscard]] bool is_read(reach which, std::size_t r, std::size_t c) const noexcept {
    switch (which) {
      case reach::all: break;
      case reach::without_last_column: return c + 1 != cols;
      case reach::without_last_row: return r + 1 != rows;
      case reach::whole_blocks: return c < cols / block_cols() * block_cols();
      case reach::without_first_column: return c != 0;
    }
    return true;
  }
};

/// Copies `x` as binary32 bits.
template <class T>
std::vector<std::uint32_t> bits_of(const matrix_view<T>& x) {
  std::vector<std::uint32_t> bits(x.size());
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t c = 0; c < x.cols; ++c) bits[r * x.cols + c] = nibble::detail::element_bits(x(r, c));
  }
  return bits;
}

inline constexpr scale_layout all_scale_layouts[] = {
    scale_layout::row_major,   scale_layout::tiled_128x4,        scale_layout::transposed,
    scale_layout::padded_rows, scale_layout::tiled_column_first, scale_layout::tiled_without_interleave};

/// Rejects bytes that cannot be of this shape.
inline void check_bytes(const subject& s) {
  using nibble::detail::throw_argument;
  const std::size_t codes = s.rows * s.f.row_bytes(s.cols);
  if (s.bytes.codes.size() != codes) {
    throw_argument("bytes.codes has " + std::to_string(s.bytes.codes.size()) + " bytes; " + std::to_string(s.rows) +
                   " x " + std::to_string(s.cols) + " codes take " + std::to_string(codes));
  }
  std::string allowed;
  std::size_t last = 0;
  for (const scale_layout layout : all_scale_layouts) {
    const std::size_t size = scale_layout_bytes(layout, s.scale_rows(), s.across());
    if (s.bytes.scales.size() == size) return;
    if (layout == scale_layout::row_major) allowed = std::to_string(size);
    if (size > last && layout != scale_layout::row_major) allowed += " or " + std::to_string(size);
    last = size > last ? size : last;
  }
  throw_argument("bytes.scales has " + std::to_string(s.bytes.scales.size()) + " bytes; " +
                 std::to_string(s.scale_rows()) + " x " + std::to_string(s.across()) + " scales take " + allowed);
}

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
