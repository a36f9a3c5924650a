// SPDX-License-Identifier: Apache-2.0
//
// The formats that tests run over: each as the library's value and as the reference's, whose numbers are written down
// separately, so that a slip in the catalogue cannot hide.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/p3109.hpp>
#include <nibble/format/policy.hpp>
#include <nibble/format/rounding.hpp>
#include <oracle/encode.hpp>
#include <oracle/formats.hpp>

namespace subjects {

struct subject {
  std::string_view name;
  nibble::float_format format;
  oracle::format reference;
};

/// A user's format whose smallest numbers lie below float32's subnormals (step 2^-152), the larger ones among them.
inline constexpr nibble::float_format tiny{
    .exponent_bits = 5, .mantissa_bits = 3, .bias = 150, .specials = nibble::special_values::infinity_and_nan};
/// A user's format that ends just below float32's largest number: 1.75 * 2^127.
inline constexpr nibble::float_format huge{.exponent_bits = 3, .mantissa_bits = 2, .bias = -120};

using enum oracle::specials;

/// What the reference calls a format of the library.
constexpr oracle::format reference_of(const nibble::float_format& f) {
  constexpr oracle::specials specials[] = {none, nan_only, infinity_and_nan, fnuz, p3109_finite, p3109_extended};
  return {f.exponent_bits, f.mantissa_bits, f.bias,           specials[static_cast<std::size_t>(f.specials)],
          f.has_sign,      f.has_zero,      f.twos_complement};
}

inline constexpr subject all[] = {
    {"e2m1", nibble::formats::e2m1, oracle::e2m1},
    {"e2m3", nibble::formats::e2m3, oracle::e2m3},
    {"e3m2", nibble::formats::e3m2, oracle::e3m2},
    {"e4m3", nibble::formats::e4m3, oracle::e4m3},
    {"e5m2", nibble::formats::e5m2, oracle::e5m2},
    {"e8m0", nibble::formats::e8m0, oracle::e8m0},
    {"ue4m3", nibble::formats::ue4m3, oracle::ue4m3},
    {"e3m0", nibble::formats::e3m0, oracle::e3m0},
    {"e4m3fnuz", nibble::formats::e4m3fnuz, oracle::e4m3fnuz},
    {"e5m2fnuz", nibble::formats::e5m2fnuz, oracle::e5m2fnuz},
    {"e4m3b11fnuz", nibble::formats::e4m3b11fnuz, oracle::e4m3b11fnuz},
    {"e3m4", nibble::formats::e3m4, oracle::e3m4},
    {"e4m3ieee", nibble::formats::e4m3ieee, oracle::e4m3ieee},
    {"bf16", nibble::formats::bf16, oracle::bf16},
    {"f16", nibble::formats::f16, oracle::f16},
    {"mxint8", nibble::formats::mxint8, oracle::mxint8},
    {"binary8p4se", nibble::formats::binary8p4se, {4, 3, 8, p3109_extended}},
    {"binary8p3se", nibble::formats::binary8p3se, {5, 2, 16, p3109_extended}},
    {"binary4p2sf", nibble::formats::binary4p2sf, {2, 1, 2, p3109_finite}},
    {"binary8p1uf", nibble::formats::binary8p1uf, {8, 0, 128, p3109_finite, false}},
    {"tiny", tiny, {5, 3, 150, infinity_and_nan}},
    {"huge", huge, {3, 2, -120}},
};
inline constexpr std::size_t count = std::size(all);

/// P3109's formats follow P3109's conventions, all others those of the CUDA headers, the library's default.
constexpr bool is_p3109(const subject& s) {
  return s.reference.special == p3109_finite || s.reference.special == p3109_extended;
}
constexpr nibble::special_policy policy_of(const subject& s) {
  return is_p3109(s) ? nibble::policy::p3109 : nibble::policy::cuda;
}
constexpr oracle::policy reference_policy_of(const subject& s) {
  return is_p3109(s) ? oracle::policy::p3109 : oracle::policy::cuda;
}

/// Calls `action.operator()<Index>()` for every subject.
template <class Action>
void for_each(Action&& action) {
  [&]<std::size_t... Index>(std::index_sequence<Index...>) { (action.template operator()<Index>(), ...); }
  (std::make_index_sequence<count>{});
}

}  // namespace subjects
