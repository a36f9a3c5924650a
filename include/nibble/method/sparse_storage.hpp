// SPDX-License-Identifier: Apache-2.0
//
// Compressed 2:4 storage: two values a block of four, and for each the two bits that say where it was, in the encoding of
// the metadata operand of mma.sp for 16-bit elements (PTX ISA, "Sparse matrix storage"). Row-major, as libraries exchange
// it, and in the order in which CUTLASS keeps it for its sparse kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <nibble/method/sparsify.hpp>
#include <nibble/method/sparsity_mask.hpp>

namespace nibble {
inline namespace v0 {

/// The metadata of one 2:4 block for sparse tensor cores: two 2-bit indexes, the lower one in bits 0 and 1, from a mask of
/// at most two positions. Missing ones are filled with the lowest free positions, whose values are zero: the two indexes are
/// always different and rising, as ordered_metadata asks.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t metadata_2_4(std::uint32_t mask) noexcept {
  mask &= 15U;
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < 4; ++i) count += mask >> i & 1U;
  for (std::uint32_t i = 0; i < 4 && count < 2; ++i) {
    if ((mask >> i & 1U) == 0) {
      mask |= 1U << i;
      ++count;
    }
  }
  std::uint32_t result = 0;
  std::uint32_t place = 0;
  for (std::uint32_t i = 0; i < 4 && place < 2; ++i) {
    if ((mask >> i & 1U) != 0) result |= i << (2 * place++);
  }
  return result;
}

namespace detail::inline NIBBLE_UNIT {

inline void check_storage(std::size_t elements, std::size_t values, std::size_t metadata) {
  const std::size_t blocks = elements / 4 + (elements % 4 != 0 ? 1U : 0U);
  const std::size_t words = blocks / 4 + (blocks % 4 != 0 ? 1U : 0U);
  if (values == 2 * blocks && metadata == words) return;
  throw_argument("values, metadata have " + std::to_string(values) + ", " + std::to_string(metadata) +
                 " elements; for " + std::to_string(elements) + " of x they must have " + std::to_string(2 * blocks) + ", " +
                 std::to_string(words));
}

/// Stores one block from its bits and the mask of positions to store.
NIBBLE_ALWAYS_INLINE void store_block(std::size_t block, const std::uint32_t* bits, std::uint32_t mask, float* values,
                                      std::uint16_t* metadata) noexcept {
  const std::uint32_t code = metadata_2_4(mask);
  const std::uint32_t before = block % 4 == 0 ? 0U : metadata[block / 4];
  metadata[block / 4] = static_cast<std::uint16_t>(before | code << (block % 4 * 4));
  values[2 * block] = bit_cast<float>(bits[code & 3]);
  values[2 * block + 1] = bit_cast<float>(bits[code >> 2]);
}

/// The bits of block `b` of x, padded with zeros, and the mask of its nonzeros.
NIBBLE_ALWAYS_INLINE std::uint32_t load_block_2_4(std::span<const float> x, std::size_t b,
                                                  std::uint32_t (&bits)[4]) noexcept {
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    bits[i] = 4 * b + i < x.size() ? to_bits(x[4 * b + i]) : 0U;
    mask |= ((bits[i] & 0x7fff'ffffU) != 0 ? 1U : 0U) << i;
  }
  return mask;
}

template <class Method>
void compress_pruned(std::span<const float> x, std::span<float> values, std::span<std::uint16_t> metadata,
                     const Method& method) {
  block_sparsifier<4> sparsifier(2, method);
  for (std::size_t b = 0; b < values.size() / 2; ++b) {
    std::uint32_t bits[4];
    std::uint32_t kept[4];
    load_block_2_4(x, b, bits);
    const std::uint32_t mask = sparsifier(b, bits, kept);
    store_block(b, kept, mask, values.data(), metadata.data());
  }
}

/// Rejects a mask, or sizes, that do not fit a matrix.
inline void check_masked_storage(const sparsity_mask& mask, std::size_t rows, std::size_t cols, std::size_t values,
                                 std::size_t metadata) {
  if (mask.rows() != rows || mask.cols() != cols) {
    throw_argument({"mask is ", mask.rows(), " x ", mask.cols(), "; it must be ", rows, " x ", cols, " as w is"});
  }
  const std::size_t blocks = cols / 4 + (cols % 4 != 0 ? 1U : 0U);
  const std::size_t words = blocks / 4 + (blocks % 4 != 0 ? 1U : 0U);
  if (values != rows * 2 * blocks || metadata != rows * words) {
    throw_argument({"values, metadata have ", values, ", ", metadata, " elements; they must have ", rows * 2 * blocks,
                    ", ", rows * words});
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; c += 4) {
      const std::uint32_t kept = mask.bits(r, c, cols - c < 4 ? cols - c : 4);
      const std::uint32_t without_lowest = kept & (kept - 1);
      if ((without_lowest & (without_lowest - 1)) != 0) {
        throw_argument({"mask keeps more than two positions of row ", r, ", block ", c / 4});
      }
    }
  }
}

}  // namespace detail

