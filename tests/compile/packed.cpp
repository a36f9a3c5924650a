// SPDX-License-Identifier: Apache-2.0
// Packing, layouts and views are constant expressions.
#include <array>
#include <cstdint>

#include <nibble/packed/pack4.hpp>
#include <nibble/packed/pack6.hpp>
#include <nibble/packed/packed_span.hpp>

using namespace nibble;
using six_codes = std::array<std::uint8_t, 6>;
using three_bytes = std::array<std::uint8_t, 3>;

constexpr six_codes counted{1, 2, 3, 4, 5, 6};

constexpr three_bytes packed(nibble_order order) {
  three_bytes bytes{};
  pack_nibbles(counted, bytes, order, 6);
  return bytes;
}
static_assert(packed(nibble_order::low_first) == three_bytes{0x21, 0x43, 0x65});
static_assert(packed(nibble_order::high_first) == three_bytes{0x12, 0x34, 0x56});
static_assert(packed(nibble_order::split_halves) == three_bytes{0x41, 0x52, 0x63});

constexpr six_codes unpacked(const three_bytes& bytes) {
  six_codes result{};
  unpack_nibbles(bytes, result);
  return result;
}
static_assert(unpacked({0x21, 0x43, 0x65}) == counted);

constexpr std::array<std::uint8_t, 5> dense() {
  std::array<std::uint8_t, 5> bytes{};
  pack_dense6(counted, bytes);
  return bytes;
}
static_assert(dense() == std::array<std::uint8_t, 5>{0x81, 0x30, 0x10, 0x85, 0x01});

constexpr float sum_of_positive() {
  three_bytes bytes{0x21, 0x43, 0x65};
  packed_span<formats::e2m1> view(bytes, 6);
  view[0] = e2m1{-1.0F};
  float sum = 0.0F;
  for (const e2m1 x : const_packed_span<formats::e2m1>(view)) sum += x > e2m1{0.0F} ? float(x) : 0.0F;
  return sum;
}
static_assert(sum_of_positive() == 1.0F + 1.5F + 2.0F + 3.0F + 4.0F);

static_assert(packed_bytes(formats::e2m1, 33) == 17 && packed_bytes(layouts::dense6, 16) == 12);
static_assert(locate(nibble_order::split_halves, 20, 32) == code_place{4, 4});
