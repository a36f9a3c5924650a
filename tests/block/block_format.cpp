// SPDX-License-Identifier: Apache-2.0
//
// What follows from a block format: sizes of codes and scales, bits an element, names, and which values are no format.
#include <doctest/doctest.h>

#include <string_view>

#include <nibble/block/block_format.hpp>

namespace {

using nibble::block_format;
using namespace nibble::formats;

struct expected {
  block_format format;
  std::size_t rows, cols, row_bytes, scale_rows, scale_cols, scale_bytes;
};
constexpr expected table[] = {
    {nibble::nvfp4, 20, 33, 17, 20, 3, 1},           {nibble::nvfp4_2d, 20, 33, 17, 20, 3, 1},
    {nibble::mxfp4, 20, 33, 17, 20, 2, 1},           {nibble::mxfp6_e2m3, 20, 33, 33, 20, 2, 1},
    {nibble::mxfp6_e3m2, 20, 32, 32, 20, 1, 1},      {nibble::mxfp8_e4m3, 20, 64, 64, 20, 2, 1},
    {nibble::mxfp8_e5m2, 20, 65, 65, 20, 3, 1},      {nibble::mxint8, 1, 1, 1, 1, 1, 1},
    {nibble::fp8_per_tensor, 20, 300, 300, 1, 1, 4}, {nibble::fp8_per_row, 20, 300, 300, 20, 1, 4},
    {nibble::fp8_128x128, 129, 300, 300, 2, 3, 4},   {nibble::ggml_mxfp4, 2, 33, 32, 2, 2, 1},
    {nibble::ggml_nvfp4, 2, 33, 24, 2, 3, 1}};

constexpr bool sizes_are_right() {
  for (const expected& e : table) {
    const bool right = e.format.is_valid() && e.format.row_bytes(e.cols) == e.row_bytes &&
                       e.format.scale_rows(e.rows) == e.scale_rows && e.format.scale_cols(e.cols) == e.scale_cols &&
                       e.format.scale_bytes() == e.scale_bytes;
    if (!right) return false;
  }
  return true;
}
static_assert(sizes_are_right());

/// `f` with one field changed by `change`.
template <class Change>
constexpr block_format changed(block_format f, Change change) {
  change(f);
  return f;
}

}  // namespace

TEST_CASE("block_format: sizes") {
  CHECK(sizes_are_right());
  CHECK(nibble::fp8_per_tensor.block_cols(7) == 7);
  CHECK(nibble::fp8_per_tensor.rows_per_block(9) == 9);
  CHECK(nibble::fp8_per_row.rows_per_block(9) == 1);
  CHECK(nibble::fp8_per_tensor.block_cols(0) == 1);
  CHECK(nibble::fp8_per_tensor.rows_per_block(0) == 1);
  CHECK(nibble::nvfp4.scale_cols(0) == 0);
  CHECK(nibble::nvfp4.row_bytes(0) == 0);
  CHECK(nibble::nvfp4.block_cols(5) == 16);
}

TEST_CASE("block_format: stored bits an element") {
  CHECK(nibble::nvfp4.bits_per_element() == 4.5);
  CHECK(nibble::nvfp4_2d.bits_per_element() == 4.5);
  CHECK(nibble::mxfp4.bits_per_element() == 4.25);
  CHECK(nibble::mxfp6_e2m3.bits_per_element() == 8.25);
  CHECK(changed(nibble::mxfp6_e2m3, [](auto& f) { f.packing = nibble::layouts::dense6; }).bits_per_element() == 6.25);
  CHECK(nibble::mxfp8_e5m2.bits_per_element() == 8.25);
  CHECK(nibble::mxint8.bits_per_element() == 8.25);
  CHECK(nibble::fp8_128x128.bits_per_element() == 8.0 + 32.0 / (128 * 128));
  CHECK(nibble::ggml_mxfp4.bits_per_element() == 4.25);
}

TEST_CASE("block_format: scales that are powers of two") {
  CHECK(nibble::mxfp4.power_of_two_scale());
  CHECK_FALSE(nibble::nvfp4.power_of_two_scale());
  CHECK_FALSE(nibble::fp8_per_row.power_of_two_scale());
}

TEST_CASE("block_format: values that are no format") {
  using nibble::mxfp4;
  using nibble::mxfp8_e4m3;
  CHECK_FALSE(changed(mxfp4, [](auto& f) { f.tensor_scale = true; }).is_valid());
  CHECK_FALSE(changed(mxfp4, [](auto& f) { f.block_size = 31; }).is_valid());
  CHECK_FALSE(changed(mxfp4, [](auto& f) { f.block_size = -32; }).is_valid());
  CHECK_FALSE(changed(mxfp4, [](auto& f) { f.block_rows = -1; }).is_valid());
  CHECK_FALSE(changed(mxfp4, [](auto& f) { f.packing = nibble::layouts::ggml_nvfp4; }).is_valid());
  CHECK(changed(mxfp4, [](auto& f) { f.packing = nibble::layouts::ggml_mxfp4; }).is_valid());
  CHECK_FALSE(changed(mxfp4, [](auto& f) { f.packing.slot_bits = 5; }).is_valid());
  CHECK_FALSE(changed(mxfp8_e4m3, [](auto& f) { f.packing = nibble::layouts::nibbles_low_first; }).is_valid());
  CHECK_FALSE(changed(mxfp8_e4m3, [](auto& f) { f.packing = nibble::layouts::dense6; }).is_valid());
  CHECK_FALSE(changed(mxfp8_e4m3, [](auto& f) { f.element = bf16; }).is_valid());
  CHECK_FALSE(changed(mxfp8_e4m3, [](auto& f) { f.scale = {.exponent_bits = 11, .mantissa_bits = 0, .bias = 1000}; })
                  .is_valid());
  CHECK_FALSE(changed(mxfp8_e4m3, [](auto& f) { f.element = {.exponent_bits = 0, .mantissa_bits = 0}; }).is_valid());
  CHECK(changed(mxfp8_e4m3, [](auto& f) { f.scale = bf16; }).is_valid());
}

TEST_CASE("block_format: names") {
  constexpr std::string_view names[] = {"nvfp4",      "nvfp4-2d",   "mxfp4",      "mxfp6-e2m3",
                                        "mxfp6-e3m2", "mxfp8-e4m3", "mxfp8-e5m2", "mxint8"};
  const block_format formats[] = {nibble::nvfp4,      nibble::nvfp4_2d,   nibble::mxfp4,      nibble::mxfp6_e2m3,
                                  nibble::mxfp6_e3m2, nibble::mxfp8_e4m3, nibble::mxfp8_e5m2, nibble::mxint8};
  REQUIRE(std::size(nibble::named_block_formats) == std::size(names));
  for (std::size_t i = 0; i < std::size(names); ++i) {
    CHECK(nibble::named_block_formats[i].name == names[i]);
    CHECK(nibble::named_block_formats[i].format == formats[i]);
  }
}
