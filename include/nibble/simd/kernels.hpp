// SPDX-License-Identifier: Apache-2.0
//
// What the SIMD backend supplies to the walk over blocks of block/quantize.hpp: the same steps as scalar_kernels, on
// vectors. Every format, recipe and rounding goes through here unless a hand-tuned kernel takes the call first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/block/encode_chunk.hpp>
#include <nibble/block/quantize.hpp>
#include <nibble/simd/generic_run.hpp>
#include <nibble/simd/lanes.hpp>
#include <nibble/simd/philox.hpp>
#include <nibble/simd/stream.hpp>
#include <nibble/simd/widen.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

template <class Arch>
struct simd_kernels {
  using words = word_batch<Arch>;
  static constexpr std::size_t width = words::size;

  template <class T>
  static std::uint32_t amax(const matrix_view<T>& x, std::size_t row, std::size_t rows, std::size_t col,
                            std::size_t cols, amax_rule rule) noexcept {
    if (x.col_stride != 1 || cols < width) return rectangle_amax(x, row, rows, col, cols, rule);
    const bool far = rows * cols * sizeof(T) > nearest_caches;
    std::uint32_t largest = 0;
    for (std::size_t r = row; r < row + rows; ++r) {
      std::uint32_t found = largest_magnitude<false>(&x(r, col), cols, far, rule);
      // Few rows have a number that may not count: those are read again.
      if (found != counted_magnitude(found, rule)) found = largest_magnitude<true>(&x(r, col), cols, far, rule);
      largest = found > largest ? found : largest;
    }
    return largest;
  }

  template <class T>
  static void load(const matrix_view<T>& x, std::size_t row, std::size_t col, std::size_t count,
                   std::uint32_t* bits) noexcept {
    std::size_t i = 0;
    if (x.col_stride == 1) {
      for (; i + width <= count; i += width) widened<Arch>(&x(row, col + i)).store_unaligned(bits + i);
    }
    if constexpr (std::is_same_v<T, float>) {
      for (; i < count; ++i) bits[i] = element_bits(x(row, col + i));
    }
    // Others are laid side by side first: one by one their conversion takes longer.
    while (i < count) {
      const std::size_t part = smaller(width, count - i);
      T beside[width] = {};
      for (std::size_t k = 0; k < part; ++k) beside[k] = x(row, col + i + k);
      std::uint32_t lanes[width];
      widened<Arch>(beside).store_unaligned(lanes);
      for (std::size_t k = 0; k < part; ++k) bits[i + k] = lanes[k];
      i += part;
    }
  }

  static void draw(const element_rounding& rounding, int random_bits, std::uint64_t first, std::uint64_t step,
                   std::size_t count, std::uint32_t* out) noexcept {
    if (step == 1 && rounding.draws()) {
      draw_consecutive<Arch>(rounding.random(), first + rounding.random().first_element, random_bits, count, out);
    } else {
      random_source(rounding, random_bits).fill(first, step, count, out);
    }
  }

  template <block_format F>
  static void encode(const recipe& r, const rounding_choice& rounding, const element_scaling& e,
                     const std::uint32_t* bits, const std::uint32_t* random, std::size_t count,
                     std::uint8_t* codes) noexcept {
    binary32 value = e.operand;
    if (e.how == element_scaling::kind::shift) {
      const bool plain = e.exponent >= -119 && e.exponent <= 82;
      value = binary32::from_bits(plain ? static_cast<std::uint32_t>(e.exponent + 127) << 23 : 0x7f80'0000U);
    }
    using run = generic_run<F.element, Arch>;
    const bool served =
        has_normal_steps(F.element) && (!run::only_stochastic || rounding.mode == rounding_mode::stochastic);
    if (served && count >= width && is_plain_operand(F.element, e.how, value, false)) {
      const run generic(r, rounding);
      generic.run(bits, random, generic.scaler().prepare(e.how, value), count, codes);
    } else {
      encode_any_chunk(F.element, r, rounding, e, bits, random, count, codes);
    }
  }

 private:
  /// The largest magnitude bits of at least `width` numbers, which may be `far` from the core; only those that `rule` counts
  /// where `Checked`.
  template <bool Checked, class T>
  NIBBLE_OUTLINED static std::uint32_t largest_magnitude(const T* x, std::size_t count, bool far,
                                                         amax_rule rule) noexcept {
    constexpr std::size_t line = 64, step = 4 * width;
    const auto at = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
      const words bits = widened<Arch>(x + i);
      return Checked ? counted(bits, rule) : bits & words(0x7fff'ffffU);
    };
    words best[4] = {words(0U), words(0U), words(0U), at(count - width)};
    std::size_t i = 0;
    for (; i + step <= count; i += step) {
      // Across the ends of pages, where a processor's own prefetching ends: a quarter faster from memory. What comes from
      // there goes to the second-level cache, to which more lines can be on their way.
      for (std::size_t byte = 0; byte < step * sizeof(T); byte += line) {
        const char* const read = reinterpret_cast<const char*>(x + i) + byte;
        if (far) {
          __builtin_prefetch(read + 4096, 0, 2);
        } else {
          __builtin_prefetch(read + 2048);
        }
      }
      for (std::size_t k = 0; k < 4; ++k) best[k] = xsimd::max(best[k], at(i + k * width));
    }
    for (; i + width <= count; i += width) best[0] = xsimd::max(best[0], at(i));
    const words all = xsimd::max(xsimd::max(best[0], best[1]), xsimd::max(best[2], best[3]));
    std::uint32_t lanes[width];
    all.store_unaligned(lanes);
    std::uint32_t largest = 0;
    for (const std::uint32_t lane : lanes) largest = lane > largest ? lane : largest;
    return largest;
  }

  static words counted(words bits, amax_rule rule) noexcept {
    const words magnitude = bits & words(0x7fff'ffffU);
    const words infinity(0x7f80'0000U);
    if (rule == amax_rule::finite) return xsimd::select(magnitude >= infinity, words(0U), magnitude);
    if (rule == amax_rule::ignore_nan) return xsimd::select(magnitude > infinity, words(0U), magnitude);
    return magnitude;
  }
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
