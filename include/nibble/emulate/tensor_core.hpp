// SPDX-License-Identifier: Apache-2.0
//
// Multiply-accumulate instructions of tensor cores as parameters of one fused sum, and the dot product of one output
// element of such an instruction.
#pragma once

#include <concepts>
#include <cstdint>

#include <nibble/emulate/fused_sum.hpp>
#include <nibble/format/decode.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {

/// Which products share a fused sum where an instruction has more than one.
enum class sum_grouping : std::uint8_t {
  contiguous,  ///< the first `group` products, then the next
  pairs,       ///< two sums: k mod 4 in {0, 1}, then k mod 4 in {2, 3}
};

/// One multiply-accumulate instruction: how `k` products and the accumulator become the result.
struct tensor_unit {
  int k = 16;      ///< products of an instruction; at most 64
  int group = 16;  ///< products of a fused sum; each sum is the accumulator of the next
  sum_rule rule{};
  sum_grouping grouping = sum_grouping::contiguous;
  bool operands_as_f16 = false;  ///< 8-bit operands are unpacked to binary16 first, where their subnormals are normal
  bool accumulator_last = false;  ///< the sums start from zero, and the accumulator is added by an IEEE addition

  friend constexpr bool operator==(const tensor_unit&, const tensor_unit&) = default;
};

/// Named instructions. Sources are spec tables of fused sums by MMA-Sim and captures from devices; each line says
/// which. "Device" is an H200 and an H100 that ran tests/emulate/run_on_device.sh: 10^7 dot products of every operand
/// pair, in ranges that include subnormal numbers, cancellation, specials and the ends of all exponents, without a
/// mismatch.
namespace units {
/// What all Hopper units share (device): zeros take no part in the search for the largest exponent, which is at least
/// -133, and a negative sum that ends as zero is +0. Sums of bf16 and tf32 aimed at each exponent from -139 to -126
/// tell -133 from its neighbours.
[[nodiscard]] constexpr sum_rule hopper_sum(int fraction_bits, sum_output output) noexcept {
  return {.fraction_bits = fraction_bits,
          .output = output,
          .zeros = zero_exponent::none,
          .keeps_sign_of_underflow = false,
          .least_exponent = -133};
}
/// Hopper wgmma, e4m3 and e5m2 in any pair, f32 accumulator: 32 products, 13 fraction bits kept (device).
inline constexpr tensor_unit hopper_wgmma_fp8{
    .k = 32, .group = 32, .rule = hopper_sum(13, sum_output::f32_13_bits)};
inline constexpr tensor_unit hopper_wgmma_fp8_f16{.k = 32, .group = 32, .rule = hopper_sum(13, sum_output::f16)};
/// Hopper wgmma and mma.sync of f16 and bf16 (device).
inline constexpr tensor_unit hopper_f16{.k = 16, .group = 16, .rule = hopper_sum(25, sum_output::f32)};
inline constexpr tensor_unit hopper_f16_f16{.k = 16, .group = 16, .rule = hopper_sum(25, sum_output::f16)};
/// Hopper wgmma and mma.sync of tf32 (device).
inline constexpr tensor_unit hopper_tf32{.k = 8, .group = 8, .rule = hopper_sum(25, sum_output::f32)};
/// Hopper mma.sync m16n8k32 of FP8 as ptxas of CUDA 13.0 lowers it: unpacked to f16, two f16 instructions from zero,
/// then an addition in the accumulator's type (device).
inline constexpr tensor_unit hopper_mma_fp8{.k = 32,
                                            .group = 16,
                                            .rule = hopper_sum(25, sum_output::f32),
                                            .grouping = sum_grouping::pairs,
                                            .operands_as_f16 = true,
                                            .accumulator_last = true};
inline constexpr tensor_unit hopper_mma_fp8_f16{.k = 32,
                                                .group = 16,
                                                .rule = hopper_sum(25, sum_output::f16),
                                                .grouping = sum_grouping::pairs,
                                                .operands_as_f16 = true,
                                                .accumulator_last = true};
/// Ada mma.sync of FP8: two sums of 16 (simulator).
inline constexpr tensor_unit ada_mma_fp8{
    .k = 32, .group = 16, .rule = {.fraction_bits = 13, .output = sum_output::f32_13_bits}};
inline constexpr tensor_unit ada_mma_fp8_f16{
    .k = 32, .group = 16, .rule = {.fraction_bits = 13, .output = sum_output::f16}};
/// Ampere and Ada mma.sync of f16, bf16 (two sums of 8) and tf32 (two sums of 4) (simulator).
inline constexpr tensor_unit ampere_f16{.k = 16, .group = 8, .rule = {.fraction_bits = 24}};
inline constexpr tensor_unit ampere_f16_f16{
    .k = 16, .group = 8, .rule = {.fraction_bits = 24, .output = sum_output::f16}};
inline constexpr tensor_unit ampere_tf32{.k = 8, .group = 4, .rule = {.fraction_bits = 24}};
/// Turing (f16, k8) and Volta (f16, sums of 4) (simulator).
inline constexpr tensor_unit turing_f16{.k = 8, .group = 8, .rule = {.fraction_bits = 24}};
inline constexpr tensor_unit volta_f16{.k = 4, .group = 4, .rule = {.fraction_bits = 23}};
/// Blackwell tcgen05: f16, bf16, tf32, and kind::f8f6f4 (simulator for FP8; FP6 and FP4 operands unverified).
inline constexpr tensor_unit blackwell_f16{.k = 16, .group = 16, .rule = {.fraction_bits = 25}};
inline constexpr tensor_unit blackwell_tf32{.k = 8, .group = 8, .rule = {.fraction_bits = 25}};
inline constexpr tensor_unit blackwell_f8f6f4{.k = 32, .group = 32, .rule = {.fraction_bits = 25}};
inline constexpr tensor_unit blackwell_f8f6f4_f16{
    .k = 32, .group = 32, .rule = {.fraction_bits = 25, .output = sum_output::f16}};
}  // namespace units

