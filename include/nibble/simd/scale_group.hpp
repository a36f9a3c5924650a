// SPDX-License-Identifier: Apache-2.0
//
// The scales of a vector of blocks at once: the recipe formulas of block/block_scale.hpp on float32 vectors, and the
// scale codec on integer lanes.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/block_scale.hpp>
#include <nibble/simd/generic_run.hpp>
#include <nibble/simd/lanes.hpp>
#include <nibble/simd/real.hpp>
#include <nibble/simd/x86/round.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether a positive finite number is a power of two.
NIBBLE_FUNCTION bool is_power_of_two(binary32 x) noexcept { return (x.bits() & 0x007f'ffffU) == 0 && x.is_finite(); }

/// Whether no step of the formulas of a recipe is a subnormal number that could change a code, for amaxes from 2^-80 on
/// and all scales but zero of a format: exponents of the factors against those of the largest element and the outermost
/// scales.
template <block_format F>
bool has_normal_formulas(const recipe& r, int encode, int decode) noexcept {
  constexpr int element = F.element.max_exponent();
  constexpr int largest = F.scale.max_exponent();
  constexpr int smallest = F.scale.min_exponent() - F.scale.mantissa_bits;
  if (element < -40 || element > 40 || encode - element - 1 < -126) return false;
  // Upward, what is just above zero has a code, too.
  const bool sees_traces = r.scale_rounding == rounding_mode::upward && r.scale != scale_rule::exact;
  if (sees_traces && (encode < -decode - 1 ? encode : -decode - 1) - element - 2 - 80 < -126) return false;
  switch (r.element) {
    case element_rule::multiply_encode_quotient: return encode - largest - 1 >= -126;
    case element_rule::multiply_reciprocals: return -decode - 1 - largest - 1 >= -126;
    case element_rule::divide_by_quotient: return true;  // no divisor is as small as that
    case element_rule::exact: return smallest + decode >= -126;
    case element_rule::multiply_reciprocal_of_product: break;
  }
  return decode + largest + 2 <= 126;
}

/// Whether the exponents of a scale format are many, as bfloat16's and float32's are, so that amaxes bound its scales.
template <block_format F>
inline constexpr bool has_wide_scales = F.scale.bits() > 16 || F.scale.min_exponent() - F.scale.mantissa_bits < -60;

/// Whether scales of such a format, of amaxes from 2^-80 to before 2^120, are zero or from 2^-122 to 2^122, and
/// so are their reciprocals: then neither is a subnormal number, and no guard changes one.
template <block_format F>
bool has_normal_wide_scales(const recipe& r) noexcept {
  constexpr const float_format& scale = F.scale;
  constexpr bool serves = (scale == formats::f32 || scale.bits() <= 16) && scale.has_zero && !F.tensor_scale &&
                          scale.min_exponent() - scale.mantissa_bits <= 100 && scale.max_exponent() >= -100 &&
                          F.element.max_exponent() >= 0 && F.element.max_exponent() <= 40;
  if (!serves) return false;
  const std::uint32_t floor = binary32(r.scale_floor).bits() >> 23;
  return binary32(r.scale_floor).is_zero() || (floor >= 27 && floor < 227);
}

/// Whether the vector formulas can serve a format and recipe at all, and this tensor: no intermediate value that could
/// change a code is then a subnormal.
template <block_format F, class Arch>
bool has_vector_scales(const recipe& r, const tensor_scaling& t) noexcept {
  if (F.power_of_two_scale()) {
    // Exponents are unsigned, and amaxes times the reciprocal of the largest element are normal numbers.
    return F.scale == formats::e8m0 && F.element.max_exponent() >= 0 && F.element.max_exponent() <= 40;
  }
  if (has_wide_scales<F> && !has_normal_wide_scales<F>(r)) return false;
  // Exact quotients need a divisor that is a float32.
  const bool exact = r.scale == scale_rule::exact || r.element == element_rule::exact;
  if (exact && (!has_exact_quotient<Arch> || !is_power_of_two(t.decode))) return false;
  const bool by_mode = r.scale_rounding == rounding_mode::nearest_even || r.scale_rounding == rounding_mode::upward;
  if (!by_mode || (r.scale == scale_rule::exact && F.element.mantissa_bits > 7)) return false;
  const auto exponent = [](binary32 x) { return static_cast<int>(x.bits() >> 23) - 127; };
  const auto in_range = [&](binary32 x) { return exponent(x) >= -110 && exponent(x) <= 118; };
  if (!in_range(t.encode) || !in_range(t.decode)) return false;
  return has_wide_scales<F> || has_normal_formulas<F>(r, exponent(t.encode), exponent(t.decode));
}

/// The binary logarithm of the largest scaled magnitude of a block, to 2 and plus 254, from the bits of its amax and
/// its multiplier or (`divides`) divisor; 0 for a zero of the latter.
template <class Word>
NIBBLE_ALWAYS_INLINE Word reach_of(Word amax, Word operand, bool divides) noexcept {
  const Word field = operand >> 23;
  const Word sum = (amax >> 23) + (divides ? Word(254U) - field : field);
  return lane_operations<Word>::select(field == Word(0U), Word(0U), sum);
}

/// The largest reach that kernels take: beyond it the sum by which they round could overflow. Where the nearest number
/// is searched by float32 differences (block/encode_chunk.hpp search_in_float), several would be one float32 far beyond
/// the range: 2^15 times the last step and more. Steps that a plain scale could make subnormal numbers are not taken.
NIBBLE_FUNCTION std::uint32_t largest_reach(const float_format& element, const recipe& r) noexcept {
  if (!r.searches_in_float) return 254U + 60U;
  const int last_step = element.max_exponent() - element.mantissa_bits;
  if (last_step < -40) return 0;
  return static_cast<std::uint32_t>(254 + (last_step < 45 ? last_step + 15 : 60));
}

/// The constants of has_vector_scales tensors, in vectors.
template <block_format F, class Arch>
class scale_group {
 public:
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;
  /// What most calls need, made beforehand.
  static constexpr special_codes nearest_codes =
      make_special_codes(F.scale, rounding_mode::nearest_even, overflow::saturate, policy::cuda, false);

  /// Scales that are no powers of two are `factor` times as large before they are rounded, as in block_scale_code.
  scale_group(const recipe& r, const tensor_scaling& t, const scale_constants& k, binary32 factor) noexcept
      : recipe_(&r),
        codes_(r.scale_rounding == rounding_mode::nearest_even
                   ? nearest_codes
                   : called_special_codes(F.scale, r.scale_rounding, overflow::saturate, policy::cuda, false)),
        largest_(static_cast<float>(k.largest_element)), reciprocal_(static_cast<float>(k.reciprocal_largest)),
        encode_(static_cast<float>(t.encode)), decode_(static_cast<float>(t.decode)),
        largest_times_decode_(1.0F), most_(1.0F), factor_(static_cast<float>(factor)),
        replacement_code_(r.zero_scale == zero_scale_rule::replace && !F.power_of_two_scale() ? replacement_code(F, r)
                                                                                              : 0U) {
    // A product in integers takes as long as 25 elements.
    if (r.scale != scale_rule::exact) return;
    const binary32 largest = k.largest_element * t.decode;
    largest_times_decode_ = real(static_cast<float>(largest));
    most_ = real(static_cast<float>(exact_binary32(F.scale.max_value()) * binary32(2.0F) * largest));
  }

  /// Whether every amax of the vector is zero or in the range in which the formulas are exact: 2^-80 to 2^120.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE static bool is_plain(words amax) noexcept {
    const words low(static_cast<std::uint32_t>(127 - 80) << 23);
    const words high(static_cast<std::uint32_t>(127 + 120) << 23);
    return xsimd::all((amax == words(0U)) | ((amax >= low) & (amax < high)));
  }

  /// Codes of the scales of plain amaxes, and the multiplier or divisor of their elements.
  [[gnu::noinline]] void run(words amax, words& code, words& operand) const noexcept {
    if constexpr (F.power_of_two_scale()) {
      power_of_two(amax, code, operand);
    } else {
      with_mantissa(amax, unrounded(amax), code, operand);
    }
  }

  /// Scales that are no powers of two before they are rounded.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE real unrounded(words amax) const noexcept {
    const real x(bits_as<float>(amax));
    if (recipe_->scale != scale_rule::exact) {
      return unrounded_scale(recipe_->scale, x, largest_, reciprocal_, encode_, decode_) * factor_;
    }
    if constexpr (F.scale == formats::f32) return quotient(x);
    // What gives twice the largest scale saturates as more does, and its quotient does not overflow.
    const real kept = minimum(x, most_);
    return real(bits_as<float>(quotient_to_odd<Arch>(kept, largest_times_decode_, real(1.0F) / largest_times_decode_)));
  }

 private:
  /// The quotient by the largest element as a float32, to nearest or upward.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE real quotient(real x) const noexcept {
    const real q = x / largest_;
#if defined(__AVX2__)
    if constexpr (has_exact_quotient<Arch>) {
      using vector = x86::vector_of<Arch>;
      if (recipe_->scale_rounding != rounding_mode::upward) return q;
      // The largest element has few digits: what is left is no subnormal number. One more where it is positive.
      const words rest(vector::as_word(vector::subtract_product(q.value, largest_.value, x.value)));
      return real(bits_as<float>(bits_as<std::uint32_t>(q.value) + ((words(0U) - rest) >> 31)));
    }
#endif
    return q;
  }

  /// E8M0: the exponent field less emax, and the power of two that undoes it.
  void power_of_two(words amax, words& code, words& operand) const noexcept {
    const exponent_rule rule = recipe_->exponent;
    const bool reciprocal = rule == exponent_rule::reciprocal_ceil;
    const bool logarithm = rule == exponent_rule::float_log2_floor || rule == exponent_rule::float_log2_floor_wrapped;
    words bits = reciprocal ? bits_as<std::uint32_t>((real(bits_as<float>(amax)) * reciprocal_).value) : amax;
    if (logarithm) bits = past_rounded_logarithms(bits);
    // Zero counts as 2^-126 (microxcaling).
    if (rule == exponent_rule::float_log2_floor) bits = xsimd::max(bits, words(0x0080'0000U));
    const words emax(static_cast<std::uint32_t>(reciprocal ? 0 : F.element.max_exponent()));
    code = xsimd::max(rounded_field(rule, F.element, bits), emax) - emax;
    // 2^(127 - code); code 0 stands for 2^-127, whose inverse is 2^127.
    operand = (words(254U) - code) << 23;
  }

  /// Moves magnitudes whose float32 logarithm rounds up to an integer to that power of two. They are at most 88 floats
  /// below it, so hardly any vector has one.
  NIBBLE_ALWAYS_INLINE static words past_rounded_logarithms(words bits) noexcept {
    if (!xsimd::any((bits & words(0x007f'ffffU)) >= words(0x0080'0000U - 88U))) [[likely]] return bits;
    std::uint32_t lanes[words::size];
    bits.store_unaligned(lanes);
    for (std::uint32_t& lane : lanes) {
      const int floor = lane == 0 ? -127 : floor_of_float_log2(lane);
      if (floor + 127 > static_cast<int>(lane >> 23)) lane = static_cast<std::uint32_t>(floor + 127) << 23;
    }
    return words::load_unaligned(lanes);
  }

  void with_mantissa(words amax, real s, words& code, words& operand) const noexcept {
    const recipe& r = *recipe_;
    if (!binary32(r.scale_floor).is_zero()) s = maximum(s, real(r.scale_floor));
    words d;
    if constexpr (F.scale == formats::f32) {
      d = bits_as<std::uint32_t>(s.value);
      if (r.amax == amax_rule::finite) d = xsimd::select(amax == words(0U), words(0x3f80'0000U), d);
      code = d;
    } else {
      round(bits_as<std::uint32_t>(s.value), code, d);
    }
    const auto is_zero = d == words(0U);
    if (r.zero_scale == zero_scale_rule::replace) {
      d = xsimd::select(is_zero, words(to_bits(decode<F.scale>(replacement_code_))), d);
      code = xsimd::select(is_zero, words(replacement_code_), code);
    }
    if (r.element == element_rule::exact) {
      // Zeros are left out by their scale.
      operand = bits_as<std::uint32_t>((real(bits_as<float>(d)) * decode_).value);
      return;
    }
    operand = bits_as<std::uint32_t>(element_operand(r.element, real(bits_as<float>(d)), encode_, decode_, real(1.0F),
                                                     real(bit_cast<float>(0x7f7f'ffffU)))
                                         .value);
    if (r.zero_scale == zero_scale_rule::zero_codes) operand = xsimd::select(is_zero, words(0U), operand);
  }

  /// The codes that non-negative finite scales round to, and their values.
  void round(words bits, words& code, words& value) const noexcept {
    const bool upward = recipe_->scale_rounding == rounding_mode::upward;
    if (has_ggml_scales(F.scale, *recipe_) && recipe_->scale != scale_rule::exact) {
      code = ggml_codes(bits);
    } else {
#if defined(__AVX2__)
      using vector = x86::vector_of<Arch>;
      if constexpr (has_avx2<Arch> && x86::rounds_scales_by_addition(F.scale)) {
        if constexpr (vector::lanes == words::size) {
          typename vector::word numbers;
          code = words(x86::rounder<F.scale, vector>::nearest(bits, numbers));
          value = words(numbers);
          if (upward) next_where_below(bits, code, value);
          return;
        }
      }
#endif
      code = upward ? encode_lanes<rounding_mode::upward>(F.scale, codes_, bits, words(0U), 32)
                    : encode_lanes<rounding_mode::nearest_even>(F.scale, codes_, bits, words(0U), 32);
    }
    value = decode_lanes(F.scale, code);
  }

  /// Moves rounded scales that are below the numbers `bits` up by a code. There is one, for what lies beyond the range has
  /// saturated.
  NIBBLE_ALWAYS_INLINE static void next_where_below(words bits, words& code, words& value) noexcept {
    constexpr std::uint32_t last_place = 1U << (23 - F.scale.mantissa_bits);
    const words largest(to_bits(static_cast<float>(F.scale.max_value())));
    const real step(static_cast<float>(F.scale.min_positive()));
    // In the subnormal range numbers lie a step apart, above it a place.
    const words next = xsimd::max(value + words(last_place), bits_as<std::uint32_t>((real(bits_as<float>(value)) + step).value));
    const auto is_below = bits_as<std::int32_t>(value) < bits_as<std::int32_t>(xsimd::min(bits, largest));
    const words below = bits_as<std::uint32_t>(xsimd::select(is_below, signed_batch<Arch>(-1), signed_batch<Arch>(0)));
    code = code - below;
    value = value ^ ((value ^ next) & below);
  }

  /// ggml_scale_code on lanes.
  static words ggml_codes(words bits) noexcept {
    const real scaled = real(bits_as<float>(bits)) * real(512.0F) + real(0.5F);
    const words integer = bits_as<std::uint32_t>(xsimd::batch_cast<std::int32_t>(scaled.value));
    const words rounded = bits + words(1U << 19);
    const words normal = (((rounded >> 23) - words(120U)) << 3) | ((rounded >> 20) & words(7U));
    const auto above = (rounded >> 23) >= words(135U);
    const words large = xsimd::select(above, words(0x7eU), normal);
    return xsimd::select(bits < words(121U << 23), xsimd::min(integer, words(7U)), large);
  }

  const recipe* recipe_;
  special_codes codes_;
  real largest_, reciprocal_, encode_, decode_, largest_times_decode_, most_, factor_;
  std::uint32_t replacement_code_;  ///< of a scale that is zero
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
