// SPDX-License-Identifier: Apache-2.0
//
// What quantize_counts says of a tile whose scales hardware may use (tile_scales.hpp): its elements are finite then, so
// that they become zero or lie beyond the range, or neither.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/base/counts.hpp>
#include <nibble/block/block_scale.hpp>
#include <nibble/simd/lanes.hpp>
#include <nibble/simd/pack.hpp>
#include <nibble/simd/real.hpp>
#include <nibble/simd/x86/vector.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Magnitudes of blocks of `Size` elements, scaled by the operands of their blocks. `Exact`: products of limits and
/// operands are numbers.
template <std::size_t Size, bool Exact, class Arch>
class magnitude_counter {
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;
  using kind = element_scaling::kind;

 public:
  static constexpr bool serves = Size % words::size == 0;

  /// Counts the zeros among the elements of blocks, and those that `how` takes beyond `limit` by the operand of their
  /// block; an exact quotient is held against the product of limit and operand. A zero operand takes none there, and `amax`
  /// has bits that no magnitude of a block exceeds. The blocks have `count` elements, whole vectors, the last of them
  /// perhaps fewer.
  NIBBLE_ALWAYS_INLINE void run(kind how, const float* x, const std::uint32_t* operand, const std::uint32_t* amax,
                                std::size_t count, float limit) noexcept {
    if (!any_beyond(how, operand, amax, (count + Size - 1) / Size, limit)) {
      words others(0U);
      for (std::size_t i = 0; i < count; i += words::size) others = others + xsimd::min(magnitudes(x + i), words(1U));
      zeros_ = count - sum(others);
    } else if (how == kind::divide || how == kind::exact) {
      each<false>(how, x, operand, count, limit);
    } else {
      each<true>(how, x, operand, count, limit);
    }
  }

  [[nodiscard]] std::size_t beyond() const noexcept { return beyond_; }
  [[nodiscard]] std::size_t zeros() const noexcept { return zeros_; }

