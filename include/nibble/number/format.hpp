// SPDX-License-Identifier: Apache-2.0
//
// std::formatter of every minifloat, where the standard library has <format>.
#pragma once

#include <version>

#include <nibble/number/text.hpp>

#if defined(__cpp_lib_format)
#include <format>
#include <string_view>

/// "{}" gives the text of to_chars; any other specification is that of double, which holds every number exactly.
template <nibble::float_format F>
struct std::formatter<nibble::minifloat<F>, char> {
  constexpr auto parse(std::format_parse_context& context) {
    plain_ = context.begin() == context.end() || *context.begin() == '}';
    return double_.parse(context);
  }

  template <class Context>
  auto format(nibble::minifloat<F> x, Context& context) const {
    if (!plain_) return double_.format(static_cast<double>(x), context);
    char text[nibble::max_text_size];
    const auto end = nibble::to_chars(text, text + nibble::max_text_size, x).ptr;
    auto out = context.out();
    for (const char* c = text; c != end; ++c) *out++ = *c;
    return out;
  }

 private:
  std::formatter<double, char> double_;
  bool plain_ = true;
};
#endif
