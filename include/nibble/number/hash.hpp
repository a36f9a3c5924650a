// SPDX-License-Identifier: Apache-2.0
//
// std::hash of every minifloat: equal values have equal hashes, -0 and +0 included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>  // declares std::hash at a fraction of the cost of <functional>

#include <nibble/number/minifloat.hpp>

/// The hash of the value's rank; all NaN codes have one hash, though none equals another.
template <nibble::float_format F>
struct std::hash<nibble::minifloat<F>> {
  [[nodiscard]] constexpr std::size_t operator()(nibble::minifloat<F> x) const noexcept {
    const std::int32_t rank = isnan(x) ? nibble::highest_rank(F) + 1 : nibble::code_rank(F, x.bits());
    return static_cast<std::size_t>(static_cast<std::uint32_t>(rank));
  }
};
