// SPDX-License-Identifier: Apache-2.0
//
// The scales of a whole tile by a loop without decisions, for what most calls are: finite blocks, scales rounded to
// nearest even or powers of two, elements multiplied. Whatever the loop does not foresee shows in the largest and
// smallest numbers on its way; the caller then goes through the tile block by block.
#pragma once

#include <nibble/simd/x86/round.hpp>

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>

#include <nibble/block/block_scale.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Whether some recipe has such scales.
NIBBLE_FUNCTION bool has_quick_scales(const block_format& f) noexcept {
  return f.power_of_two_scale() ? f.scale == formats::e8m0 : rounds_by_addition(f.scale);
}

template <block_format F, class V>
class quick_scales {
  using word = typename V::word;
  using real = typename V::real;

 public:
  quick_scales() = default;
  /// Multipliers include 2^prescale; their exponent fields are from `lowest` to before `highest` without it. The loop
  /// serves blocks whose largest element is scaled to less than 2^`reach`.
  quick_scales(const recipe& r, const tensor_scaling& t, const scale_constants& k, int prescale, int lowest,
               int highest, int reach) noexcept
      : divides_first_(r.scale == scale_rule::quotient_times_encode || r.scale == scale_rule::quotient_by_scale),
        divides_second_(r.scale == scale_rule::quotient_by_scale),
        floor_(r.scale_floor),
        prescale_(prescale),
        most_(static_cast<std::uint32_t>(127 + prescale + reach) << 23) {
    if constexpr (F.power_of_two_scale()) {
      set_exponents(r, k, lowest, highest);
    } else {
      set_factors(r, t, k, lowest, highest);
    }
  }

  [[nodiscard]] bool applies() const noexcept { return applies_; }

  /// Codes and multipliers for `blocks` blocks, in whole vectors, by the magnitude bits of their amaxes; false where
  /// the results do not count.
  [[nodiscard, gnu::noinline]] bool run(const std::uint32_t* amax, std::size_t blocks, std::uint32_t* code,
                         std::uint32_t* multiplier) noexcept {
    word largest = V::all(0U);    // amax
    word smallest = V::all(~0U);  // amax less 1, so that zero is larger than all
    word reach = V::all(0U);
    word zeros = V::all(0U);
    const quick_scales own = *this;  // what is stored might otherwise be some of it
    for (std::size_t b = 0; b < blocks; b += V::lanes) {
      const word a = V::load(amax + b);
      largest = V::largest(largest, a);
      smallest = V::smallest_unsigned(smallest, V::add(a, V::all(~0U)));
      word c;
      word m;
      word is_zero;
      if constexpr (F.power_of_two_scale()) {
        own.shift(a, c, m, is_zero);
      } else {
        own.divide(a, c, m, is_zero);
        zeros = V::either(zeros, is_zero);
      }
      m = V::without(m, is_zero);
      V::store(code + b, c);
      V::store(multiplier + b, m);
      reach = V::largest(reach, V::as_word(V::multiply(V::as_real(a), V::as_real(m))));
    }
    const word high = V::either(V::greater(largest, V::all(highest_ - 1U)), V::greater(reach, V::all(most_)));
    const word low = V::differ(V::equal(V::smallest_unsigned(smallest, V::all(lowest_)), V::all(lowest_)), V::all(~0U));
    word unserved = V::either(high, low);
    if (!serves_zeros_) unserved = V::either(unserved, zeros);
    return !V::any(unserved);
  }

  /// Less than the smallest but zero of multipliers that include 2^prescale.
  [[nodiscard]] static std::uint32_t smallest(const std::uint32_t* multiplier, std::size_t blocks) noexcept {
    std::uint32_t smallest = ~0U;
    for (std::size_t b = 0; b < blocks; ++b) smallest = multiplier[b] - 1U < smallest ? multiplier[b] - 1U : smallest;
    return smallest;
  }

 private:
  /// Codes and multipliers of powers of two. Zeros take any multiplier.
  NIBBLE_ALWAYS_INLINE void shift(word amax, word& code, word& multiplier, word& is_zero) const noexcept {
    const word bits = V::as_word(V::multiply(V::as_real(amax), V::all_real(first_)));
    const word least = V::all(least_field_);
    code = V::subtract(V::largest(V::template right<23>(V::add(bits, V::all(addend_))), least), least);
    multiplier = V::template left<23>(V::subtract(V::all(static_cast<std::uint32_t>(254 + prescale_)), code));
    is_zero = V::equal(amax, V::all(0U));
  }

  NIBBLE_ALWAYS_INLINE void divide(word amax, word& code, word& multiplier, word& is_zero) const noexcept {
    const real a = V::as_real(amax);
    real s = divides_first_ ? V::divide(a, V::all_real(first_)) : V::multiply(a, V::all_real(first_));
    s = divides_second_ ? V::divide(s, V::all_real(second_)) : V::multiply(s, V::all_real(second_));
    word value;
    code = rounder<F.scale, V>::nearest(V::largest(V::as_word(s), V::as_word(V::all_real(floor_))), value);
    const real divisor = V::multiply(V::as_real(value), V::all_real(factor_));
    multiplier = V::as_word(V::divide(V::all_real(dividend_), divisor));
    is_zero = V::equal(value, V::all(0U));
  }

