// SPDX-License-Identifier: Apache-2.0
//
// Elements of whole blocks under any format, recipe and rounding, on the vectors of any architecture: scaled by one
// product or quotient, then encoded by the expression of format/encode.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/encode_chunk.hpp>
#include <nibble/simd/lanes.hpp>
#include <nibble/simd/real.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Multipliers for which a product with any element that can matter is computed exactly as in scalar code: neither
/// operand nor a result above the last random bit is a subnormal. A block outside takes the scalar path.
NIBBLE_FUNCTION bool is_plain_multiplier(binary32 m) noexcept {
  const std::uint32_t field = m.bits() >> 23;
  return m.is_zero() || (field >= 127 - 119 && field <= 127 + 82);
}

/// The multiplier or divisor of a block as one plain binary32, if it has one.
struct plain_operand {
  binary32 value{0.0F};
  bool divide = false;
  bool is_plain = false;

  constexpr plain_operand(element_scaling::kind how, binary32 operand) noexcept
      : value(operand), divide(how == element_scaling::kind::divide) {
    using kind = element_scaling::kind;
    if (how == kind::multiply || how == kind::shift) is_plain = is_plain_multiplier(operand);
    if (divide) is_plain = operand.is_finite() && !operand.is_zero() && is_plain_multiplier(binary32(1.0F) / operand);
  }

  /// The largest magnitude whose scaled value rounds to zero in binary32: at most 2^-150.
  [[nodiscard]] constexpr std::uint32_t underflow_limit() const noexcept {
    const binary32 m = divide ? binary32(1.0F) / value : value;
    if (m.is_zero() || (m.bits() >> 23) > 127) return 0;
    // 2^-126 / (m * 2^24), rounded; then the last float that really vanishes.
    std::uint32_t bits = (binary32::from_bits(0x0080'0000U) / (m * binary32(0x1p24F))).bits() + 2U;
    while (bits > 0 && !scaled(binary32::from_bits(bits)).is_zero()) --bits;
    return bits;
  }

 private:
  [[nodiscard]] constexpr binary32 scaled(binary32 x) const noexcept { return divide ? x / value : x * value; }
};

/// A block's plain operand, resolved: where `traces`, a nonzero product that underflows stays apart from an exact zero,
/// and `lost` is the largest magnitude that does count as zero.
struct scaled_by {
  binary32 value{0.0F};
  std::uint32_t lost = 0;
  bool divide = false;
  bool traces = false;
};

/// One call's choice of format, recipe and rounding, resolved once.
template <float_format F, class Arch>
class generic_run {
 public:
  using words = word_batch<Arch>;
  static constexpr std::size_t width = words::size;

  generic_run(const recipe& r, const rounding_choice& rounding) noexcept
      : recipe_(&r), rounding_(rounding),
        codes_(make_special_codes(F, rounding.mode, overflow::saturate, r.policy, false)),
        half_(exact_binary32(F.min_positive() / 2).bits() - 1U),
        sticky_(rounding.mode == rounding_mode::upward || rounding.mode == rounding_mode::downward ||
                rounding.mode == rounding_mode::to_odd || r.policy.negative_zero == negative_zero_rule::drop_exact) {}

  /// Codes of `blocks` runs of `size` elements (at least a vector each, chunk_size in all), run b with operands[b]. The
  /// operands are plain. One call for many runs pays for the constants once.
  void run(const std::uint32_t* bits, const std::uint32_t* random, const scaled_by* operands, std::size_t blocks,
           std::size_t size, std::uint8_t* codes) const noexcept {
    std::uint32_t result[chunk_size];
    with_rounding(rounding_.mode, rounding_.variant, [&]<rounding_mode Mode, stochastic_variant Variant>() NIBBLE_INLINE_LAMBDA {
      for (std::size_t b = 0; b < blocks; ++b) {
        const simd_real<Arch> factor(static_cast<float>(operands[b].value));
        const auto step = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
          const words y = scaled(words::load_unaligned(bits + i), factor, operands[b]);
          const words word = Mode == rounding_mode::stochastic ? words::load_unaligned(random + i) : words(0U);
          encode_lanes<Mode, Variant>(F, codes_, y, word, rounding_.random_bits).store_unaligned(result + i);
        };
        const std::size_t end = (b + 1) * size;
        std::size_t i = b * size;
        for (; i + width <= end; i += width) step(i);
        // The last vector overlaps the one before: the same elements give the same codes.
        if (i < end) step(end - width);
      }
      return 0;
    });
    for (std::size_t i = 0; i < blocks * size; ++i) codes[i] = static_cast<std::uint8_t>(result[i]);
  }

  /// What run() needs to know of a block.
  [[nodiscard]] scaled_by prepare(element_scaling::kind how, const plain_operand& operand) const noexcept {
    const bool literal = how != element_scaling::kind::shift || recipe_->underflow_is_zero;
    const bool traces = sticky_ && !operand.value.is_zero();
    return {operand.value, traces && literal ? operand.underflow_limit() : 0U, operand.divide, traces};
  }

 private:
  NIBBLE_ALWAYS_INLINE words scaled(words bits, simd_real<Arch> factor, const scaled_by& operand) const noexcept {
    const words magnitude = bits & words(0x7fff'ffffU);
    const simd_real<Arch> x(bits_as<float>(bits));
    words y = bits_as<std::uint32_t>((operand.divide ? x / factor : x * factor).value);
    if (operand.traces) {
      const auto tiny = (y & words(0x7fff'ffffU)) < words(0x0080'0000U);
      const words traced = xsimd::select(magnitude > words(operand.lost), words(0x0080'0000U), words(0U));
      y = xsimd::select(tiny, (bits ^ magnitude) | traced, y);
    }
    if (recipe_->half_added_in_float) {
      y = y + xsimd::select((y & words(0x7fff'ffffU)) == words(half_), words(1U), words(0U));
    }
    // A NaN element keeps its bits, as in scale_elements; Inf times zero is the positive NaN of binary32.
    y = xsimd::select((y & words(0x7fff'ffffU)) > words(0x7f80'0000U), words(0x7fc0'0000U), y);
    return xsimd::select(magnitude > words(0x7f80'0000U), bits, y);
  }

  const recipe* recipe_;
  rounding_choice rounding_;
  special_codes codes_;
  std::uint32_t half_;
  bool sticky_;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
