// SPDX-License-Identifier: Apache-2.0
//
// A tensor in tiles and on threads gives what one call of the library gives for the whole of it.
#include <quantize_tensor.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <names.hpp>
#include <nibble/base/philox.hpp>
#include <span>
#include <vector>

using namespace nibble;
using namespace nibble::tool;

namespace {

std::vector<float> numbers(std::uint64_t count) {
  std::vector<float> values(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const philox_block block = random_block(11, 0, i);
    const float magnitude =
        std::ldexp(static_cast<float>(block.words[0] >> 8), -24 - static_cast<int>(block.words[1] % 8));
    values[i] = block.words[2] % 2 == 0 ? magnitude : -magnitude;
  }
  return values;
}

struct stored {
  std::vector<std::uint8_t> codes, scales;
  float tensor_scale = 1.0F;
  friend bool operator==(const stored&, const stored&) = default;
};

stored by_tiles(const std::vector<float>& values, const matrix_shape& shape, const quantize_job& job,
                unsigned threads) {
  const stored_tensor tensor{"t", "F32", {shape.rows, shape.cols}, std::as_bytes(std::span(values)), false};
  const tensor_reader reader(tensor);
  const block_format& f = job.codec->format;
  stored result;
  result.codes.resize(shape.rows * f.row_bytes(shape.cols));
  result.scales.resize(shape.rows * f.scale_cols(shape.cols));
  const auto sink = [&](const tile& part, const code_area<const std::uint8_t>& area) {
    for (std::uint64_t r = 0; r < part.rows; ++r) {
      std::uint8_t* codes = &result.codes[(part.row + r) * f.row_bytes(shape.cols) + f.row_bytes(part.col)];
      std::uint8_t* scales = &result.scales[(part.row + r) * f.scale_cols(shape.cols) + f.scale_cols(part.col)];
      std::memcpy(codes, area.codes + r * area.code_stride, f.row_bytes(part.cols));
      std::memcpy(scales, area.scales + r * area.scale_stride, f.scale_cols(part.cols));
    }
  };
  progress bar("test", 0);
  result.tensor_scale = quantize_tensor(reader, job, threads, sink, bar).tensor_scale;
  return result;
}

stored whole(const std::vector<float>& values, const matrix_shape& shape, const quantize_job& job) {
  const block_format& f = job.codec->format;
  stored result;
  result.codes.resize(shape.rows * f.row_bytes(shape.cols));
  result.scales.resize(shape.rows * f.scale_cols(shape.cols));
  quantize_options options;
  options.recipe = job.rules;
  if (job.rounding == rounding_mode::stochastic) {
    options.rounding = stochastic{.seed = job.seed, .stream = job.stream};
  } else if (job.rounding) {
    options.rounding = *job.rounding;
  }
  const code_area<std::uint8_t> area{result.codes.data(), f.row_bytes(shape.cols), result.scales.data(),
                                     f.scale_cols(shape.cols)};
  result.tensor_scale = job.codec->quantize(matrix_view<float>(values.data(), shape.rows, shape.cols), area, options);
  return result;
}

}  // namespace

TEST_CASE("tiles and threads change no bit") {
  // Bands of whole rows, a ragged end, and rows that are cut into columns.
  for (const matrix_shape shape : {matrix_shape{300, 1000}, {37, 33}, {1, 270001}, {17, 17001}}) {
    const std::vector<float> values = numbers(shape.size());
    for (const char* format : {"nvfp4", "nvfp4-2d", "mxfp6-e2m3", "mxint8"}) {
      for (const auto rounding : {rounding_mode::nearest_even, rounding_mode::stochastic}) {
        quantize_job job;
        job.codec = find_block_codec(format);
        job.rounding = rounding;
        job.seed = 9;
        job.stream = 77;
        const stored expected = whole(values, shape, job);
        CAPTURE(format);
        CAPTURE(shape.rows);
        CHECK(by_tiles(values, shape, job, 1) == expected);
        CHECK(by_tiles(values, shape, job, 3) == expected);
        job.is_measured = false;
        CHECK(by_tiles(values, shape, job, 2) == expected);
      }
    }
  }
}

TEST_CASE("NaN and Inf reach every tile as the recipe has it") {
  const matrix_shape shape{300, 1000};
  std::vector<float> values = numbers(shape.size());
  values[299 * 1000 + 5] = std::numeric_limits<float>::quiet_NaN();
  values[17] = -std::numeric_limits<float>::infinity();
  for (const std::string& name : recipe_names()) {
    for (const char* format : {"nvfp4", "mxfp4"}) {
      quantize_job job;
      job.codec = find_block_codec(format);
      if (name == "floor" || name == "ceil" || name == "rceil" || name == "even" || name == "microxcaling") {
        if (job.codec->format.tensor_scale) continue;
      }
      if (name == "compressed-tensors" && !job.codec->format.tensor_scale) continue;
      job.rules = recipe_by_name(name, job.codec->format, format);
      CAPTURE(name);
      CAPTURE(format);
      const stored expected = whole(values, shape, job), tiles = by_tiles(values, shape, job, 2);
      CHECK(tiles.codes == expected.codes);
      CHECK(tiles.scales == expected.scales);
      CHECK(std::memcmp(&tiles.tensor_scale, &expected.tensor_scale, sizeof(float)) == 0);
    }
  }
}

