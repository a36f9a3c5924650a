// SPDX-License-Identifier: Apache-2.0
//
// Tiles cover a matrix once and end where blocks end; work on several threads is done once and its faults come back.
#include <tile.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <tensor_reader.hpp>
#include <vector>

using namespace nibble::tool;

TEST_CASE("tiles cover every element once and do not cut blocks") {
  bool covered = true, whole_blocks = true, small = true;
  for (const std::uint64_t rows : {1U, 2U, 15U, 16U, 17U, 100U}) {
    for (const std::uint64_t cols : {1U, 31U, 128U, 129U, 1000U, 5000U}) {
      for (const std::uint64_t block_rows : {1U, 16U}) {
        const tiling tiles({rows, cols}, block_rows, 2048);
        std::vector<int> seen(rows * cols);
        for (std::uint64_t i = 0; i < tiles.count(); ++i) {
          const tile t = tiles.at(i);
          small = small && t.size() <= tiles.max_size();
          whole_blocks = whole_blocks && t.row % block_rows == 0 && t.col % 128 == 0 &&
                         (t.row + t.rows == rows || t.rows % block_rows == 0) &&
                         (t.col + t.cols == cols || t.cols % 128 == 0);
          for (std::uint64_t r = t.row; r < t.row + t.rows; ++r)
            for (std::uint64_t c = t.col; c < t.col + t.cols; ++c) ++seen[r * cols + c];
        }
        for (const int times : seen) covered = covered && times == 1;
      }
    }
  }
  // Blocks of three end where tiles of a multiple of three columns do.
  const tiling threes({1, 5000}, 1, 1000, 384);
  for (std::uint64_t i = 0; i < threes.count(); ++i) whole_blocks = whole_blocks && threes.at(i).col % 384 == 0;
  CHECK(threes.count() == 7);
  CHECK(covered);
  CHECK(whole_blocks);
  CHECK(small);
  CHECK(tiling({0, 5}, 1).count() == 0);
  CHECK(tiling({5, 0}, 16).count() == 0);
  CHECK(tiling({1, std::uint64_t{1} << 62}, 1).max_size() == std::uint64_t{1} << 18);
}

TEST_CASE("shapes fold into rows") {
  const auto folds = [](const std::vector<std::uint64_t>& shape, std::uint64_t rows, std::uint64_t cols) {
    const matrix_shape m = fold(shape);
    return m.rows == rows && m.cols == cols;
  };
  CHECK(folds({}, 1, 1));
  CHECK(folds({7}, 1, 7));
  CHECK(folds({2, 3, 5}, 6, 5));
  CHECK(folds({2, 0, 5}, 0, 5));
  CHECK(folds({2, 5, 0}, 0, 0));
  CHECK(folds({0}, 0, 0));
}

TEST_CASE("a tile of columns is loaded row by row") {
  std::vector<float> values(6 * 300);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const stored_tensor tensor{"t", "F32", {6, 300}, std::as_bytes(std::span(values)), false};
  std::vector<float> part(2 * 44);
  tensor_reader(tensor).load({3, 2, 256, 44}, std::span<float>(part));
  CHECK(part[0] == 3 * 300 + 256);
  CHECK(part[43] == 3 * 300 + 299);
  CHECK(part[44] == 4 * 300 + 256);
  CHECK(part[87] == 4 * 300 + 299);
}

TEST_CASE("every half and bfloat16 pattern is loaded with its value") {
  std::vector<std::uint16_t> patterns(65536);
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
  const auto load = [&](const char* type) {
    const stored_tensor tensor{"t", type, {65536}, std::as_bytes(std::span(patterns)), false};
    std::vector<float> values(65536);
    load_elements(tensor, 0, std::span<float>(values));
    return values;
  };
  // The definition of IEEE 754 section 3.4, in doubles.
  const auto value = [](std::size_t bits, int mantissa_bits, int bias) {
    const auto field = static_cast<int>((bits & 0x7fff) >> mantissa_bits);
    const auto fraction = static_cast<double>(bits & ((1U << mantissa_bits) - 1)) / (1 << mantissa_bits);
    const double magnitude = field == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, field - bias);
    return bits >> 15 != 0 ? -magnitude : magnitude;
  };
  bool half = true, brain = true;
  const std::vector<float> halves = load("F16"), brains = load("BF16");
  for (std::size_t i = 0; i < 65536; ++i) {
    if ((i & 0x7c00) == 0x7c00) {
      half = half && ((i & 0x3ff) != 0 ? std::isnan(halves[i]) : std::isinf(halves[i])) &&
             std::signbit(halves[i]) == (i >> 15 != 0);
    } else {
      half = half && halves[i] == value(i, 10, 15) && std::signbit(halves[i]) == (i >> 15 != 0);
    }
    std::uint32_t bits = 0;
    std::memcpy(&bits, &brains[i], 4);
    brain = brain && bits == i << 16;
  }
  CHECK(half);
  CHECK(brain);
}

TEST_CASE("parallel work is done once, each worker alone, and a fault comes back") {
  for (const unsigned threads : {1U, 2U, 7U}) {
    std::vector<std::atomic<int>> times(1000), busy(threads);
    std::atomic<bool> alone = true;
    parallel_for(times.size(), threads, [&](std::uint64_t index, unsigned worker) {
      if (++busy[worker] != 1) alone = false;
      ++times[index];
      --busy[worker];
    });
    bool once = true;
    for (const auto& t : times) once = once && t == 1;
    CHECK(once);
    CHECK(alone);
    CHECK_THROWS_WITH_AS(parallel_for(100, threads,
                                      [](std::uint64_t index, unsigned) {
                                        if (index == 50) throw std::runtime_error("fifty");
                                      }),
                         "fifty", std::runtime_error);
  }
}
