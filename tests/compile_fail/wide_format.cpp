// SPDX-License-Identifier: Apache-2.0
// A format has at most 16 bits.
// expect: F must have 2 to 16 bits
#include <nibble/number/minifloat.hpp>

#ifndef RIGHT_USE
inline constexpr nibble::float_format format{.exponent_bits = 8, .mantissa_bits = 10, .bias = 127};
#else
inline constexpr nibble::float_format format{.exponent_bits = 8, .mantissa_bits = 7, .bias = 127};
#endif

double value(nibble::minifloat<format> x) { return double(x); }
