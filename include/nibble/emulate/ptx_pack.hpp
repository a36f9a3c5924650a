// SPDX-License-Identifier: Apache-2.0
//
// What the conversion instructions of PTX share: one element, ReLU, and the order of elements in a packed register.
// Rounding is the library's encode; nothing is rounded here.
#pragma once

#include <cstdint>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// `.relu`: a negative result, -0 included, becomes 0. NaN results are positive and stay.
template <float_format F>
NIBBLE_FUNCTION std::uint32_t relu(std::uint32_t code) noexcept {
  return (code & F.sign_mask()) != 0 ? 0U : code;
}

/// One element from binary32.
template <float_format F, bool Relu, rounding Rounding>
NIBBLE_FUNCTION std::uint32_t convert(float x, Rounding r, overflow o) noexcept {
  const std::uint32_t code = nibble::detail::encode_bits(F, to_bits(x), choice_of(r), o, policy::cuda);
  return Relu ? relu<F>(code) : code;
}

/// Two elements of `Width` bits each; `a`, the first operand of the instruction, is the upper one.
template <float_format F, int Width, bool Relu = false, rounding Rounding = nearest_even>
NIBBLE_FUNCTION std::uint32_t convert_x2(float a, float b, overflow o = overflow::saturate, Rounding r = {}) noexcept {
  return convert<F, Relu>(a, r, o) << Width | convert<F, Relu>(b, r, o);
}

/// Two elements from a register of two 16-bit numbers of format `From`; the upper one stays the upper one.
template <float_format F, int Width, float_format From, bool Relu = false, rounding Rounding = nearest_even>
NIBBLE_FUNCTION std::uint32_t convert_pair(std::uint32_t a, overflow o = overflow::saturate, Rounding r = {}) noexcept {
  return convert_x2<F, Width, Relu>(decode<From>(a >> 16), decode<From>(a & 0xffffU), o, r);
}

/// Two elements of `Width` bits each, widened to binary16 or bfloat16: exact, NaN is 0x7fff.
template <float_format To, float_format F, int Width, bool Relu = false>
NIBBLE_FUNCTION std::uint32_t widen_x2(std::uint32_t a) noexcept {
  return convert_x2<To, 16, Relu>(decode<F>(a >> Width), decode<F>(a & ((std::uint32_t{1} << Width) - 1U)),
                                  overflow::special);
}

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
