// SPDX-License-Identifier: Apache-2.0
//
// Numbers worked out by hand: a tensor of two blocks, three orders of operations that give different scales, a nonzero
// block whose scale underflows, and tensors so small that 2688 / amax overflows.
#include <doctest/doctest.h>

#include <vector>

#include <nibble/nibble.hpp>

#include "support.hpp"

namespace {

using nibble::matrix_view;
using nibble::nvfp4;
using nibble::quantize;
using nibble::recipe;
using bytes = std::vector<std::uint8_t>;

constexpr float first_block[16] = {.1F, -.2F, .3F, -.4F, .5F, -.6F, .7F, -.8F, 1.F, -1.5F, 2.F, -2.5F, 3.F, -3.5F, 4.F,
                                   -5.F};

template <nibble::block_format F>
bytes bytes_of(const nibble::block_tensor<F>& q) {
  return {q.codes().begin(), q.codes().end()};
}

/// The scale of the second of two blocks, of which each holds one number.
std::uint32_t second_scale(const recipe& r, float first, float second) {
  float x[32] = {};
  x[0] = first;
  x[16] = second;
  return quantize<nvfp4>(matrix_view{x, 1, 32}, {.recipe = r}).scales()[1];
}

}  // namespace

TEST_CASE("worked example: two blocks of NVFP4") {
  float x[32];
  for (std::size_t i = 0; i < 16; ++i) {
    x[i] = first_block[i];
    x[16 + i] = first_block[i] * .037F;
  }
  for (const recipe& r : {recipe::transformer_engine_2_14, recipe::transformer_engine, recipe{}, recipe::fbgemm}) {
    const auto q = quantize<nvfp4>(matrix_view{x, 1, 32}, {.recipe = r});
    CHECK(q.scales()[0] == 0x7e);
    CHECK(q.scales()[1] == 0x58);
    CHECK(bytes_of(q) == bytes{0x80, 0x91, 0x91, 0xa2, 0xc2, 0xd4, 0xe6, 0xf6,  //
                               0x80, 0x91, 0x91, 0xa2, 0xc2, 0xd4, 0xe6, 0xf6});
    CHECK(q.tensor_scale() == 0.00186011917F);  // 1 / 537.599976
    CHECK(q.value(0, 15) == doctest::Approx(-6 * 448 * 0.00186011917));
  }
}

TEST_CASE("worked example: three orders of operations, two scales") {
  // 336, 336 and 336.000031: the last one is beyond the tie of 0x7a and 0x7b.
  CHECK(second_scale(recipe::transformer_engine_2_14, .75F, .5625F) == 0x7a);
  CHECK(second_scale(recipe::fbgemm, .75F, .5625F) == 0x7a);
  CHECK(second_scale(recipe::vllm_emulation, .75F, .5625F) == 0x7a);
  CHECK(second_scale(recipe::transformer_engine, .75F, .5625F) == 0x7b);
}

TEST_CASE("worked example: a nonzero block whose scale is zero") {
  float x[32] = {1.0F};
  x[16] = -1e-7F;
  x[17] = -0.0F;
  const auto codes = [&](const recipe& r) {
    const auto q = quantize<nvfp4>(matrix_view{x, 1, 32}, {.recipe = r});
    return bytes{q.code(0, 16), q.code(0, 17), q.scales()[1]};
  };
  CHECK(codes({}) == bytes{0x8, 0x8, 0x00});
  CHECK(codes(recipe::transformer_engine) == bytes{0xf, 0x0, 0x00});
  CHECK(codes(recipe::transformer_engine_kernel) == bytes{0xf, 0x8, 0x00});
  CHECK(codes(recipe::transformer_engine_cpp) == bytes{0x8, 0x8, 0x00});
  CHECK(codes(recipe::torchao_tensor_scale) == bytes{0x8, 0x8, 0x08});
  CHECK(codes(recipe::compressed_tensors) == bytes{0x0, 0x0, 0x20});
}

TEST_CASE("worked example: 2688 / amax overflows") {
  float x[16] = {0x1p-130F, -0x1p-132F, 0.0F, -0.0F};
  const auto python = quantize<nvfp4>(matrix_view{x, 1, 16}, {.recipe = recipe::transformer_engine});
  CHECK(python.tensor_scale() == 0x1p-128F);
  CHECK(python.scales()[0] == 0x13);
  CHECK(bytes_of(python) == bytes{0x80, 0, 0, 0, 0, 0, 0, 0});
  const auto cpp = quantize<nibble::nvfp4_2d>(matrix_view{x, 1, 16}, {.recipe = recipe::transformer_engine_cpp_2d});
  CHECK(bytes_of(cpp) == bytes{0xf7, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77});
  // nibble keeps the tensor scale where no product is a subnormal: these numbers are zeros there.
  const auto own = quantize<nvfp4>(matrix_view{x, 1, 16});
  CHECK(own.tensor_scale() == 0x1p-114F);
  CHECK(bytes_of(own) == bytes{0x80, 0x80, 0, 0, 0, 0, 0, 0});
  CHECK(own.scales()[0] == 0);
}

TEST_CASE("worked example: MXFP4 scale rules on 7 and on 3 + 1/8") {
  const auto scale = [](const recipe& r, float amax) {
    return int{quantize<nibble::mxfp4>(matrix_view{&amax, 1, 1}, {.recipe = r}).scales()[0]};
  };
  CHECK(scale({}, 7.0F) == 127);
  CHECK(scale(recipe::floor, 7.0F) == 127);
  CHECK(scale(recipe::ceil, 7.0F) == 128);
  CHECK(scale(recipe::even, 7.0F) == 128);
  CHECK(scale(recipe::rceil, 7.0F) == 128);
  CHECK(scale(recipe::unbiased, 7.0F) == 128);
  CHECK(scale(recipe::even, 6.0F) == 127);
  CHECK(scale(recipe::rceil, 3.125F) == 127);
  CHECK(scale(recipe::floor, 3.125F) == 126);
}
