// SPDX-License-Identifier: Apache-2.0
//
// Vectors of float32 stored as bfloat16 and binary16, against store_value one by one: every upper half with lower
// halves around each tie, NaN payloads and subnormals among them, with and without subnormals flushed.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <nibble/block/dequantize.hpp>
#include <nibble/simd.hpp>

#include "flushed_subnormals.hpp"

namespace {

using namespace nibble;
using words = detail::word_batch<xsimd::default_arch>;

/// Patterns whose vectors are stored otherwise.
template <class T>
std::uint64_t differences(const std::vector<std::uint32_t>& patterns) {
  std::uint64_t found = 0;
  for (std::size_t i = 0; i + words::size <= patterns.size(); i += words::size) {
    T got[words::size];
    detail::store_numbers<xsimd::default_arch>(got, words::load_unaligned(&patterns[i]));
    for (std::size_t k = 0; k < words::size; ++k) {
      T wanted;
      detail::store_value(wanted, binary32::from_bits(patterns[i + k]));
      found += got[k].bits() != wanted.bits() ? 1U : 0U;
    }
  }
  return found;
}

}  // namespace

TEST_CASE_TEMPLATE("float32 vectors as halves: every upper half", T, nibble::bf16, nibble::f16) {
  std::vector<std::uint32_t> patterns;
  for (std::uint32_t upper = 0; upper < 0x1'0000U; ++upper) {
    for (const std::uint32_t lower : {0x0000U, 0x0001U, 0x0fffU, 0x1000U, 0x1001U, 0x2fffU, 0x3000U, 0x3001U, 0x7fffU,
                                      0x8000U, 0x8001U, 0xcfffU, 0xd000U, 0xefffU, 0xf000U, 0xffffU}) {
      patterns.push_back(upper << 16 | lower);
    }
  }
  CHECK(differences<T>(patterns) == 0);
  const simd_test::flushed_subnormals flushed;
  CHECK(differences<T>(patterns) == 0);
}
