// SPDX-License-Identifier: Apache-2.0
//
// The first level of scaling: from a block's amax to the code of its scale, and from that scale to what its elements
// are multiplied or divided by. The order of the float32 operations is the recipe's.
#pragma once

#include <cstdint>

#include <nibble/base/binary32.hpp>
#include <nibble/block/block_format.hpp>
#include <nibble/block/exact_quotient.hpp>
#include <nibble/block/exponent_scale.hpp>
#include <nibble/block/recipe.hpp>
#include <nibble/block/tensor_scale.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The scale of a block before it is rounded to the scale format, as the recipe orders its operations. `Real` is
/// binary32 or a vector of float32. `m` is the largest element.
template <class Real>
NIBBLE_FUNCTION Real unrounded_scale(scale_rule rule, Real amax, Real m, Real reciprocal_m, Real encode,
                                         Real decode) noexcept {
  switch (rule) {
    case scale_rule::quotient_times_encode: return (amax / m) * encode;
    case scale_rule::product_times_encode: return (amax * reciprocal_m) * encode;
    case scale_rule::quotient_by_scale: return (amax / m) / decode;
    case scale_rule::unspecified:
    case scale_rule::exact:
    case scale_rule::amax_times_product: break;
  }
  return amax * (encode * reciprocal_m);
}