/// Compresses a tensor that is 2:4 sparse: two values a block and 16-bit metadata words, four blocks a word, the first
/// lowest. The last block may be cut: it counts as padded with zeros, and unused bits of the last word are 0. Zeros of
/// either sign count as zero; a -0 that is not stored returns as +0. Throws std::invalid_argument, before anything is
/// written, where a block holds more than two nonzeros or the sizes do not fit (for n elements 2 ceil(n / 4) values,
/// ceil(n / 16) words).
inline void compress_2_4(std::span<const float> x, std::span<float> values, std::span<std::uint16_t> metadata) {
  detail::check_storage(x.size(), values.size(), metadata.size());
  std::uint32_t bits[4];
  for (std::size_t b = 0; b < values.size() / 2; ++b) {
    const std::uint32_t m = detail::load_block_2_4(x, b, bits);
    const std::uint32_t without_lowest = m & (m - 1);
    if (m != 0 && (without_lowest & (without_lowest - 1)) != 0 && without_lowest != 0) {
      detail::throw_argument("x: block " + std::to_string(b) + " holds more than two nonzeros");
    }
  }
  for (std::size_t b = 0; b < values.size() / 2; ++b) {
    const std::uint32_t mask = detail::load_block_2_4(x, b, bits);
    detail::store_block(b, bits, mask, values.data(), metadata.data());
  }
}

/// Prunes and compresses in one pass: the same values and metadata as sparsify<2, 4> and then compress_2_4, but that a kept
/// zero (by magnitude) keeps its sign and its place. Throws as they do.
template <class Method>
void compress_2_4(std::span<const float> x, std::span<float> values, std::span<std::uint16_t> metadata,
                  const Method& method) {
  detail::check_storage(x.size(), values.size(), metadata.size());
  detail::check_sparsify_method(2, 4, method);
  detail::compress_pruned(x, values, metadata, method);
}

/// Compresses what a mask keeps of a matrix, every row from a block and a word of its own on: 2 ceil(cols / 4) values and
/// ceil(cols / 16) words a row, as above, but that a kept zero keeps its sign and its place; a double is rounded to nearest
/// even. Throws std::invalid_argument, before anything is written, where the shapes differ, the sizes do not fit or the mask
/// keeps more than two positions of a block.
template <class T>
void compress_2_4(const sparsity_mask& mask, const matrix_view<T>& w, std::span<float> values,
                  std::span<std::uint16_t> metadata) {
  detail::check_view(w, "w");
  const std::size_t blocks = w.cols / 4 + (w.cols % 4 != 0 ? 1U : 0U);
  const std::size_t words = blocks / 4 + (blocks % 4 != 0 ? 1U : 0U);
  detail::check_masked_storage(mask, w.rows, w.cols, values.size(), metadata.size());
  for (std::size_t r = 0; r < w.rows; ++r) {
    for (std::size_t b = 0; b < blocks; ++b) {
      std::uint32_t bits[4] = {};
      const std::size_t count = w.cols - 4 * b < 4 ? w.cols - 4 * b : 4;
      const std::uint32_t kept = mask.bits(r, 4 * b, count);
      for (std::size_t i = 0; i < count; ++i) bits[i] = (kept >> i & 1U) != 0 ? detail::element_bits(w(r, 4 * b + i)) : 0U;
      detail::store_block(b, bits, kept, values.data() + r * 2 * blocks, metadata.data() + r * words);
    }
  }
}

