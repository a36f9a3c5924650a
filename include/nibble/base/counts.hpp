// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic on numbers of elements.
#pragma once

#include <cstddef>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// std::min without <algorithm>, whose parsing costs more than this library's.
NIBBLE_FUNCTION std::size_t smaller(std::size_t a, std::size_t b) noexcept { return a < b ? a : b; }

/// ceil(count / size) without overflow.
NIBBLE_FUNCTION std::size_t pieces(std::size_t count, std::size_t size) noexcept {
  return count / size + (count % size != 0 ? 1U : 0U);
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
