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

/// Magnitudes of blocks of `Size` elements, scaled by the operands of their blocks. `Exact`: products of limits and
/// operands are numbers.
template <std::size_t Size, bool Exact, class Arch>
class magnitude_counter {
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;

 public:
  static constexpr bool serves = Size % words::size == 0;

  /// Counts the zeros among the elements of blocks, and those that `scale(magnitude, operand)` takes beyond
  /// `limit`; or, with `scales_limit`, those beyond the product of limit and operand. A zero operand takes none there, and
  /// `amax` has bits that no magnitude of a block exceeds. The blocks have `count` elements, whole vectors, the last of them
  /// perhaps fewer.
  template <class Scale>
  NIBBLE_ALWAYS_INLINE void run(const float* x, const std::uint32_t* operand, const std::uint32_t* amax, std::size_t count,
                                float limit, bool scales_limit, const Scale& scale) noexcept {
    words beyond(0U);
    words others(0U);
    const auto load = [x](std::size_t i) NIBBLE_INLINE_LAMBDA {
      return bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x + i)) & words(0x7fff'ffffU);
    };
    if (!any_beyond(operand, amax, (count + Size - 1) / Size, limit, scales_limit, scale)) {
      for (std::size_t i = 0; i < count; i += words::size) others = others + xsimd::min(load(i), words(1U));
      zeros_ = count - sum(others);
      return;
    }
    for (std::size_t b = 0; b * Size < count; ++b) {
      const bool none = operand[b] == 0;
      const auto o = bit_cast<float>(none ? 0x3f80'0000U : operand[b]);
      const real factor(o);
      const std::uint32_t most = scales_limit ? product_below(limit, o) : to_bits(limit);
      const words bound(none ? 0x7f80'0000U : most);
      for (std::size_t i = b * Size; i < smaller((b + 1) * Size, count); i += words::size) {
        const words magnitude = load(i);
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
  /// Whether an element of the blocks may be beyond. Scales that are rounded up leave none there.
  template <class Scale>
  [[nodiscard]] static NIBBLE_ALWAYS_INLINE bool any_beyond(const std::uint32_t* operand, const std::uint32_t* amax,
                                                            std::size_t blocks, float limit, bool scales_limit,
                                                            const Scale& scale) noexcept {
    words any(0U);
    const auto add = [&](words bits, words largest, words bound) NIBBLE_INLINE_LAMBDA {
      const real o(bits_as<float>(bits));
      const words scaled = bits_as<std::uint32_t>(scale(real(bits_as<float>(largest)), o).value);
      any = any | xsimd::select(bits == words(0U), bits, bound - scaled);
    };
    std::size_t b = 0;
    for (; b + words::size <= blocks; b += words::size) {
      const words bits = words::load_unaligned(operand + b);
      words bound(to_bits(limit));
      // A product may have been rounded up.
      if (scales_limit) bound = bits_as<std::uint32_t>((real(limit) * real(bits_as<float>(bits))).value) - words(1U);
      add(bits, words::load_unaligned(amax + b), bound);
    }
    for (; b < blocks; ++b) {
      const std::uint32_t bound = scales_limit ? product_below(limit, bit_cast<float>(operand[b])) : to_bits(limit);
      add(words(operand[b]), words(amax[b]), words(bound));
    }
    return xsimd::any((any >> 31) != words(0U));
  }

  /// The bits of the largest float32 not above the product of two positive ones, or of Inf; no product is subnormal.
  static std::uint32_t product_below(float a, float b) noexcept {
    if constexpr (Exact) return to_bits(a * b);
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
  const auto add = [&](std::uint64_t word) NIBBLE_INLINE_LAMBDA {
    word &= ones * mask;
    // The highest bit of a nibble says whether another one is set.
    others += static_cast<std::size_t>(std::popcount((((word & (ones * 7U)) + ones * 7U) | word) & (ones * 8U)));
  };
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) add(load_eight(bytes + i));
  std::uint64_t rest = 0;
  std::memcpy(&rest, bytes + i, size - i);
  add(rest);
  return others;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
