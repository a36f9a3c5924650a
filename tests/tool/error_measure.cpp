// SPDX-License-Identifier: Apache-2.0
//
// add_errors against sums in double, element by element: the vector code sums in float32 where that can hold the
// squares, and must know where it cannot.
#include "error_measure.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nibble/block/block_format.hpp>
#include <random>
#include <string_view>
#include <vector>

namespace {

using namespace nibble;
using namespace nibble::tool;

struct rows {
  std::vector<float> before, after;
  std::vector<std::uint8_t> scales;
  std::size_t cols;
};

error_sums plainly(const rows& r, const clip_limits& limits) {
  error_sums sums;
  for (std::size_t i = 0; i < r.before.size(); ++i) {
    const double x = double{r.before[i]}, difference = double{r.after[i]} - x;
    ++sums.elements;
    if (!std::isfinite(x)) {
      ++sums.nonfinite;
      continue;
    }
    sums.signal += x * x;
    sums.noise += difference * difference;
    sums.error += std::signbit(x) ? -difference : difference;
    sums.largest = std::max(sums.largest, std::fabs(difference));
    if (x != 0 && r.after[i] == 0) ++sums.zeroed;
    if (std::fabs(x) > double{limits.data()[r.scales[i / 16]]}) ++sums.clipped;
  }
  return sums;
}

rows make(std::size_t cols, float size, bool specials) {
  rows r{std::vector<float>(cols), std::vector<float>(cols), std::vector<std::uint8_t>((cols + 15) / 16, 0x38), cols};
  std::mt19937 random(static_cast<unsigned>(cols));
  std::normal_distribution<float> normal;
  for (std::size_t i = 0; i < cols; ++i) {
    r.before[i] = i % 7 == 3 ? 0.0F : normal(random) * size;
    r.after[i] = i % 5 == 1 ? 0.0F : r.before[i] * 1.125F;
  }
  if (specials && cols > 9) {
    r.before[9] = std::numeric_limits<float>::quiet_NaN();
    r.before[cols / 2] = -std::numeric_limits<float>::infinity();
  }
  return r;
}

void check_near(const error_sums& got, const error_sums& wanted) {
  CHECK(got.elements == wanted.elements);
  CHECK(got.nonfinite == wanted.nonfinite);
  CHECK(got.zeroed == wanted.zeroed);
  CHECK(got.clipped == wanted.clipped);
  const auto near = [](double a, double b, double scale) { return std::fabs(a - b) <= 1e-5 * scale || a == b; };
  CHECK(near(got.signal, wanted.signal, wanted.signal));
  CHECK(near(got.largest, wanted.largest, wanted.largest));
  if (std::isnan(wanted.noise)) {  // an element that became NaN
    CHECK(std::isnan(got.noise));
    CHECK(std::isnan(got.error));
    return;
  }
  CHECK(near(got.noise, wanted.noise, wanted.noise));
  CHECK(near(got.error, wanted.error, std::sqrt(wanted.noise * static_cast<double>(wanted.elements))));
}

void compare(const rows& r) {
  const clip_limits limits(nibble::nvfp4, 1.0F);
  error_sums got;
  add_errors({r.before.data(), 1, r.cols}, r.after.data(), nibble::nvfp4, limits, r.scales.data(), r.scales.size(),
             got);
  check_near(got, plainly(r, limits));
}

TEST_CASE("Errors of rows of every size and length") {
  for (const float size : {1.0F, 1e-3F, 1e-15F, 1e-25F, 1e-38F, 1e15F, 1e25F, 1e37F}) {
    for (const std::size_t cols : {1U, 7U, 8U, 9U, 16U, 250U, 512U, 513U, 1031U, 4096U}) {
      CAPTURE(size);
      CAPTURE(cols);
      compare(make(cols, size, false));
      compare(make(cols, size, true));
    }
  }
}

TEST_CASE("One tiny error is no exact result") {
  rows r = make(512, 1.0F, false);
  r.after = r.before;
  r.before[100] = 0.0F;
  r.after[100] = 1e-30F;
  compare(r);
}

// add_coded_errors against the plain sums of what the library decodes, piece by piece: `numbers` are quantized row by
// row.
void compare_coded(const char* name, const std::vector<float>& numbers, std::size_t cols, rounding_mode rounding) {
  const block_codec& codec = *find_block_codec(name);
  const block_format& f = codec.format;
  REQUIRE(code_magnitudes::serves(codec));
  const std::size_t count = numbers.size() / cols, blocks = f.scale_cols(cols);
  std::vector<std::uint8_t> codes(count * f.row_bytes(cols)), scales(count * blocks);
  rows r{numbers, std::vector<float>(numbers.size()), {}, cols};
  const matrix_view<float> before(r.before.data(), count, cols);
  quantize_options options{.rounding = rounding};
  if (rounding == rounding_mode::stochastic) options.rounding = stochastic{.seed = 5};
  const float tensor_scale = codec.quantize(before, {codes.data(), f.row_bytes(cols), scales.data(), blocks}, options);
  const code_area<const std::uint8_t> area{codes.data(), f.row_bytes(cols), scales.data(), blocks};
  codec.dequantize(area, tensor_scale, count, cols, r.after.data());
  const clip_limits limits(f, tensor_scale);
  const code_magnitudes magnitudes(codec, tensor_scale);
  error_sums got;
  add_coded_errors(before, area, f, magnitudes, limits, 0, got);
  // plainly() takes a scale for each 16 elements of one row.
  error_sums wanted;
  for (std::size_t row = 0; row < count; ++row) {
    const auto begin = static_cast<std::ptrdiff_t>(row * cols), end = begin + static_cast<std::ptrdiff_t>(cols);
    rows one{
        {r.before.begin() + begin, r.before.begin() + end}, {r.after.begin() + begin, r.after.begin() + end}, {}, cols};
    for (std::size_t i = 0; i < cols; i += 16) {
      one.scales.push_back(scales[row * blocks + i / static_cast<std::size_t>(f.block_size)]);
    }
    wanted.add(plainly(one, limits));
  }
  check_near(got, wanted);
}

TEST_CASE("Errors of codes are those of what they decode to") {
  for (const char* name : {"nvfp4", "nvfp4-2d", "mxfp4", "luq4"}) {
    for (const float size : {1.0F, 1e-15F, 1e-25F, 1e15F, 1e25F}) {
      for (const std::size_t cols : {1U, 15U, 16U, 17U, 48U, 250U, 1024U, 1040U, 2100U, 4096U}) {
        const bool is_luq = std::string_view(name) == "luq4";
        CAPTURE(name);
        CAPTURE(size);
        CAPTURE(cols);
        std::vector<float> numbers = make(3 * cols, size, !is_luq).before;
        const auto rounding = is_luq ? rounding_mode::stochastic : rounding_mode::nearest_even;
        compare_coded(name, numbers, cols, rounding);
        // Without zeros, and signs of zero.
        for (float& x : numbers) x = x == 0 ? -size : x;
        compare_coded(name, numbers, cols, rounding);
        for (std::size_t i = 0; i < numbers.size(); i += 3) numbers[i] = -0.0F;
        compare_coded(name, numbers, cols, is_luq ? rounding : rounding_mode::upward);
      }
    }
  }
}

TEST_CASE("Bytes have no table of magnitudes") {
  CHECK_FALSE(code_magnitudes::serves(*find_block_codec("mxfp8-e4m3")));
}

}  // namespace
