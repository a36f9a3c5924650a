// SPDX-License-Identifier: Apache-2.0

// The oracle's block quantization against what the implementations themselves gave (tests/vectors), a worked example,
// and edge cases computed by hand.
#include <doctest/doctest.h>

#include <oracle/recipe.hpp>
#include <oracle/tensors.hpp>
#include <oracle/vectors.hpp>

#include <string>
#include <vector>

namespace {

using oracle::matrix;
using oracle::mx_rule;
using oracle::nvfp4_rule;
using bytes = std::vector<std::uint8_t>;

const std::string tensors[] = {"gauss", "gauss_outlier", "zero_blocks"};
constexpr std::uint32_t negative_zero = 0x80000000U;

std::uint32_t bits(double x) { return oracle::bits_of_float(oracle::round_to_float(x)); }

/// A matrix of one row, padded with zeros to whole blocks of 16.
matrix row_of(std::vector<std::uint32_t> words) {
  words.resize((words.size() + 15) / 16 * 16);
  const std::size_t columns = words.size();
  return {1, columns, std::move(words)};
}

void append(bytes& raw, const bytes& codes, std::size_t start, std::size_t half) {
  for (std::size_t j = start; j < start + half; ++j) {
    raw.push_back(static_cast<std::uint8_t>(codes[j] | (codes[j + half] << 4)));
  }
}

}  // namespace

TEST_CASE("oracle: NVFP4 of Transformer Engine and torchao, byte for byte") {
  const struct {
    const char* name;
    nvfp4_rule rule;
    std::size_t block_rows;
  } cases[] = {{"te_py_nvfp4_1x16", nvfp4_rule::transformer_engine, 1},
               {"te_py_nvfp4_16x16", nvfp4_rule::transformer_engine, 16},
               {"te_cpp_nvfp4_1x16", nvfp4_rule::transformer_engine_cpp, 1},
               {"te_cpp_nvfp4_16x16", nvfp4_rule::transformer_engine_cpp, 16},
               {"torchao_nvfp4", nvfp4_rule::torchao, 1},
               {"torchao_nvfp4_pts", nvfp4_rule::torchao_tensor_scale, 1}};
  for (const std::string& tensor : tensors) {
    const matrix x = oracle::vector_input(tensor);
    for (const auto& c : cases) {
      CAPTURE(tensor);
      CAPTURE(c.name);
      const auto q = oracle::quantize_nvfp4(c.rule, x, c.block_rows);
      CHECK(q.codes == oracle::vector_codes(tensor, c.name, true));
      CHECK(q.scales == oracle::vector_scales(tensor, c.name));
      if (c.rule == nvfp4_rule::torchao) continue;
      const auto global = oracle::vector_global(tensor, c.name);
      CHECK(oracle::bits_of_float(q.tensor_amax) == global.front());
      if (global.size() > 1) CHECK(oracle::bits_of_float(q.global) == global.back());
    }
  }
}

TEST_CASE("oracle: MX of torchao and microxcaling, byte for byte") {
  const struct {
    std::string name;
    oracle::format element;
  } formats[] = {{"mxfp4", oracle::e2m1},      {"mxfp6_e2m3", oracle::e2m3}, {"mxfp6_e3m2", oracle::e3m2},
                 {"mxfp8_e4m3", oracle::e4m3}, {"mxfp8_e5m2", oracle::e5m2}, {"mxint8", oracle::mxint8}};
  const struct {
    std::string prefix, suffix;
    mx_rule rule;
  } rules[] = {{"microxcaling_", "", mx_rule::microxcaling},
               {"torchao_", "_floor", mx_rule::floor},
               {"torchao_", "_ceil", mx_rule::ceil},
               {"torchao_", "_even", mx_rule::even},
               {"torchao_", "_rceil", mx_rule::rceil}};
  for (const std::string& tensor : tensors) {
    const matrix x = oracle::vector_input(tensor);
    for (const auto& f : formats) {
      for (const auto& r : rules) {
        if (f.element.twos_complement && r.rule != mx_rule::microxcaling) continue;
        const std::string name = r.prefix + f.name + r.suffix;
        CAPTURE(tensor);
        CAPTURE(name);
        const auto q = oracle::quantize_mx(r.rule, f.element, x);
        CHECK(q.codes == oracle::vector_codes(tensor, name, f.element.bits() == 4));
        CHECK(q.scales == oracle::vector_scales(tensor, name));
      }
    }
  }
}

