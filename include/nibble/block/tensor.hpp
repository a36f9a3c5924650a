// SPDX-License-Identifier: Apache-2.0
//
// Quantized matrices: views of storage that somebody else owns, and block_tensor, which owns its storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nibble/block/block_format.hpp>
#include <nibble/block/code_row.hpp>
#include <nibble/block/matrix_view.hpp>
#include <nibble/format/decode.hpp>

namespace nibble {
inline namespace v0 {

/// A quantized matrix of format `F` in storage that somebody else owns. Byte is std::uint8_t, or const of it for
/// reading. Row r of the codes starts at codes + r * code_stride (bytes, at least F.row_bytes(cols)), row i of the
/// scales at scales + i * scale_stride (scales, at least F.scale_cols(cols)).
template <block_format F, class Byte = std::uint8_t>
struct block_view {
  static_assert(F.is_valid(),
                "block_view<F>: F needs an element of at most 8 bits, a scale whose numbers are float32, a packing that "
                "fits the element, and no tensor scale beside power-of-two scales");
  static constexpr bool is_const = std::is_const_v<Byte>;
  template <class T>
  using maybe_const = std::conditional_t<is_const, const T, T>;
  using scale_type = maybe_const<code_type<F.scale>>;

  Byte* codes = nullptr;
  scale_type* scales = nullptr;
  maybe_const<float>* tensor_scale = nullptr;  ///< read and written only if F.tensor_scale; may be null otherwise
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t code_stride = F.row_bytes(cols);
  std::size_t scale_stride = F.scale_cols(cols);

  template <class Constant>
    requires(!is_const && std::is_same_v<Constant, const std::uint8_t>)
  constexpr operator block_view<F, Constant>() const noexcept {
    return {codes, scales, tensor_scale, rows, cols, code_stride, scale_stride};
  }

  /// The scale that element (r, c) uses, decoded; without the tensor scale.
  [[nodiscard]] NIBBLE_FUNCTION float scale(std::size_t r, std::size_t c) const noexcept {
    const std::size_t row = F.replicate_scales ? r : r / F.rows_per_block(rows);
    return decode<F.scale>(scales[row * scale_stride + c / F.block_cols(cols)]);
  }
  /// The code of element (r, c).
  [[nodiscard]] NIBBLE_FUNCTION std::uint8_t code(std::size_t r, std::size_t c) const noexcept {
    std::uint8_t result = 0;
    detail::load_codes<F>(codes + r * code_stride, c, 1, &result);
    return result;
  }
};

namespace detail::inline NIBBLE_UNIT {

template <block_format F, class Byte>
void check_block_view(const block_view<F, Byte>& q, const char* name) {
  if (q.rows == 0 || q.cols == 0) return;
  if (q.codes == nullptr) throw_argument({name, ".codes is null"});
  if (q.scales == nullptr) throw_argument({name, ".scales is null"});
  if (F.tensor_scale && q.tensor_scale == nullptr) throw_argument({name, ".tensor_scale is null"});
  if (q.code_stride < F.row_bytes(q.cols)) {
    throw_argument({name, ".code_stride is ", q.code_stride, " bytes; a row of ", q.cols, " codes takes ",
                    F.row_bytes(q.cols)});
  }
  if (q.scale_stride < F.scale_cols(q.cols)) {
    throw_argument({name, ".scale_stride is ", q.scale_stride, "; a row of ", q.cols, " elements has ",
                    F.scale_cols(q.cols), " scales"});
  }
}

/// rows * cols elements of `bytes` bytes, as many as a vector can have.
inline std::size_t checked_product(std::size_t rows, std::size_t cols, std::size_t bytes) {
  const std::size_t most = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / bytes;
  const std::size_t product = rows * cols;
  if (product > most || (rows != 0 && product / rows != cols)) {
    throw_argument({"block_tensor: ", rows, " rows of ", cols, " are more than a vector can hold"});
  }
  return product;
}
[[noreturn]] inline void throw_element(std::size_t r, std::size_t c, std::size_t rows, std::size_t cols) {
  throw std::out_of_range("nibble: element (" + std::to_string(r) + ", " + std::to_string(c) + ") of a " +
                          std::to_string(rows) + " x " + std::to_string(cols) + " block_tensor");
}

}  // namespace detail

/// A quantized matrix that owns its codes, scales and tensor scale. Copyable and movable: what was moved from is as
/// block_tensor() makes it, 0 x 0. Freshly made ones hold code 0 everywhere and tensor scale 1.
template <block_format F>
class block_tensor {
  static_assert(F.is_valid(),
                "block_tensor<F>: F needs an element of at most 8 bits, a scale whose numbers are float32, a packing "
                "that fits the element, and no tensor scale beside power-of-two scales");

 public:
  using scale_type = code_type<F.scale>;
  static constexpr block_format format = F;

  block_tensor() = default;
  /// Throws std::invalid_argument where a vector cannot hold so many codes or scales, std::bad_alloc without memory.
  // Inlined, like all that runs: an out-of-line copy would be shared by units for different instruction sets.
  NIBBLE_ALWAYS_INLINE block_tensor(std::size_t rows, std::size_t cols)
      : rows_(rows), cols_(cols), codes_(detail::checked_product(rows, F.row_bytes(cols), 1)),
        scales_(detail::checked_product(F.scale_rows(rows), F.scale_cols(cols), sizeof(scale_type))) {}
  block_tensor(const block_tensor&) = default;
  NIBBLE_ALWAYS_INLINE block_tensor(block_tensor&& other) noexcept { swap(other); }
  block_tensor& operator=(const block_tensor&) = default;
  NIBBLE_ALWAYS_INLINE block_tensor& operator=(block_tensor&& other) noexcept {
    block_tensor taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~block_tensor() = default;

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t cols() const noexcept { return cols_; }
  /// All bytes of the codes, F.row_bytes(cols()) a row.
  [[nodiscard]] std::span<std::uint8_t> codes() noexcept { return codes_; }
  [[nodiscard]] std::span<const std::uint8_t> codes() const noexcept { return codes_; }
  /// Scales, row-major, F.scale_rows(rows()) x F.scale_cols(cols()).
  [[nodiscard]] std::span<scale_type> scales() noexcept { return scales_; }
  [[nodiscard]] std::span<const scale_type> scales() const noexcept { return scales_; }
  /// Multiplies every decoded value; 1 in formats without one.
  [[nodiscard]] float tensor_scale() const noexcept { return tensor_scale_; }
  void set_tensor_scale(float s) noexcept { tensor_scale_ = s; }

  [[nodiscard]] block_view<F> view() noexcept {
    return {codes_.data(), scales_.data(), &tensor_scale_, rows_, cols_};
  }
  [[nodiscard]] block_view<F, const std::uint8_t> view() const noexcept {
    return {codes_.data(), scales_.data(), &tensor_scale_, rows_, cols_};
  }

  /// The code and the decoded value of one element; throw std::out_of_range.
  [[nodiscard]] std::uint8_t code(std::size_t r, std::size_t c) const {
    check_index(r, c);
    return view().code(r, c);
  }
  [[nodiscard]] float value(std::size_t r, std::size_t c) const {
    const binary32 element(decode<F.element>(code(r, c)));
    return static_cast<float>((element * binary32(view().scale(r, c))) * binary32(tensor_scale_));
  }

  /// Equality of every bit.
  friend bool operator==(const block_tensor& a, const block_tensor& b) noexcept {
    return a.rows_ == b.rows_ && a.cols_ == b.cols_ && a.codes_ == b.codes_ && a.scales_ == b.scales_ &&
           to_bits(a.tensor_scale_) == to_bits(b.tensor_scale_);
  }

 private:
  NIBBLE_ALWAYS_INLINE void swap(block_tensor& other) noexcept {
    std::swap(rows_, other.rows_);
    std::swap(cols_, other.cols_);
    codes_.swap(other.codes_);
    scales_.swap(other.scales_);
    std::swap(tensor_scale_, other.tensor_scale_);
  }
  void check_index(std::size_t r, std::size_t c) const {
    if (r >= rows_ || c >= cols_) detail::throw_element(r, c, rows_, cols_);
  }

  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::vector<std::uint8_t> codes_;
  std::vector<scale_type> scales_;
  float tensor_scale_ = 1.0F;
};

}  // namespace v0
}  // namespace nibble
