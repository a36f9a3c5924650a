// SPDX-License-Identifier: Apache-2.0
//
// Compressed 2:4 storage: every mask, both ways, pruning on the way, and the order of CUTLASS by its published formula.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/sparse_storage.hpp>

namespace {

using namespace nibble;

TEST_CASE("metadata of all 16 masks: two rising indexes that cover the mask") {
  for (std::uint32_t mask = 0; mask < 16; ++mask) {
    const std::uint32_t code = metadata_2_4(mask);
    const std::uint32_t low = code & 3;
    const std::uint32_t high = code >> 2;
    CHECK(low < high);
    CHECK(high < 4);
    const std::uint32_t covered = 1U << low | 1U << high;
    const bool is_small = mask == 0 || (mask & (mask - 1)) == 0 || ((mask & (mask - 1)) & ((mask & (mask - 1)) - 1)) == 0;
    if (is_small) CHECK((mask & ~covered) == 0);
  }
  CHECK(metadata_2_4(0b0011) == 0b0100);
  CHECK(metadata_2_4(0b1010) == 0b1101);
  CHECK(metadata_2_4(0b1100) == 0b1110);
  CHECK(metadata_2_4(0) == 0b0100);
  CHECK(metadata_2_4(0b1000) == 0b1100);
}

TEST_CASE("a worked tensor, with a cut tail") {
  const std::vector<float> x = {0, 7, 0, -2, 1, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 9, 0, 5};
  std::vector<float> values(10);
  std::vector<std::uint16_t> metadata(2);
  compress_2_4(x, values, metadata);
  CHECK(values == std::vector<float>{7, -2, 1, 0, 3, 4, 0, 9, 0, 5});
  CHECK(metadata[0] == 0xce4d);
  CHECK(metadata[1] == 0x0004);
  std::vector<float> back(x.size(), -1.0F);
  decompress_2_4(values, metadata, back);
  CHECK(back == x);
}

TEST_CASE("both ways over random sparse tensors; wrong input is refused before anything is written") {
  std::mt19937 generator(1);
  for (std::size_t count = 0; count < 70; ++count) {
    std::vector<float> x(count);
    for (std::size_t b = 0; b < count; b += 4) {
      for (int k = 0; k < 2; ++k) {
        const std::size_t i = b + generator() % 4;
        if (i < count) x[i] = static_cast<float>(static_cast<int>(generator() % 7) - 3);
      }
    }
    const std::size_t blocks = (count + 3) / 4;
    std::vector<float> values(2 * blocks);
    std::vector<std::uint16_t> metadata((blocks + 3) / 4);
    std::vector<float> back(count, -1.0F);
    compress_2_4(x, values, metadata);
    decompress_2_4(values, metadata, back);
    CHECK(back == x);
  }
  std::vector<float> x(32, 0.0F);
  for (std::size_t i = 0; i < 3; ++i) x[29 + i] = 1;
  std::vector<float> values(16, -1.0F);
  std::vector<std::uint16_t> metadata(2, 0xffff);
  CHECK_THROWS_AS(compress_2_4(x, values, metadata), std::invalid_argument);
  CHECK(values == std::vector<float>(16, -1.0F));
  CHECK(metadata == std::vector<std::uint16_t>(2, 0xffff));
  CHECK_THROWS_AS(compress_2_4(x, std::span(values).first(15), metadata), std::invalid_argument);
  CHECK_THROWS_AS(decompress_2_4(values, std::span(metadata).first(1), x), std::invalid_argument);
}

template <class Method>
void check_fused(const Method& method) {
  std::mt19937 generator(2);
  std::normal_distribution<float> normal;
  std::vector<float> x(1001);
  for (float& v : x) v = generator() % 3 == 0 ? 0.0F : normal(generator);
  const std::vector<float> pruned = sparsify<2, 4>(std::span<const float>(x), method);
  std::vector<float> values(502);
  std::vector<std::uint16_t> metadata(63);
  std::vector<float> back(x.size());
  compress_2_4(x, values, metadata, method);
  decompress_2_4(values, metadata, back);
  CHECK(back == pruned);
}

TEST_CASE("pruning and compressing in one pass") {
  check_fused(magnitude{});
  check_fused(minimum_variance{.seed = 5});
  check_fused(minimum_variance{.seed = 6, .bits = 16});
  check_fused(sequential_draws{.seed = 7});
}

/// The same map as tensors of torch.sparse compute it, step by step.
std::size_t published_offset(std::size_t rows, std::size_t row, std::size_t col, std::size_t bytes) {
  const std::size_t group = bytes == 2 ? 32 : 16;
  const std::size_t interweave = bytes == 2 ? 4 : 2;
  std::size_t r = row / group * group + row % 8 * interweave + row % group / 8;
  std::size_t c = col;
  if (r % 2 == 0 && c % 2 == 1) {
    ++r;
    --c;
  } else if (r % 2 == 1 && c % 2 == 0) {
    --r;
    ++c;
  }
  return c / 2 * rows * 2 + r * 2 + c % 2;
}

TEST_CASE("what a mask keeps, compressed: rows begin anew, kept zeros keep sign and place") {
  const std::vector<float> x = {1, -0.0F, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  sparsity_mask mask(2, 6);
  mask.set_bits(0, 0, 6, 0b10'1010);
  mask.set_bits(1, 0, 6, 0b01'0001);
  std::vector<float> values(8, 7.5F);
  std::vector<std::uint16_t> metadata(2, 0x5a5a);
  compress_2_4(mask, matrix_view<float>{x.data(), 2, 6}, values, metadata);
  CHECK(values == std::vector<float>{-0.0F, 3, 0, 5, 6, 0, 10, 0});
  CHECK(to_bits(values[0]) == 0x8000'0000U);
  CHECK(metadata[0] == 0x4d);
  CHECK(metadata[1] == 0x44);
  mask.set_bits(1, 0, 4, 0b1011);
  const matrix_view<float> w{x.data(), 2, 6};
  CHECK_THROWS_WITH_AS(compress_2_4(mask, w, values, metadata), doctest::Contains("row 1, block 0"), std::invalid_argument);
  mask.set_bits(1, 0, 4, 0);
  CHECK_THROWS_AS(compress_2_4(mask, w, std::span(values).first(7), metadata), std::invalid_argument);
  CHECK_THROWS_AS(compress_2_4(sparsity_mask(6, 2), w, values, metadata), std::invalid_argument);
}

TEST_CASE("the order of CUTLASS: the published map, one to one, both ways") {
  for (const std::size_t bytes : {std::size_t{2}, std::size_t{4}}) {
    for (const std::size_t rows : {std::size_t{32}, std::size_t{96}}) {
      std::vector<int> hits(rows * 6);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < 6; ++c) {
          const std::size_t offset = cutlass_metadata_offset(rows, r, c, bytes);
          CHECK(offset == published_offset(rows, r, c, bytes));
          ++hits.at(offset);
        }
      }
      CHECK(hits == std::vector<int>(rows * 6, 1));
    }
  }
  // By hand: row 8 comes to row 1; word (8, 0) is then in the lower left of a square and goes to the upper right.
  CHECK(cutlass_metadata_offset(32, 0, 0) == 0);
  CHECK(cutlass_metadata_offset(32, 8, 0) == 1);
  CHECK(cutlass_metadata_offset(32, 0, 1) == 2);
  CHECK(cutlass_metadata_offset(32, 8, 1) == 3);
  CHECK(cutlass_metadata_offset(32, 0, 2) == 64);
  std::vector<std::uint16_t> words(64);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint16_t>(i);
  std::vector<std::uint16_t> reordered(64);
  std::vector<std::uint16_t> back(64);
  to_cutlass_metadata<std::uint16_t>(words, 32, reordered);
  from_cutlass_metadata<std::uint16_t>(reordered, 32, back);
  CHECK(reordered != words);
  CHECK(back == words);
  CHECK_THROWS_AS((to_cutlass_metadata<std::uint16_t>(words, 16, reordered)), std::invalid_argument);
  CHECK_THROWS_AS((to_cutlass_metadata<std::uint16_t>(std::span(words).first(32), 32, reordered)), std::invalid_argument);
  CHECK_THROWS_AS((from_cutlass_metadata<std::uint32_t>({}, 0, {})), std::invalid_argument);
}

}  // namespace
