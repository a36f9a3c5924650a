// SPDX-License-Identifier: Apache-2.0
//
// packed_reference: reads and writes one code, as a reference would.
#include <doctest/doctest.h>

#include <type_traits>
#include <utility>
#include <vector>

#include <nibble/packed/reference.hpp>

using byte_vector = std::vector<std::uint8_t>;
using reference = nibble::packed_reference<nibble::formats::e2m1, nibble::layouts::nibbles_low_first>;

TEST_CASE("reading") {
  byte_vector buffer{0x73};
  const reference low(buffer.data(), 0);
  const reference high(buffer.data(), 1);
  CHECK(low.bits() == 0x3);
  CHECK(float(low) == 1.5F);
  CHECK(double(high) == 6.0);
  const nibble::e2m1 x = high;
  CHECK(x.bits() == 0x7);
  CHECK(low == nibble::e2m1{1.5F});
  CHECK(nibble::e2m1{1.5F} == low);
  CHECK(low != high);
  CHECK(low < high);
  CHECK(high > nibble::e2m1{4.0F});
  CHECK(nibble::e2m1{4.0F} < high);
}

TEST_CASE("assignment writes the code and leaves the neighbour") {
  byte_vector buffer{0x73, 0x00};
  reference(buffer.data(), 0) = nibble::e2m1{-0.5F};
  CHECK(buffer == byte_vector{0x79, 0x00});
  const reference high(buffer.data(), 1);
  high = nibble::e2m1{1.0F};
  CHECK(buffer == byte_vector{0x29, 0x00});
}

TEST_CASE("assigning a reference assigns the number, to and from const ones") {
  byte_vector buffer{0x73, 0x00};
  reference a(buffer.data(), 0);
  reference b(buffer.data(), 2);
  b = a;
  CHECK(buffer == byte_vector{0x73, 0x03});
  const reference c(buffer.data(), 3);
  c = std::as_const(a);
  CHECK(buffer == byte_vector{0x73, 0x33});
  reference copy(a);
  copy = nibble::e2m1{0.0F};
  CHECK(a.bits() == 0);
}

TEST_CASE("swap exchanges numbers, in one byte too") {
  byte_vector buffer{0x73, 0x0a};
  swap(reference(buffer.data(), 0), reference(buffer.data(), 1));
  CHECK(buffer == byte_vector{0x37, 0x0a});
  swap(reference(buffer.data(), 0), reference(buffer.data(), 2));
  CHECK(buffer == byte_vector{0x3a, 0x07});
}

TEST_CASE("a reference converts to the number alone") {
  CHECK(std::is_convertible_v<reference, nibble::e2m1>);
  CHECK_FALSE(std::is_convertible_v<reference, float>);
  CHECK_FALSE(std::is_assignable_v<reference&, float>);
}
