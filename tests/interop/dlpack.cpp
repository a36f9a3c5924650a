// SPDX-License-Identifier: Apache-2.0
//
// DLPack: the numbers of dlpack.h 1.1, written down a second time.
#include <doctest/doctest.h>

#include <type_traits>

#include <nibble/interop/dlpack.hpp>

namespace {

/// DLDataType as dlpack.h declares it.
struct data_type {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
static_assert(sizeof(nibble::dlpack_type) == sizeof(data_type) && std::is_trivially_copyable_v<nibble::dlpack_type>);
static_assert(offsetof(nibble::dlpack_type, bits) == offsetof(data_type, bits));
static_assert(offsetof(nibble::dlpack_type, lanes) == offsetof(data_type, lanes));

bool is(const nibble::float_format& f, int code, int bits) {
  data_type t{99, 99, 99};
  return nibble::fill_dlpack_type(t, f) && t.code == code && t.bits == bits && t.lanes == 1;
}

}  // namespace

TEST_CASE("type codes") {
  using namespace nibble::formats;
  CHECK(is(f16, 2, 16));
  CHECK(is(f32, 2, 32));
  CHECK(is(bf16, 4, 16));
  CHECK(is(e3m4, 7, 8));
  CHECK(is(e4m3ieee, 8, 8));
  CHECK(is(e4m3b11fnuz, 9, 8));
  CHECK(is(e4m3, 10, 8));
  CHECK(is(e4m3fnuz, 11, 8));
  CHECK(is(e5m2, 12, 8));
  CHECK(is(e5m2fnuz, 13, 8));
  CHECK(is(e8m0, 14, 8));
  CHECK(is(e2m3, 15, 6));
  CHECK(is(e3m2, 16, 6));
  CHECK(is(e2m1, 17, 4));
}

TEST_CASE("formats without a name leave the type alone") {
  for (const auto& f : {nibble::formats::ue4m3, nibble::formats::e3m0, nibble::formats::mxint8}) {
    data_type t{99, 98, 97};
    CHECK_FALSE(nibble::fill_dlpack_type(t, f));
    CHECK(t.code == 99);
    CHECK(t.bits == 98);
    CHECK(t.lanes == 97);
  }
}

TEST_CASE("flags: packed little-endian, padded, or neither") {
  using namespace nibble;
  CHECK(dlpack_flags_of(formats::e2m1, layouts::nibbles_low_first) == std::uint64_t{0});
  CHECK(dlpack_flags_of(formats::e2m1, layouts::bytes) == std::uint64_t{4});
  CHECK(dlpack_flags_of(formats::e2m3, layouts::dense6) == std::uint64_t{0});
  CHECK(dlpack_flags_of(formats::e2m3, layouts::bytes) == std::uint64_t{4});
  CHECK(dlpack_flags_of(formats::e4m3, layouts::bytes) == std::uint64_t{0});
  CHECK(dlpack_flags_of(formats::bf16, layouts::words) == std::uint64_t{0});
  CHECK_FALSE(dlpack_flags_of(formats::e2m1, layouts::nibbles_high_first).has_value());
  CHECK_FALSE(dlpack_flags_of(formats::e2m1, layouts::ggml_mxfp4).has_value());
  CHECK_FALSE(dlpack_flags_of(formats::e2m1, layouts::dense6).has_value());
  CHECK_FALSE(dlpack_flags_of(formats::e4m3, layouts::words).has_value());
  CHECK_FALSE(dlpack_flags_of(formats::e4m3, layouts::dense6).has_value());
  CHECK_FALSE(dlpack_flags_of(formats::bf16, layouts::bytes).has_value());
  CHECK_FALSE(dlpack_flags_of(formats::e2m1, packed_layout{.slot_bits = 3}).has_value());
}
