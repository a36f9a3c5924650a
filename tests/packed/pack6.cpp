// SPDX-License-Identifier: Apache-2.0
//
// Dense 6-bit codes against bytes by hand and against bits set one by one.
#include <doctest/doctest.h>

#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/packed/pack6.hpp>

using byte_vector = std::vector<std::uint8_t>;

namespace {

/// Element i at bits 6i+5:6i of the sequence, bit 0 being the lowest of byte 0.
byte_vector expected_bytes(const byte_vector& codes) {
  byte_vector result((6 * codes.size() + 7) / 8, 0);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    for (std::size_t bit = 0; bit < 6; ++bit) {
      const int set = codes[i] / (1 << bit) % 2;
      const std::size_t place = 6 * i + bit;
      result[place / 8] = static_cast<std::uint8_t>(result[place / 8] + set * (1 << place % 8));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("bytes by hand") {
  const byte_vector codes{0x3f, 0x00, 0x2a, 0x01};
  byte_vector packed(3);
  nibble::pack_dense6(codes, packed);
  // 000001 101010 000000 111111 from the highest bit down.
  CHECK(packed == byte_vector{0x3f, 0xa0, 0x06});
}

TEST_CASE("sixteen codes take twelve bytes, a ragged tail as many as hold its bits") {
  CHECK(nibble::dense6_bytes(0) == 0);
  CHECK(nibble::dense6_bytes(16) == 12);
  CHECK(nibble::dense6_bytes(32) == 24);
  int wrong = 0;
  for (std::size_t count = 0; count < 200; ++count) {
    if (nibble::dense6_bytes(count) != (6 * count + 7) / 8) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("packing and unpacking agree with the bits for every count") {
  std::mt19937 random(1);
  int wrong = 0;
  for (std::size_t count = 0; count < 200; ++count) {
    byte_vector codes(count);
    for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random());
    byte_vector masked = codes;
    for (std::uint8_t& code : masked) code %= 64;
    const byte_vector expected = expected_bytes(masked);
    byte_vector packed(expected.size() + 2, 0xee);
    nibble::pack_dense6(codes, packed);
    byte_vector with_rest = expected;
    with_rest.insert(with_rest.end(), 2, 0xee);
    if (packed != with_rest) ++wrong;
    byte_vector unpacked(count, 0xee);
    nibble::unpack_dense6(expected, unpacked);
    if (unpacked != masked) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("short buffers throw before anything is written") {
  byte_vector packed(3, 0xee);
  CHECK_THROWS_WITH_AS(nibble::pack_dense6(byte_vector(5), packed),
                       "nibble: bytes has 3 bytes; 5 codes need at least 4", std::invalid_argument);
  byte_vector codes(5, 0xee);
  CHECK_THROWS_AS(nibble::unpack_dense6(packed, codes), std::invalid_argument);
  CHECK(packed == byte_vector(3, 0xee));
  CHECK(codes == byte_vector(5, 0xee));
}
