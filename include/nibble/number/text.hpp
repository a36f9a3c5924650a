// SPDX-License-Identifier: Apache-2.0
//
// Numbers as text: the shortest decimal that reads back as the same number, and exact reading. Both work on integers
// and in constant expressions.
#pragma once

#include <charconv>  // std::errc too
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>

#include <nibble/number/minifloat.hpp>
#include <nibble/number/parse.hpp>

namespace nibble {
inline namespace v0 {

/// A buffer of this many characters takes the text of any minifloat.
inline constexpr std::size_t max_text_size = 16;

namespace detail::inline NIBBLE_UNIT {

template <float_format F>
using limbs_of = std::integral_constant<int, decimal_limbs(F)>;

/// Decimal digits 0.d0 d1 ... * 10^point, d0 and the last one nonzero.
struct short_digits {
  char digits[16] = {};
  int count = 0;
  int point = 0;

  [[nodiscard]] constexpr decimal_text text() const noexcept { return {digits, digits + count, point}; }
};

/// The first `count` digits of `number`, plus `increment` in the last place, without outer zeros.
template <int Limbs>
constexpr short_digits truncated(const exact_decimal<Limbs>& number, int count, int increment) noexcept {
  short_digits result;
  int carry = increment;
  for (int i = count - 1; i >= 0; --i) {
    const int digit = number.digit(i) + carry;
    carry = digit == 10 ? 1 : 0;
    result.digits[i] = static_cast<char>('0' + digit % 10);
  }
  if (carry != 0) return {{'1'}, 1, number.point() + 1};
  while (count > 0 && result.digits[count - 1] == '0') --count;
  result.count = count;
  result.point = number.point();
  return result;
}

/// The shortest digits that are rounded to magnitude code `magnitude`, not a zero; of several the nearest to it.
template <int Limbs>
constexpr short_digits shortest_digits(const float_format& f, std::uint32_t magnitude) noexcept {
  const auto value = decimal_of_magnitude<Limbs>(f, magnitude);
  const auto upper = decimal_of_magnitude<Limbs>(f, magnitude, 1);
  // Without a zero nothing bounds the smallest number from below.
  const auto lower = magnitude == 0 ? exact_decimal<Limbs>(0, 0) : decimal_of_magnitude<Limbs>(f, magnitude - 1, 1);
  const bool ties = (magnitude & 1U) == 0;
  const auto inside = [&](const short_digits& candidate) {
    const int above = compare(candidate.text(), lower);
    const int below = compare(candidate.text(), upper);
    return (above > 0 || (above == 0 && ties)) && (below < 0 || (below == 0 && ties));
  };
  for (int count = 1;; ++count) {
    const short_digits down = truncated(value, count, 0);
    const short_digits up = truncated(value, count, 1);
    const bool down_fits = inside(down);
    const bool up_fits = inside(up);
    if (!down_fits && !up_fits) continue;
    // The digits that follow against one half; a tie goes to the even digit.
    int order = value.digit(count) - 5;
    for (int i = count + 1; order == 0 && i < value.count(); ++i) order = value.digit(i);
    const bool odd = value.digit(count - 1) % 2 != 0;
    const bool prefers_down = order < 0 || (order == 0 && !odd);
    return down_fits && (prefers_down || !up_fits) ? down : up;
  }
}

/// Appends to a buffer of max_text_size.
struct text_buffer {
  char characters[max_text_size] = {};
  std::size_t size = 0;

  constexpr void add(char c) noexcept { characters[size++] = c; }
  constexpr void add(std::string_view s) noexcept {
    for (const char c : s) add(c);
  }
  constexpr void fill(char c, int count) noexcept {
    for (; count > 0; --count) add(c);
  }
};

constexpr void add_scientific(text_buffer& out, const short_digits& d) noexcept {
  out.add(d.digits[0]);
  if (d.count > 1) out.add('.');
  out.add(std::string_view(d.digits + 1, static_cast<std::size_t>(d.count - 1)));
  const int exponent = d.point - 1;
  const int magnitude = exponent < 0 ? -exponent : exponent;
  out.add(exponent < 0 ? std::string_view("e-") : std::string_view("e+"));
  if (magnitude >= 100) out.add(static_cast<char>('0' + magnitude / 100));
  out.add(static_cast<char>('0' + magnitude / 10 % 10));
  out.add(static_cast<char>('0' + magnitude % 10));
}

/// Positional notation; a number without fraction shows all its digits, exact.
template <int Limbs>
constexpr void add_fixed(text_buffer& out, const short_digits& d, const exact_decimal<Limbs>& value) noexcept {
  if (d.point >= d.count) {
    for (int i = 0; i < value.point(); ++i) out.add(static_cast<char>('0' + value.digit(i)));
    return;
  }
  if (d.point <= 0) out.add("0.");
  out.fill('0', -d.point);
  for (int i = 0; i < d.count; ++i) {
    if (i == d.point && i > 0) out.add('.');
    out.add(d.digits[i]);
  }
}

/// The text of a code.
template <int Limbs>
constexpr text_buffer text_of_code(const float_format& f, std::uint32_t code) noexcept {
  text_buffer out;
  if (is_negative_code(f, code)) out.add('-');
  std::uint32_t magnitude = code & f.magnitude_mask();
  if (f.twos_complement && is_negative_code(f, code)) magnitude = (0U - code) & f.code_mask();
  if (is_nan_code(f, code)) {
    out.add("nan");
  } else if (is_infinity_code(f, code)) {
    out.add("inf");
  } else if (magnitude == 0 && f.has_zero) {
    out.add('0');
  } else {
    const auto value = decimal_of_magnitude<Limbs>(f, magnitude);
    const short_digits d = shortest_digits<Limbs>(f, magnitude);
    // With three digits of exponent it is one more, but positional notation then has a hundred.
    const int scientific = d.count + (d.count > 1 ? 1 : 0) + 4;
    const int with_point = d.point <= 0 ? 2 - d.point + d.count : d.count + 1;
    const int fixed = d.point >= d.count ? value.point() : with_point;
    if (fixed <= scientific) {
      add_fixed(out, d, value);
    } else {
      add_scientific(out, d);
    }
  }
  return out;
}

}  // namespace detail

/// Writes the shortest text that from_chars reads back as the same number: the fewest significant digits, of several
/// texts the nearest; scientific where that is shorter (as std::to_chars), a whole number in full. inf, -inf, nan,
/// -nan. Codes of NaN beyond the sign are not told apart. `errc::value_too_large` where [first, last) is too small;
/// max_text_size characters always do.
template <float_format F>
constexpr std::to_chars_result to_chars(char* first, char* last, minifloat<F> x) noexcept {
  const auto text = detail::text_of_code<detail::limbs_of<F>::value>(F, x.bits());
  if (static_cast<std::size_t>(last - first) < text.size) return {last, std::errc::value_too_large};
  for (std::size_t i = 0; i < text.size; ++i) *first++ = text.characters[i];
  return {first, std::errc{}};
}

/// Reads the number at the front of [first, last), with the grammar of std::from_chars (no leading space or plus; inf,
/// infinity, nan and nan(...) in any case), and rounds it once, to nearest with ties to the even code, however many
/// digits there are. A value that rounds to zero is zero with its sign.
///
/// `errc::invalid_argument`, nothing read: no number there. `errc::result_out_of_range`, all of the number passed: it
/// rounds beyond the largest number, is an infinity or a NaN that the format lacks, is negative in a format without
/// sign, or zero in one without zero. `value` changes only without an error.
template <float_format F>
constexpr std::from_chars_result from_chars(const char* first, const char* last, minifloat<F>& value) noexcept {
  const detail::parsed_text text = detail::parse_text(first, last);
  if (text.kind == detail::text_kind::invalid) return {first, std::errc::invalid_argument};
  detail::rounded_text result;
  if (text.kind == detail::text_kind::number) {
    result = detail::round_decimal(F, detail::limbs_of<F>{}, text.magnitude, text.negative);
  } else if (text.kind == detail::text_kind::infinity) {
    const bool has_it = F.has_infinity() && (F.has_sign || !text.negative);
    result = {has_it ? F.infinity_code() | (text.negative ? F.sign_mask() : 0U) : 0U, has_it, has_it};
  } else {
    const bool signed_nan = text.negative && !F.nan_is_negative_zero();
    result = {F.has_nan() ? F.nan_code() | (signed_nan ? F.sign_mask() : 0U) : 0U, F.has_nan(), F.has_nan()};
  }
  if (!result.in_range) return {text.end, std::errc::result_out_of_range};
  value = minifloat<F>::from_bits(result.code);
  return {text.end, std::errc{}};
}

/// The text of to_chars, padded by the stream's width; its precision and notation do not matter.
template <class Traits, float_format F>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, minifloat<F> x) {
  const auto text = detail::text_of_code<detail::limbs_of<F>::value>(F, x.bits());
  return stream << std::basic_string_view<char, Traits>(text.characters, text.size);
}

}  // namespace v0
}  // namespace nibble
