// SPDX-License-Identifier: Apache-2.0
//
// Loops that are written out: a compiler that keeps a short loop keeps its vectors in memory, too.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Calls action(i) for i = 0, ..., Count - 1, numbers that the compiler sees once the action is inlined: it is one function,
/// and compiled as often as one.
template <std::size_t Count, class Action>
NIBBLE_ALWAYS_INLINE void unrolled(const Action& action) noexcept {
  [&]<std::size_t... Index>(std::index_sequence<Index...>) NIBBLE_INLINE_LAMBDA {
    (action(Index), ...);
  }(std::make_index_sequence<Count>{});
}

/// The same where i has to be a constant std::size_t: it converts to one.
template <std::size_t Count, class Action>
NIBBLE_ALWAYS_INLINE void unrolled_constants(const Action& action) noexcept {
  [&]<std::size_t... Index>(std::index_sequence<Index...>) NIBBLE_INLINE_LAMBDA {
    (action(std::integral_constant<std::size_t, Index>{}), ...);
  }(std::make_index_sequence<Count>{});
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
