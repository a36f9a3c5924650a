// SPDX-License-Identifier: Apache-2.0
//
// Philox4x32 against the known answers published with Random123 (kat_vectors) and, where it is installed, against
// Random123 itself.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>

#include <nibble/base/philox.hpp>

#if __has_include(<Random123/philox.h>)
#include <Random123/philox.h>
#define NIBBLE_TEST_HAS_RANDOM123 1
#endif

namespace {

using nibble::philox4x32;
using nibble::philox_block;

constexpr philox_block zeros{{0, 0, 0, 0}};
constexpr philox_block ones{{~0U, ~0U, ~0U, ~0U}};
constexpr philox_block pi{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};

}  // namespace

TEST_CASE("philox4x32-10 gives the published answers") {
  static_assert(philox4x32<>(zeros, 0, 0) == philox_block{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  CHECK(philox4x32<10>(zeros, 0, 0) == philox_block{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  CHECK(philox4x32<10>(ones, ~0U, ~0U) == philox_block{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  CHECK(philox4x32<10>(pi, 0xa4093822, 0x299f31d0) == philox_block{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

TEST_CASE("philox4x32-7 gives the published answers") {
  CHECK(philox4x32<7>(zeros, 0, 0) == philox_block{{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}});
  CHECK(philox4x32<7>(ones, ~0U, ~0U) == philox_block{{0x5207ddc2, 0x45165e59, 0x4d8ee751, 0x8c52f662}});
  CHECK(philox4x32<7>(pi, 0xa4093822, 0x299f31d0) == philox_block{{0x4dfccaba, 0x190a87f0, 0xc47362ba, 0xb6b5242a}});
}

TEST_CASE("random_block counts {index, stream} under the key {seed}, low words first") {
  const std::uint64_t seed = 0x299f31d0a4093822;
  CHECK(nibble::random_block(0, 0, 0) == philox4x32<>(zeros, 0, 0));
  CHECK(nibble::random_block(seed, 0x0370734413198a2e, 0x85a308d3243f6a88) ==
        philox_block{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
  static_assert(nibble::random_block(1, 2, 3) == philox4x32<>(philox_block{{3, 0, 2, 0}}, 1, 0));
}

#if defined(NIBBLE_TEST_HAS_RANDOM123)
namespace {

template <int Rounds>
int disagreements(int count) {
  std::mt19937 random(Rounds);
  int wrong = 0;
  for (int i = 0; i < count; ++i) {
    std::uint32_t w[6];
    for (std::uint32_t& word : w) word = static_cast<std::uint32_t>(random());
    const r123::Philox4x32_R<Rounds> reference;
    const auto theirs = reference({{w[0], w[1], w[2], w[3]}}, {{w[4], w[5]}});
    const philox_block ours = philox4x32<Rounds>(philox_block{{w[0], w[1], w[2], w[3]}}, w[4], w[5]);
    for (std::size_t j = 0; j < 4; ++j) wrong += ours.words[j] == theirs[j] ? 0 : 1;
  }
  return wrong;
}

}  // namespace

TEST_CASE("philox4x32 equals Random123 on random counters and keys") {
  CHECK(disagreements<7>(100000) == 0);
  CHECK(disagreements<10>(100000) == 0);
  CHECK(disagreements<16>(1000) == 0);
}
#endif
