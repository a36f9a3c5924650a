// SPDX-License-Identifier: Apache-2.0
//
// The elements of a tile as float32 side by side: the source itself where it is a row of float, else a copy. A transposed
// matrix is copied a panel of rows at a time, so that every line of the source is read once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/simd/kernels.hpp>
#include <nibble/simd/stream.hpp>
#include <nibble/simd/unrolled.hpp>
#include <nibble/simd/x86/transpose.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Elements of a tile: 8 KiB of float32, which the first-level cache holds beside the next tile on its way. Half as many
/// would cost 5 % of the time: a processor that comes from the scales of a tile to its codes has little else to do.
inline constexpr std::size_t tile_capacity = 2048;
/// Elements of a tile of a transposed matrix or result.
inline constexpr std::size_t panel_capacity = 1024;

/// Whether the blocks of a format can be cut into tiles: whole rows, or runs of a row that tiles can hold.
template <block_format F>
inline constexpr bool is_tileable =
    static_cast<std::size_t>(F.block_size) <= panel_capacity&& has_normal_steps(F.element);

/// The format of blocks as tiles hold them: blocks that are no multiple of 8 have zeros behind. Codes two a byte, the even
/// one low, stay so.
template <block_format F>
inline constexpr block_format tile_format = [] {
  block_format f = F;
  if (F.block_size % 8 != 0) {
    f.block_size = (F.block_size + 7) / 8 * 8;
    if (F.packing != layouts::nibbles_low_first) f.packing = layouts::bytes;
  }
  return f;
}();

/// Transposes a block of `panel` elements of each of `count` columns: rows of `out`, `stride` floats apart.
template <std::size_t Panel>
NIBBLE_ALWAYS_INLINE void transpose_panel(const std::uint32_t* columns, std::size_t count, std::uint32_t* out,
                                          std::size_t stride) noexcept {
#if defined(__SSE2__)
  for (std::size_t c = 0; c + 4 <= count; c += 4) {
    for (std::size_t r = 0; r < Panel; r += 4) {
      const auto load = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(columns + (c + i) * Panel + r));
      };
      const __m128i low_0 = _mm_unpacklo_epi32(load(0), load(1));
      const __m128i high_0 = _mm_unpackhi_epi32(load(0), load(1));
      const __m128i low_1 = _mm_unpacklo_epi32(load(2), load(3));
      const __m128i high_1 = _mm_unpackhi_epi32(load(2), load(3));
      const auto store = [&](std::size_t i, __m128i x) NIBBLE_INLINE_LAMBDA {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (r + i) * stride + c), x);
      };
      store(0, _mm_unpacklo_epi64(low_0, low_1));
      store(1, _mm_unpackhi_epi64(low_0, low_1));
      store(2, _mm_unpacklo_epi64(high_0, high_1));
      store(3, _mm_unpackhi_epi64(high_0, high_1));
    }
  }
  for (std::size_t c = count / 4 * 4; c < count; ++c) {
#else
  for (std::size_t c = 0; c < count; ++c) {
#endif
    for (std::size_t r = 0; r < Panel; ++r) out[r * stride + c] = columns[c * Panel + r];
  }
}

template <class T, class Arch>
class tile_source {
 public:
  /// Rows of a transposed matrix that are copied together: a cache line of float32.
  static constexpr std::size_t panel_rows = 16;

  /// `x` outlives the source; `panels` are for the copies.
  explicit tile_source(const matrix_view<T>& x) noexcept
      : x_(x), transposed_(x.col_stride != 1 && x.row_stride == 1),
        fetched_(x.col_stride == 1 && x.rows * x.cols * sizeof(T) > nearest_caches) {}

  [[nodiscard]] bool is_transposed() const noexcept { return transposed_; }
  /// Whether rows lie one behind the other without gaps.
  [[nodiscard]] bool has_joined_rows() const noexcept {
    return x_.col_stride == 1 && x_.row_stride == static_cast<std::ptrdiff_t>(x_.cols);
  }

  /// `cols` elements of a row from `col` on: at most tile_capacity, or panel_capacity if is_transposed(). Valid until the
  /// next call.
  [[nodiscard]] const float* elements(std::size_t row, std::size_t col, std::size_t cols) noexcept {
    if constexpr (std::is_same_v<T, float>) {
      if (x_.col_stride == 1) return &x_(row, col);
    }
    if (transposed_) return panel(row, col, cols);
    copy(row, col, cols, reinterpret_cast<std::uint32_t*>(copy_));
    return copy_;
  }

