// SPDX-License-Identifier: Apache-2.0
//
// The messages of wrong arguments: which one, what it was, what was allowed.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <nibble/packed/nibble_order.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

// Messages are put together by these rather than by the templates of the standard library, which have one name for all
// instruction sets: their code, compiled for AVX in one unit, could serve a unit that must run without it.
inline std::string operator+(std::string a, const char* b) { return std::move(a.append(b)); }
// Not by b.insert: g++ 12 warns of an overlap there that cannot be.
inline std::string operator+(const char* a, std::string b) { return std::string(a).append(b); }
inline std::string operator+(std::string a, std::string b) { return std::move(a.append(b)); }

/// A piece of a message: text or a number.
struct message_part {
  const char* text = nullptr;
  unsigned long long number = 0;
  double real = 0;
  bool is_real = false, is_negative = false;

  constexpr message_part(const char* words) noexcept : text(words) {}
  constexpr message_part(double value) noexcept : real(value), is_real(true) {}
  template <std::integral T>
  constexpr message_part(T value) noexcept
      : number(is_below_zero(value) ? 0U - static_cast<unsigned long long>(value)
                                    : static_cast<unsigned long long>(value)),
        is_negative(is_below_zero(value)) {}

  [[nodiscard]] std::string str() const {
    if (text != nullptr) return text;
    if (is_real) return real_text(real);
    return (is_negative ? "-" : "") + std::to_string(number);
  }

 private:
  /// Nine significant digits tell every float32 from every other, tiny ones from zero.
  static std::string real_text(double value) {
    char characters[32];
    std::snprintf(characters, sizeof characters, "%.9g", value);
    return characters;
  }
  /// nvcc warns where an unsigned number is compared with zero.
  template <std::integral T>
  static constexpr bool is_below_zero(T value) noexcept {
    if constexpr (std::is_signed_v<T>) return value < T{0};
    return false;
  }
};

/// Throws std::invalid_argument. Calls hand over the pieces of the message, which takes less code than joining them there.
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_argument(std::initializer_list<message_part> parts) {
  std::string message = "nibble: ";
  for (const message_part& part : parts) message.append(part.str());
  throw std::invalid_argument(message);
}
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_argument(const std::string& what) {
  throw std::invalid_argument("nibble: " + what);
}

[[noreturn]] inline void throw_too_short(const char* argument, std::size_t was, std::size_t needed, std::size_t count) {
  throw_argument({argument, " has ", was, " bytes; ", count, " codes need at least ", needed});
}

[[noreturn]] inline void throw_group(const char* argument, std::size_t was) {
  throw_argument({argument, " is ", was, "; it must be even and positive"});
}

[[noreturn]] inline void throw_order(const char* argument, nibble_order was) {
  throw_argument({argument, " is ", static_cast<unsigned>(was), "; it must be low_first, high_first or split_halves"});
}

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_index(std::size_t was, std::size_t size) {
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
