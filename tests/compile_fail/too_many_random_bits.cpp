// SPDX-License-Identifier: Apache-2.0
// A random word has 32 bits.
// expect: stochastic_bits<N>: N is 1 to 32
#include <nibble/number/minifloat.hpp>

nibble::e4m3 rounded(float x, std::uint32_t word) {
#ifndef RIGHT_USE
  return nibble::e4m3{x, nibble::stochastic_bits<33>{word}};
#else
  return nibble::e4m3{x, nibble::stochastic_bits<32>{word}};
#endif
}