TEST_CASE("oracle: blocks of ggml, byte for byte") {
  for (const std::string& tensor : tensors) {
    CAPTURE(tensor);
    const matrix x = oracle::vector_input(tensor);
    const auto mx = oracle::quantize_mx(mx_rule::ggml, oracle::e2m1, x);
    bytes mx_raw;
    for (std::size_t b = 0; b < 512; ++b) {
      mx_raw.push_back(mx.scales[b]);
      append(mx_raw, mx.codes, 32 * b, 16);
    }
    CHECK(mx_raw == oracle::read_vector("outputs/" + tensor + ".ggml_mxfp4.raw.bin"));
    const auto nv = oracle::quantize_nvfp4(nvfp4_rule::ggml, x);
    bytes nv_raw;
    for (std::size_t b = 0; b < 256; ++b) {
      for (std::size_t s = 0; s < 4; ++s) nv_raw.push_back(nv.scales[4 * b + s]);
      for (std::size_t s = 0; s < 4; ++s) append(nv_raw, nv.codes, 64 * b + 16 * s, 8);
    }
    CHECK(nv_raw == oracle::read_vector("outputs/" + tensor + ".ggml_nvfp4.raw.bin"));
  }
}

TEST_CASE("oracle: a worked tensor of two blocks") {
  const double first[] = {.1, -.2, .3, -.4, .5, -.6, .7, -.8, 1, -1.5, 2, -2.5, 3, -3.5, 4, -5};
  std::vector<std::uint32_t> words;
  for (const double x : first) words.push_back(bits(x));
  for (std::size_t i = 0; i < 16; ++i)
    words.push_back(bits(oracle::f32::mul(oracle::float_value(words[i]), oracle::float_value(bits(.037)))));
  const bytes expected = {0, 8, 1, 9, 1, 9, 2, 0xA, 2, 0xC, 4, 0xD, 6, 0xE, 6, 0xF};
  bytes twice = expected;
  twice.insert(twice.end(), expected.begin(), expected.end());
  for (const auto rule : {nvfp4_rule::transformer_engine_2_14, nvfp4_rule::transformer_engine,
                          nvfp4_rule::transformer_engine_kernel, nvfp4_rule::transformer_engine_cpp}) {
    const auto q = oracle::quantize_nvfp4(rule, row_of(words));
    CHECK(q.scales == bytes{0x7E, 0x58});
    CHECK(q.codes == twice);
    CHECK(oracle::bits_of_float(oracle::f32::div(1.0, q.global)) == 0x44066666U);
  }
}

TEST_CASE("oracle: the order of operations in the block scale decides a tie") {
  std::vector<std::uint32_t> words(32, 0);
  words[0] = bits(.75);
  words[16] = bits(.5625);
  const auto scale = [&](nvfp4_rule rule, std::size_t block_rows) {
    return oracle::quantize_nvfp4(rule, row_of(words), block_rows).scales[1];
  };
  CHECK(scale(nvfp4_rule::transformer_engine_2_14, 1) == 0x7A);
  CHECK(scale(nvfp4_rule::transformer_engine, 1) == 0x7B);
  CHECK(scale(nvfp4_rule::transformer_engine_kernel, 1) == 0x7B);
  CHECK(scale(nvfp4_rule::transformer_engine_cpp, 1) == 0x7B);
  CHECK(scale(nvfp4_rule::transformer_engine_cpp, 16) == 0x7A);
}

TEST_CASE("oracle: blocks whose scale underflows to zero") {
  std::vector<std::uint32_t> words(32, 0);
  words[0] = bits(1.0);
  words[16] = bits(-1e-7);
  words[17] = negative_zero;
  const auto code = [&](nvfp4_rule rule, std::size_t i) {
    const auto q = oracle::quantize_nvfp4(rule, row_of(words));
    return q.codes[i] + 0x100 * q.scales[1];
  };
  CHECK(code(nvfp4_rule::transformer_engine, 16) == 0x000F);
  CHECK(code(nvfp4_rule::transformer_engine, 17) == 0x0000);
  CHECK(code(nvfp4_rule::transformer_engine_kernel, 16) == 0x000F);
  CHECK(code(nvfp4_rule::transformer_engine_kernel, 17) == 0x0008);
  CHECK(code(nvfp4_rule::transformer_engine_cpp, 16) == 0x0008);
  CHECK(code(nvfp4_rule::transformer_engine_cpp, 17) == 0x0008);
  CHECK(code(nvfp4_rule::torchao_tensor_scale, 16) == 0x0808);
  CHECK(code(nvfp4_rule::compressed_tensors, 16) == 0x2000);
  CHECK(code(nvfp4_rule::ggml, 16) == 0x0000);
}