/// The way back; positions without a value are +0. Of two equal indexes, which no writer makes, the second value counts.
/// Throws std::invalid_argument if the sizes do not fit.
inline void decompress_2_4(std::span<const float> values, std::span<const std::uint16_t> metadata, std::span<float> x) {
  detail::check_storage(x.size(), values.size(), metadata.size());
  for (std::size_t b = 0; b < values.size() / 2; ++b) {
    const std::uint32_t code = static_cast<std::uint32_t>(metadata[b / 4]) >> (b % 4 * 4) & 15U;
    float block[4] = {};
    block[code & 3] = values[2 * b];
    block[code >> 2] = values[2 * b + 1];
    for (std::size_t i = 0; i < 4 && 4 * b + i < x.size(); ++i) x[4 * b + i] = block[i];
  }
}

/// Where CUTLASS's sparse kernels of SM80, and PyTorch's semi-structured tensors after them, keep metadata word (row,
/// col) of a row-major matrix with that many rows. Words have 2 bytes (four blocks of 16-bit elements) or 4 (eight blocks
/// of 8-bit ones). Among 32 rows (16 for 4 bytes) row 8 a + b comes to 4 b + a (2 b + a); then squares of 2 x 2 words are
/// transposed, and columns stand in pairs, one pair of columns after the other.
[[nodiscard]] NIBBLE_FUNCTION std::size_t cutlass_metadata_offset(std::size_t rows, std::size_t row, std::size_t col,
                                                                  std::size_t word_bytes = 2) noexcept {
  const std::size_t group = word_bytes == 2 ? 32 : 16;
  const std::size_t r = row % group;
  std::size_t to_row = row - r + r % 8 * (group / 8) + r / 8;
  std::size_t to_col = col;
  if (to_row % 2 != to_col % 2) {
    to_row ^= 1U;
    to_col ^= 1U;
  }
  return to_col / 2 * rows * 2 + to_row * 2 + to_col % 2;
}

namespace detail::inline NIBBLE_UNIT {

template <class Word>
void check_cutlass_metadata(std::size_t rows, std::size_t from, std::size_t to) {
  constexpr std::size_t group = sizeof(Word) == 2 ? 32 : 16;
  if (rows == 0 || rows % group != 0) {
    throw_argument("rows is " + std::to_string(rows) + "; it must be a multiple of " + std::to_string(group));
  }
  if (from % (2 * rows) != 0 || to != from) {
    throw_argument("the metadata have " + std::to_string(from) + " and " + std::to_string(to) +
                   " words; both must have the same multiple of " + std::to_string(2 * rows));
  }
}

}  // namespace detail

/// Row-major metadata words (std::uint16_t, or std::uint32_t for 8-bit elements) into the order of CUTLASS. Throws
/// std::invalid_argument unless `out` has as many words, rows is a multiple of 32 (16) and rows have an even number of words.
template <class Word>
  requires(sizeof(Word) == 2 || sizeof(Word) == 4)
void to_cutlass_metadata(std::span<const Word> row_major, std::size_t rows, std::span<Word> out) {
  detail::check_cutlass_metadata<Word>(rows, row_major.size(), out.size());
  const std::size_t cols = row_major.size() / rows;
  for (std::size_t i = 0; i < row_major.size(); ++i) {
    out[cutlass_metadata_offset(rows, i / cols, i % cols, sizeof(Word))] = row_major[i];
  }
}
/// The order of CUTLASS into row-major words; throws as above.
template <class Word>
  requires(sizeof(Word) == 2 || sizeof(Word) == 4)
void from_cutlass_metadata(std::span<const Word> reordered, std::size_t rows, std::span<Word> out) {
  detail::check_cutlass_metadata<Word>(rows, reordered.size(), out.size());
  const std::size_t cols = reordered.size() / rows;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = reordered[cutlass_metadata_offset(rows, i / cols, i % cols, sizeof(Word))];
  }
}

}  // namespace v0
}  // namespace nibble
