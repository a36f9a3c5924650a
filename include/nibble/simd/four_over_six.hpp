// SPDX-License-Identifier: Apache-2.0
//
// Four over six (block/four_over_six.hpp) for a vector of blocks: a lane is a block, so that every block's error is added
// up in the order of its elements.
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
      : squares_(r.choice == four_over_six::mean_squared_error), amax_(t.amax),
        denominator_(r.choice == four_over_six::off ? binary32(1.0F) : choice_error(F, r, t).denominator),
        codes_(make_special_codes(F.element, rounding_mode::nearest_even, overflow::saturate, r.policy, false)) {}

  /// Whether vectors serve a call: products rounded to nearest even, and no subnormal on the way.
  static bool serves(const recipe& r, const rounding_choice& rounding, const tensor_scaling& t) noexcept {
    const std::uint32_t field = t.amax.bits() >> 23;
    return is_possible && !r.half_added_in_float && !r.searches_in_float && rounding.mode == rounding_mode::nearest_even &&
           r.element != element_rule::exact && r.element != element_rule::divide_by_quotient && field >= 127 - 60 &&
           field <= 127 + 100;
  }

  /// A scale for each of a vector of blocks: how it scales, decoded, and where the sums of the errors go.
  struct candidate {
    words operand;
    words scale;
    float* sums;
  };

  /// Adds up the errors of the runs of `Size` elements, of one row, of a vector of blocks under both candidates. Run i
  /// begins at x + i * Size; the last of `runs` stands for those after it.
  void errors(const float* x, std::size_t runs, const candidate& six, const candidate& four) const noexcept {
    alignas(64) float copy[Size * width];
    if (runs < width) {
      for (std::size_t b = 0; b < width; ++b) {
        std::memcpy(copy + b * Size, x + (b < runs ? b : runs - 1) * Size, Size * sizeof(float));
      }
      x = copy;
    }
#if defined(__AVX2__)
    if constexpr (has_kernel) {
      using vector = x86::vector_of<Arch>;
      const auto make = [&](const candidate& c) NIBBLE_INLINE_LAMBDA {
        return x86::choice_candidate<vector>(c.operand, vector::as_real(c.scale), static_cast<float>(amax_),
                                             static_cast<float>(denominator_));
      };
      const x86::choice_candidate<vector> candidates[] = {make(six), make(four)};
      float* const sums[] = {six.sums, four.sums};
      return x86::choice_errors<vector>(x, Size, squares_, candidates, sums);
    }
#endif
    for (const candidate& c : {six, four}) error(x, c).value.store_unaligned(c.sums);
  }

  /// The sum of the errors of the rows of blocks, `stride` floats apart, in the order of error_of in block/quantize.hpp.
  static real sum_of_rows(const float* errors, std::size_t rows, std::size_t stride) noexcept {
    const auto row = [&](std::size_t r) NIBBLE_INLINE_LAMBDA {
      return real(float_batch<Arch>::load_unaligned(errors + r * stride));
    };
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
#if defined(__AVX2__)
  static constexpr bool has_kernel = has_avx2<Arch> && F.element == formats::e2m1 && Size % 4 == 0 &&
                                     F.scale.mantissa_bits <= 10 && F.scale.min_exponent() - F.scale.mantissa_bits > -40;
#endif

  /// Sums of the errors, as choice_error::of has them.
  real error(const float* x, const candidate& c) const noexcept {
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
      const real absolute(bits_as<float>(bits_as<std::uint32_t>(difference.value) & words(0x7fff'ffffU)));
      sum = sum + (squares_ ? difference * difference : absolute);
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
  special_codes codes_;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
