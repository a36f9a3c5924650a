// SPDX-License-Identifier: Apache-2.0
//
// Four over six (block/four_over_six.hpp) for a vector of blocks: a lane is a block, so that every block's error is added
// up in the order of its elements.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/four_over_six.hpp>
#include <nibble/simd/scale_group.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

template <block_format F, std::size_t Size, class Arch>
class scale_chooser {
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;
  static constexpr std::size_t width = words::size;

 public:
  scale_chooser(const recipe& r, const tensor_scaling& t) noexcept
      : squares_(r.choice == four_over_six::mean_squared_error), amax_(t.amax),
        denominator_(r.choice == four_over_six::off ? binary32(1.0F) : choice_error(F, r, t).denominator),
        codes_(make_special_codes(F.element, rounding_mode::nearest_even, overflow::saturate, r.policy, false)) {}

  /// Whether vectors serve a call: rows of blocks, products rounded to nearest even, and no subnormal on the way.
  static bool serves(const recipe& r, const rounding_choice& rounding, const tensor_scaling& t) noexcept {
    const std::uint32_t field = t.amax.bits() >> 23;
    return F.block_rows == 1 && F.block_size > 0 && !F.power_of_two_scale() && !r.half_added_in_float &&
           !r.searches_in_float && rounding.mode == rounding_mode::nearest_even && r.element != element_rule::exact &&
           r.element != element_rule::divide_by_quotient && field >= 127 - 60 && field <= 127 + 100;
  }

  /// How a candidate scale of each block scales and decodes.
  struct candidate {
    words operand;
    words scale;
  };

  /// Lanes of all ones where the block's error under `four` is below that under `six`. Block i begins at x + i * Size; the
  /// last of `blocks` stands for those after it.
  words better(const float* x, std::size_t blocks, const candidate& six, const candidate& four) const noexcept {
    alignas(64) std::uint32_t turned[Size * width];
    for (std::size_t b = 0; b < width; ++b) {
      const float* block = x + (b < blocks ? b : blocks - 1) * Size;
      for (std::size_t i = 0; i < Size; ++i) turned[i * width + b] = to_bits(block[i]);
    }
    // Sums are no NaN and not negative, so their bits are in their order.
    const auto less = bits_as<std::int32_t>(error(turned, four).value) < bits_as<std::int32_t>(error(turned, six).value);
    using integers = signed_batch<Arch>;
    return bits_as<std::uint32_t>(xsimd::select(less, integers(-1), integers(0)));
  }

 private:
  /// Sums of the blocks' errors, as choice_error::of has them.
  real error(const std::uint32_t* turned, const candidate& c) const noexcept {
    const real factor(bits_as<float>(c.operand));
    const real scale(bits_as<float>(c.scale));
    const real amax(static_cast<float>(amax_));
    const real denominator(static_cast<float>(denominator_));
    real sum(0.0F);
    for (std::size_t i = 0; i < Size; ++i) {
      const words x = words::load_unaligned(turned + i * width);
      const words magnitude = x & words(0x7fff'ffffU);
      const words rounded = nearest(bits_as<std::uint32_t>((real(bits_as<float>(magnitude)) * factor).value));
      const real value = real(bits_as<float>(rounded | (x ^ magnitude))) * scale * amax / denominator;
      const real difference = value + real(bits_as<float>(x ^ words(0x8000'0000U)));
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
