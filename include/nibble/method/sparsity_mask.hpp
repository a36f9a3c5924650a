// SPDX-License-Identifier: Apache-2.0
//
// Which elements of a matrix are kept: one bit each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <nibble/block/matrix_view.hpp>

namespace nibble {
inline namespace v0 {

/// rows x cols bits, 1 where an element is kept. Every row begins at a 64-bit word; column c is bit c % 64 of word c / 64 of
/// its row, and the bits behind the last column are 0.
class sparsity_mask {
 public:
  sparsity_mask() = default;
  /// Nothing is kept. Throws std::invalid_argument where the elements do not fit std::size_t.
  sparsity_mask(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols) {
    if (rows != 0 && cols > std::numeric_limits<std::size_t>::max() / rows) {
      detail::throw_argument("mask: " + std::to_string(rows) + " rows of " + std::to_string(cols) +
                             " columns do not fit std::size_t");
    }
    words_.assign(rows * row_words(), 0);
  }

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t cols() const noexcept { return cols_; }
  [[nodiscard]] std::size_t row_words() const noexcept { return cols_ / 64 + (cols_ % 64 != 0 ? 1U : 0U); }
  [[nodiscard]] std::span<const std::uint64_t> words() const noexcept { return words_; }

  [[nodiscard]] bool operator()(std::size_t r, std::size_t c) const noexcept { return bits(r, c, 1) != 0; }
  void set(std::size_t r, std::size_t c, bool kept) noexcept { set_bits(r, c, 1, kept ? 1U : 0U); }

  /// The bits of columns c, ..., c + count - 1, the first lowest; count is at most 32.
  [[nodiscard]] std::uint32_t bits(std::size_t r, std::size_t c, std::size_t count) const noexcept {
    const std::size_t word = r * row_words() + c / 64;
    std::uint64_t value = words_[word] >> (c % 64);
    if (c % 64 + count > 64) value |= words_[word + 1] << (64 - c % 64);
    return static_cast<std::uint32_t>(value & ((std::uint64_t{1} << count) - 1));
  }
  void set_bits(std::size_t r, std::size_t c, std::size_t count, std::uint32_t value) noexcept {
    const std::uint64_t field = (std::uint64_t{1} << count) - 1;
    const std::size_t word = r * row_words() + c / 64;
    words_[word] = (words_[word] & ~(field << (c % 64))) | (value & field) << (c % 64);
    if (c % 64 + count > 64) {
      words_[word + 1] = (words_[word + 1] & ~(field >> (64 - c % 64))) | (value & field) >> (64 - c % 64);
    }
  }

  /// The number of kept elements.
  [[nodiscard]] std::size_t count() const noexcept {
    std::size_t total = 0;
    for (std::uint64_t word : words_) {
      for (; word != 0; word &= word - 1) ++total;
    }
    return total;
  }
  [[nodiscard]] sparsity_mask transposed() const {
    sparsity_mask result(cols_, rows_);
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t c = 0; c < cols_; ++c) result.set(c, r, (*this)(r, c));
    }
    return result;
  }
  friend bool operator==(const sparsity_mask&, const sparsity_mask&) = default;

 private:
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::vector<std::uint64_t> words_;
};

/// out[r * cols + c] = w(r, c) where the mask keeps it (a double rounded to nearest even, other types exact), +0
/// elsewhere. Throws std::invalid_argument where the shapes differ or out has another size than w.
template <class T>
void apply_mask(const sparsity_mask& mask, const matrix_view<T>& w, std::span<float> out) {
  detail::check_view(w, "w");
  if (mask.rows() != w.rows || mask.cols() != w.cols) {
    detail::throw_argument("mask is " + std::to_string(mask.rows()) + " x " + std::to_string(mask.cols()) +
                           "; it must be " + std::to_string(w.rows) + " x " + std::to_string(w.cols) + " as w is");
  }
  if (out.size() != w.size()) {
    detail::throw_argument("out has " + std::to_string(out.size()) + " elements; it must have " + std::to_string(w.size()));
  }
  for (std::size_t r = 0; r < w.rows; ++r) {
    for (std::size_t c = 0; c < w.cols; ++c) {
      out[r * w.cols + c] = bit_cast<float>(mask(r, c) ? detail::element_bits(w(r, c)) : 0U);
    }
  }
}

/// Whether no aligned M x M block has more than N ones in a row or in a column.
template <std::size_t N, std::size_t M>
[[nodiscard]] bool is_transposable(const sparsity_mask& mask) {
  static_assert(N >= 1 && N <= M && M >= 2 && M <= 16, "is_transposable<N, M>: 1 <= N <= M and 2 <= M <= 16");
  for (std::size_t r = 0; r < mask.rows(); r += M) {
    const std::size_t rows = mask.rows() - r < M ? mask.rows() - r : M;
    for (std::size_t c = 0; c < mask.cols(); c += M) {
      const std::size_t cols = mask.cols() - c < M ? mask.cols() - c : M;
      std::size_t column[M] = {};
      for (std::size_t i = 0; i < rows; ++i) {
        std::size_t row = 0;
        for (std::size_t j = 0; j < cols; ++j) {
          const std::size_t kept = mask(r + i, c + j) ? 1U : 0U;
          row += kept;
          column[j] += kept;
          if (row > N || column[j] > N) return false;
        }
      }
    }
  }
  return true;
}

}  // namespace v0
}  // namespace nibble