  /// Whether tiles are fetched into the caches of a core before they are read.
  [[nodiscard]] bool is_fetched() const noexcept { return fetched_; }
  /// find_pages() for a tile of `cols` elements from (row, col) on. Elements of 16 bits are read in one pass, whose order the
  /// processor follows by itself. Inline, as GCC takes a function that fetches and returns nothing for one without effect.
  NIBBLE_ALWAYS_INLINE void find_pages_behind(std::size_t row, std::size_t col, std::size_t cols) const noexcept {
    if (fetched_ && in_both_passes) find_pages(bytes_at(row, col), bytes_at(row, col + cols));
  }
  /// What is fetched while the maxima of the tile before (row, col) are found: half of as many elements from there on, so
  /// that memory is not idle meanwhile. Null is nothing.
  [[nodiscard]] const char* ahead_of_maxima(std::size_t row, std::size_t col) const noexcept {
    return fetched_ && in_both_passes ? bytes_at(row, col) : nullptr;
  }
  /// The rest, while codes of the `cols` elements before (row, col) are made.
  [[nodiscard]] const char* ahead_of_codes(std::size_t row, std::size_t col, std::size_t cols) const noexcept {
    if (!fetched_) return nullptr;
    return bytes_at(row, col) + (in_both_passes ? cols * fetched_bytes : 0);
  }

 private:
  /// Whether each pass fetches a part of the next tile; elements of 16 bits come in the second.
  static constexpr bool in_both_passes = sizeof(T) > fetched_bytes;

  const char* bytes_at(std::size_t row, std::size_t col) const noexcept {
    return reinterpret_cast<const char*>(&x_(row, 0) + col);
  }

  /// Rows of a panel are a page and a line apart: a column of it is not one set of the first-level cache.
  static constexpr std::size_t panel_stride = panel_capacity + 16;

  void copy(std::size_t row, std::size_t col, std::size_t cols, std::uint32_t* to) const noexcept {
    std::size_t i = 0;
    if constexpr (sizeof(T) != 4) {
      // Widening takes fewer operations than a loop for each vector does.
      constexpr std::size_t width = simd_kernels<Arch>::width;
      constexpr std::size_t together = 8;
      for (const T* from = &x_(row, col); x_.col_stride == 1 && i + together * width <= cols; i += together * width) {
        unrolled<together>([&](auto k) NIBBLE_INLINE_LAMBDA {
          widened<Arch>(from + i + k * width).store_unaligned(to + i + k * width);
        });
      }
    }
    if (i != cols) simd_kernels<Arch>::load(x_, row, col + i, cols - i, to + i);
  }

  /// Row `row` of the panel that holds it.
  const float* panel(std::size_t row, std::size_t col, std::size_t cols) noexcept {
    const std::size_t first = row / panel_rows * panel_rows;
    if (first != panel_row_ || col != panel_col_ || cols != panel_cols_) load_panel(first, col, cols);
    return panel_ + (row - first) * panel_stride;
  }

  void load_panel(std::size_t first, std::size_t col, std::size_t cols) noexcept {
    const std::size_t rows = smaller(panel_rows, x_.rows - first);
    std::uint32_t columns[16 * panel_rows];
    auto* out = reinterpret_cast<std::uint32_t*>(panel_);
    const matrix_view<T> source = x_.transposed();
    for (std::size_t c = 0; c < cols; c += 16) {
      const std::size_t count = smaller(16, cols - c);
#if defined(__AVX2__)
      if constexpr (has_avx2<Arch> && std::is_same_v<T, float>) {
        if (rows == panel_rows && count == 16) {
          turn(&source(col + c, first), source.row_stride, panel_ + c);
          continue;
        }
      }
#endif
      for (std::size_t i = 0; i < count; ++i) {
        simd_kernels<Arch>::load(source, col + c + i, first, rows, columns + i * panel_rows);
      }
#if defined(__AVX2__)
      if constexpr (has_avx2<Arch> && !std::is_same_v<T, float>) {
        if (rows == panel_rows && count == 16) {
          turn(reinterpret_cast<const float*>(columns), panel_rows, panel_ + c);
          continue;
        }
      }
#endif
      transpose_panel<panel_rows>(columns, count, out + c, panel_stride);
    }
    panel_row_ = first;
    panel_col_ = col;
    panel_cols_ = cols;
  }

#if defined(__AVX2__)
  /// 16 columns, `stride` floats apart, of 16 rows.
  static NIBBLE_ALWAYS_INLINE void turn(const float* columns, std::ptrdiff_t stride, float* out) noexcept {
    for (std::size_t c = 0; c < 16; c += 8) {
      for (std::size_t r = 0; r < panel_rows; r += 4) {
        __m256i rows[4];
        x86::transpose_four(columns + static_cast<std::ptrdiff_t>(c) * stride + r, stride, rows);
        for (std::size_t k = 0; k < 4; ++k) x86::avx2_vector::store(out + (r + k) * panel_stride + c, rows[k]);
      }
    }
  }
#endif

  matrix_view<T> x_;
  bool transposed_, fetched_;
  std::size_t panel_row_ = 0;
  std::size_t panel_col_ = 0;
  std::size_t panel_cols_ = 0;
  alignas(64) float copy_[tile_capacity];
  alignas(64) float panel_[panel_rows * panel_stride];
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
