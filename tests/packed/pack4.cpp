// SPDX-License-Identifier: Apache-2.0
//
// Packing of nibbles against bytes by hand and against a plain restatement of each order.
#include <doctest/doctest.h>

#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/packed/pack4.hpp>

using byte_vector = std::vector<std::uint8_t>;
using nibble::nibble_order;

namespace {

/// The bytes of each order, built code by code from what the order means.
byte_vector expected_bytes(const byte_vector& codes, nibble_order order, std::size_t group) {
  if (order == nibble_order::split_halves) {
    byte_vector result;
    for (std::size_t first = 0; first < codes.size(); first += group) {
      for (std::size_t j = 0; j < group / 2; ++j) {
        const std::size_t low = first + j;
        const std::size_t high = first + j + group / 2;
        const int a = low < codes.size() ? codes[low] % 16 : 0;
        const int b = high < codes.size() ? codes[high] % 16 : 0;
        result.push_back(static_cast<std::uint8_t>(a + 16 * b));
      }
    }
    return result;
  }
  byte_vector result((codes.size() + 1) / 2, 0);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const bool low = (i % 2 == 0) == (order == nibble_order::low_first);
    result[i / 2] = static_cast<std::uint8_t>(result[i / 2] + codes[i] % 16 * (low ? 1 : 16));
  }
  return result;
}

byte_vector random_codes(std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(count));
  byte_vector codes(count);
  for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random());
  return codes;
}

constexpr nibble_order orders[] = {nibble_order::low_first, nibble_order::high_first, nibble_order::split_halves};

}  // namespace

TEST_CASE("bytes by hand") {
  const byte_vector codes{1, 2, 3, 4, 5};
  byte_vector packed(3);
  nibble::pack_nibbles(codes, packed);
  CHECK(packed == byte_vector{0x21, 0x43, 0x05});
  nibble::pack_nibbles(codes, packed, nibble_order::high_first);
  CHECK(packed == byte_vector{0x12, 0x34, 0x50});
  byte_vector halves(4, 0xff);
  nibble::pack_nibbles(codes, halves, nibble_order::split_halves, 4);
  CHECK(halves == byte_vector{0x31, 0x42, 0x05, 0x00});
}

TEST_CASE("packing, unpacking and repacking agree with the meaning of each order for every count") {
  int wrong = 0;
  for (std::size_t count = 0; count <= 130; ++count) {
    const byte_vector codes = random_codes(count);
    byte_vector masked = codes;
    for (std::uint8_t& code : masked) code %= 16;
    for (const nibble_order order : orders) {
      for (const std::size_t group : {2U, 6U, 16U, 32U}) {
        const byte_vector expected = expected_bytes(codes, order, group);
        byte_vector packed(expected.size(), 0xee);
        nibble::pack_nibbles(codes, packed, order, group);
        if (packed != expected) ++wrong;
        byte_vector unpacked(count, 0xee);
        nibble::unpack_nibbles(expected, unpacked, order, group);
        if (unpacked != masked) ++wrong;
        for (const nibble_order to : orders) {
          const byte_vector target = expected_bytes(codes, to, 16);
          byte_vector repacked(target.size(), 0xee);
          nibble::repack_nibbles(expected, order, repacked, to, count, group, 16);
          if (repacked != target) ++wrong;
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("bytes beyond the codes are left alone") {
  const byte_vector codes{1, 2, 3};
  byte_vector packed(4, 0xee);
  nibble::pack_nibbles(codes, packed);
  CHECK(packed == byte_vector{0x21, 0x03, 0xee, 0xee});
}

TEST_CASE("wrong arguments throw before anything is written") {
  const byte_vector codes(7, 1);
  byte_vector packed(3, 0xee);
  CHECK_THROWS_AS(nibble::pack_nibbles(codes, packed), std::invalid_argument);
  CHECK_THROWS_AS(nibble::pack_nibbles(codes, packed, static_cast<nibble_order>(9)), std::invalid_argument);
  CHECK_THROWS_AS(nibble::pack_nibbles(codes, packed, nibble_order::split_halves, 3), std::invalid_argument);
  CHECK(packed == byte_vector(3, 0xee));
  byte_vector out(7, 0xee);
  CHECK_THROWS_AS(nibble::unpack_nibbles(packed, out), std::invalid_argument);
  CHECK_THROWS_AS(nibble::unpack_nibbles(byte_vector(4), out, nibble_order::split_halves, 0), std::invalid_argument);
  CHECK(out == byte_vector(7, 0xee));
  byte_vector to(4, 0xee);
  CHECK_THROWS_AS(nibble::repack_nibbles(byte_vector(3), nibble_order::low_first, to, nibble_order::high_first, 7),
                  std::invalid_argument);
  CHECK_THROWS_AS(nibble::repack_nibbles(byte_vector(4), nibble_order::low_first, to, nibble_order::split_halves, 7),
                  std::invalid_argument);
  CHECK(to == byte_vector(4, 0xee));
}
