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
NIBBLE_FUNCTION std::uint32_t relu(const float_format& f, std::uint32_t code) noexcept {
  return (code & f.sign_mask()) != 0 ? 0U : code;
}

/// One element from binary32.
template <rounding Rounding>
NIBBLE_FUNCTION std::uint32_t convert(const float_format& f, bool with_relu, float x, Rounding r, overflow o) noexcept {
  const std::uint32_t code = nibble::detail::encode_bits(f, to_bits(x), choice_of(r), o, policy::cuda);
  return with_relu ? relu(f, code) : code;
}

/// Two elements of `width` bits each; `a`, the first operand of the instruction, is the upper one.
template <rounding Rounding = nearest_even>
NIBBLE_FUNCTION std::uint32_t convert_x2(const float_format& f, int width, bool with_relu, float a, float b,
                                         overflow o = overflow::saturate, Rounding r = {}) noexcept {
  return convert(f, with_relu, a, r, o) << width | convert(f, with_relu, b, r, o);
}

/// Two elements from a register of two 16-bit numbers of format `from`; the upper one stays the upper one.
template <rounding Rounding = nearest_even>
NIBBLE_FUNCTION std::uint32_t convert_pair(const float_format& f, int width, const float_format& from, bool with_relu,
                                           std::uint32_t a, overflow o = overflow::saturate, Rounding r = {}) noexcept {
  return convert_x2(f, width, with_relu, decode(from, a >> 16), decode(from, a & 0xffffU), o, r);
}

/// Two elements of `width` bits each, widened to binary16 or bfloat16: exact, NaN is 0x7fff.
NIBBLE_FUNCTION std::uint32_t widen_x2(const float_format& to, const float_format& f, int width, bool with_relu,
                                       std::uint32_t a) noexcept {
  return convert_x2(to, 16, with_relu, decode(f, a >> width), decode(f, a & ((std::uint32_t{1} << width) - 1U)),
                    overflow::special);
}

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
