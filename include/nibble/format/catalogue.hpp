// SPDX-License-Identifier: Apache-2.0
//
// The named formats, and the names by which other projects know them.
#pragma once

#include <string_view>

#include <nibble/format/float_format.hpp>

namespace nibble {
inline namespace v0 {

/// The named formats as values. Every one could be written by a user in one line.
namespace formats {
/// OCP MX 1.0 FP4: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
NIBBLE_CONSTANT float_format e2m1{.exponent_bits = 2, .mantissa_bits = 1, .bias = 1};
/// OCP MX 1.0 FP6, maximum 7.5.
NIBBLE_CONSTANT float_format e2m3{.exponent_bits = 2, .mantissa_bits = 3, .bias = 1};
/// OCP MX 1.0 FP6, maximum 28.
NIBBLE_CONSTANT float_format e3m2{.exponent_bits = 3, .mantissa_bits = 2, .bias = 3};
/// OCP OFP8 E4M3: maximum 448, NaN 0x7f and 0xff, no Inf.
NIBBLE_CONSTANT float_format e4m3{
    .exponent_bits = 4, .mantissa_bits = 3, .bias = 7, .specials = special_values::nan_only};
/// OCP OFP8 E5M2: IEEE-like, maximum 57344.
NIBBLE_CONSTANT float_format e5m2{
    .exponent_bits = 5, .mantissa_bits = 2, .bias = 15, .specials = special_values::infinity_and_nan};
/// OCP MX 1.0 scale: 2^-127 to 2^127, NaN 0xff, neither zero nor sign.
NIBBLE_CONSTANT float_format e8m0{.exponent_bits = 8,
                                   .mantissa_bits = 0,
                                   .bias = 127,
                                   .specials = special_values::nan_only,
                                   .has_sign = false,
                                   .has_zero = false};
/// The 7-bit unsigned E4M3 of PTX ISA 9.0 section 5.2.3 (.ue4m3), a block scale of NVFP4.
NIBBLE_CONSTANT float_format ue4m3{.exponent_bits = 4,
                                    .mantissa_bits = 3,
                                    .bias = 7,
                                    .specials = special_values::nan_only,
                                    .has_sign = false};
/// FP4 of powers of two: 0 and 2^-2 to 2^4, the grid of logarithmic 4-bit gradients.
NIBBLE_CONSTANT float_format e3m0{.exponent_bits = 3, .mantissa_bits = 0, .bias = 3};
/// Bias 8, maximum 240, NaN 0x80.
NIBBLE_CONSTANT float_format e4m3fnuz{
    .exponent_bits = 4, .mantissa_bits = 3, .bias = 8, .specials = special_values::fnuz};
/// Bias 16, maximum 57344, NaN 0x80.
NIBBLE_CONSTANT float_format e5m2fnuz{
    .exponent_bits = 5, .mantissa_bits = 2, .bias = 16, .specials = special_values::fnuz};
/// Bias 11, maximum 30, NaN 0x80.
NIBBLE_CONSTANT float_format e4m3b11fnuz{
    .exponent_bits = 4, .mantissa_bits = 3, .bias = 11, .specials = special_values::fnuz};
/// IEEE-like E3M4, maximum 15.5.
NIBBLE_CONSTANT float_format e3m4{
    .exponent_bits = 3, .mantissa_bits = 4, .bias = 3, .specials = special_values::infinity_and_nan};
/// IEEE-like E4M3, maximum 240 (also the E4M3 of Gaudi 2).
NIBBLE_CONSTANT float_format e4m3ieee{
    .exponent_bits = 4, .mantissa_bits = 3, .bias = 7, .specials = special_values::infinity_and_nan};
/// bfloat16.
NIBBLE_CONSTANT float_format bf16{
    .exponent_bits = 8, .mantissa_bits = 7, .bias = 127, .specials = special_values::infinity_and_nan};
/// IEEE 754 binary16.
NIBBLE_CONSTANT float_format f16{
    .exponent_bits = 5, .mantissa_bits = 10, .bias = 15, .specials = special_values::infinity_and_nan};
/// The element of MXINT8: an 8-bit two's-complement integer times 2^-6 (OCP MX 1.0 section 5.3.4).
NIBBLE_CONSTANT float_format mxint8{
    .exponent_bits = 0, .mantissa_bits = 7, .bias = 0, .twos_complement = true};
/// binary32, as the scale of per-tensor and blockwise FP8; not an element format.
NIBBLE_CONSTANT float_format f32{
    .exponent_bits = 8, .mantissa_bits = 23, .bias = 127, .specials = special_values::infinity_and_nan};
}  // namespace formats

/// A named format and what other projects call it (empty: it has no such name).
struct format_names {
  std::string_view name;
  float_format format;
  std::string_view torch;
  std::string_view ml_dtypes;
  std::string_view onnx;
  std::string_view safetensors;
};

/// Every named format, in the order in which tables show them.
inline constexpr format_names named_formats[] = {
    {"e2m1", formats::e2m1, "float4_e2m1fn_x2", "float4_e2m1fn", "FLOAT4E2M1", "F4"},
    {"e2m3", formats::e2m3, "", "float6_e2m3fn", "", "F6_E2M3"},
    {"e3m2", formats::e3m2, "", "float6_e3m2fn", "", "F6_E3M2"},
    {"e4m3", formats::e4m3, "float8_e4m3fn", "float8_e4m3fn", "FLOAT8E4M3FN", "F8_E4M3"},
    {"e5m2", formats::e5m2, "float8_e5m2", "float8_e5m2", "FLOAT8E5M2", "F8_E5M2"},
    {"e8m0", formats::e8m0, "float8_e8m0fnu", "float8_e8m0fnu", "FLOAT8E8M0", "F8_E8M0"},
    {"ue4m3", formats::ue4m3, "", "", "", ""},
    {"e4m3fnuz", formats::e4m3fnuz, "float8_e4m3fnuz", "float8_e4m3fnuz", "FLOAT8E4M3FNUZ", ""},
    {"e5m2fnuz", formats::e5m2fnuz, "float8_e5m2fnuz", "float8_e5m2fnuz", "FLOAT8E5M2FNUZ", ""},
    {"e4m3b11fnuz", formats::e4m3b11fnuz, "", "float8_e4m3b11fnuz", "", ""},
    {"e3m4", formats::e3m4, "", "float8_e3m4", "", ""},
    {"e4m3ieee", formats::e4m3ieee, "", "float8_e4m3", "", ""},
    {"e3m0", formats::e3m0, "", "", "", ""},
    {"bf16", formats::bf16, "bfloat16", "bfloat16", "BFLOAT16", "BF16"},
    {"f16", formats::f16, "float16", "", "FLOAT16", "F16"},
};

/// Looks a format up by nibble's name; nullptr where there is none.
constexpr const format_names* find_format(std::string_view name) noexcept {
  for (const format_names& entry : named_formats) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace v0
}  // namespace nibble