namespace detail::inline NIBBLE_UNIT {

NIBBLE_FUNCTION operand unpack_for(const tensor_unit& u, const float_format& f, std::uint32_t code) noexcept {
  if (!u.operands_as_f16 || f == formats::f16) return unpack(f, code, u.rule.zeros);
  const std::uint32_t half = encode(formats::f16, decode(f, code), nearest_even{}, overflow::special);
  return unpack(formats::f16, half, u.rule.zeros);
}

/// The fused sum of the products at indices index(0) to index(count - 1) and `c`, in the rule's output type.
template <class A, class B, class Index>
NIBBLE_FUNCTION std::uint32_t sum_products(const tensor_unit& u, const float_format& a_format,
                                           const float_format& b_format, const A* a, const B* b, int count,
                                           Index&& index, std::uint32_t c) noexcept {
  sum_term terms[65] = {};
  special_sum special;
  const bool as_f16 = u.operands_as_f16;
  const int fraction = (as_f16 ? 10 : a_format.mantissa_bits) + (as_f16 ? 10 : b_format.mantissa_bits);
  for (int i = 0; i < count; ++i) {
    const int k = index(i);
    const operand x = unpack_for(u, a_format, static_cast<std::uint32_t>(a[k]));
    const operand y = unpack_for(u, b_format, static_cast<std::uint32_t>(b[k]));
    special.add_product(x, y);
    terms[i] = {static_cast<std::int64_t>(x.significand) * y.significand, x.exponent + y.exponent, fraction};
  }
  const bool f16 = u.rule.output == sum_output::f16;
  const operand z = f16 ? unpack(formats::f16, c, u.rule.zeros) : unpack(formats::f32, c, u.rule.zeros);
  special.add(z);
  terms[count] = {z.significand, z.exponent, f16 ? 10 : 23};
  return special.any() ? special.code(u.rule.output) : fused_sum(u.rule, terms, count + 1);
}

/// c + r, rounded to nearest even in the output type.
NIBBLE_FUNCTION std::uint32_t add_accumulator(sum_output output, std::uint32_t c, std::uint32_t r) noexcept {
  if (output != sum_output::f16) {
    const binary32 sum = binary32::from_bits(c) + binary32::from_bits(r);
    return sum.is_nan() ? f32_nan : sum.bits();
  }
  // binary64 holds the sum of two binary16 numbers exactly.
  const double x = decode_double(formats::f16, c);
  const double y = decode_double(formats::f16, r);
  return encode(formats::f16, x + y, nearest_even{}, overflow::special);
}

}  // namespace detail

/// One output element of one instruction: D = A row * B column + C.
///
/// `a` and `b` hold `u.k` codes of their formats (an unsigned integer each; binary32 patterns for tf32), `c` and the
/// result are bits of the unit's output type. Every bit pattern is valid. NaN, Inf * 0 and Inf - Inf give the NaN
/// 0x7fffffff (f32) or 0x7fff (f16); an exact zero is +0.
template <std::unsigned_integral A, std::unsigned_integral B>
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t multiply_accumulate(const tensor_unit& u, const float_format& a_format,
                                                                const float_format& b_format, const A* a, const B* b,
                                                                std::uint32_t c) noexcept {
  std::uint32_t sum = u.accumulator_last ? 0U : c;
  for (int first = 0; first < u.k; first += u.group) {
    const int count = u.k - first < u.group ? u.k - first : u.group;
    const auto index = [&](int i) NIBBLE_INLINE_LAMBDA {
      const int shift = first == 0 ? 0 : 2;
      return u.grouping == sum_grouping::pairs ? i / 2 * 4 + i % 2 + shift : first + i;
    };
    sum = detail::sum_products(u, a_format, b_format, a, b, count, index, sum);
  }
  return u.accumulator_last ? detail::add_accumulator(u.rule.output, c, sum) : sum;
}

}  // namespace emulate
}  // namespace v0
}  // namespace nibble