  /// The numbers that make `shift` follow a recipe, if it can.
  void set_exponents(const recipe& r, const scale_constants& k, int lowest, int highest) noexcept {
    using enum exponent_rule;
    if (r.exponent == float_log2_floor || r.exponent == float_log2_floor_wrapped) return;
    const bool reciprocal = r.exponent == reciprocal_ceil;
    first_ = reciprocal ? static_cast<float>(k.reciprocal_largest) : 1.0F;
    const int emax = reciprocal ? 0 : F.element.max_exponent();
    least_field_ = static_cast<std::uint32_t>(emax);
    // What rounding adds to zero is less than an exponent.
    addend_ = rounding_addend(r.exponent, F.element);
    // The multiplier's field is 254 - (amax's - emax), or up to 9 more or 1 less as the rule rounds.
    const int least = 254 + F.element.max_exponent() - highest + 10;
    const int most = 254 + F.element.max_exponent() - lowest - 2;
    lowest_ = static_cast<std::uint32_t>(least < 127 - 80 ? 127 - 80 : least) << 23;
    highest_ = static_cast<std::uint32_t>(most > 127 + 120 ? 127 + 120 : most) << 23;
    applies_ = lowest_ < highest_;
    --lowest_;
  }

  /// The numbers that make `divide` follow a recipe, if it can: every scale but zero then has a multiplier in range.
  void set_factors(const recipe& r, const tensor_scaling& t, const scale_constants& k, int lowest,
                   int highest) noexcept {
    if (r.scale_rounding != rounding_mode::nearest_even || r.ggml_scale_codec || r.scale == scale_rule::exact) return;
    lowest_ = (static_cast<std::uint32_t>(127 - 80) << 23) - 1U;
    highest_ = static_cast<std::uint32_t>(127 + 120) << 23;
    serves_zeros_ = r.zero_scale == zero_scale_rule::zero_codes &&
                    r.policy.negative_zero != negative_zero_rule::drop_exact;
    switch (r.scale) {
      case scale_rule::quotient_times_encode: set_scale(k.largest_element, t.encode); break;
      case scale_rule::quotient_by_scale: set_scale(k.largest_element, t.decode); break;
      case scale_rule::product_times_encode: set_scale(k.reciprocal_largest, t.encode); break;
      default: set_scale(t.encode * k.reciprocal_largest, binary32(1.0F)); break;
    }
    binary32 dividend(1.0F);
    if (r.element == element_rule::multiply_encode_quotient) dividend = t.encode;
    if (r.element == element_rule::multiply_reciprocals) dividend = binary32(1.0F) / t.decode;
    const bool product = r.element == element_rule::multiply_reciprocal_of_product;
    const binary32 factor = product ? t.decode : binary32(1.0F);
    const auto field = [](binary32 x) { return static_cast<int>(x.bits() >> 23); };
    // Exponents of the multipliers of the largest scale and of the smallest, to 2.
    constexpr int largest = F.scale.max_exponent();
    constexpr int smallest = F.scale.min_exponent() - F.scale.mantissa_bits;
    const int quotient = field(dividend) - field(factor) + 127;
    const int scaled = field(dividend) + prescale_;
    applies_ = quotient - largest - 2 >= lowest && quotient - smallest + 2 < highest && scaled >= 1 && scaled <= 253;
    if (!applies_) return;
    dividend_ = bit_cast<float>(static_cast<std::uint32_t>(scaled) << 23 | (dividend.bits() & 0x007f'ffffU));
    factor_ = static_cast<float>(factor);
  }
  void set_scale(binary32 first, binary32 second) noexcept {
    first_ = static_cast<float>(first);
    second_ = static_cast<float>(second);
  }

  bool divides_first_ = false;
  bool divides_second_ = false;
  bool applies_ = false;
  bool serves_zeros_ = false;  ///< elements of a zero scale become zeros that keep their sign, or none does
  float floor_ = 0.0F;
  int prescale_ = 0;
  std::uint32_t most_ = 0;     ///< the largest product of amax and multiplier
  std::uint32_t lowest_ = 0;   ///< one less than the smallest amax but zero
  std::uint32_t highest_ = 0;  ///< the amax from which on the loop does not serve
  float first_ = 1.0F;         ///< factors of amax, or the first one is its divisor
  float second_ = 1.0F;
  float factor_ = 1.0F;  ///< the multiplier is dividend / (scale * factor)
  float dividend_ = 1.0F;
  std::uint32_t addend_ = 0;  ///< powers of two: rounds amax into its exponent field
  std::uint32_t least_field_ = 0;
};

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
