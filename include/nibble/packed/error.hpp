// SPDX-License-Identifier: Apache-2.0
//
// The messages of wrong arguments: which one, what it was, what was allowed.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

#include <nibble/packed/nibble_order.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

// Messages are put together by these rather than by the templates of the standard library, which have one name for all
// instruction sets: their code, compiled for AVX in one unit, could serve a unit that must run without it.
inline std::string operator+(std::string a, const char* b) { return std::move(a.append(b)); }
inline std::string operator+(const char* a, std::string b) { return std::move(b.insert(0, a)); }
inline std::string operator+(std::string a, std::string b) { return std::move(a.append(b)); }

[[noreturn]] inline void throw_too_short(const char* argument, std::size_t was, std::size_t needed, std::size_t count) {
  throw std::invalid_argument("nibble: " + std::string(argument) + " has " + std::to_string(was) + " bytes; " +
                              std::to_string(count) + " codes need at least " + std::to_string(needed));
}

[[noreturn]] inline void throw_group(const char* argument, std::size_t was) {
  throw std::invalid_argument("nibble: " + std::string(argument) + " is " + std::to_string(was) +
                              "; it must be even and positive");
}

[[noreturn]] inline void throw_order(const char* argument, nibble_order was) {
  throw std::invalid_argument("nibble: " + std::string(argument) + " is " + std::to_string(static_cast<int>(was)) +
                              "; it must be low_first, high_first or split_halves");
}

[[noreturn]] inline void throw_index(std::size_t was, std::size_t size) {
  throw std::out_of_range("nibble: index is " + std::to_string(was) + "; it must be below the size, " +
                          std::to_string(size));
}

/// Rejects a wrong order or group.
constexpr void check_order(const char* order_name, nibble_order order, const char* group_name, std::size_t group) {
  if (order > nibble_order::split_halves) throw_order(order_name, order);
  if (order == nibble_order::split_halves && (group == 0 || group % 2 != 0)) throw_group(group_name, group);
}

/// Rejects a buffer that is too short.
constexpr void check_bytes(const char* argument, std::size_t was, std::size_t needed, std::size_t count) {
  if (was < needed) throw_too_short(argument, was, needed, count);
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