TEST_CASE("oracle: tensors so small that 2688 / amax overflows") {
  const std::vector<std::uint32_t> words = {bits(0x1p-130), bits(-0x1p-132), 0, negative_zero};
  const auto q = [&](nvfp4_rule rule, std::size_t rows) { return oracle::quantize_nvfp4(rule, row_of(words), rows); };
  // S_enc is the largest float32 and its reciprocal 2^-128; 2^-130 * 2^128 / 6 = 0.0417 becomes 11 * 2^-8.
  const auto py = q(nvfp4_rule::transformer_engine, 1);
  CHECK(py.global == 0x1p-128);
  CHECK(py.scales[0] == 0x13);
  // 11 * 2^-8 * 2^-128 is rounded to 11 * 2^-136, its reciprocal exceeds float32 and is cut to the largest one.
  CHECK(bytes(py.codes.begin(), py.codes.begin() + 4) == bytes{0x0, 0x8, 0x0, 0x0});
  const auto cpp = q(nvfp4_rule::transformer_engine_cpp, 16);
  CHECK(bytes(cpp.codes.begin(), cpp.codes.begin() + 4) == bytes{0x7, 0xF, 0x7, 0x7});
}

TEST_CASE("oracle: tensors of zeros") {
  const auto q = [](nvfp4_rule rule) { return oracle::quantize_nvfp4(rule, row_of({0, negative_zero})); };
  CHECK(q(nvfp4_rule::transformer_engine).global == 0x1p-128);
  CHECK(q(nvfp4_rule::transformer_engine_kernel).global == 1.0);
  CHECK(q(nvfp4_rule::transformer_engine_cpp).global == 1.0);
  CHECK(q(nvfp4_rule::transformer_engine_kernel).codes[1] == 0x8);
  CHECK(q(nvfp4_rule::torchao).scales[0] == 0x08);
  CHECK(q(nvfp4_rule::torchao).codes[1] == 0x8);
  CHECK(q(nvfp4_rule::torchao_tensor_scale).scales[0] == 0x7F);
  CHECK(q(nvfp4_rule::compressed_tensors).scales[0] == 0x20);
  CHECK(q(nvfp4_rule::compressed_tensors).global == 1.0);
}

TEST_CASE("oracle: the scale encoder of ggml's NVFP4") {
  const auto scale = [](double x) { return int{oracle::ggml_ue4m3(x)}; };
  CHECK(scale(0.0) == 0x00);
  CHECK(scale(1.0625) == 0x39);
  CHECK(scale(247.0) == 0x77);
  CHECK(scale(248.0) == 0x7E);
  CHECK(scale(300.0) == 0x7E);
  CHECK(scale(oracle::infinity()) == 0x7E);
  CHECK(scale(7.75 / 512) == 0x07);
  CHECK(scale(8.0 / 512) == 0x08);
  CHECK(scale(0.5 / 512) == 0x01);
  CHECK(scale(oracle::float_value(bits(0.5 / 512) - 1)) == 0x01);
  CHECK(scale(oracle::float_value(bits(0.5 / 512) - 2)) == 0x00);
  CHECK(scale(0x1p-140) == 0x00);
}

TEST_CASE("oracle: NaN and infinity in NVFP4") {
  std::vector<std::uint32_t> words(32, bits(1.0));
  words[0] = 0xFFC00000U;
  const auto q = [&](nvfp4_rule rule) { return oracle::quantize_nvfp4(rule, row_of(words)); };
  CHECK(q(nvfp4_rule::transformer_engine).scales == bytes{0x7F, 0x7F});
  CHECK(q(nvfp4_rule::transformer_engine).codes == bytes(32, 0));
  CHECK(q(nvfp4_rule::transformer_engine_kernel).scales == bytes{0x7E, 0x7E});
  CHECK(q(nvfp4_rule::transformer_engine_kernel).codes == bytes(32, 7));
  CHECK(q(nvfp4_rule::torchao).scales == bytes{0x7F, 0x23});
  words[0] = 0xFF800000U;
  CHECK(q(nvfp4_rule::transformer_engine).scales == bytes{0x7E, 0x23});
  CHECK(q(nvfp4_rule::transformer_engine).codes[0] == 0xF);
  CHECK(q(nvfp4_rule::transformer_engine).codes[1] == 0x0);
  CHECK(q(nvfp4_rule::ggml).codes[0] == 0x0);
}

