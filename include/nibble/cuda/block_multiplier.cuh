// SPDX-License-Identifier: Apache-2.0
//
// The scale of one block under the default recipe, and what its elements are multiplied by.
#pragma once

#include <cstdint>

#include <nibble/block/block_scale.hpp>
#include <nibble/cuda/real.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The scale's code, and the bits of what its elements are multiplied by; NaN where all codes are NaN's.
struct block_multiplier {
  std::uint32_t code;
  std::uint32_t operand;
};

/// Whether the hardware's conversions to and from E4M3 make the scale.
template <block_format F>
__device__ constexpr bool scales_in_hardware() noexcept {
  return has_fp8_conversions && F.tensor_scale && F.scale == formats::e4m3;
}

/// 1 / a for a normal number below 2^125: an approximation within one last place and a step of Newton's iteration,
/// which is exact but for the largest significand (P. Markstein, "Computation of elementary functions on the IBM RISC
/// System/6000 processor", 1990, theorem 1); that one and all others are tested. 0 gives NaN.
inline __device__ std::uint32_t normal_reciprocal(std::uint32_t a) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 m, r, e;\n  rcp.approx.ftz.f32 r, %1;\n  neg.f32 m, %1;\n  fma.rn.f32 e, m, r, 0f3f800000;\n"
      "  fma.rn.f32 %0, r, e, r; }"
      : "=r"(result)
      : "r"(a));
  return result;
}

/// Whether a tensor's scale is from 2^-100 to before 2^100: with all scales of E4M3 the product of both and its
/// reciprocal are normal then.
inline __device__ bool has_usual_decode(const tensor_scaling& scaling) noexcept {
  return scaling.decode.bits() - (27U << 23) < 200U << 23;
}

/// By the default recipe. Finite says that what becomes of an infinite or NaN amax does not matter, but that its
/// product with the operand is not finite; Usual that the tensor has_usual_decode, or what becomes of it does not
/// matter.
template <block_format F, bool Finite = false, bool Usual = false>
__device__ block_multiplier make_block_multiplier(const tensor_scaling& scaling, std::uint32_t amax) noexcept {
  constexpr recipe rules{};
  constexpr scale_constants constants(F);
  if constexpr (scales_in_hardware<F>()) {
    // block_scale_code and make_element_scaling, operation for operation; nothing here is negative.
    const std::uint32_t factor = multiply_bits(scaling.encode.bits(), constants.reciprocal_largest.bits());
    const std::uint32_t code = to_e4m3_pair(multiply_bits(amax, factor), 0U);
    const std::uint32_t scale = half_to_bits(static_cast<std::uint16_t>(from_e4m3_pair(code)));
    const std::uint32_t product = multiply_bits(scale, scaling.decode.bits());
    std::uint32_t operand;
    if (Usual || has_usual_decode(scaling)) [[likely]] {
      operand = normal_reciprocal(product);
    } else {
      operand = rare_reciprocal(product);
      operand = operand < 0x7f7f'ffffU ? operand : 0x7f7f'ffffU;
    }
    if (scale == 0) operand = 0;
    return Finite || amax < 0x7f80'0000U ? block_multiplier{code, operand}
                                         : block_multiplier{F.scale.nan_code(), 0x7fc0'0000U};
  } else if constexpr (F.scale == formats::e8m0 && F.element.max_exponent() >= 1) {
    // exponent_scale_code by exponent_rule::floor; what is below 2^(max_exponent + 1 - 127) gets code 0.
    constexpr int largest = F.element.max_exponent();
    static_assert(rules.exponent == exponent_rule::floor && rules.amax == amax_rule::finite);
    const int above = static_cast<int>(amax >> 23) - largest;
    const std::uint32_t code = static_cast<std::uint32_t>(above > 0 ? above : 0);
    // A block of finite elements is multiplied by 2^(127 - code) exactly, a normal number.
    const std::uint32_t power = (254U << 23) - (code << 23);
    return Finite || amax < 0x7f80'0000U ? block_multiplier{code, power}
                                         : block_multiplier{F.scale.nan_code(), 0x7fc0'0000U};
  } else {
    std::uint32_t code = block_scale_code(F, rules, constants, scaling, binary32::from_bits(amax));
    if constexpr (F.power_of_two_scale()) {
      // A block of finite elements is multiplied by 2^(bias - code) exactly; 2^-127 is a subnormal.
      const int field = F.scale.bias - static_cast<int>(code) + 127;
      const std::uint32_t power = field > 0 ? static_cast<std::uint32_t>(field) << 23 : 0x0040'0000U;
      return {code, amax < 0x7f80'0000U ? power : 0x7fc0'0000U};
    } else {
      const element_scaling e = make_element_scaling(F, rules, scaling, code);
      return {code, e.operand.bits()};
    }
  }
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
