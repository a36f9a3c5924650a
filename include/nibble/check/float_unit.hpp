// SPDX-License-Identifier: Apache-2.0
//
// The float32 unit of a kernel: products and quotients rounded to nearest even, with subnormals kept or flushed.
#pragma once

#include <nibble/base/binary32.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

/// float32 operations. With `flush`, subnormal operands and results are zeros of their sign (-ftz=true, FTZ and DAZ).
struct float_unit {
  bool flush = false;

  [[nodiscard]] NIBBLE_FUNCTION binary32 kept(binary32 x) const noexcept {
    return flush && (x.magnitude() >> 23) == 0 ? binary32::from_bits(x.bits() & 0x8000'0000U) : x;
  }
  [[nodiscard]] NIBBLE_FUNCTION binary32 multiply(binary32 a, binary32 b) const noexcept {
    return flush ? kept(kept(a) * kept(b)) : a * b;
  }
  [[nodiscard]] NIBBLE_FUNCTION binary32 divide(binary32 a, binary32 b) const noexcept {
    return flush ? kept(kept(a) / kept(b)) : a / b;
  }
  [[nodiscard]] NIBBLE_FUNCTION binary32 reciprocal(binary32 a) const noexcept {
    return divide(binary32(1.0F), a);
  }
};

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
