// SPDX-License-Identifier: Apache-2.0
//
// Four over six (block/four_over_six.hpp) for a vector of blocks: a lane is a block, so that every block's error is
// added up in the order of its elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/block/four_over_six.hpp>
#include <nibble/simd/scale_group.hpp>
#include <nibble/simd/x86/choice.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

template <block_format F, std::size_t Size, class Arch>
class scale_chooser {
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;
  static constexpr std::size_t width = words::size;

 public:
  /// Whether formats have such blocks: the errors of up to 16 rows are added as a tree.
  static constexpr bool is_possible =
      F.block_size > 0 && Size <= 256 && F.block_rows >= 1 && F.block_rows <= 16 && !F.power_of_two_scale();

  scale_chooser(const recipe& r, const tensor_scaling& t) noexcept
      : squares_(r.choice == four_over_six::mean_squared_error),
        amax_(t.amax),
        denominator_(r.choice == four_over_six::off ? binary32(1.0F) : choice_error(F, r, t).denominator),
        unit_(static_cast<float>(amax_ / denominator_)),
        codes_(called_special_codes(F.element, rounding_mode::nearest_even, overflow::saturate, r.policy, false)) {}

  /// Whether vectors serve a call: products rounded to nearest even, and no subnormal on the way.
  static bool serves(const recipe& r, const rounding_choice& rounding, const tensor_scaling& t) noexcept {
    const std::uint32_t field = t.amax.bits() >> 23;
    return is_possible && !r.half_added_in_float && !r.searches_in_float &&
           rounding.mode == rounding_mode::nearest_even && r.element != element_rule::exact &&
           r.element != element_rule::divide_by_quotient && field >= 127 - 60 && field <= 127 + 100;
  }

  /// A scale for each of a vector of blocks: how it scales, decoded, and where the sums of the errors go.
  struct candidate {
    words operand;
    words scale;
    float* sums;
  };

  /// Whether errors() gives estimates, too: sums that decides() judges.
  [[nodiscard]] bool estimates() const noexcept { return has_kernel && !squares_; }

  /// Adds up the errors of the runs of `Size` elements, of one row, of a vector of blocks under both candidates. Run i
  /// begins at x + i * Size; the last of `runs` stands for those after it. False where only scalar code has the exact
  /// sums: an element or a square is below the normal numbers, and the processor may flush it.
  template <bool Exact>
  [[nodiscard]] bool errors(const float* x, std::size_t runs, const candidate& six,
                            const candidate& four) const noexcept {
    alignas(64) float copy[Size * width];
    if (runs < width) {
      for (std::size_t b = 0; b < width; ++b) {
        std::memcpy(copy + b * Size, x + (b < runs ? b : runs - 1) * Size, Size * sizeof(float));
      }
      x = copy;
    }
    words least_element(~0U);
    words least_difference(~0U);
#if defined(__AVX2__)
    if constexpr (has_kernel) {
      using vector = x86::vector_of<Arch>;
      const auto make = [&](const candidate& c) NIBBLE_INLINE_LAMBDA {
        return x86::choice_candidate<vector, Exact>(c.operand, vector::as_real(c.scale), static_cast<float>(amax_),
                                                    static_cast<float>(denominator_), unit_);
      };
      const x86::choice_candidate<vector, Exact> candidates[] = {make(six), make(four)};
      float* const sums[] = {six.sums, four.sums};
      typename vector::word element = least_element;
      typename vector::word difference = least_difference;
      x86::choice_errors<vector, Exact>(x, Size, squares_, candidates, sums, element, difference);
      return loses_nothing(words(element), words(difference));
    }
#endif
    for (const candidate& c : {six, four}) error(x, c, least_element, least_difference).value.store_unaligned(c.sums);
    return loses_nothing(least_element, least_difference);
  }

  /// Lanes of all ones where estimates do not tell which sum of `rows` rows is larger. An estimated error is off by at
  /// most 2^-22 of the value, which is at most 6 scales, and by the rounding of a difference; its sum by that of Size +
  /// 3 sums. The bound is more than twice all that.
  [[nodiscard]] words undecided(real six, real four, words six_scale, words four_scale,
                                std::size_t rows) const noexcept {
    const real unit(unit_ * static_cast<float>(Size * rows) * 0x1p-18F);
    const real scales = real(bits_as<float>(six_scale)) + real(bits_as<float>(four_scale));
    const real bound = scales * unit + (six + four) * real(static_cast<float>(Size < 16 ? 16 : Size) * 0x1p-20F);
    const auto bits = [](real x) NIBBLE_INLINE_LAMBDA { return bits_as<std::int32_t>(x.value); };
    const auto apart = (bits(six + bound) < bits(four)) | (bits(four + bound) < bits(six));
    // One scale twice has one error.
    const auto differ = bits_as<std::int32_t>(six_scale ^ four_scale) != signed_batch<Arch>(0);
    return bits_as<std::uint32_t>(xsimd::select(differ & !apart, signed_batch<Arch>(-1), signed_batch<Arch>(0)));
  }

