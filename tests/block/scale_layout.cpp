// SPDX-License-Identifier: Apache-2.0
//
// The 128x4-tile layout of scales against tests/vectors and against its formula, both ways.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include <oracle/tensors.hpp>
#include <oracle/vectors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::tiled_scale_bytes;
using nibble::tiled_scale_offset;

/// cuBLAS manual 3.1.4.4, in units of 128 rows: lanes of 16 bytes, four words a lane, four columns a word.
std::size_t offset_by_fields(std::size_t r, std::size_t c, std::size_t cols) {
  const std::size_t tiles_across = cols % 4 == 0 ? cols / 4 : cols / 4 + 1;
  std::size_t offset = r >> 7;
  offset = offset * tiles_across + (c >> 2);
  offset = offset * 32 + (r & 31);
  offset = offset * 4 + ((r >> 5) & 3);
  return offset * 4 + (c & 3);
}

std::string message_of(void (*action)()) {
  try {
    action();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("scale layout: published offsets") {
  for (const shape& s : {shape{128, 4}, shape{130, 5}}) {
    const auto offsets = oracle::words_of(oracle::read_vector(
        "scale_layout/offset_" + std::to_string(s.rows) + "x" + std::to_string(s.columns) + ".i32"));
    REQUIRE(offsets.size() == s.rows * s.columns);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      if (tiled_scale_offset(i / s.columns, i % s.columns, s.columns) != offsets[i]) ++wrong;
    }
    CHECK(wrong == 0);
  }
  CHECK(tiled_scale_bytes(128, 4) == 512);
  CHECK(tiled_scale_bytes(130, 5) == 2048);
  CHECK(tiled_scale_bytes(0, 5) == 0);
  CHECK(tiled_scale_bytes(1, 0) == 0);
}

TEST_CASE("scale layout: every scale has its own place, the rest is zero, and the way back") {
  differences found;
  for (const shape& s : {shape{1, 1}, shape{31, 3}, shape{32, 4}, shape{127, 9}, shape{128, 8}, shape{129, 13},
                         shape{300, 17}, shape{256, 1}}) {
    std::vector<std::uint8_t> scales(s.rows * s.columns);
    oracle::generator g(s.rows);
    for (auto& scale : scales) scale = static_cast<std::uint8_t>(1 + g.below(255));
    const std::size_t padded_rows = (s.rows + 127) / 128 * 128;
    const std::size_t padded_cols = (s.columns + 3) / 4 * 4;
    std::vector<std::uint8_t> tiled(padded_rows * padded_cols, 0xA5);
    nibble::tile_scales(scales, s.rows, s.columns, tiled);
    std::vector<std::uint8_t> wanted(tiled.size());
    std::vector<std::uint8_t> taken(tiled.size());
    bool once = true;
    for (std::size_t r = 0; r < padded_rows; ++r) {
      for (std::size_t c = 0; c < padded_cols; ++c) {
        const std::size_t offset = offset_by_fields(r, c, s.columns);
        found.expect(offset == tiled_scale_offset(r, c, s.columns), "offset");
        once = once && offset < taken.size() && taken[offset] == 0;
        if (!once) break;
        taken[offset] = 1;
        if (r < s.rows && c < s.columns) wanted[offset] = scales[r * s.columns + c];
      }
    }
    found.expect(once, "places are taken once");
    found.compare("tiled", tiled, wanted);
    std::vector<std::uint8_t> back(scales.size(), 0xA5);
    for (std::size_t i = 0; i < tiled.size(); ++i) {
      if (wanted[i] == 0) tiled[i] = 0x77;  // padding is not read
    }
    nibble::untile_scales(tiled, s.rows, s.columns, back);
    found.compare("untiled", back, scales);
  }
  NIBBLE_CHECK_EQUAL(found, 8 * 3);
}

TEST_CASE("scale layout: scales of a tensor") {
  differences found;
  const source s(oracle::make_tensor(oracle::tensor_mode::wide, 130, 150, 1));
  const auto check = [&](const auto& q, std::size_t rows, std::size_t cols) {
    std::vector<std::uint8_t> wanted((rows + 127) / 128 * 128 * ((cols + 3) / 4 * 4));
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < cols; ++c) wanted[offset_by_fields(r, c, cols)] = q.scales()[r * cols + c];
    }
    found.compare("swizzled", nibble::swizzled_scales(q), wanted);
  };
  check(nibble::quantize<nibble::nvfp4>(s.view()), 130, 10);
  check(nibble::quantize<nibble::nvfp4_2d>(s.view()), 130, 10);
  check(nibble::quantize<nibble::mxfp8_e4m3>(s.view()), 130, 5);
  NIBBLE_CHECK_EQUAL(found, 3);
  CHECK(nibble::swizzled_scales(nibble::block_tensor<nibble::nvfp4>()).empty());
}

TEST_CASE("scale layout: sizes that do not fit") {
  static std::vector<std::uint8_t> scales(130 * 5, 1);
  static std::vector<std::uint8_t> tiled(2048, 0xA5);
  static std::vector<std::uint8_t> small(10, 0xA5);
  const auto contains = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  auto message = message_of([] { nibble::tile_scales(small, 130, 5, tiled); });
  CHECK((contains(message, "scales has 10") && contains(message, "650")));
  message = message_of([] { nibble::tile_scales(scales, 130, 5, small); });
  CHECK((contains(message, "tiled has 10") && contains(message, "2048")));
  message = message_of([] { nibble::untile_scales(tiled, 130, 5, small); });
  CHECK((contains(message, "scales has 10") && contains(message, "650")));
  message = message_of([] { nibble::untile_scales(small, 130, 5, scales); });
  CHECK((contains(message, "tiled has 10") && contains(message, "2048")));
  // Products that wrap around to 0 are the size of an empty span.
  message = message_of([] { nibble::tile_scales({}, std::size_t{1} << 32, std::size_t{1} << 32, {}); });
  CHECK(contains(message, "4294967296 x 4294967296"));
  message = message_of([] { nibble::untile_scales({}, std::size_t{1} << 63, 2, {}); });
  CHECK(contains(message, "9223372036854775808 x 2"));
  message = message_of([] { nibble::tile_scales(scales, ~std::size_t{0}, 1, {}); });
  CHECK(contains(message, "18446744073709551615 x 1"));
  message = message_of([] { nibble::untile_scales({}, 1, ~std::size_t{0} - 100, scales); });
  CHECK(contains(message, "1 x 18446744073709551515"));
  CHECK_NOTHROW(nibble::tile_scales({}, 1000, 0, {}));
  CHECK_NOTHROW(nibble::untile_scales({}, 0, ~std::size_t{0}, {}));
  CHECK(tiled == std::vector<std::uint8_t>(2048, 0xA5));
  CHECK(small == std::vector<std::uint8_t>(10, 0xA5));
  CHECK(scales == std::vector<std::uint8_t>(130 * 5, 1));
}
