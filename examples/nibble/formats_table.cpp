// SPDX-License-Identifier: Apache-2.0
//
// Implementation of formats_table.hpp.
#include "formats_table.hpp"

#include <cmath>
#include <cstdint>
#include <nibble/format/catalogue.hpp>
#include <string_view>

#include "block_codec.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

// Numbers near 1 as decimals, powers of two far from it as such.
std::string value_text(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);  // value = fraction * 2^exponent, fraction in [0.5, 1)
  if (exponent > -6 && exponent <= 17) return significant(value, 6);
  return fraction == 0.5 ? "2^" + std::to_string(exponent - 1) : significant(value, 6);
}

std::string codes_text(std::uint32_t first, std::uint32_t last) {
  const auto hexadecimal = [](std::uint32_t code) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (; code != 0 || text.size() < 2; code >>= 4) text.insert(text.begin(), digits[code & 15]);
    return "0x" + text;
  };
  return first == last ? hexadecimal(first) : hexadecimal(first) + "-" + hexadecimal(last);
}

std::string specials_text(const float_format& f) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (f.has_infinity()) add("Inf " + codes_text(f.infinity_code(), f.infinity_code()));
  if (f.has_nan()) {
    const bool range = f.has_infinity() && f.mantissa_bits > 0;
    add("NaN " + codes_text(range ? f.infinity_code() + 1 : f.nan_code(), f.nan_code()));
  }
  if (f.has_sign && !f.has_negative_zero()) add("no -0");
  if (!f.has_zero) add("no zero");
  if (!f.has_sign) add("no sign");
  return text.empty() ? "none" : text;
}

std::string scalar_table() {
  text_table table({"name", "bits", "bias", "max", "min normal", "min subnormal", "specials"},
                   {true, false, false, false, false, false, true});
  for (const format_names& entry : named_formats) {
    const float_format& f = entry.format;
    const bool subnormals = f.has_zero && f.mantissa_bits > 0;
    table.add({std::string(entry.name), std::to_string(f.bits()), std::to_string(f.bias), value_text(f.max_value()),
               value_text(f.min_normal()), subnormals ? value_text(f.min_positive()) : "-", specials_text(f)});
  }
  return table.str();
}

// As the catalogue calls it; the elements of mxint8 and luq4 are not in there.
std::string name_of_format(const float_format& f) {
  for (const format_names& entry : named_formats) {
    if (entry.format == f) return std::string(entry.name);
  }
  if (f.twos_complement) return "int8 / " + significant(1 / f.min_positive(), 6);
  return "e" + std::to_string(f.exponent_bits) + "m" + std::to_string(f.mantissa_bits) + ", bias " +
         std::to_string(f.bias);
}

std::string block_table() {
  text_table table({"block format", "element", "scale", "block", "tensor scale", "bits per value"},
                   {true, true, true, true, true, false});
  for (const block_codec& codec : block_codecs()) {
    const block_format& f = codec.format;
    const std::string block = std::to_string(f.block_rows) + " x " + std::to_string(f.block_size);
    table.add({std::string(codec.name), name_of_format(f.element), codec.stores_scales ? name_of_format(f.scale) : "-",
               codec.stores_scales ? block : "tensor", f.tensor_scale ? "float32" : "-",
               fixed(codec.nominal_bits(), 2)});
  }
  return table.str();
}

}  // namespace

std::string formats_table() {
  return scalar_table() + "\n" + block_table() +
         "\nSpecial codes are those without the sign bit. bf16 and f16 take two bytes in 'nibble encode', the others "
         "one.\n";
}

}  // namespace nibble::tool
