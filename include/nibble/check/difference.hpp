// SPDX-License-Identifier: Apache-2.0
//
// One way in which a kernel can differ from a recipe, as data. The tables are in input_, scale_ and
// code_differences.hpp.
#pragma once

#include <cstdint>
#include <string_view>

#include <nibble/block/block_format.hpp>
#include <nibble/check/kernel_model.hpp>

namespace nibble {
inline namespace v0 {
namespace check {

/// The step of quantization that a difference belongs to. Steps are explained one after the other, each from the bytes
/// that the kernel stored for the one before.
enum class step : std::uint8_t {
  input,         ///< what is read; concerns all later steps
  tensor_scale,
  scale,
  scale_layout,
  code,
  code_order,
};

/// Formats to which a difference applies.
enum class applies_to : std::uint8_t {
  all,
  power_of_two_scales,
  beyond_fp4,         ///< of those, elements of more than one mantissa bit
  real_scales,        ///< scales with mantissa bits
  tensor_scales,
  formats_with_nan,   ///< of elements
  formats_without_nan,
  negative_zero,      ///< elements that have a -0
  subnormals,         ///< elements with exponent and mantissa
  several_rows,       ///< blocks of more than one row
};

/// Strength of the evidence that a match gives.
enum class evidence : std::uint8_t {
  bytes,     ///< the difference predicts every byte
  neighbours ///< it allows several bytes, and every byte is one of them; tried last
};

/// A difference. Two with the same `subject` exclude each other.
struct difference {
  step where = step::code;
  std::string_view subject;      ///< what is done differently: "rounding", "amax window", ...
  std::string_view name;         ///< short and unique, starts with its subject's step: "codes: ties away from zero"
  std::string_view description;  ///< what the kernel does, in a sentence
  applies_to formats = applies_to::all;
  void (*apply)(kernel_model&) = nullptr;
  check::evidence evidence = check::evidence::bytes;
};

/// Whether `d` can be told from the recipe in format `f`.
[[nodiscard]] constexpr bool is_applicable(const difference& d, const block_format& f) noexcept {
  switch (d.formats) {
    case applies_to::all: break;
    case applies_to::power_of_two_scales: return f.power_of_two_scale();
    case applies_to::beyond_fp4: return f.power_of_two_scale() && f.element.mantissa_bits > 1;
    case applies_to::real_scales: return !f.power_of_two_scale();
    case applies_to::tensor_scales: return f.tensor_scale;
    case applies_to::formats_with_nan: return f.element.has_nan();
    case applies_to::formats_without_nan: return !f.element.has_nan();
    case applies_to::negative_zero: return f.element.has_negative_zero();
    case applies_to::subnormals: return f.element.exponent_bits > 0 && f.element.mantissa_bits > 0;
    case applies_to::several_rows: return f.block_rows > 1;
  }
  return true;
}

}  // namespace check
}  // namespace v0
}  // namespace nibble
