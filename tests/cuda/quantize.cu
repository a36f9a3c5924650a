// SPDX-License-Identifier: Apache-2.0
// One block format, named by NIBBLE_TEST_BLOCK_FORMAT, on the device against the scalar backend. With
// NIBBLE_TEST_FORMAT_SEED, a number, it may be `drawn`, which nobody named (tests/exhaustive/drawn_format.hpp).
#include "quantize.cuh"

#if defined(NIBBLE_TEST_FORMAT_SEED)
#include <exhaustive/drawn_format.hpp>
inline constexpr nibble::block_format drawn = exhaustive::drawn_format(NIBBLE_TEST_FORMAT_SEED);
#endif

#ifndef NIBBLE_TEST_BLOCK_FORMAT
#define NIBBLE_TEST_BLOCK_FORMAT nvfp4
#endif
#define NIBBLE_TEST_TEXT(x) #x
#define NIBBLE_TEST_NAME(x) NIBBLE_TEST_TEXT(x)

// Formats that a user could describe.
inline constexpr nibble::block_format dense6{.element = nibble::formats::e2m3,
                                             .scale = nibble::formats::e8m0,
                                             .block_size = 32,
                                             .packing = nibble::layouts::dense6};
inline constexpr nibble::block_format odd{.element = nibble::formats::e2m1,
                                          .scale = nibble::formats::e4m3,
                                          .block_size = 40,
                                          .tensor_scale = true,
                                          .packing = nibble::layouts::nibbles_high_first};
inline constexpr nibble::block_format powers{.element = nibble::formats::e3m0,
                                             .scale = nibble::formats::e8m0,
                                             .block_size = 32,
                                             .packing = nibble::layouts::nibbles_low_first};
// What the fast kernels leave to the general ones: scales of which none is NaN, powers of two that are no float, and
// elements whose products are subnormal numbers.
inline constexpr nibble::block_format without_nan{.element = nibble::formats::e2m1,
                                                  .scale = {.exponent_bits = 4, .mantissa_bits = 3, .bias = 7},
                                                  .block_size = 32,
                                                  .tensor_scale = true,
                                                  .packing = nibble::layouts::nibbles_low_first};
inline constexpr nibble::block_format far_powers{.element = nibble::formats::e2m3,
                                                 .scale = {.exponent_bits = 8,
                                                           .mantissa_bits = 0,
                                                           .bias = 140,
                                                           .specials = nibble::special_values::nan_only,
                                                           .has_sign = false,
                                                           .has_zero = false},
                                                 .block_size = 32};
inline constexpr nibble::block_format small_elements{
    .element = {.exponent_bits = 4, .mantissa_bits = 3, .bias = 140}, .scale = nibble::formats::e8m0, .block_size = 32};

using namespace nibble;

int main(int argc, char** argv) {
#if defined(NIBBLE_TEST_FORMAT_SEED)
  exhaustive::print(drawn);
#endif
  return nibble_test::test_block_format<NIBBLE_TEST_BLOCK_FORMAT>(
      "quantize " NIBBLE_TEST_NAME(NIBBLE_TEST_BLOCK_FORMAT), argc, argv);
}
