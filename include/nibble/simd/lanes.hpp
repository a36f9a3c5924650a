// SPDX-License-Identifier: Apache-2.0
//
// Lane operations for SIMD vectors: with them the codecs of format/ run on batches as they stand.
#pragma once

#include <cstdint>

#include <nibble/base/lanes.hpp>
#include <nibble/simd/compat.hpp>

namespace nibble {
inline namespace v0 {

template <class Arch>
struct lane_operations<xsimd::batch<std::uint32_t, Arch>> {
  using word = std::uint32_t;
  using lanes = xsimd::batch<std::uint32_t, Arch>;
  using mask = xsimd::batch_bool<std::uint32_t, Arch>;

  NIBBLE_ALWAYS_INLINE static lanes select(const mask& condition, const lanes& a, const lanes& b) noexcept {
    return xsimd::select(condition, a, b);
  }
  // A condition that is the same for all lanes.
  NIBBLE_ALWAYS_INLINE static lanes select(bool condition, const lanes& a, const lanes& b) noexcept {
    return condition ? a : b;
  }
  NIBBLE_ALWAYS_INLINE static mask both(const mask& a, const mask& b) noexcept { return a & b; }
  NIBBLE_ALWAYS_INLINE static mask either(const mask& a, const mask& b) noexcept { return a | b; }
  NIBBLE_ALWAYS_INLINE static lanes minimum(const lanes& a, const lanes& b) noexcept { return xsimd::min(a, b); }
  NIBBLE_ALWAYS_INLINE static lanes maximum(const lanes& a, const lanes& b) noexcept { return xsimd::max(a, b); }
  NIBBLE_ALWAYS_INLINE static lanes bits_of_integer(const lanes& integer) noexcept {
    return detail::bits_as<std::uint32_t>(
        xsimd::batch_cast<float>(detail::bits_as<std::int32_t>(integer)));
  }
};

}  // namespace v0
}  // namespace nibble