 private:
  static NIBBLE_ALWAYS_INLINE words magnitudes(const float* x) noexcept {
    return bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x)) & words(0x7fff'ffffU);
  }

  /// Magnitudes by an operand, as they are held against a limit.
  static NIBBLE_ALWAYS_INLINE words scaled(kind how, words magnitude, real operand) noexcept {
    if (how == kind::exact) return magnitude;
    const real number(bits_as<float>(magnitude));
    return bits_as<std::uint32_t>((how == kind::divide ? number / operand : number * operand).value);
  }

  /// The largest magnitude whose quotient by `operand` is not beyond `limit`. A quotient that float32 rounds is beyond it
  /// from the number halfway to the next one on, which no quotient is: its product with a divisor has more digits.
  static std::uint32_t largest_within(kind how, float limit, float operand) noexcept {
    if (how == kind::exact) return Exact ? to_bits(limit * operand) : product_below(static_cast<double>(limit), operand);
    const std::uint64_t halfway = to_bits(static_cast<double>(limit)) | std::uint64_t{1} << 28;
    return product_below(bit_cast<double>(halfway), operand);
  }

  /// run() where elements may be beyond. `Multiplies` says how.
  template <bool Multiplies>
  NIBBLE_ALWAYS_INLINE void each(kind how, const float* x, const std::uint32_t* operand, std::size_t count,
                                 float limit) noexcept {
    words beyond(0U);
    words others(0U);
    const auto block = [&](std::size_t b, std::size_t size) NIBBLE_INLINE_LAMBDA {
      // A zero product is below any limit.
      const bool none = !Multiplies && operand[b] == 0;
      const auto o = bit_cast<float>(none ? 0x3f80'0000U : operand[b]);
      const std::uint32_t most = Multiplies ? to_bits(limit) : largest_within(how, limit, o);
      const words bound(none ? 0x7f80'0000U : most);
      for (std::size_t i = 0; i < size; i += words::size) {
        const words magnitude = magnitudes(x + b * Size + i);
        beyond = count_greater(beyond, scaled(Multiplies ? kind::multiply : kind::exact, magnitude, real(o)), bound);
        others = others + xsimd::min(magnitude, words(1U));
      }
    };
    // Blocks are whole but those of whole rows, and loops of a known length.
    constexpr std::size_t longest = 1024;
    for (std::size_t b = 0; b * Size < count; ++b) block(b, Size > longest ? smaller(Size, count - b * Size) : Size);
    beyond_ = sum(beyond);
    zeros_ = count - sum(others);
  }

  /// `count`, and one more where x is larger than `bound`. Neither has its highest bit.
  static NIBBLE_ALWAYS_INLINE words count_greater(words count, words x, words bound) noexcept {
#if defined(__AVX2__)
    if constexpr (has_avx2<Arch> && words::size == 8) {
      return words(x86::avx2_vector::subtract(count, x86::avx2_vector::greater(x, bound)));
    }
#endif
    return count + ((bound - x) >> 31);
  }

  /// Whether an element of the blocks may be beyond. Scales that are rounded up leave none there.
  [[nodiscard]] static NIBBLE_ALWAYS_INLINE bool any_beyond(kind how, const std::uint32_t* operand,
                                                            const std::uint32_t* amax, std::size_t blocks,
                                                            float limit) noexcept {
    words any(0U);
    const auto add = [&](words bits, words largest, words bound) NIBBLE_INLINE_LAMBDA {
      any = any | xsimd::select(bits == words(0U), bits, bound - scaled(how, largest, real(bits_as<float>(bits))));
    };
    std::size_t b = 0;
    for (; b + words::size <= blocks; b += words::size) {
      const words bits = words::load_unaligned(operand + b);
      words bound(to_bits(limit));
      // A product may have been rounded up.
      if (how == kind::exact) bound = bits_as<std::uint32_t>((real(limit) * real(bits_as<float>(bits))).value) - words(1U);
      add(bits, words::load_unaligned(amax + b), bound);
    }
    for (; b < blocks; ++b) {
      const bool is_exact = how == kind::exact;
      const std::uint32_t bound = is_exact ? largest_within(how, limit, bit_cast<float>(operand[b])) : to_bits(limit);
      add(words(operand[b]), words(amax[b]), words(bound));
    }
    return xsimd::any((any >> 31) != words(0U));
  }

  /// The bits of the largest float32 not above the product of two positive numbers, of at most 53 bits, or of Inf; no
  /// product is subnormal.
  static std::uint32_t product_below(double a, float b) noexcept {
    const std::uint64_t bits = to_bits(a * static_cast<double>(b));
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

/// The sum of what `ones(word)` has in its bytes, each at most 2, of `size` bytes; what is behind them counts as zeros.
/// At most tile_capacity bytes.
template <class Arch, class Ones>
NIBBLE_ALWAYS_INLINE std::size_t sum_bytes(const std::uint8_t* bytes, std::size_t size, const Ones& ones) noexcept {
  using words = word_batch<Arch>;
  constexpr std::size_t step = 4 * words::size;
  const auto load = [](const std::uint8_t* from) NIBBLE_INLINE_LAMBDA {
    return words::load_unaligned(reinterpret_cast<const std::uint32_t*>(from));
  };
  words sums(0U);  // of 16 bits
  std::size_t i = 0;
  while (i + step <= size) {
    // Bytes hold the sums of so many.
    const std::size_t end = smaller(size - size % step, i + 127 * step);
    words those(0U);
    for (; i < end; i += step) those = those + ones(load(bytes + i));
    sums = sums + (those & words(0x00ff'00ffU)) + ((those >> 8) & words(0x00ff'00ffU));
  }
  if (i < size) {
    std::uint8_t rest[step] = {};
    std::memcpy(rest, bytes + i, size - i);
    const words those = ones(load(rest));
    sums = sums + (those & words(0x00ff'00ffU)) + ((those >> 8) & words(0x00ff'00ffU));
  }
  std::uint32_t lanes[words::size];
  sums.store_unaligned(lanes);
  std::size_t all = 0;
  for (const std::uint32_t lane : lanes) all += (lane & 0xffffU) + (lane >> 16);
  return all;
}

/// How many of `count` codes, one a byte, have no bit of `mask`.
template <class Arch>
std::size_t zero_codes(const std::uint8_t* codes, std::size_t count, std::uint32_t mask) noexcept {
  using words = word_batch<Arch>;
  const words wanted(0x0101'0101U * mask), most(0x7f7f'7f7fU);
  return count - sum_bytes<Arch>(codes, count, [=](words w) NIBBLE_INLINE_LAMBDA {
           w = w & wanted;
           // The highest bit of a byte says whether another one is set.
           return ((((w & most) + most) | w) >> 7) & words(0x0101'0101U);
         });
}

/// How many nibbles in `size` bytes have a bit of `mask`.
template <class Arch>
std::size_t other_nibbles(const std::uint8_t* bytes, std::size_t size, std::uint32_t mask) noexcept {
  using words = word_batch<Arch>;
  const words wanted(0x1111'1111U * mask), most(0x7777'7777U);
  return sum_bytes<Arch>(bytes, size, [=](words w) NIBBLE_INLINE_LAMBDA {
    w = w & wanted;
    // The highest bit of a nibble says whether another one is set.
    const words any = ((((w & most) + most) | w) >> 3) & words(0x1111'1111U);
    return (any + (any >> 4)) & words(0x0f0f'0f0fU);
  });
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
