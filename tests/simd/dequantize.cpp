// SPDX-License-Identifier: Apache-2.0
//
// dequantize(simd{}, ...) against the scalar backend: every block format and some that a user might make, every code and
// scale, products at the edge of float32's subnormals, every tail, guarded and misaligned; with and without subnormals
// flushed.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "codec_support.hpp"

namespace {

using namespace codec_test;
using namespace nibble;

// Formats that no name covers: odd block sizes, wide blocks, every packing, scales of 16 bits, NaN, Inf and zero among
// elements and scales, a tensor scale beside float32 scales, elements whose smallest number is next to the subnormals.
constexpr block_format blocks_of_five{.element = formats::e4m3, .scale = formats::e8m0, .block_size = 5};
constexpr block_format nibbles_of_six{
    .element = formats::e2m1, .scale = formats::e4m3, .block_size = 6, .packing = layouts::nibbles_high_first};
constexpr block_format high_first_64{
    .element = formats::e2m1, .scale = formats::e5m2, .block_size = 64, .packing = layouts::nibbles_high_first};
constexpr block_format split_48{.element = formats::e2m1,
                                .scale = formats::e4m3,
                                .block_size = 48,
                                .packing = {4, nibble_order::split_halves, 48}};
constexpr block_format split_320{.element = formats::e3m0,
                                 .scale = formats::e8m0,
                                 .block_size = 320,
                                 .packing = {4, nibble_order::split_halves, 320}};
constexpr block_format dense_20{
    .element = formats::e3m2, .scale = formats::e8m0, .block_size = 20, .packing = layouts::dense6};
constexpr block_format wide_300{.element = formats::e5m2, .scale = formats::bf16, .block_size = 300};
constexpr block_format infinities{
    .element = formats::e5m2, .scale = formats::e4m3, .block_size = 32, .tensor_scale = true};
constexpr block_format small_elements{
    .element = {.exponent_bits = 4, .mantissa_bits = 3, .bias = 122}, .scale = formats::f32, .block_size = 16,
    .tensor_scale = true};
constexpr block_format subnormal_elements{
    .element = {.exponent_bits = 4, .mantissa_bits = 3, .bias = 130}, .scale = formats::f32, .block_size = 16};
constexpr block_format small_scaled{.element = {.exponent_bits = 4, .mantissa_bits = 3, .bias = 122},
                                    .scale = formats::e4m3fnuz,
                                    .block_size = 16,
                                    .tensor_scale = true};
constexpr block_format fnuz{.element = formats::e4m3fnuz, .scale = formats::f32, .block_size = 128};

/// A scale with the sign and mantissa of `s` and the exponent of a number near 1.
template <block_format F, class Scale>
Scale exponent_of_one(Scale s) {
  const std::uint32_t exponents = F.scale.magnitude_mask() & ~((std::uint32_t{1} << F.scale.mantissa_bits) - 1U);
  const std::uint32_t one = static_cast<std::uint32_t>(F.scale.bias) << F.scale.mantissa_bits;
  return static_cast<Scale>((s & ~exponents) | (one & exponents));
}

/// Scales and codes of a tensor, in one of several moods.
template <block_format F>
block_tensor<F> tensor(std::size_t rows, std::size_t cols, int mood, exhaustive::random_words& random) {
  using scale_type = typename block_tensor<F>::scale_type;
  block_tensor<F> q(rows, cols);
  for (std::uint8_t& byte : q.codes()) byte = static_cast<std::uint8_t>(random.next());
  // Mostly zeros; no top exponent.
  if (mood == 1) {
    for (std::uint8_t& byte : q.codes()) byte = static_cast<std::uint8_t>(random.below(40) == 0 ? byte : byte & 0x88);
  }
  if (mood == 2) {
    for (std::uint8_t& byte : q.codes()) byte = static_cast<std::uint8_t>(byte & 0xb7);
  }
  for (scale_type& s : q.scales()) {
    const std::uint64_t word = random.next();
    s = static_cast<scale_type>(word);
    // Small and ordinary ones most of the time.
    if (mood == 1 && word % 3 != 0) s = static_cast<scale_type>(s & (sizeof(s) == 4 ? 0x80ff'ffffU : 0x83U));
    if (mood == 2 && (word >> 40) % 9 != 0) s = exponent_of_one<F>(s);
  }
  return q;
}

constexpr float tensor_scales[] = {1.0F,       0x1.8p-20F, -0x1.23456p+3F, 0x1p-140F,  0x1p120F, 0x1.fp-117F,
                                   0x1.2p-126F, 0.0F,       -0.0F,          0x1.fp-120F};

template <block_format F, class T>
void compare(findings& found, const std::string& name, const block_tensor<F>& q) {
  const std::vector<T> wanted = dequantize<T>(scalar{}, q);
  found.expect(same_bytes(dequantize<T>(simd{}, q), wanted), name);
  const flushed_subnormals flushed;
  found.expect(same_bytes(dequantize<T>(simd{}, q), wanted), name + " flushed");
}

template <block_format F, class T = float>
void compare_moods(findings& found, const std::string& name) {
  exhaustive::random_words random(77);
  const std::size_t shapes[][2] = {{1, 1}, {3, 63}, {2, 64}, {5, 97}, {1, 1024}, {2, 2600}, {33, 320}, {130, 140}};
  for (int mood = 0; mood < 3; ++mood) {
    for (const auto& shape : shapes) {
      block_tensor<F> q = tensor<F>(shape[0], shape[1], mood, random);
      for (const float tensor_scale : tensor_scales) {
        q.set_tensor_scale(tensor_scale);
        compare<F, T>(found, name + " mood " + std::to_string(mood) + " scale " + std::to_string(tensor_scale), q);
        if (!F.tensor_scale) break;
      }
      if (F.tensor_scale && mood == 0) {
        q.set_tensor_scale(std::numeric_limits<float>::infinity());
        compare<F, T>(found, name + " scale Inf", q);
        q.set_tensor_scale(bit_cast<float>(0xffc0'0001U));
        compare<F, T>(found, name + " scale NaN", q);
      }
    }
  }
}

/// Every scale with every code.
template <block_format F>
void compare_products(findings& found, const std::string& name) {
  const std::size_t scales = std::size_t{1} << F.scale.bits();
  const std::size_t cols = 256 * F.block_cols(256);
  block_tensor<F> q(scales, cols);
  for (std::size_t r = 0; r < scales; ++r) {
    for (std::size_t i = 0; i < q.codes().size() / scales; ++i) {
      q.codes()[r * (q.codes().size() / scales) + i] = static_cast<std::uint8_t>(i + i / 256);
    }
    for (std::size_t b = 0; b < 256; ++b) {
      // Every scale beside every other.
      q.scales()[r * 256 + b] = static_cast<typename block_tensor<F>::scale_type>(b % 2 == 0 ? r : b * 5);
    }
  }
  for (const float tensor_scale : {1.0F, 0x1p-115F}) {
    q.set_tensor_scale(tensor_scale);
    compare<F, float>(found, name, q);
    if (!F.tensor_scale) break;
  }
}

/// Every scale in rows of 20 blocks of its own, under every tensor scale.
template <block_format F>
void compare_rows_of_one_scale(findings& found, const std::string& name) {
  const std::size_t scales = std::size_t{1} << F.scale.bits();
  exhaustive::random_words random(9);
  block_tensor<F> q = tensor<F>(scales, 20 * F.block_cols(1024), 0, random);
  for (std::size_t i = 0; i < q.scales().size(); ++i) {
    q.scales()[i] = static_cast<typename block_tensor<F>::scale_type>(i / (q.scales().size() / scales));
  }
  for (const float tensor_scale : tensor_scales) {
    q.set_tensor_scale(tensor_scale);
    compare<F, float>(found, name, q);
  }
  q.set_tensor_scale(-std::numeric_limits<float>::infinity());
  compare<F, float>(found, name, q);
  q.set_tensor_scale(bit_cast<float>(0x7fc0'0000U));
  compare<F, nibble::bf16>(found, name, q);
}

/// Rows of 0 to 200 columns in storage with gaps, to misaligned addresses.
template <block_format F, class T>
void compare_tails(findings& found, const std::string& name) {
  exhaustive::random_words random(5);
  for (std::size_t cols = 0; cols <= 200; ++cols) {
    block_tensor<F> q = tensor<F>(3, cols, 2, random);
    std::vector<T> wanted(3 * cols);
    dequantize(scalar{}, q.view(), wanted.data());
    const std::size_t code_stride = F.row_bytes(cols) + cols % 3;
    const std::size_t scale_stride = F.scale_cols(cols) + cols % 2;
    std::vector<std::uint8_t> codes(3 * code_stride);
    std::vector<typename block_tensor<F>::scale_type> scales(3 * scale_stride);
    for (std::size_t r = 0; r < 3; ++r) {
      for (std::size_t i = 0; i < F.row_bytes(cols); ++i) codes[r * code_stride + i] = q.codes()[r * F.row_bytes(cols) + i];
      for (std::size_t i = 0; i < F.scale_cols(cols); ++i) {
        scales[r * scale_stride + i] = q.scales()[r * F.scale_cols(cols) + i];
      }
    }
    float one = 1.0F;
    const block_view<F> view{codes.data(), scales.data(), &one, 3, cols, code_stride, scale_stride};
    guarded<T> got(3 * cols, cols % 9 * sizeof(T));
    dequantize(simd{}, view, got.elements().data());
    found.expect(same_bytes(got.elements(), std::span(wanted)) && got.intact(3 * cols), name + std::to_string(cols));
  }
}

}  // namespace

TEST_CASE("dequantize(simd{}) equals dequantize(scalar{}) for the named formats") {
  findings found;
  compare_moods<nvfp4>(found, "nvfp4");
  compare_moods<nvfp4_2d>(found, "nvfp4_2d");
  compare_moods<mxfp4>(found, "mxfp4");
  compare_moods<mxfp6_e2m3>(found, "mxfp6_e2m3");
  compare_moods<mxfp6_e3m2>(found, "mxfp6_e3m2");
  compare_moods<mxfp8_e4m3>(found, "mxfp8_e4m3");
  compare_moods<mxfp8_e5m2>(found, "mxfp8_e5m2");
  compare_moods<mxint8>(found, "mxint8");
  compare_moods<fp8_per_tensor>(found, "fp8_per_tensor");
  compare_moods<fp8_per_row>(found, "fp8_per_row");
  compare_moods<fp8_128x128>(found, "fp8_128x128");
  compare_moods<ggml_mxfp4>(found, "ggml_mxfp4");
  compare_moods<ggml_nvfp4>(found, "ggml_nvfp4");
  NIBBLE_CHECK_FINDINGS(found, 13 * 3 * 8 * 2U);
}

TEST_CASE("dequantize(simd{}) equals dequantize(scalar{}) for formats without a name") {
  findings found;
  compare_moods<blocks_of_five>(found, "blocks_of_five");
  compare_moods<nibbles_of_six>(found, "nibbles_of_six");
  compare_moods<high_first_64>(found, "high_first_64");
  compare_moods<split_48>(found, "split_48");
  compare_moods<split_320>(found, "split_320");
  compare_moods<dense_20>(found, "dense_20");
  compare_moods<wide_300>(found, "wide_300");
  compare_moods<infinities>(found, "infinities");
  compare_moods<small_elements>(found, "small_elements");
  compare_moods<subnormal_elements>(found, "subnormal_elements");
  compare_moods<fnuz>(found, "fnuz");
  NIBBLE_CHECK_FINDINGS(found, 11 * 3 * 8 * 2U);
}

TEST_CASE("dequantize(simd{}): into double, half, bfloat16 and other small floats") {
  findings found;
  compare_moods<nvfp4, double>(found, "nvfp4 to double");
  compare_moods<nvfp4, nibble::f16>(found, "nvfp4 to f16");
  compare_moods<nvfp4, nibble::bf16>(found, "nvfp4 to bf16");
  compare_moods<nvfp4, nibble::e4m3>(found, "nvfp4 to e4m3");
  compare_moods<mxfp8_e5m2, nibble::f16>(found, "mxfp8_e5m2 to f16");
  compare_moods<mxfp8_e4m3, nibble::bf16>(found, "mxfp8_e4m3 to bf16");
  compare_moods<wide_300, nibble::bf16>(found, "wide_300 to bf16");
  NIBBLE_CHECK_FINDINGS(found, 7 * 3 * 8 * 2U);
}

TEST_CASE("dequantize(simd{}): every code with every scale") {
  findings found;
  compare_products<nvfp4>(found, "nvfp4");
  compare_products<mxfp4>(found, "mxfp4");
  compare_products<mxfp8_e4m3>(found, "mxfp8_e4m3");
  compare_products<mxfp8_e5m2>(found, "mxfp8_e5m2");
  compare_products<mxint8>(found, "mxint8");
  NIBBLE_CHECK_FINDINGS(found, 6 * 2U);
}

TEST_CASE("dequantize(simd{}): rows of one scale") {
  findings found;
  compare_rows_of_one_scale<nvfp4>(found, "nvfp4");
  compare_rows_of_one_scale<mxfp4>(found, "mxfp4");
  compare_rows_of_one_scale<high_first_64>(found, "high_first_64");
  compare_rows_of_one_scale<infinities>(found, "infinities");
  compare_rows_of_one_scale<small_scaled>(found, "small_scaled");
  NIBBLE_CHECK_FINDINGS(found, 5 * 12 * 2U);
}

TEST_CASE("dequantize(simd{}): every length, strides, misaligned results, nothing written beside them") {
  findings found;
  compare_tails<nvfp4, float>(found, "nvfp4 ");
  compare_tails<mxfp4, float>(found, "mxfp4 ");
  compare_tails<mxfp8_e4m3, float>(found, "mxfp8_e4m3 ");
  compare_tails<nvfp4, nibble::bf16>(found, "nvfp4 to bf16 ");
  compare_tails<dense_20, float>(found, "dense_20 ");
  compare_tails<split_48, double>(found, "split_48 ");
  NIBBLE_CHECK_FINDINGS(found, 6 * 201U);
}

TEST_CASE("dequantize(simd{}) rejects what the scalar backend rejects") {
  block_tensor<nvfp4> q(2, 32);
  std::vector<float> out(64);
  block_view<nvfp4> narrow = q.view();
  narrow.code_stride = 15;
  CHECK_THROWS_AS(dequantize(simd{}, narrow, out.data()), std::invalid_argument);
  CHECK_THROWS_AS(dequantize(simd{}, q.view(), static_cast<float*>(nullptr)), std::invalid_argument);
  CHECK_NOTHROW(dequantize(simd{}, block_view<nvfp4>{}, static_cast<float*>(nullptr)));
}
