// SPDX-License-Identifier: Apache-2.0
//
// What the SIMD backend supplies to the walk over blocks of block/quantize.hpp: the same steps as scalar_kernels, on
// vectors. Every format, recipe and rounding goes through here unless a hand-tuned kernel takes the call first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/block/encode_chunk.hpp>
#include <nibble/block/quantize.hpp>
#include <nibble/simd/lanes.hpp>
#include <nibble/simd/philox.hpp>
#include <nibble/simd/real.hpp>
#include <nibble/simd/widen.hpp>

namespace nibble {
inline namespace v0 {
namespace detail {

/// Multipliers for which a product with any element that can matter is computed exactly as in scalar code: neither
/// operand nor a result above the last random bit is a subnormal. A block outside takes the scalar path.
NIBBLE_FUNCTION bool is_plain_multiplier(binary32 m) noexcept {
  const std::uint32_t field = m.bits() >> 23;
  return m.is_zero() || (field >= 127 - 119 && field <= 127 + 82);
}

/// Whether a product that is too small to matter must still be told from an exact zero.
NIBBLE_FUNCTION bool needs_sticky_zero(const recipe& r, rounding_mode mode) noexcept {
  return mode == rounding_mode::upward || mode == rounding_mode::downward || mode == rounding_mode::to_odd ||
         r.policy.negative_zero == negative_zero_rule::drop_exact;
}

template <class Arch>
struct simd_kernels {
  using words = word_batch<Arch>;
  static constexpr std::size_t width = words::size;

  template <class T>
  static std::uint32_t amax(const matrix_view<T>& x, std::size_t row, std::size_t rows, std::size_t col,
                            std::size_t cols, amax_rule rule) noexcept {
    if (x.col_stride != 1 || cols < width) return rectangle_amax(x, row, rows, col, cols, rule);
    std::uint32_t largest = 0;
    for (std::size_t r = row; r < row + rows; ++r) {
      words best(0U);
      std::size_t c = 0;
      for (; c + width <= cols; c += width) {
        best = xsimd::max(best, counted(widened<Arch>(&x(r, col + c)), rule));
      }
      std::uint32_t lanes[width];
      best.store_unaligned(lanes);
      for (const std::uint32_t lane : lanes) largest = lane > largest ? lane : largest;
      const std::uint32_t rest = rectangle_amax(x, r, 1, col + c, cols - c, rule);
      largest = rest > largest ? rest : largest;
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
    for (; i < count; ++i) bits[i] = element_bits(x(row, col + i));
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
    binary32 operand = e.operand;
    bool plain = e.how == element_scaling::kind::multiply || e.how == element_scaling::kind::divide;
    if (e.how == element_scaling::kind::shift && e.exponent >= -119 && e.exponent <= 82) {
      operand = binary32::from_bits(static_cast<std::uint32_t>(e.exponent + 127) << 23);
      plain = true;
    } else if (e.how == element_scaling::kind::divide) {
      plain = operand.is_finite() && is_plain_multiplier(binary32(1.0F) / operand);
    }
    if (!plain || !is_plain_multiplier(operand) || count < width) {
      encode_chunk<F>(r, rounding, e, bits, random, count, codes);
      return;
    }
    encode_plain<F>(r, rounding, e, operand, bits, random, count, codes);
  }

 private:
  static words counted(words bits, amax_rule rule) noexcept {
    const words magnitude = bits & words(0x7fff'ffffU);
    const words infinity(0x7f80'0000U);
    if (rule == amax_rule::finite) return xsimd::select(magnitude >= infinity, words(0U), magnitude);
    if (rule == amax_rule::ignore_nan) return xsimd::select(magnitude > infinity, words(0U), magnitude);
    return magnitude;
  }

  /// Scaled elements. `sticky` keeps a nonzero product that underflows from being an exact zero; `lost` is the largest
  /// magnitude that does count as zero.
  static words scaled(words bits, simd_real<Arch> operand, bool divide, bool sticky, std::uint32_t lost) noexcept {
    const words magnitude = bits & words(0x7fff'ffffU);
    const simd_real<Arch> x(bits_as<float>(bits));
    words y = bits_as<std::uint32_t>((divide ? x / operand : x * operand).value);
    if (sticky) {
      const words sign = bits ^ magnitude;
      const auto tiny = (y & words(0x7fff'ffffU)) < words(0x0080'0000U);
      const words traced = xsimd::select(magnitude > words(lost), words(0x0080'0000U), words(0U));
      y = xsimd::select(tiny, sign | traced, y);
    }
    // A NaN element keeps its bits, as in scale_elements; Inf times zero is the positive NaN of binary32.
    y = xsimd::select((y & words(0x7fff'ffffU)) > words(0x7f80'0000U), words(0x7fc0'0000U), y);
    return xsimd::select(magnitude > words(0x7f80'0000U), bits, y);
  }

  /// The largest magnitude whose product with (or quotient by) `operand` rounds to zero in binary32: at most 2^-150.
  static std::uint32_t underflow_limit(binary32 operand, bool divide) noexcept {
    const binary32 m = divide ? binary32(1.0F) / operand : operand;
    if ((m.bits() >> 23) > 127) return 0;
    // 2^-126 / (m * 2^24), rounded; then the last float that really vanishes.
    const binary32 limit = binary32::from_bits(0x0080'0000U) / (m * binary32(0x1p24F));
    std::uint32_t bits = limit.bits() + 2U;
    const auto vanishes = [&](std::uint32_t x) {
      const binary32 element = binary32::from_bits(x);
      return (divide ? element / operand : element * operand).is_zero();
    };
    while (bits > 0 && !vanishes(bits)) --bits;
    return bits;
  }

  template <block_format F>
  static void encode_plain(const recipe& r, const rounding_choice& rounding, const element_scaling& e,
                           binary32 operand, const std::uint32_t* bits, const std::uint32_t* random, std::size_t count,
                           std::uint8_t* codes) noexcept {
    const special_codes s = make_special_codes(F.element, rounding.mode, overflow::saturate, r.policy, false);
    const bool sticky = needs_sticky_zero(r, rounding.mode) && !operand.is_zero();
    const bool divide = e.how == element_scaling::kind::divide;
    const bool literal = e.how != element_scaling::kind::shift || r.underflow_is_zero;
    const std::uint32_t lost = sticky && literal ? underflow_limit(operand, divide) : 0U;
    const simd_real<Arch> factor(static_cast<float>(operand));
    const words half(exact_binary32(F.element.min_positive() / 2).bits() - 1U);
    std::uint32_t result[chunk_size];
    with_rounding(rounding.mode, rounding.variant, [&]<rounding_mode Mode, stochastic_variant Variant>() NIBBLE_INLINE_LAMBDA {
      const auto step = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
        words y = scaled(words::load_unaligned(bits + i), factor, divide, sticky, lost);
        if (r.half_added_in_float) {
          y = y + xsimd::select((y & words(0x7fff'ffffU)) == half, words(1U), words(0U));
        }
        const words word = Mode == rounding_mode::stochastic ? words::load_unaligned(random + i) : words(0U);
        encode_lanes<Mode, Variant>(F.element, s, y, word, rounding.random_bits).store_unaligned(result + i);
      };
      std::size_t i = 0;
      for (; i + width <= count; i += width) step(i);
      // The last vector overlaps the one before: the same elements give the same codes.
      if (i < count) step(count - width);
      return 0;
    });
    for (std::size_t i = 0; i < count; ++i) codes[i] = static_cast<std::uint8_t>(result[i]);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