  /// The sum of the errors of the rows of blocks, `stride` floats apart, in the order of error_of in
  /// block/quantize.hpp.
  static real sum_of_rows(const float* errors, std::size_t rows, std::size_t stride) noexcept {
    const auto row = [&](std::size_t r)
                         NIBBLE_INLINE_LAMBDA { return real(float_batch<Arch>::load_unaligned(errors + r * stride)); };
    if constexpr (F.block_rows == 1) {
      return row(0);
    } else {
      const auto row_or_zero = [&](std::size_t r) NIBBLE_INLINE_LAMBDA {
        return r < static_cast<std::size_t>(F.block_rows) && r < rows ? row(r) : real(0.0F);
      };
      real sum[8];
      for (std::size_t r = 0; r < 8; ++r) sum[r] = row_or_zero(r) + row_or_zero(r + 8);
      for (std::size_t half = 4; half > 0; half /= 2) {
        for (std::size_t r = 0; r < half; ++r) sum[r] = sum[r] + sum[r + half];
      }
      return sum[0];
    }
  }

 private:
  static constexpr bool has_kernel = has_avx2<Arch> && F.element == formats::e2m1 && Size % 4 == 0 &&
                                     F.scale.mantissa_bits <= 10 &&
                                     F.scale.min_exponent() - F.scale.mantissa_bits > -40;

  /// Whether elements and squares of differences, of which these are the least, less one, are normal numbers.
  /// Differences from normal elements are, or are 0: serves() admits no values below 2^-82.
  [[nodiscard]] bool loses_nothing(words least_element, words least_difference) const noexcept {
    constexpr std::uint32_t least_normal = 1U << 23, least_squared = (127U - 63U) << 23;
    return !xsimd::any(least_element < words(least_normal - 1U)) &&
           !(squares_ && xsimd::any(least_difference < words(least_squared - 1U)));
  }

  /// Sums of the errors, as choice_error::of has them, and the least magnitudes that are not 0, less one.
  real error(const float* x, const candidate& c, words& least_element, words& least_difference) const noexcept {
    const real factor(bits_as<float>(c.operand));
    const real scale(bits_as<float>(c.scale));
    const real amax(static_cast<float>(amax_));
    const real denominator(static_cast<float>(denominator_));
    real sum(0.0F);
    for (std::size_t i = 0; i < Size; ++i) {
      std::uint32_t bits[width];
      for (std::size_t b = 0; b < width; ++b) bits[b] = to_bits(x[b * Size + i]);
      const words element = words::load_unaligned(bits);
      const words magnitude = element & words(0x7fff'ffffU);
      const words rounded = nearest(bits_as<std::uint32_t>((real(bits_as<float>(magnitude)) * factor).value));
      const real value = real(bits_as<float>(rounded | (element ^ magnitude))) * scale * amax / denominator;
      const real difference = value + real(bits_as<float>(element ^ words(0x8000'0000U)));
      const words size = bits_as<std::uint32_t>(difference.value) & words(0x7fff'ffffU);
      least_element = xsimd::min(least_element, magnitude - words(1U));
      least_difference = xsimd::min(least_difference, size - words(1U));
      sum = sum + (squares_ ? difference * difference : real(bits_as<float>(size)));
    }
    return sum;
  }

  /// The numbers of the element format nearest to non-negative finite ones.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE words nearest(words y) const noexcept {
#if defined(__AVX2__)
    using vector = x86::vector_of<Arch>;
    if constexpr (has_avx2<Arch> && x86::rounds_by_addition(F.element)) {
      if constexpr (vector::lanes == width) {
        typename vector::word value;
        x86::rounder<F.element, vector>::nearest(y, value);
        return words(value);
      }
    }
#endif
    return decode_lanes(F.element, encode_lanes<rounding_mode::nearest_even>(F.element, codes_, y, words(0U), 32));
  }

  bool squares_;
  binary32 amax_;
  binary32 denominator_;
  float unit_;  ///< the value of 1 under a scale of 1
  special_codes codes_;
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