/// ggml's UE4M3 encoder (ggml-impl.h ggml_fp32_to_ue4m3): half up, no carry out of the subnormals, and every value
/// that rounds to 256 or more becomes 448.
NIBBLE_HD constexpr std::uint32_t ggml_scale_code(binary32 v) noexcept {
  if (!(v > binary32(0.0F))) return 0;
  const int exponent = static_cast<int>(v.bits() >> 23) - 127 + 7;
  if (exponent <= 0) {
    const binary32 scaled = v * binary32(512.0F) + binary32(0.5F);
    const std::uint32_t field = scaled.bits() >> 23;
    if (field < 127) return 0;
    const std::uint32_t integer = ((scaled.bits() & 0x007f'ffffU) | 0x0080'0000U) >> (150 - field);
    return integer > 7 ? 7U : integer;
  }
  const std::uint32_t rounded = v.bits() + (std::uint32_t{1} << 19);
  const int carried = static_cast<int>(rounded >> 23) - 127 + 7;
  if (exponent >= 15 || carried >= 15) return 0x7e;
  return (static_cast<std::uint32_t>(carried) << 3) | ((rounded >> 20) & 7U);
}

/// The code of a scale that is not a power of two, from a binary32 or binary64 pattern.
template <std::unsigned_integral Word>
NIBBLE_OUTLINED std::uint32_t encode_scale(const float_format& f, Word bits, rounding_mode mode) noexcept {
  const special_codes s = called_special_codes(f, mode, overflow::saturate, policy::cuda, sizeof(Word) == 8);
  std::uint32_t code = 0;
  encode_words(f, s, rounding_choice{mode}, &bits, nullptr, 1, &code);
  return code;
}

/// The code of a float32 number as a scale, rounded by `mode`; a float32 scale is the number.
NIBBLE_HD constexpr std::uint32_t scale_code_of(const float_format& scale, binary32 s, rounding_mode mode) noexcept {
  return scale == formats::f32 ? s.bits() : encode_scale(scale, s.bits(), mode);
}

/// The code of what a recipe has in place of a scale that decodes to zero (zero_scale_rule::replace).
NIBBLE_HD constexpr std::uint32_t replacement_code(const block_format& f, const recipe& r) noexcept {
  return scale_code_of(f.scale, binary32(r.scale_replacement), rounding_mode::nearest_even);
}

/// Whether a recipe's scales are made by ggml's encoder: in any other format its codes would mean other numbers.
NIBBLE_FUNCTION bool has_ggml_scales(const float_format& scale, const recipe& r) noexcept {
  return r.ggml_scale_codec && (scale == formats::e4m3 || scale == formats::ue4m3);
}

/// Rounds a scale that is not a power of two to its format. NaN gives the NaN of the format.
NIBBLE_HD constexpr std::uint32_t round_scale(const block_format& f, const recipe& r, binary32 s) noexcept {
  if (!binary32(r.scale_floor).is_zero()) s = maximum(s, binary32(r.scale_floor));
  return has_ggml_scales(f.scale, r) ? ggml_scale_code(s) : scale_code_of(f.scale, s, r.scale_rounding);
}

/// Whether scales of a format without tensor scale reach the ends of float32: one may be subnormal, or its product with
/// the largest element Inf. (A tensor scale keeps both away from them, tensor_scale_rule::guarded_reciprocal.)
NIBBLE_HD constexpr bool reaches_ends(const block_format& f) noexcept {
  if (f.scale == formats::f32) return true;
  return !f.tensor_scale && !f.power_of_two_scale() &&
         (f.scale.min_positive() < 0x1p-126 || !exact_binary32(f.scale.max_value() * f.element.max_value()).is_finite());
}

/// The constants of one quantization: the format's limits in binary32.
struct scale_constants {
  binary32 largest_element;
  binary32 reciprocal_largest;
  /// Where scales reach the ends of float32, those between these codes are normal and their products with the largest
  /// element finite. All codes are where no scale is normal.
  std::uint32_t least_code = 0;
  std::uint32_t most_code = ~0U;
  NIBBLE_HD constexpr explicit scale_constants(const block_format& f) noexcept
      : largest_element(exact_binary32(f.element.max_value())),
        reciprocal_largest(binary32(1.0F) / largest_element) {
    if (!reaches_ends(f)) return;
    const auto code = [&](binary32 s) { return scale_code_of(f.scale, s, rounding_mode::toward_zero); };
    if (f.scale.max_value() >= 0x1p-126) least_code = code(binary32(0x1p-126F));
    most_code = code(largest_finite_cofactor(largest_element));
  }
};

/// The code of a finite scale, kept to what the constants say; for an empty block a float32 scale is 1.
NIBBLE_HD constexpr std::uint32_t guarded_scale_code(const block_format& f, const scale_constants& k, binary32 amax,
                                                     std::uint32_t code) noexcept {
  if (amax.is_zero()) return f.scale == formats::f32 ? binary32(1.0F).bits() : code;
  return code < k.least_code ? k.least_code : code < k.most_code ? code : k.most_code;
}

/// The code of a scale that is no power of two for the block amax, as block_scale_code.
NIBBLE_HD constexpr std::uint32_t rounded_scale_code(const block_format& f, const recipe& r, const scale_constants& k,
                                                     const tensor_scaling& t, binary32 amax, binary32 factor) noexcept {
  if (r.amax == amax_rule::finite && !amax.is_finite()) {
    return f.scale.has_nan() ? f.scale.nan_code() : f.scale.max_code();
  }
  std::uint32_t code = 0;
  if (r.scale == scale_rule::exact) {
    std::uint64_t quotient = exact_quotient(amax, make_divisor(k.largest_element, t.decode));
    const std::uint64_t floor = to_bits(exact_double(binary32(r.scale_floor)));
    if (quotient < floor) quotient = floor;  // neither is negative, and a NaN is above all numbers
    code = encode_scale(f.scale, quotient, r.scale_rounding);
  } else {
    code = round_scale(
        f, r, unrounded_scale(r.scale, amax, k.largest_element, k.reciprocal_largest, t.encode, t.decode) * factor);
  }
  return r.amax == amax_rule::finite ? guarded_scale_code(f, k, amax, code) : code;
}

/// The code of a block's scale for the block amax (Inf or NaN if the recipe lets them count).
NIBBLE_HD constexpr std::uint32_t block_scale_code(const block_format& f, const recipe& r, const scale_constants& k,
                                                   const tensor_scaling& t, binary32 amax,
                                                   binary32 factor = binary32(1.0F)) noexcept {
  if (!f.power_of_two_scale() || (r.amax == amax_rule::finite && !amax.is_finite())) {
    return rounded_scale_code(f, r, k, t, amax, factor);
  }
  return exponent_scale_code(f, r, amax);
}
/// The same for a format known to the compiler, which then compiles what the format needs only.
template <block_format F>
NIBBLE_HD constexpr std::uint32_t block_scale_code(const recipe& r, const scale_constants& k, const tensor_scaling& t,
                                                   binary32 amax, binary32 factor = binary32(1.0F)) noexcept {
  if constexpr (F.power_of_two_scale()) {
    return block_scale_code(F, r, k, t, amax, factor);
  } else {
    return rounded_scale_code(F, r, k, t, amax, factor);
  }
}

/// How the elements of one block are scaled: by a float32 product, a float32 quotient, or exactly.
struct element_scaling {
  enum class kind : std::uint8_t { multiply, divide, shift, exact, nothing };
  kind how = kind::multiply;
  binary32 operand{1.0F};   ///< multiplier or divisor
  int exponent = 0;         ///< shift: the elements are multiplied by 2^exponent
  exact_divisor divisor{};  ///< exact
  binary32 scale{1.0F};     ///< the decoded scale of the block
};

/// The multiplier or divisor of a block whose scale decodes to `d`, by the recipe's formula.
template <class Real>
NIBBLE_FUNCTION Real element_operand(element_rule rule, Real d, Real encode, Real decode, Real one,
                                         Real limit) noexcept {
  switch (rule) {
    case element_rule::multiply_encode_quotient: return encode / d;
    case element_rule::multiply_reciprocals: return (one / decode) / d;
    case element_rule::divide_by_quotient: return d / encode;
    case element_rule::exact:
    case element_rule::multiply_reciprocal_of_product: break;
  }
  return minimum(one / (d * decode), limit);
}

/// How the elements of a block with scale code `code` are scaled. `code` is replaced where the recipe says so.
NIBBLE_HD constexpr element_scaling make_element_scaling(const block_format& f, const recipe& r,
                                                         const tensor_scaling& t, std::uint32_t& code) noexcept {
  using kind = element_scaling::kind;
  element_scaling e;
  binary32 d = binary32::from_bits(to_bits(called_decode(f.scale, code)));
  e.scale = d;
  const bool nan = d.is_nan() && r.exponent != exponent_rule::float_log2_floor_wrapped;
  if (f.power_of_two_scale() && !nan && !d.is_zero()) {
    e.how = kind::shift;
    e.exponent = f.scale.bias - static_cast<int>(code);
    return e;
  }
  if (d.is_zero() && r.zero_scale == zero_scale_rule::replace) {
    code = replacement_code(f, r);
    d = binary32::from_bits(to_bits(called_decode(f.scale, code)));
    e.scale = d;
  }
  const bool zero_codes = d.is_zero() && (r.zero_scale == zero_scale_rule::zero_codes || r.element == element_rule::exact);
  if (zero_codes || (r.element == element_rule::exact && !d.is_finite())) {
    e.operand = zero_codes ? binary32(0.0F) : d;
    return e;
  }
  if (r.element == element_rule::exact) {
    e.how = kind::exact;
    e.divisor = make_divisor(d, t.decode);
    return e;
  }
  e.how = r.element == element_rule::divide_by_quotient ? kind::divide : kind::multiply;
  e.operand = element_operand(r.element, d, t.encode, t.decode, binary32(1.0F), binary32::from_bits(0x7f7f'ffffU));
  return e;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
