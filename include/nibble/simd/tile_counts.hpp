// SPDX-License-Identifier: Apache-2.0
//
// What quantize_counts says of a tile whose scales hardware may use (tile_scales.hpp): its elements are finite then, so
// that they become zero or lie beyond the range, or neither.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/base/counts.hpp>
#include <nibble/simd/lanes.hpp>
#include <nibble/simd/pack.hpp>
#include <nibble/simd/real.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Magnitudes of blocks of `Size` elements, scaled by the operands of their blocks.
template <std::size_t Size, class Arch>
class magnitude_counter {
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;

 public:
  static constexpr bool serves = Size % words::size == 0;

  /// Counts the zeros among the elements of blocks, and those that `scale(magnitude, operand)` takes beyond
  /// `limit`; or, with `scales_limit`, those beyond the product of limit and operand. A zero operand takes none there. The
  /// blocks have `count` elements, whole vectors, the last of them perhaps fewer.
  template <class Scale>
  NIBBLE_ALWAYS_INLINE void run(const float* x, const std::uint32_t* operand, std::size_t count, float limit,
                                bool scales_limit, const Scale& scale) noexcept {
    words beyond(0U);
    words others(0U);
    for (std::size_t b = 0; b * Size < count; ++b) {
      const bool none = operand[b] == 0;
      const auto o = bit_cast<float>(none ? 0x3f80'0000U : operand[b]);
      const real factor(scales_limit ? 1.0F : o);
      const std::uint32_t most = scales_limit ? product_below(limit, o) : to_bits(limit);
      const words bound(none ? 0x7f80'0000U : most);
      for (std::size_t i = b * Size; i < smaller((b + 1) * Size, count); i += words::size) {
        const words magnitude =
            bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x + i)) & words(0x7fff'ffffU);
        // Neither is negative: the sign of their difference says which is larger.
        const words scaled = bits_as<std::uint32_t>(scale(real(bits_as<float>(magnitude)), factor).value);
        beyond = beyond + ((bound - scaled) >> 31);
        others = others + xsimd::min(magnitude, words(1U));
      }
    }
    beyond_ = sum(beyond);
    zeros_ = count - sum(others);
  }

  [[nodiscard]] std::size_t beyond() const noexcept { return beyond_; }
  [[nodiscard]] std::size_t zeros() const noexcept { return zeros_; }

 private:
  /// The bits of the largest float32 not above the product of two positive ones, or of Inf; no product is subnormal.
  static std::uint32_t product_below(float a, float b) noexcept {
    const std::uint64_t bits = to_bits(static_cast<double>(a) * static_cast<double>(b));
    constexpr std::uint64_t infinity = std::uint64_t{0x7f80'0000U} << 29;
    const std::uint64_t moved = bits - (std::uint64_t{1023 - 127} << 52);
    return static_cast<std::uint32_t>((moved < infinity ? moved : infinity) >> 29);
  }

  static std::size_t sum(words x) noexcept {
    std::uint32_t lanes[words::size];
    x.store_unaligned(lanes);
    std::size_t all = 0;
    for (const std::uint32_t lane : lanes) all += lane;
    return all;
  }

  std::size_t beyond_ = 0;
  std::size_t zeros_ = 0;
};

/// How many of `count` codes, one a byte, have no bit of `mask`.
template <class Arch>
std::size_t zero_codes(const std::uint8_t* codes, std::size_t count, std::uint32_t mask) noexcept {
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101U;
  std::size_t zeros = 0;
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const std::uint64_t word = load_eight(codes + i) & (ones * mask);
    // The highest bit of a byte says whether another one is set.
    const std::uint64_t any = ((word & (ones * 0x7fU)) + ones * 0x7fU) | word;
    zeros += 8U - static_cast<std::size_t>(std::popcount(any & (ones * 0x80U)));
  }
  for (; i < count; ++i) zeros += (codes[i] & mask) == 0 ? 1U : 0U;
  return zeros;
}

/// How many nibbles in `size` bytes have a bit of `mask`.
template <class Arch>
std::size_t other_nibbles(const std::uint8_t* bytes, std::size_t size, std::uint32_t mask) noexcept {
  constexpr std::uint64_t ones = 0x1111'1111'1111'1111U;
  std::size_t others = 0;
  for (std::size_t i = 0; i < size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, smaller(8, size - i));
    word &= ones * mask;
    // The highest bit of a nibble says whether another one is set.
    others += static_cast<std::size_t>(std::popcount((((word & (ones * 7U)) + ones * 7U) | word) & (ones * 8U)));
  }
  return others;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