TEST_CASE("error figures of a tensor worked by hand") {
  // One block of MXFP4 under the scale 1/2 (code 126): the largest number is 3.
  const std::vector<float> before{1, -2, 0, 4, std::numeric_limits<float>::quiet_NaN(), 0.5F, -3, 3.0000002F};
  const std::vector<float> after{1, -1.5F, 0, 4, 7, 0, -3, 3};
  const std::uint8_t scale = 126;
  error_sums sums;
  const clip_limits limits(mxfp4, 1.0F);
  add_errors(matrix_view<float>(before.data(), 1, 8), after.data(), mxfp4, limits, &scale, 1, sums);
  const double last = 3.0000002F;
  CHECK(sums.signal == 30.25 + last * last);
  CHECK(sums.noise == 0.5 + (last - 3) * (last - 3));
  CHECK(sums.largest == 0.5);
  CHECK(sums.elements == 8);
  CHECK(sums.nonfinite == 1);
  CHECK(sums.zeroed == 1);
  CHECK(sums.clipped == 2);
  CHECK(sums.relative_mse() == doctest::Approx(0.5 / 39.25));
  CHECK(sums.sqnr_db() == doctest::Approx(18.9487));
  // Along x: -1/2 at -2 and at 1/2, and the last step; over 7 finite elements.
  const double error = -1 + (3 - last);
  CHECK(sums.error == error);
  CHECK(sums.relative_bias() == doctest::Approx(error / 7 / std::sqrt(sums.signal / 7)));
  CHECK(sums.bias_error() == doctest::Approx(std::sqrt((sums.noise - error * error / 7) / 6 / sums.signal)));
  CHECK(sums.bias_z() == doctest::Approx(-1.0 / 7 / std::sqrt((0.5 - 1.0 / 7) / 6 / 7)));
  CHECK(error_sums{}.relative_bias() == 0);
  CHECK(error_sums{}.bias_error() == 0);
  CHECK(error_sums{}.bias_z() == 0);
  CHECK(sqnr_text(sums) == "18.9");
  CHECK(error_sums{}.relative_mse() == 0);
  CHECK(sqnr_text(error_sums{}) == "exact");
}

TEST_CASE("error sums of rows of every length are those of one element after the other") {
  for (std::size_t cols = 1; cols < 150; ++cols) {
    std::vector<float> before = numbers(3 * cols), after(3 * cols);
    for (std::size_t i = 0; i < before.size(); ++i) {
      // Quarters of small numbers: every sum is exact, in any order.
      before[i] = std::floor(before[i] * 64) / 4;
      after[i] = i % 5 == 0 ? 0 : std::floor(before[i]);
    }
    const std::size_t blocks = (cols + 15) / 16;
    std::vector<std::uint8_t> scales(3 * blocks);
    for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = static_cast<std::uint8_t>(0x28 + 5 * i % 40);
    const float tensor_scale = 0.75F;
    error_sums wanted, got;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const double x = before[i], y = after[i];
      const std::uint8_t scale = scales[i / cols * blocks + i % cols / 16];
      wanted.signal += x * x;
      wanted.noise += (y - x) * (y - x);
      wanted.error += std::signbit(before[i]) ? x - y : y - x;
      wanted.largest = std::max(wanted.largest, std::abs(y - x));
      wanted.elements += 1;
      wanted.zeroed += x != 0 && y == 0 ? 1U : 0U;
      // E4M3, normal numbers only.
      const double value = std::ldexp(1.0 + (scale & 7U) / 8.0, (scale >> 3) - 7);
      wanted.clipped += std::abs(x) > 6.0 * value * 0.75 ? 1U : 0U;
    }
    add_errors(matrix_view<float>(before.data(), 3, cols), after.data(), nvfp4, clip_limits(nvfp4, tensor_scale),
               scales.data(), blocks, got);
    const bool same = got.signal == wanted.signal && got.noise == wanted.noise && got.error == wanted.error &&
                      got.largest == wanted.largest && got.elements == wanted.elements && got.zeroed == wanted.zeroed &&
                      got.clipped == wanted.clipped;
    CAPTURE(cols);
    CHECK(same);
  }
}
