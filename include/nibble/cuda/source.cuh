// SPDX-License-Identifier: Apache-2.0
//
// Matrices and random words as kernels see them: plain structures, the element type known at run time for the usual
// types, so that one kernel serves them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/block/matrix_view.hpp>
#include <nibble/block/options.hpp>
#include <nibble/cuda/hadamard.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Element types that one kernel tells apart at run time.
enum class source_kind : std::uint8_t { f32, f64, f16, bf16 };

template <class T>
inline constexpr bool is_common_source =
    std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, f16> || std::is_same_v<T, bf16>;

/// A matrix of one of the common types.
class common_source {
 public:
  const void* data = nullptr;
  std::size_t rows = 0, cols = 0;
  std::ptrdiff_t row_stride = 0, col_stride = 1;
  source_kind kind = source_kind::f32;
  hadamard_call hadamard{};  ///< of the rows

  /// binary32 bits of element (r, c), transformed where that is wanted.
  [[nodiscard]] __device__ std::uint32_t bits(std::size_t r, std::size_t c) const noexcept {
    return hadamard.wanted ? transformed_bits(r, c) : plain_bits(r, c);
  }
  /// The lanes of the tile of row r that begins at column c, transformed.
  __device__ void transformed_tile(std::size_t r, std::size_t c, std::uint32_t (&y)[hadamard_lanes]) const noexcept {
#pragma unroll
    for (unsigned i = 0; i < hadamard_lanes; ++i) y[i] = plain_bits(r, c + i);
    hadamard_16(y, hadamard);
  }

 private:
  [[nodiscard]] __noinline__ __device__ std::uint32_t transformed_bits(std::size_t r, std::size_t c) const noexcept {
    std::uint32_t y[hadamard_lanes];
    transformed_tile(r, c - c % hadamard_lanes, y);
    std::uint32_t result = 0;
#pragma unroll
    for (unsigned i = 0; i < hadamard_lanes; ++i) result = i == c % hadamard_lanes ? y[i] : result;
    return (result & 0x7fff'ffffU) > 0x7f80'0000U ? 0x7fc0'0000U : result;
  }
  [[nodiscard]] __device__ std::uint32_t plain_bits(std::size_t r, std::size_t c) const noexcept {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(r) * row_stride + static_cast<std::ptrdiff_t>(c) * col_stride;
    switch (kind) {
      case source_kind::f64: return element_bits(static_cast<const double*>(data)[at]);
      case source_kind::f16: return element_bits(static_cast<const f16*>(data)[at]);
      case source_kind::bf16: return element_bits(static_cast<const bf16*>(data)[at]);
      case source_kind::f32: break;
    }
    return to_bits(static_cast<const float*>(data)[at]);
  }
};

/// A matrix of any other type.
template <class T>
struct typed_source : matrix_view<T> {
  [[nodiscard]] __device__ std::uint32_t bits(std::size_t r, std::size_t c) const noexcept {
    return element_bits((*this)(r, c));
  }
};

/// The kernel's view of a matrix.
template <class T>
auto kernel_source(const matrix_view<T>& x, const hadamard_call& hadamard = {}) noexcept {
  if constexpr (is_common_source<T>) {
    const source_kind kind = std::is_same_v<T, float>    ? source_kind::f32
                             : std::is_same_v<T, double> ? source_kind::f64
                             : std::is_same_v<T, f16>    ? source_kind::f16
                                                         : source_kind::bf16;
    return common_source{x.data, x.rows, x.cols, x.row_stride, x.col_stride, kind, hadamard};
  } else {
    return typed_source<T>{x};
  }
}

/// Where random words come from: a Philox stream, or the caller's words (device memory).
struct random_words {
  std::uint64_t seed = 0, stream = 0, first_element = 0;
  const std::uint32_t* words = nullptr;
  int bits = 32;
  int rounds = 10;
  bool draws = false;

  random_words() = default;
  explicit random_words(const element_rounding& r, int random_bits) noexcept
      : seed(r.random().seed),
        stream(r.random().stream),
        first_element(r.draws() ? r.random().first_element : 0U),
        words(r.words().data()),
        bits(random_bits),
        rounds(r.random().rounds),
        draws(r.draws()) {}

  /// The word of logical element `element`, right-aligned.
  [[nodiscard]] __device__ std::uint32_t word(std::uint64_t element) const noexcept {
    const int log = bits == 32 ? 0 : bits == 16 ? 1 : 2;  // log2 of elements in a word
    const std::uint64_t at = element + first_element;
    const std::uint64_t index = at >> log;
    std::uint32_t value;
    if (draws) {
      const philox_block block = random_block(seed, stream, index / 4, rounds);
      const auto place = static_cast<unsigned>(index & 3U);
      const std::uint32_t low = (place & 1U) != 0 ? block.words[1] : block.words[0];
      const std::uint32_t high = (place & 1U) != 0 ? block.words[3] : block.words[2];
      value = (place & 2U) != 0 ? high : low;
    } else {
      value = words[index];
    }
    const auto shift = static_cast<int>(at & ((1U << log) - 1U)) * bits;
    return bits == 32 ? value : (value >> shift) & ((std::uint32_t{1} << bits) - 1U);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
