// SPDX-License-Identifier: Apache-2.0
// A format with numbers outside binary32 decodes to double only.
// expect: write decode_double<F>(code)
#include <nibble/number/minifloat.hpp>

inline constexpr nibble::float_format format{.exponent_bits = 9, .mantissa_bits = 2, .bias = 255};

double value(std::uint32_t code) {
#ifndef RIGHT_USE
  return nibble::decode<format>(code);
#else
  return nibble::decode_double<format>(code);
#endif
}
