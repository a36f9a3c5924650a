// SPDX-License-Identifier: Apache-2.0
//
// The grammar of numbers in text, and their exact rounding to the code of a format.
#pragma once

#include <cstdint>

#include <nibble/number/code_order.hpp>
#include <nibble/number/decimal.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

enum class text_kind : std::uint8_t { invalid, number, infinity, nan };

/// What a prefix of some text means. `end` is one past the last character that belongs to it.
struct parsed_text {
  text_kind kind = text_kind::invalid;
  bool negative = false;
  decimal_text magnitude = {};
  const char* end = nullptr;
};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Whether [first, last) begins with the lower-case `word`, in any case.
constexpr bool starts_with(const char* first, const char* last, const char* word) noexcept {
  for (; *word != '\0'; ++word, ++first) {
    if (first == last || (*first | 0x20) != *word) return false;
  }
  return true;
}

/// inf, infinity, nan, nan(letters, digits, underscores).
constexpr parsed_text parse_special(const char* first, const char* last, bool negative) noexcept {
  if (starts_with(first, last, "infinity")) return {text_kind::infinity, negative, {}, first + 8};
  if (starts_with(first, last, "inf")) return {text_kind::infinity, negative, {}, first + 3};
  if (!starts_with(first, last, "nan")) return {text_kind::invalid, negative, {}, first};
  const char* end = first + 3;
  if (end != last && *end == '(') {
    const char* c = end + 1;
    while (c != last && (is_digit(*c) || *c == '_' || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z'))) ++c;
    if (c != last && *c == ')') end = c + 1;
  }
  return {text_kind::nan, negative, {}, end};
}

/// The decimal exponent at `c` ('e', an optional sign, digits), added to `point`; what follows it. Without digits
/// nothing is taken. Exponents are held within +-10^9, which no digits that fit in memory can bring back.
constexpr const char* parse_exponent(const char* c, const char* last, std::int64_t& point) noexcept {
  if (c == last || (*c | 0x20) != 'e') return c;
  const char* digits = c + 1;
  const bool negative = digits != last && *digits == '-';
  if (digits != last && (*digits == '-' || *digits == '+')) ++digits;
  if (digits == last || !is_digit(*digits)) return c;
  std::int64_t exponent = 0;
  for (; digits != last && is_digit(*digits); ++digits) {
    if (exponent < 1'000'000'000) exponent = 10 * exponent + (*digits - '0');
  }
  point += negative ? -exponent : exponent;
  return digits;
}

/// Reads the longest number at the front of [first, last), by the grammar of std::from_chars for
/// std::chars_format::general. `separator` is skipped between digits ('\0': there is none).
constexpr parsed_text parse_text(const char* first, const char* last, char separator = '\0') noexcept {
  const bool negative = first != last && *first == '-';
  const char* c = negative ? first + 1 : first;
  parsed_text result{text_kind::invalid, negative, {}, first};
  if (c == last || (!is_digit(*c) && *c != '.')) {
    const parsed_text special = parse_special(c, last, negative);
    return special.kind == text_kind::invalid ? result : special;
  }
  bool after_point = false;
  bool any_digit = false;
  for (; c != last; ++c) {
    if (*c == '.' && !after_point) {
      after_point = true;
    } else if (is_digit(*c)) {
      any_digit = true;
      const bool leading_zero = result.magnitude.first == nullptr && *c == '0';
      if (!leading_zero && result.magnitude.first == nullptr) result.magnitude.first = c;
      if (!leading_zero && !after_point) ++result.magnitude.point;
      if (leading_zero && after_point) --result.magnitude.point;
    } else if (separator == '\0' || *c != separator) {
      break;
    }
  }
  if (!any_digit) return result;
  result.kind = text_kind::number;
  result.magnitude.last = result.magnitude.first == nullptr ? nullptr : c;
  result.end = parse_exponent(c, last, result.magnitude.point);
  return result;
}

/// A code, whether the text lies in the range of the format, and whether the code equals it.
struct rounded_text {
  std::uint32_t code = 0;
  bool in_range = false;
  bool exact = false;
};

/// The nearest code to a decimal magnitude, ties to the even code: the smallest one whose upper midpoint is not below
/// the text. A text beyond the midpoint above the largest number is out of range.
constexpr rounded_text round_decimal(const float_format& f, auto limbs, const decimal_text& text,
                                     bool negative) noexcept {
  constexpr int count = decltype(limbs)::value;
  if (text.first == nullptr) {
    const std::uint32_t zero = negative && f.has_negative_zero() ? f.sign_mask() : 0U;
    return {zero, f.has_zero, f.has_zero};
  }
  const std::uint32_t limit = f.twos_complement && negative ? f.sign_mask() : f.max_code();
  std::uint32_t low = 0;
  std::uint32_t high = limit + 1U;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const int order = compare(text, decimal_of_magnitude<count>(f, middle, 1));
    const bool inside = order < 0 || (order == 0 && (middle & 1U) == 0);
    if (inside) {
      high = middle;
    } else {
      low = middle + 1U;
    }
  }
  if (low > limit) return {};
  const bool exact = compare(text, decimal_of_magnitude<count>(f, low)) == 0;
  const bool is_zero = low == 0 && f.has_zero;
  if (!negative) return {low, true, exact};
  if (!f.has_sign) return {0U, is_zero, false};
  if (is_zero) return {f.has_negative_zero() ? f.sign_mask() : 0U, true, exact};
  return {f.twos_complement ? (0U - low) & f.code_mask() : low | f.sign_mask(), true, exact};
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
