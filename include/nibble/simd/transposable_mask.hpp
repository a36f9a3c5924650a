// SPDX-License-Identifier: Apache-2.0
//
// transposable_mask on the SIMD backend: the arguments, results and errors of the scalar one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/method/transposable_mask.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/x86/transposable.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

#if defined(__AVX2__)
/// Whole blocks of 4 x 4, four at a time; returns the column that comes next.
template <class Arch>
std::size_t search_band(const matrix_view<float>& w, std::size_t row, sparsity_mask& mask) noexcept {
  using search = x86::two_four_search<Arch>;
  std::size_t col = 0;
  for (; col + 4 * search::blocks <= w.cols; col += 4 * search::blocks) {
    const float* const rows[4] = {&w(row, col), &w(row + 1, col), &w(row + 2, col), &w(row + 3, col)};
    std::uint64_t blocks[search::blocks];
    if (!search::run(rows, blocks)) {
      for (std::size_t b = 0; b < search::blocks; ++b) {
        mask_block<4> block = load_block<4>(w, row, col + 4 * b);
        std::uint32_t kept[4] = {};
        weigh(block);
        choose_of_90(block, kept);
        blocks[b] = kept[0] | kept[1] << 4 | kept[2] << 8 | kept[3] << 12;
      }
    }
    for (std::size_t i = 0; i < 4; ++i) {
      std::uint64_t bits = 0;
      for (std::size_t b = 0; b < search::blocks; ++b) bits |= (blocks[b] >> (4 * i) & 15U) << (4 * b);
      mask.set_bits(row + i, col, 4 * search::blocks, static_cast<std::uint32_t>(bits));
    }
  }
  return col;
}
#endif

}  // namespace detail

/// As transposable_mask<N, M>(w, method, run), bit for bit. On vectors with AVX2 or AVX-512: the heaviest 2:4 mask of
/// float32 with sums of 2, rows contiguous; everything else runs as it does there.
template <std::size_t N, std::size_t M, class T, class Arch, class Method = heaviest, executor Executor = serial>
[[nodiscard]] sparsity_mask transposable_mask(basic_simd<Arch> /*backend*/, const matrix_view<T>& w,
                                              const Method& method = {}, Executor&& run = {}) {
  static_assert(N >= 1 && N <= M && M >= 2 && M <= 16, "transposable_mask<N, M>: 1 <= N <= M and 2 <= M <= 16");
#if defined(__AVX2__)
  if constexpr (N == 2 && M == 4 && std::is_same_v<T, float> && std::is_same_v<Method, heaviest> &&
                detail::has_avx2<Arch>) {
    if (method.sums == mask_sums::equal && w.col_stride == 1) {
      detail::check_view(w, "w");
      sparsity_mask mask(w.rows, w.cols);
      run(w.rows / 4 + (w.rows % 4 != 0 ? 1U : 0U), [&](std::size_t band) {
        const bool is_whole = w.rows - 4 * band >= 4;
        const std::size_t col = is_whole ? detail::search_band<Arch>(w, 4 * band, mask) : 0;
        if (col < w.cols) detail::mask_band<4>(w, 2, 4 * band, method, mask, col);
      });
      return mask;
    }
  }
#endif
  return detail::mask_matrix<M>(w, N, method, run);
}

}  // namespace v0
}  // namespace nibble
