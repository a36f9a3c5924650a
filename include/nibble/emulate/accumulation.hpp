// SPDX-License-Identifier: Apache-2.0
//
// How the products of a GEMM become one number: exactly, in float32 or float64 in a stated order, or by the instructions
// of a tensor core.
#pragma once

#include <cstdint>

#include <nibble/emulate/scaled_unit.hpp>
#include <nibble/emulate/tensor_core.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {

enum class accumulation_kind : std::uint8_t {
  exact,               ///< alpha * sum + beta * C as one real number, rounded once
  float32,             ///< float32 additions in the order of k, see accumulation
  float64,             ///< the same in float64
  tensor_core,         ///< chains of an instruction without scales; scales by float32 afterwards
  scaled_tensor_core,  ///< one chain of a block-scaled instruction over all of k
};

/// An accumulation as data. With s = (scale of A) * (scale of B) in float32 and blocks the longest runs of k over which
/// neither scale changes:
/// - float32: p = +0, then p = p + a[k] * b[k] for each k of the block in order, the product exact, the sum rounded; then
///   acc = p * s for the first block, acc = acc + p * s for the others, the product rounded before the sum.
/// - float64: the same in binary64, s exact.
/// - tensor_core: p is the result of ceil(block / unit.k) instructions, each with the result of the one before as its
///   accumulator, +0 the first, missing products zero; then as float32. A unit whose result is f16 starts from f16 zero,
///   and p is its exact float32. This is how 128-element blocks are promoted to float32 on Hopper; where a row has one
///   block, it is the whole chain.
/// - scaled_tensor_core: acc is the result of ceil(K / unit.k) instructions.
/// - exact: acc is the sum of a[k] * b[k] * s with s exact.
/// Then D = (alpha * tensor scale of A) * tensor scale of B * acc, and + beta * C where beta is not 0, each operation
/// rounded to float32 (float64: to binary64; exact: none is) from left to right, and the result rounded to D's type.
struct accumulation {
  accumulation_kind kind = accumulation_kind::exact;
  tensor_unit unit{};
  scaled_unit scaled{};

  friend constexpr bool operator==(const accumulation&, const accumulation&) = default;
};

namespace accumulate {
inline constexpr accumulation exact{.kind = accumulation_kind::exact};
inline constexpr accumulation float32_in_order{.kind = accumulation_kind::float32};
inline constexpr accumulation float64_in_order{.kind = accumulation_kind::float64};
/// By a named unit, for example by(units::hopper_wgmma_fp8).
[[nodiscard]] constexpr accumulation by(const tensor_unit& u) noexcept {
  return {.kind = accumulation_kind::tensor_core, .unit = u};
}
[[nodiscard]] constexpr accumulation by(const scaled_unit& u) noexcept {
  return {.kind = accumulation_kind::scaled_tensor_core, .scaled = u};
}
}  // namespace accumulate

/// What a GEMM does besides multiplying.
struct gemm_options {
  accumulation accumulate{};
  float alpha = 1.0F;
  float beta = 0.0F;  ///< 0 does not read C, so that NaN in C does not matter
};

}  // namespace emulate
}  // namespace v0
}  // namespace nibble
