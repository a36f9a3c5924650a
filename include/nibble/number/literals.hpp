// SPDX-License-Identifier: Apache-2.0
//
// Literals of the named formats: 1.5_e4m3. They are read exactly, and one that is no number of its format does not
// compile.
#pragma once

#include <nibble/number/parse.hpp>
#include <nibble/number/text.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

// Never defined and not constexpr: a literal that reaches one of them does not compile, and the compiler shows the
// name.
void this_literal_is_no_number_of_the_format__write_e4m3_of_a_float_to_round();
void this_literal_is_not_a_decimal_number();

/// The number that a literal spells.
template <float_format F>
consteval minifloat<F> exact_literal(const char* text) {
  const char* last = text;
  while (*last != '\0') ++last;
  const parsed_text parsed = parse_text(text, last, '\'');
  if (parsed.kind != text_kind::number || parsed.end != last) this_literal_is_not_a_decimal_number();
  const rounded_text result = round_decimal(F, limbs_of<F>{}, parsed.magnitude, false);
  if (!result.in_range || !result.exact) {
    this_literal_is_no_number_of_the_format__write_e4m3_of_a_float_to_round();
  }
  return minifloat<F>::from_bits(result.code);
}

}  // namespace detail

/// `using namespace nibble;` or `using namespace nibble::literals;` brings them in. A minus before a literal is the
/// unary minus of the number.
inline namespace literals {
consteval e2m1 operator""_e2m1(const char* text) { return detail::exact_literal<formats::e2m1>(text); }
consteval e2m3 operator""_e2m3(const char* text) { return detail::exact_literal<formats::e2m3>(text); }
consteval e3m2 operator""_e3m2(const char* text) { return detail::exact_literal<formats::e3m2>(text); }
consteval e4m3 operator""_e4m3(const char* text) { return detail::exact_literal<formats::e4m3>(text); }
consteval e5m2 operator""_e5m2(const char* text) { return detail::exact_literal<formats::e5m2>(text); }
consteval e8m0 operator""_e8m0(const char* text) { return detail::exact_literal<formats::e8m0>(text); }
consteval ue4m3 operator""_ue4m3(const char* text) { return detail::exact_literal<formats::ue4m3>(text); }
consteval e3m0 operator""_e3m0(const char* text) { return detail::exact_literal<formats::e3m0>(text); }
consteval e4m3fnuz operator""_e4m3fnuz(const char* text) { return detail::exact_literal<formats::e4m3fnuz>(text); }
consteval e5m2fnuz operator""_e5m2fnuz(const char* text) { return detail::exact_literal<formats::e5m2fnuz>(text); }
consteval e4m3b11fnuz operator""_e4m3b11fnuz(const char* text) {
  return detail::exact_literal<formats::e4m3b11fnuz>(text);
}
consteval e3m4 operator""_e3m4(const char* text) { return detail::exact_literal<formats::e3m4>(text); }
consteval e4m3ieee operator""_e4m3ieee(const char* text) { return detail::exact_literal<formats::e4m3ieee>(text); }
consteval bf16 operator""_bf16(const char* text) { return detail::exact_literal<formats::bf16>(text); }
consteval f16 operator""_f16(const char* text) { return detail::exact_literal<formats::f16>(text); }
consteval mxint8_element operator""_mxint8(const char* text) { return detail::exact_literal<formats::mxint8>(text); }
}  // namespace literals

}  // namespace v0
}  // namespace nibble
