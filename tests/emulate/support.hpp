// SPDX-License-Identifier: Apache-2.0

// Inputs and expectations that the tests of emulated conversions share. Expected codes come from the oracle.
#pragma once

#include <oracle/encode.hpp>
#include <oracle/formats.hpp>

#include <cstdint>
#include <random>
#include <vector>

namespace emulate_test {

/// float32 patterns that decide a conversion to `f`: every number of the format, every midpoint, each with its two float32
/// neighbours, in both signs; specials and subnormals; and patterns of every exponent.
inline std::vector<float> deciding_inputs(const oracle::format& f) {
  std::vector<std::uint32_t> bits{0x7f80'0000U, 0x7fc0'0000U, 0x7f80'0001U, 0x7fff'ffffU, 1U,
                                  0x007f'ffffU, 0x0080'0000U, 0x7f7f'ffffU, 0x7f00'0000U, 0x0040'0000U};
  const std::uint32_t step = f.bits() > 8 ? 37U : 1U;
  for (std::uint32_t code = 0; code <= max_code(f); code += step) {
    const auto value = static_cast<double>(magnitude_value(f, code));
    const auto next = static_cast<double>(magnitude_value(f, code + 1));
    for (const double x : {value, value + (next - value) / 2, value + (next - value) / 4}) {
      const std::uint32_t at = oracle::float_bits(static_cast<float>(x));
      for (const std::uint32_t near : {at, at + 1U, at == 0 ? 0U : at - 1U}) bits.push_back(near & 0x7fff'ffffU);
    }
  }
  std::mt19937 random(20);
  for (std::uint32_t exponent = 0; exponent < 256; ++exponent) {
    for (int i = 0; i < 4; ++i) bits.push_back(exponent << 23 | static_cast<std::uint32_t>(random() & 0x007f'ffffU));
  }
  std::vector<float> inputs;
  for (const std::uint32_t magnitude : bits) {
    inputs.push_back(oracle::bits_float(magnitude));
    inputs.push_back(oracle::bits_float(magnitude | 0x8000'0000U));
  }
  return inputs;
}

/// The element that an instruction makes of a float32: PTX ISA 9.0, 9.7.9.21.
inline std::uint32_t expected(const oracle::format& f, float x, bool with_relu,
                              oracle::overflow rule = oracle::overflow::saturate,
                              oracle::rounding mode = oracle::rounding::nearest_even) {
  const std::uint32_t code = encode(f, oracle::float_value(oracle::float_bits(x)), mode, rule);
  const bool negative = f.has_sign && (code & f.sign_code()) != 0;
  return with_relu && negative ? 0U : code;
}

/// The float32 of a code of binary16 or bfloat16 (or narrower); NaN by any NaN.
inline float decoded(const oracle::format& f, std::uint32_t code) {
  const bool negative = f.has_sign && (code & f.sign_code()) != 0;
  const std::uint32_t magnitude = negative ? code ^ f.sign_code() : code;
  if (magnitude > max_code(f)) {
    const bool infinite = f.has_infinity() && magnitude == max_code(f) + 1;
    return oracle::bits_float((negative ? 0x8000'0000U : 0U) | (infinite ? 0x7f80'0000U : 0x7fc0'0000U));
  }
  return static_cast<float>(oracle::with_sign(static_cast<double>(magnitude_value(f, magnitude)), negative));
}

/// Inputs that `convert(a, b)` maps to another register than `upper` and `lower` say, `width` bits an element.
template <class Convert, class Upper, class Lower>
std::size_t wrong_pairs(const std::vector<float>& inputs, int width, Convert&& convert, Upper&& upper, Lower&& lower) {
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const float a = inputs[i];
    const float b = inputs[(i * 7 + 3) % inputs.size()];
    const std::uint32_t register_bits = upper(a) << width | lower(b);
    if (std::uint32_t{convert(a, b)} != register_bits) ++wrong;
  }
  return wrong;
}

}  // namespace emulate_test
