// SPDX-License-Identifier: Apache-2.0
//
// Layouts: single codes against the packers, and the neighbours that a store must leave alone.
#include <doctest/doctest.h>

#include <random>
#include <vector>

#include <nibble/packed/layout.hpp>
#include <nibble/packed/pack4.hpp>
#include <number/every_format.hpp>

using byte_vector = std::vector<std::uint8_t>;
using nibble::packed_layout;

namespace {

constexpr packed_layout all[] = {nibble::layouts::nibbles_low_first,
                                 nibble::layouts::nibbles_high_first,
                                 nibble::layouts::ggml_mxfp4,
                                 nibble::layouts::ggml_nvfp4,
                                 nibble::layouts::dense6,
                                 nibble::layouts::bytes,
                                 nibble::layouts::words};

/// Positions of the bits that are set.
std::vector<std::size_t> ones(const byte_vector& buffer) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < 8 * buffer.size(); ++i) {
    if ((buffer[i / 8] >> (i % 8) & 1) != 0) places.push_back(i);
  }
  return places;
}

}  // namespace

TEST_CASE("a stored code is loaded again, and slots do not overlap") {
  int wrong = 0;
  for (const packed_layout& layout : all) {
    const std::size_t count = 70;
    const std::size_t size = nibble::packed_bytes(layout, count);
    byte_vector covered(size, 0);
    for (std::size_t i = 0; i < count; ++i) {
      byte_vector buffer(size, 0);
      nibble::store_code(layout, buffer.data(), i, ~0U);
      const auto places = ones(buffer);
      if (places.size() != static_cast<std::size_t>(layout.slot_bits)) ++wrong;
      for (const std::size_t place : places) {
        if ((covered[place / 8] >> (place % 8) & 1) != 0) ++wrong;
        covered[place / 8] = static_cast<std::uint8_t>(covered[place / 8] | 1 << (place % 8));
      }
      byte_vector full(size, 0xff);
      nibble::store_code(layout, full.data(), i, 0);
      for (std::size_t k = 0; k < size; ++k) wrong += (full[k] ^ buffer[k]) == 0xff ? 0 : 1;
      if (nibble::load_code(layout, full.data(), i) != 0) ++wrong;
      if (nibble::load_code(layout, buffer.data(), i) != (1U << layout.slot_bits) - 1U) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("single codes lie where the packers put them") {
  std::mt19937 random(2);
  int wrong = 0;
  for (std::size_t count = 0; count < 80; ++count) {
    byte_vector codes(count);
    for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random() % 16);
    for (const packed_layout& layout : {all[0], all[1], all[2], all[3], all[4]}) {
      byte_vector one_by_one(nibble::packed_bytes(layout, count), 0);
      byte_vector at_once = one_by_one;
      for (std::size_t i = 0; i < count; ++i) nibble::store_code(layout, one_by_one.data(), i, codes[i]);
      if (layout.slot_bits == 6) {
        nibble::pack_dense6(codes, at_once);
      } else {
        nibble::pack_nibbles(codes, at_once, layout.order, static_cast<std::size_t>(layout.group));
      }
      if (one_by_one != at_once) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("words are little-endian") {
  byte_vector buffer(4, 0);
  nibble::store_code(nibble::layouts::words, buffer.data(), 1, 0x1234);
  CHECK(buffer == byte_vector{0, 0, 0x34, 0x12});
  CHECK(nibble::load_code(nibble::layouts::words, buffer.data(), 1) == 0x1234);
}

TEST_CASE("the default layout holds a code of its format") {
  using namespace nibble;
  CHECK(default_layout(formats::e2m1) == layouts::nibbles_low_first);
  CHECK(default_layout(formats::e2m3) == layouts::bytes);
  CHECK(default_layout(formats::e4m3) == layouts::bytes);
  CHECK(default_layout(formats::ue4m3) == layouts::bytes);
  CHECK(default_layout(formats::bf16) == layouts::words);
  CHECK(packed_bytes(formats::e2m1, 7) == 4);
  CHECK(packed_bytes(formats::e3m2, 7) == 7);
  CHECK(packed_bytes(formats::f16, 7) == 14);
  CHECK(packed_bytes(layouts::dense6, 7) == 6);
  CHECK(packed_bytes(layouts::ggml_nvfp4, 17) == 16);
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    if (!default_layout(p.format).is_valid() || default_layout(p.format).slot_bits < p.reference.bits()) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("layouts that make no sense are not valid") {
  CHECK_FALSE(packed_layout{.slot_bits = 5}.is_valid());
  CHECK_FALSE(packed_layout{.slot_bits = 4, .order = nibble::nibble_order::split_halves, .group = 3}.is_valid());
  CHECK_FALSE(packed_layout{.slot_bits = 4, .group = 0}.is_valid());
  CHECK_FALSE(packed_layout{.slot_bits = 4, .order = static_cast<nibble::nibble_order>(3)}.is_valid());
}