TEST_CASE("oracle: scales of MX at the edges") {
  const auto scale = [](mx_rule rule, std::uint32_t amax, const oracle::format& f = oracle::e2m1) {
    return int{oracle::quantize_mx(rule, f, row_of({amax})).scales[0]};
  };
  for (const auto rule : {mx_rule::floor, mx_rule::ceil, mx_rule::even, mx_rule::rceil}) {
    CHECK(scale(rule, 0) == 0);
    CHECK(scale(rule, 0x00000001U) == 0);
    CHECK(scale(rule, 0x7F800000U) == 0xFF);
    CHECK(scale(rule, 0x7FC00000U) == 0xFF);
  }
  CHECK(scale(mx_rule::floor, bits(7.0)) == 127);
  CHECK(scale(mx_rule::ceil, bits(7.0)) == 128);
  CHECK(scale(mx_rule::even, bits(7.0)) == 128);
  CHECK(scale(mx_rule::even, bits(6.0)) == 127);
  CHECK(scale(mx_rule::rceil, bits(6.0)) == 127);
  CHECK(scale(mx_rule::rceil, bits(6.0) + 1) == 128);
  CHECK(scale(mx_rule::even, 0x7F7FFFFFU) == 0xFF);
  CHECK(scale(mx_rule::ceil, 0x7F7FFFFFU) == 253);
  CHECK(scale(mx_rule::rceil, bits(448.0), oracle::e4m3) == 127);
  CHECK(scale(mx_rule::transformer_engine, 0x7F800000U, oracle::e4m3) == 0xFE);
  CHECK(scale(mx_rule::transformer_engine, 0x7FC00000U, oracle::e4m3) == 0x00);
  CHECK(scale(mx_rule::microxcaling, 0) == 0);
  CHECK(scale(mx_rule::microxcaling, 0, oracle::mxint8) == 1);
  CHECK(scale(mx_rule::microxcaling, 0x7F7FFFFFU) == 253);
  CHECK(scale(mx_rule::floor, 0x7F7FFFFFU) == 252);
  CHECK(scale(mx_rule::microxcaling, 0x7F7FFFFFU, oracle::mxint8) == 0xFF);
  CHECK(scale(mx_rule::ggml, 0x7F7FFFFFU) == 253);
  CHECK(scale(mx_rule::ggml, bits(0x1p-126)) == 255);
}

TEST_CASE("oracle: elements of MX at the edges") {
  const auto code = [](mx_rule rule, std::uint32_t amax, std::uint32_t x) {
    return int{oracle::quantize_mx(rule, oracle::e2m1, row_of({amax, x})).codes[1]};
  };
  const std::uint32_t four = bits(4.0);
  CHECK(code(mx_rule::floor, four, bits(2.5)) == 4);
  CHECK(code(mx_rule::microxcaling, four, bits(2.5)) == 5);
  CHECK(code(mx_rule::microxcaling, four, bits(-0.25)) == 9);
  CHECK(code(mx_rule::microxcaling, four, bits(0.25) - 1) == 1);
  CHECK(code(mx_rule::microxcaling, four, bits(0.25) - 2) == 0);
  CHECK(code(mx_rule::microxcaling, four, bits(-0.2)) == 8);
  CHECK(code(mx_rule::microxcaling, four, negative_zero) == 0);
  CHECK(code(mx_rule::floor, four, negative_zero) == 8);
  CHECK(code(mx_rule::ggml, four, bits(0.75)) == 1);
  CHECK(code(mx_rule::ggml, four, bits(-0.75)) == 9);
  CHECK(code(mx_rule::ggml, four, bits(-0.25)) == 0);
  CHECK(code(mx_rule::floor, four, 0x7FC00000U) == 0);
}

TEST_CASE("oracle: ggml's search loses numbers that are too large for the differences to show in float32") {
  const auto code = [](double x) { return int{oracle::ggml_code(oracle::float_value(bits(x)), 224.0)}; };
  CHECK(code(0x1p12) == 7);
  CHECK(code(0x1.4p33) == 7);
  CHECK(code(0x1.4ccccdp34) == 5);
  CHECK(code(-0x1.4ccccdp34) == 13);
  CHECK(code(0x1.4ccccdp36) == 0);
  CHECK(int{oracle::ggml_code(1.125, 0x1p-128)} == 0);
}
