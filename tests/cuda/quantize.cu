// SPDX-License-Identifier: Apache-2.0
// One block format, named by NIBBLE_TEST_BLOCK_FORMAT, on the device against the scalar backend.
#include "quantize.cuh"

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

using namespace nibble;

int main(int argc, char** argv) {
  return nibble_test::test_block_format<NIBBLE_TEST_BLOCK_FORMAT>("quantize " NIBBLE_TEST_NAME(NIBBLE_TEST_BLOCK_FORMAT), argc,
                                                                  argv);
}
