// SPDX-License-Identifier: Apache-2.0
//
// A quantizing kernel as data: a recipe, and everything beside the recipe that a kernel can do differently, right or
// wrong. The default of every field is what nibble's quantize does under the recipe.
#pragma once

#include <cstdint>

#include <nibble/block/recipe_presets.hpp>
#include <nibble/format/policy.hpp>
#include <nibble/format/rounding.hpp>

namespace nibble {
inline namespace v0 {
namespace check {

/// A float32 that passes through a narrower format on its way.
enum class narrowing : std::uint8_t {
  none,
  bfloat16,            ///< rounded to nearest even
  bfloat16_truncated,  ///< the upper half of the pattern
  binary16,            ///< rounded to nearest even, Inf beyond its range
};

/// Which elements of the matrix are read; the others count as zeros.
enum class reach : std::uint8_t {
  all,
  without_last_column,
  without_last_row,
  whole_blocks,        ///< a block at the right edge with fewer elements is left out
  without_first_column,
};

/// Which elements an amax looks at, relative to the block.
enum class amax_window : std::uint8_t {
  block,
  first_half,
  second_half,
  without_first,
  without_last,
  even_elements,
  pair_of_blocks,   ///< two neighbours, of which the first is even, share their amax
  shifted,          ///< one column further to the right
  previous_block,   ///< the block to the left; the first block its own
  next_block,       ///< the block to the right; the last block its own
  whole_row,
  square,           ///< block_size rows and columns
  one_row,          ///< blocks of several rows: only their first row
};

/// Which part of the matrix the tensor's amax looks at.
enum class tensor_window : std::uint8_t { all, without_last_row, without_last_column, first_row };

/// What is taken for the magnitude of an element.
enum class magnitude_rule : std::uint8_t {
  absolute,
  signed_value,  ///< the largest value; negative ones count as zero
};

/// Orders of the float32 operations of a scale that no preset uses. a, M, S, T as in scale_rule.
enum class scale_formula : std::uint8_t {
  as_recipe,
  encode_then_divide,     ///< (a * S) / M
  encode_then_multiply,   ///< (a * S) * fp32(1/M)
  divide_by_product,      ///< a / (M * T)
  without_tensor_scale,   ///< a / M
};

/// Rules for a power-of-two scale that no preset uses.
enum class exponent_formula : std::uint8_t {
  as_recipe,
  nearest_log2,     ///< round(log2 a) - emax (ggml's CUDA quantizer)
  even_tie_down,    ///< as even, exact ties down (FBGEMM MX4)
  even_of_fp4,      ///< as even at the precision of E2M1 whatever the element (compressed-tensors)
  nearest_quotient, ///< the power of two nearest to a / M, 1.5 * 2^k upward (PyTorch's cast to E8M0)
};

/// What happens to a finished scale code on its way to memory; elements use the scale before that.
enum class scale_storage : std::uint8_t {
  code,
  sign_of_maximum,  ///< bit 7 is the sign of the element with the largest magnitude
  plus_one,
  minus_one,
  inverse,          ///< the encode multiplier is stored: E8M0 254 - code, else 1 / scale rounded to the format
  without_bias,     ///< E8M0: the exponent as a signed byte
};

/// Where a scale lies. All but row_major come from matrix units that read tiles of 128 rows by 4 scales.
enum class scale_layout : std::uint8_t {
  row_major,
  tiled_128x4,              ///< tiled_scale_offset (cuBLAS manual 3.1.4.4)
  transposed,               ///< column after column
  padded_rows,              ///< row-major, rows padded to 4 scales
  tiled_column_first,       ///< 128x4 tiles that follow each other along a column of tiles
  tiled_without_interleave, ///< 128x4 tiles that are row-major inside
};

/// Orders of the operations on an element that no preset uses. D is the decoded scale.
enum class element_formula : std::uint8_t {
  as_recipe,
  divide_by_product,      ///< x / (D * T)
  divide_twice,           ///< (x / D) / T
  prescaled_division,     ///< (x * S) / D
  prescaled_reciprocal,   ///< (x * S) * (1 / D)
  without_tensor_scale,   ///< x / D
  approximate_reciprocal, ///< the recipe's multiplier, off by up to one float32, block by block (rcp.approx)
};

/// The scale that elements meet.
enum class element_scale : std::uint8_t {
  stored,
  unrounded,       ///< the float32 before it was rounded to the scale format
  signed_stored,   ///< bit 7 of the stored scale counts as its sign
  previous_block,  ///< the stored scale of the block to the left
  next_block,
};

/// What a magnitude beyond the largest number becomes.
enum class overflow_rule : std::uint8_t {
  saturate,
  special,  ///< Inf or NaN where the element format has them
  wrap,     ///< the low bits of the code
};

/// How random words are dealt to elements.
enum class random_assignment : std::uint8_t {
  in_order,     ///< as nibble::stochastic does it
  low_aligned,  ///< the random bits sit at the bottom of what rounding discards (oneDNN)
  cvt_rs,       ///< a word for four elements, 16 shared bits each (PTX cvt.rs on sm_100a)
  columns_first,  ///< elements are numbered down the columns
  unknown,      ///< any neighbour of the exact value, up with about the probability of the fraction
};

/// Where in memory the code of an element lies.
enum class code_order : std::uint8_t {
  as_format,     ///< block_format::packing
  swapped,       ///< 4 bits: the other half of the byte; else neighbouring bytes exchanged
  split_halves,  ///< a block's first half in the low, its second half in the high nibbles of its bytes
  split_row,     ///< the same with the halves of a row
  reversed_words,  ///< 32-bit words with their first element uppermost
  transposed,    ///< column after column; matrices of whole bytes a column
  high_bits,     ///< codes of less than 8 bits in the upper bits of a byte
};

/// The kernel.
struct kernel_model {
  nibble::recipe recipe{};

  // What is read.
  narrowing input = narrowing::none;
  bool flush = false;       ///< float32 subnormals are zeros, as operands and as results
  bool transposed = false;  ///< of a square matrix its transpose is read
  check::reach reach = reach::all;

  // The tensor scale.
  check::tensor_window tensor_window = tensor_window::all;
  magnitude_rule tensor_magnitude = magnitude_rule::absolute;
  float tensor_element_max = 0.0F;      ///< in Q, 0: of the format
  bool tensor_scale_is_encode = false;  ///< S is stored in place of T

  // The block scales.
  amax_window window = amax_window::block;
  magnitude_rule magnitude = magnitude_rule::absolute;
  narrowing amax = narrowing::none;
  bool flush_amax = false;
  bool nan_wins_block = false;     ///< NaN wins the amax of a block, whatever recipe.amax says
  check::scale_formula scale_formula = scale_formula::as_recipe;
  check::exponent_formula exponent_formula = exponent_formula::as_recipe;
  float scale_element_max = 0.0F;  ///< M, 0: of the format; scales with mantissa bits
  int exponent_offset = 0;         ///< added to the exponent of a power-of-two scale; elements follow
  narrowing unrounded_scale = narrowing::none;
  float scale_ceiling = 0.0F;      ///< largest scale, 0: of the format
  int lowest_exponent_code = 0;    ///< smallest code of a power-of-two scale
  bool zero_scale_is_one = false;  ///< blocks whose scale is zero get the scale 1
  bool flush_scale = false;        ///< subnormal scale codes become zero
  scale_storage storage = scale_storage::code;
  scale_layout layout = scale_layout::row_major;

  // The elements.
  check::element_formula element_formula = element_formula::as_recipe;
  check::element_scale element_scale = element_scale::stored;
  rounding_mode rounding = rounding_mode::nearest_even;
  stochastic_variant variant = stochastic_variant::a;
  int random_bits = 32;
  int philox_rounds = 10;
  random_assignment random = random_assignment::in_order;
  narrowing element = narrowing::none;  ///< of the scaled element
  bool flush_elements = false;          ///< subnormal elements are zeros, in the elements only
  float element_limit = 0.0F;           ///< scaled magnitudes are cut to it, 0: not
  overflow_rule overflow = overflow_rule::saturate;
  bool flush_codes = false;       ///< subnormal codes become zero
  bool drop_sign = false;
  bool last_of_block_zero = false;  ///< the last element of every block is left out
  code_order order = code_order::as_format;

  friend constexpr bool operator==(const kernel_model&, const kernel_model&) = default;
};

}  // namespace check
}  // namespace v0
}  // namespace nibble
