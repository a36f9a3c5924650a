// SPDX-License-Identifier: Apache-2.0
//
// Maxima and codes of whole blocks that lie side by side in memory. The AVX2 kernels are one more overload here; any
// other architecture and any other rounding takes the generic vectors.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/simd/avx2/blocks.hpp>
#include <nibble/simd/avx2/stochastic.hpp>
#include <nibble/simd/kernels.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The largest magnitude bits of each of `blocks` blocks of F.block_size elements. `amax` has room for a vector more.
template <block_format F, class Arch>
void block_maxima(const float* x, std::size_t blocks, std::uint32_t* amax) noexcept {
  constexpr auto size = static_cast<std::size_t>(F.block_size);
  std::size_t b = 0;
#if defined(__AVX2__)
  if constexpr (has_avx2<Arch> && size % 16 == 0) {
    for (; b + 8 <= blocks; b += 8) avx2::eight_maxima<size>(x + b * size, amax + b);
  }
#endif
  using words = word_batch<Arch>;
  for (; b < blocks; ++b) {
    std::uint32_t largest = 0;
    if constexpr (size % words::size == 0) {
      words best(0U);
      for (std::size_t i = 0; i < size; i += words::size) {
        best = xsimd::max(best, bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x + b * size + i)) &
                                    words(0x7fff'ffffU));
      }
      std::uint32_t lanes[words::size];
      best.store_unaligned(lanes);
      for (const std::uint32_t lane : lanes) largest = lane > largest ? lane : largest;
    } else {
      largest = rectangle_amax(matrix_view<float>{x + b * size, 1, size}, 0, 1, 0, size, amax_rule::propagate);
    }
    amax[b] = largest;
  }
  // What follows the last block counts as empty.
  for (std::size_t i = 0; i < words::size; ++i) amax[blocks + i] = 0;
}

/// Chooses the kernel for the elements of a call, and runs it over blocks.
template <block_format F, class Arch>
class element_run {
 public:
  element_run(const recipe& r, const rounding_choice& rounding) noexcept {
    const bool plain = !r.half_added_in_float && !r.searches_in_float &&
                       r.policy.negative_zero == negative_zero_rule::keep;
    nearest_ = plain && rounding.mode == rounding_mode::nearest_even;
    if (plain && rounding.mode == rounding_mode::stochastic && rounding.variant == stochastic_variant::a) {
      random_bits_ = rounding.random_bits;
    }
  }

  /// Encodes as many of the `blocks` blocks as its kernel takes, from the first on; returns how many. `random` is where
  /// their random bit string begins. Blocks it does not take (a multiplier out of range, another rounding, NaN or Inf
  /// elements) are the caller's.
  std::size_t blocks(const float* x, const std::uint8_t* random, const element_scaling::kind* how,
                     const std::uint32_t* operand, std::size_t blocks, std::uint8_t* bytes) const noexcept {
#if defined(__AVX2__)
    if constexpr (has_avx2<Arch> && avx2::takes_blocks(F)) {
      if (nearest_) return avx2::encode_blocks<F>(x, how, operand, blocks, bytes);
      if (random_bits_ == 8) return avx2::encode_blocks_stochastic<F, 8>(x, random, how, operand, blocks, bytes);
      if (random_bits_ == 16) return avx2::encode_blocks_stochastic<F, 16>(x, random, how, operand, blocks, bytes);
      if (random_bits_ == 32) return avx2::encode_blocks_stochastic<F, 32>(x, random, how, operand, blocks, bytes);
    }
#endif
    (void)x, (void)random, (void)how, (void)operand, (void)blocks, (void)bytes;
    return 0;
  }

 private:
  bool nearest_ = false;
  int random_bits_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
