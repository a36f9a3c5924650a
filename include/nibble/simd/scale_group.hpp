// SPDX-License-Identifier: Apache-2.0
//
// The scales of a vector of blocks at once: the recipe formulas of block/block_scale.hpp on float32 vectors, and the
// scale codec on integer lanes.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/block_scale.hpp>
#include <nibble/simd/avx2/nearest.hpp>
#include <nibble/simd/lanes.hpp>
#include <nibble/simd/real.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether the vector formulas can serve a format and recipe at all, and this tensor: no intermediate value that could
/// change a code is then a subnormal.
template <block_format F>
bool has_vector_scales(const recipe& r, const tensor_scaling& t) noexcept {
  if (F.power_of_two_scale()) {
    const exponent_rule rule = r.exponent;
    return F.scale == formats::e8m0 && (rule == exponent_rule::floor || rule == exponent_rule::ceil ||
                                        rule == exponent_rule::even || rule == exponent_rule::reciprocal_ceil);
  }
  if (F.scale.bits() > 16 || F.scale.min_exponent() - F.scale.mantissa_bits < -60) return false;
  if (r.scale == scale_rule::exact || r.element == element_rule::exact || r.ggml_scale_codec) return false;
  if (r.scale_rounding != rounding_mode::nearest_even || r.choice != four_over_six::off) return false;
  const auto in_range = [](binary32 x) { return (x.bits() >> 23) >= 127 - 110 && (x.bits() >> 23) <= 127 + 118; };
  return in_range(t.encode) && in_range(t.decode);
}

/// The constants of has_vector_scales tensors, in vectors.
template <block_format F, class Arch>
class scale_group {
 public:
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;

  scale_group(const recipe& r, const tensor_scaling& t, const scale_constants& k) noexcept
      : recipe_(&r), codes_(make_special_codes(F.scale, rounding_mode::nearest_even, overflow::saturate, policy::cuda, false)),
        largest_(static_cast<float>(k.largest_element)), reciprocal_(static_cast<float>(k.reciprocal_largest)),
        encode_(static_cast<float>(t.encode)), decode_(static_cast<float>(t.decode)) {}

  /// Whether every amax of the vector is zero or in the range in which the formulas are exact: 2^-80 to 2^120.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE static bool is_plain(words amax) noexcept {
    const words low(static_cast<std::uint32_t>(127 - 80) << 23);
    const words high(static_cast<std::uint32_t>(127 + 120) << 23);
    return xsimd::all((amax == words(0U)) | ((amax >= low) & (amax < high)));
  }

  /// Codes of the scales of plain amaxes, and the multiplier or divisor of their elements.
  NIBBLE_ALWAYS_INLINE void run(words amax, words& code, words& operand) const noexcept {
    if constexpr (F.power_of_two_scale()) {
      power_of_two(amax, code, operand);
    } else {
      with_mantissa(amax, code, operand);
    }
  }

 private:
  /// E8M0: the exponent field less emax, and the power of two that undoes it.
  NIBBLE_ALWAYS_INLINE void power_of_two(words amax, words& code, words& operand) const noexcept {
    const bool reciprocal = recipe_->exponent == exponent_rule::reciprocal_ceil;
    const words bits = reciprocal ? bits_as<std::uint32_t>((real(bits_as<float>(amax)) * reciprocal_).value) : amax;
    const words emax(static_cast<std::uint32_t>(reciprocal ? 0 : F.element.max_exponent()));
    code = xsimd::max(rounded_field(recipe_->exponent, F.element, bits), emax) - emax;
    // 2^(127 - code); code 0 stands for 2^-127, whose inverse is 2^127.
    operand = (words(254U) - code) << 23;
  }

  NIBBLE_ALWAYS_INLINE void with_mantissa(words amax, words& code, words& operand) const noexcept {
    const recipe& r = *recipe_;
    real s = unrounded_scale(r.scale, real(bits_as<float>(amax)), largest_, reciprocal_, encode_, decode_);
    if (r.scale_floor > 0.0F) s = maximum(s, real(r.scale_floor));
    words d;
    round(bits_as<std::uint32_t>(s.value), code, d);
    const auto is_zero = d == words(0U);
    if (r.zero_scale == zero_scale_rule::replace) {
      const binary32 replacement(r.scale_replacement);
      d = xsimd::select(is_zero, words(replacement.bits()), d);
      code = xsimd::select(is_zero, words(encode_bits(F.scale, replacement.bits(), {}, overflow::saturate, policy::cuda)), code);
    }
    operand = bits_as<std::uint32_t>(element_operand(r.element, real(bits_as<float>(d)), encode_, decode_, real(1.0F),
                                                     real(bit_cast<float>(0x7f7f'ffffU)))
                                         .value);
    if (r.zero_scale == zero_scale_rule::zero_codes) operand = xsimd::select(is_zero, words(0U), operand);
  }

  /// The codes nearest to non-negative finite scales, and their values.
  NIBBLE_ALWAYS_INLINE void round(words bits, words& code, words& value) const noexcept {
#if defined(__AVX2__)
    if constexpr (has_avx2<Arch> && words::size == 8 && avx2::rounds_by_addition(F.scale)) {
      __m256i numbers;
      code = words(avx2::nearest<F.scale>::codes_and_values(bits, numbers));
      value = words(numbers);
      return;
    }
#endif
    code = encode_lanes<rounding_mode::nearest_even>(F.scale, codes_, bits, words(0U), 32);
    value = decode_lanes(F.scale, code);
  }

  const recipe* recipe_;
  special_codes codes_;
  real largest_, reciprocal_, encode_, decode_;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
