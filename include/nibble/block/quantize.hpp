// SPDX-License-Identifier: Apache-2.0
//
// quantize: from a matrix to codes, block scales and a tensor scale. This is the scalar backend, the specification of
// the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <nibble/base/backend.hpp>
#include <nibble/base/counts.hpp>
#include <nibble/base/executor.hpp>
#include <nibble/block/amax.hpp>
#include <nibble/block/block_scale.hpp>
#include <nibble/block/code_row.hpp>
#include <nibble/block/encode_chunk.hpp>
#include <nibble/block/four_over_six.hpp>
#include <nibble/block/options.hpp>
#include <nibble/block/tensor.hpp>

namespace nibble {
inline namespace v0 {

namespace detail::inline NIBBLE_UNIT {

/// What a backend supplies to the walk over blocks; these are the scalar ones.
struct scalar_kernels {
  /// The largest counted magnitude of a rectangle.
  template <class T>
  static std::uint32_t amax(const matrix_view<T>& x, std::size_t row, std::size_t rows, std::size_t col,
                            std::size_t cols, amax_rule rule) noexcept {
    return rectangle_amax(x, row, rows, col, cols, rule);
  }
  /// The binary32 bits of `count` (at most chunk_size) elements of a row.
  template <class T>
  static void load(const matrix_view<T>& x, std::size_t row, std::size_t col, std::size_t count,
                   std::uint32_t* bits) noexcept {
    for (std::size_t i = 0; i < count; ++i) bits[i] = element_bits(x(row, col + i));
  }
  /// The random words of `count` logical elements.
  static void draw(const element_rounding& rounding, int random_bits, std::uint64_t first, std::uint64_t step,
                   std::size_t count, std::uint32_t* words) noexcept {
    random_source(rounding, random_bits).fill(first, step, count, words);
  }
  template <block_format F>
  static void encode(const recipe& r, const rounding_choice& rounding, const element_scaling& e,
                     const std::uint32_t* bits, const std::uint32_t* random, std::size_t count,
                     std::uint8_t* codes) noexcept {
    encode_chunk<F.element>(r, rounding, e, bits, random, count, codes);
  }
};

/// One call of quantize: its constants, and the walk over the blocks.
template <block_format F, class T, class Kernels>
class quantizer {
 public:
  quantizer(const matrix_view<T>& x, const block_view<F>& q, const quantize_options& o)
      : x_(x), q_(q), options_(o), recipe_(o.recipe), rounding_(o.rounding.choice(o.recipe)),
        transposed_(o.orientation == orientation::column_wise) {
    const binary32 amax = o.tensor_amax ? binary32(*o.tensor_amax)
                                        : binary32::from_bits(F.tensor_scale ? all_amax() : 0U);
    scaling_ = make_tensor_scaling(F, recipe_, amax);
  }

  /// Quantizes the bands of rows from `first` to before `last`; both are multiples of the block's rows, or the end.
  void run(std::size_t first, std::size_t last) {
    const std::size_t band = F.rows_per_block(q_.rows);
    const std::size_t width = F.block_cols(q_.cols);
    if (first == 0) store_tensor_scale();
    for (std::size_t row = first; row < last; row += band) {
      clear_padding(row, smaller(band, last - row));
      for (std::size_t col = 0; col < q_.cols; col += width) {
        block(row, smaller(band, last - row), col, smaller(width, q_.cols - col));
      }
    }
  }

 protected:
  /// The rectangle of one block in the stored matrix.
  struct rectangle {
    std::size_t row, rows, col, cols;
  };

  [[nodiscard]] std::uint32_t all_amax() const {
    return Kernels::amax(x_, 0, x_.rows, 0, x_.cols, recipe_.amax);
  }

  void store_tensor_scale() {
    if (q_.tensor_scale != nullptr) *q_.tensor_scale = static_cast<float>(scaling_.decode);
  }

  /// Bits that no element writes are zero.
  void clear_padding(std::size_t row, std::size_t rows) {
    if constexpr (F.packing.slot_bits != 8) {
      for (std::size_t r = row; r < row + rows; ++r) {
        std::uint8_t* bytes = q_.codes + r * q_.code_stride;
        for (std::size_t i = 0; i < F.row_bytes(q_.cols); ++i) bytes[i] = 0;
      }
    }
  }

  void block(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols) {
    const rectangle b{row, rows, col, cols};
    const amax_rule rule = recipe_.amax == amax_rule::finite ? amax_rule::propagate : recipe_.amax;
    const auto amax = binary32::from_bits(Kernels::amax(x_, row, rows, col, cols, rule));
    std::uint32_t code = block_scale_code<F>(recipe_, constants_, scaling_, amax);
    if (recipe_.choice != four_over_six::off && !F.power_of_two_scale()) code = better_scale(b, amax, code);
    const element_scaling e = make_element_scaling(F, recipe_, scaling_, code);
    store_scale(b, code);
    for (std::size_t r = row; r < row + rows; ++r) {
      for (std::size_t c = col; c < col + cols; c += chunk_size) {
        chunk(r, c, smaller(chunk_size, col + cols - c), e);
      }
    }
  }

  /// Codes of one run, left in `codes_` with their source bits in `bits_`.
  void encode_run(std::size_t r, std::size_t c, std::size_t count, const element_scaling& e) {
    Kernels::load(x_, r, c, count, bits_);
    if (rounding_.mode == rounding_mode::stochastic) {
      const std::size_t source_cols = transposed_ ? x_.rows : x_.cols;
      const std::uint64_t first = transposed_ ? c * source_cols + r : r * source_cols + c;
      Kernels::draw(options_.rounding, rounding_.random_bits, first, transposed_ ? source_cols : 1U, count, words_);
    }
    encode_bits(words_, count, e);
  }

  /// Codes of the `count` elements in `bits_`, left in `codes_`.
  void encode_bits(const std::uint32_t* words, std::size_t count, const element_scaling& e) {
    Kernels::template encode<F>(recipe_, rounding_, e, bits_, words, count, codes_);
    if (recipe_.searches_in_float) search_in_float<F.element>(e, bits_, count, codes_);
  }

  void chunk(std::size_t r, std::size_t c, std::size_t count, const element_scaling& e) {
    encode_run(r, c, count, e);
    store_codes<F>(q_.codes + r * q_.code_stride, c, count, codes_);
    if (options_.counts != nullptr) count_chunk<F>(recipe_, e, bits_, codes_, count, *options_.counts);
  }

  /// The better of `six` and the scale for 4, by the recipe's error; a tie keeps `six`.
  std::uint32_t better_scale(const rectangle& b, binary32 amax, std::uint32_t six) {
    const std::uint32_t four = block_scale_code<F>(recipe_, constants_, scaling_, amax, binary32(1.5F));
    return error_of(b, four) < error_of(b, six) ? four : six;
  }

  binary32 error_of(const rectangle& b, std::uint32_t code) {
    const choice_error error(F, recipe_, scaling_);
    const element_scaling e = make_element_scaling(F, recipe_, scaling_, code);
    const binary32 d = binary32(decode<F.scale>(code));
    binary32 rows[16] = {};
    binary32 sum(0.0F);
    for (std::size_t r = 0; r < b.rows; ++r) {
      binary32 row(0.0F);
      for (std::size_t c = b.col; c < b.col + b.cols; c += chunk_size) {
        const std::size_t count = smaller(chunk_size, b.col + b.cols - c);
        encode_run(b.row + r, c, count, e);
        row = row + error.template of<F.element>(d, bits_, codes_, count);
      }
      if (r < 16) rows[r] = row;
      sum = sum + row;
    }
    return b.rows > 1 && b.rows <= 16 ? tree_sum(rows, 16) : sum;
  }

  void store_scale(const rectangle& b, std::uint32_t code) {
    const std::size_t col = b.col / F.block_cols(q_.cols);
    const std::size_t first = F.replicate_scales ? b.row : b.row / F.rows_per_block(q_.rows);
    const std::size_t last = F.replicate_scales ? b.row + b.rows : first + 1;
    for (std::size_t r = first; r < last; ++r) {
      q_.scales[r * q_.scale_stride + col] = static_cast<code_type<F.scale>>(code);
    }
  }

  matrix_view<T> x_;  ///< the stored matrix: the source, or its transpose
  block_view<F> q_;
  const quantize_options& options_;
  const recipe& recipe_;
  rounding_choice rounding_;
  static constexpr scale_constants constants_{F};
  tensor_scaling scaling_{};
  bool transposed_;
  std::uint32_t bits_[chunk_size];
  std::uint32_t words_[chunk_size];
  std::uint8_t codes_[chunk_size];
};

/// Runs a Quantizer over slices of rows on an executor. The tensor amax is found first, so that slices are independent.
template <class Quantizer, class Kernels, block_format F, class T, class Executor>
void quantize_in_slices(const matrix_view<T>& stored, const block_view<F>& q, const quantize_options& options,
                        Executor& run) {
  const std::size_t band = F.rows_per_block(stored.rows);
  const std::size_t bands = stored.rows / band + (stored.rows % band != 0 ? 1U : 0U);
  // Slices of 2^14 to 2^16 elements: long enough to hide the cost of a task, and many enough to share out evenly.
  const std::size_t share = stored.size() / 64U;
  const std::size_t target = share < 16384U ? 16384U : smaller(share, 65536U);
  const std::size_t wanted = stored.size() / target + 1U;
  const std::size_t per_slice = wanted < bands ? (bands + wanted - 1) / wanted : 1U;
  const std::size_t slices = bands / per_slice + (bands % per_slice != 0 ? 1U : 0U);
  const auto rows_of = [&](std::size_t i) { return smaller(i * per_slice * band, stored.rows); };
  quantize_options shared = options;
  if (F.tensor_scale && !options.tensor_amax) {
    std::vector<std::uint32_t> largest(slices);
    run(slices, [&](std::size_t i) {
      largest[i] = Kernels::amax(stored, rows_of(i), rows_of(i + 1) - rows_of(i), 0, stored.cols, options.recipe.amax);
    });
    std::uint32_t amax = 0;
    for (const std::uint32_t bits : largest) amax = bits > amax ? bits : amax;
    shared.tensor_amax = bit_cast<float>(amax);
  }
  std::vector<quantize_counts> counts(options.counts != nullptr ? slices : 0U);
  run(slices, [&](std::size_t i) {
    quantize_options own = shared;
    own.counts = counts.empty() ? nullptr : &counts[i];
    Quantizer(stored, q, own).run(rows_of(i), rows_of(i + 1));
  });
  if (slices == 0) Quantizer(stored, q, shared).run(0, 0);
  for (const quantize_counts& c : counts) *options.counts += c;
}

/// Rejects a recipe that says nothing about the scales of `F`.
template <block_format F>
void check_recipe(const recipe& r) {
  if (F.power_of_two_scale() && r.exponent == exponent_rule::unspecified) {
    throw_argument("options.recipe says nothing about power-of-two scales (its `exponent` is unspecified)");
  }
  if (!F.power_of_two_scale() && r.scale == scale_rule::unspecified) {
    throw_argument("options.recipe says nothing about scales with mantissa bits (its `scale` is unspecified)");
  }
  if (F.tensor_scale && r.searches_in_float && r.tensor != tensor_scale_rule::one) {
    throw_argument("options.recipe.searches_in_float is true; options.recipe.tensor must then be one");
  }
  // A quotient by Inf would make every number of the tensor 0.
  const bool has_quotient = r.tensor != tensor_scale_rule::one && r.tensor != tensor_scale_rule::power_of_two_up;
  if (F.tensor_scale && (has_quotient || r.tensor_scale_max > 0.0F) &&
      !exact_binary32(F.element.max_value() * largest_scale(F, r)).is_finite()) {
    throw_argument({"options.recipe.tensor_scale_max is ", r.tensor_scale_max, "; its product (0: that of the largest scale, ",
                    F.scale.max_value(), ") with the largest element, ", F.element.max_value(), ", must be a finite float32"});
  }
  // exact_quotient divides by at most 32 significant bits.
  const bool short_tensor_scale = r.tensor == tensor_scale_rule::one || r.tensor == tensor_scale_rule::power_of_two_up;
  if (F.tensor_scale && F.scale.mantissa_bits > 7 && r.element == element_rule::exact && !short_tensor_scale) {
    throw_argument("options.recipe.element is exact; beside scales of more than 8 significant bits "
                   "options.recipe.tensor must be one or power_of_two_up");
  }
}

/// Checks everything that a call of quantize is given, and returns the matrix as it will be stored.
template <block_format F, class T>
matrix_view<T> checked_source(const matrix_view<T>& x, const block_view<F>& q, const quantize_options& options) {
  check_view(x, "x");
  check_options(options, x.size());
  check_recipe<F>(options.recipe);
  check_block_view(q, "q");
  const matrix_view<T> stored = options.orientation == orientation::column_wise ? x.transposed() : x;
  if (q.rows != stored.rows || q.cols != stored.cols) {
    throw_argument({"q is ", q.rows, " x ", q.cols, "; it must be ", stored.rows, " x ", stored.cols});
  }
  return stored;
}

}  // namespace detail

/// Quantizes `x` into `q`, storage that the caller owns; nothing is allocated. `q` has the shape of x, or of its
/// transpose with options.orientation == column_wise. Rows and columns need not be whole blocks: a block at the edge
/// has fewer elements, and code bits past the edge are zero.
///
/// With the default recipe finite input gives finite values and zero gives zero; a block that holds a NaN or an Inf
/// gets a NaN scale and decodes to NaN, and does not disturb the others. Other recipes do what the implementation
/// they are named after does (recipe_presets.hpp). Everything is checked before anything is written; throws
/// std::invalid_argument naming the argument, what it was and what was allowed.
template <block_format F, class T>
void quantize(scalar /*backend*/, const matrix_view<T>& x, const block_view<F>& q,
              const quantize_options& options = {}) {
  const matrix_view<T> stored = detail::checked_source(x, q, options);
  detail::quantizer<F, T, detail::scalar_kernels>(stored, q, options).run(0, stored.rows);
}

/// As above with the work spread over an executor: the same bits for any number of threads. Allocates a few words a
/// slice.
template <block_format F, class T, executor Executor>
void quantize(scalar /*backend*/, const matrix_view<T>& x, const block_view<F>& q, const quantize_options& options,
              Executor&& run) {
  using quantizer = detail::quantizer<F, T, detail::scalar_kernels>;
  detail::quantize_in_slices<quantizer, detail::scalar_kernels>(detail::checked_source(x, q, options), q, options, run);
}

/// As above on the scalar backend.
template <block_format F, class T>
void quantize(const matrix_view<T>& x, const block_view<F>& q, const quantize_options& options = {}) {
  quantize(scalar{}, x, q, options);
}

/// Quantizes into a new tensor, x.rows x x.cols, or x.cols x x.rows column-wise: quantize<nvfp4>(scalar{},
/// matrix_view{weights, rows, cols}). Throws as above.
template <block_format F, class T>
[[nodiscard]] block_tensor<F> quantize(scalar backend, const matrix_view<T>& x, const quantize_options& options = {}) {
  detail::check_view(x, "x");
  const bool transposed = options.orientation == orientation::column_wise;
  block_tensor<F> result(transposed ? x.cols : x.rows, transposed ? x.rows : x.cols);
  quantize(backend, x, result.view(), options);
  return result;
}
/// As above on the scalar backend: quantize<nvfp4>(matrix_view{weights, rows, cols}).
template <block_format F, class T>
[[nodiscard]] block_tensor<F> quantize(const matrix_view<T>& x, const quantize_options& options = {}) {
  return quantize<F>(scalar{}, x, options);
}

}  // namespace v0
}  // namespace nibble
