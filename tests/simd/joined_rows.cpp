// SPDX-License-Identifier: Apache-2.0
//
// quantize and dequantize on simd{} where rows lie one behind the other, and so are one row, against the scalar backend: gaps
// after rows of the source, of the codes and of the scales by turns, columns that are whole blocks or not.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include <nibble/simd.hpp>

namespace {

using namespace nibble;

/// Storage for a result of `rows` x `cols`, all bytes watched.
template <block_format F>
struct storage {
  std::size_t rows, cols, code_stride, scale_stride;
  std::vector<std::uint8_t> codes = std::vector<std::uint8_t>(rows * code_stride, 0xA5);
  std::vector<code_type<F.scale>> scales = std::vector<code_type<F.scale>>(rows * scale_stride, code_type<F.scale>{0x5A});
  float tensor_scale = 0;

  block_view<F> view() { return {codes.data(), scales.data(), &tensor_scale, rows, cols, code_stride, scale_stride}; }
  bool operator==(const storage&) const = default;
};

struct gaps {
  std::size_t source, codes, scales;
};

template <block_format F, class T>
int differences_with(std::size_t rows, std::size_t cols, const gaps& gap, quantize_options options) {
  std::mt19937_64 random(rows + 100 * cols);
  std::normal_distribution<float> gaussian;
  std::vector<T> x(rows * (cols + gap.source));
  for (T& value : x) value = T(gaussian(random));
  const matrix_view<T> view{x.data(), rows, cols, static_cast<std::ptrdiff_t>(cols + gap.source)};
  const storage<F> empty{rows, cols, F.row_bytes(cols) + gap.codes, F.scale_cols(cols) + gap.scales};
  storage<F> wanted = empty;
  storage<F> got = empty;
  quantize_counts wanted_counts;
  quantize_counts got_counts;
  options.counts = &wanted_counts;
  quantize(scalar{}, view, wanted.view(), options);
  options.counts = &got_counts;
  quantize(simd{}, view, got.view(), options);
  int different = wanted == got && std::memcmp(&wanted_counts, &got_counts, sizeof(got_counts)) == 0 ? 0 : 1;
  storage<F> in_slices = empty;
  const auto backwards = [](std::size_t tasks, const auto& task) {
    for (std::size_t i = tasks; i-- > 0;) task(i);
  };
  quantize(simd{}, view, in_slices.view(), options, backwards);
  different += wanted == in_slices ? 0 : 1;
  // The same of the transpose, by columns: random words follow the source.
  options.orientation = orientation::column_wise;
  storage<F> by_columns = empty;
  quantize(scalar{}, view.transposed(), by_columns.view(), options);
  got = empty;
  quantize(simd{}, view.transposed(), got.view(), options);
  different += by_columns == got ? 0 : 1;
  std::vector<float> wanted_values(rows * cols);
  std::vector<float> values(rows * cols);
  dequantize(scalar{}, wanted.view(), wanted_values.data());
  dequantize(simd{}, wanted.view(), values.data());
  different += std::memcmp(wanted_values.data(), values.data(), values.size() * sizeof(float)) == 0 ? 0 : 1;
  return different;
}

template <block_format F, class T = float>
int differences() {
  int different = 0;
  for (std::size_t rows = 1; rows <= 9; rows += 4) {
    for (std::size_t blocks = 1; blocks <= 40; blocks += 13) {
      for (std::size_t more = 0; more <= 2; ++more) {
        const std::size_t cols = blocks * static_cast<std::size_t>(F.block_size) + more - 1U;
        for (std::size_t i = 0; i < 8; ++i) {
          const gaps gap{i & 1U, i >> 1 & 1U, i >> 2};
          different += differences_with<F, T>(rows, cols, gap, {});
          different += differences_with<F, T>(rows, cols, gap, {.rounding = stochastic{.seed = i, .bits = 16}});
        }
      }
    }
  }
  return different;
}

}  // namespace

TEST_CASE("rows that are one row") {
  CHECK(differences<nvfp4>() == 0);
  CHECK(differences<nvfp4, bf16>() == 0);
  CHECK(differences<mxfp8_e4m3>() == 0);
  CHECK(differences<ggml_nvfp4>() == 0);
  constexpr block_format dense{.element = formats::e2m3, .scale = formats::e8m0, .block_size = 12, .packing = layouts::dense6};
  constexpr block_format spread{
      .element = formats::e2m1, .scale = formats::f32, .block_size = 20, .packing = layouts::nibbles_high_first};
  constexpr block_format repeated{.element = formats::e4m3, .scale = formats::bf16, .block_size = 8, .replicate_scales = true};
  CHECK(differences<dense>() == 0);
  CHECK(differences<spread>() == 0);
  CHECK(differences<repeated>() == 0);
}

TEST_CASE("rows that share scales are not one row") {
  constexpr block_format rows_of_two{.element = formats::e2m1,
                                     .scale = formats::e4m3,
                                     .block_size = 16,
                                     .tensor_scale = true,
                                     .block_rows = 2,
                                     .packing = layouts::nibbles_low_first};
  CHECK(differences<rows_of_two>() == 0);
  CHECK(differences<nvfp4_2d>() == 0);
}
