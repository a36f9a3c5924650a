// SPDX-License-Identifier: Apache-2.0
//
// The MX presets against tests/vectors, byte for byte, and against the oracle's implementations for every MX element
// format, on tensors of every mode and of ragged shapes.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <oracle/recipe.hpp>
#include <oracle/tensors.hpp>
#include <oracle/vectors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::recipe;
using oracle::matrix;
using oracle::mx_rule;
using oracle::tensor_mode;

const std::string tensors[] = {"gauss", "gauss_outlier", "zero_blocks"};

constexpr shape shapes[] = {{1, 1}, {1, 32}, {3, 33}, {2, 63}, {5, 100}};

struct preset {
  std::string prefix, suffix;
  recipe value;
  mx_rule rule;
};
const preset presets[] = {{"torchao_", "_floor", recipe::floor, mx_rule::floor},
                          {"torchao_", "_ceil", recipe::ceil, mx_rule::ceil},
                          {"torchao_", "_even", recipe::even, mx_rule::even},
                          {"torchao_", "_rceil", recipe::rceil, mx_rule::rceil},
                          {"microxcaling_", "", recipe::microxcaling, mx_rule::microxcaling}};

template <block_format F>
void check_vectors(const std::string& format) {
  differences found;
  for (const std::string& tensor : tensors) {
    const source s(oracle::vector_input(tensor));
    for (const preset& p : presets) {
      // torchao has no MXINT8.
      if (F.element.twos_complement && p.rule != mx_rule::microxcaling) continue;
      const std::string name = p.prefix + format + p.suffix;
      const auto q = nibble::quantize<F>(s.view(), {.recipe = p.value});
      const std::string ending = F.packing.slot_bits == 4 ? ".codes.u4" : ".codes.u8";
      found.compare(tensor + " " + name + " codes", std::vector(q.codes().begin(), q.codes().end()),
                    oracle::read_vector("outputs/" + tensor + "." + name + ending));
      found.compare(tensor + " " + name + " scales", scales_of(q), oracle::vector_scales(tensor, name));
    }
  }
  NIBBLE_CHECK_EQUAL(found, F.element.twos_complement ? 6 : 30);
}

/// `rule` against `r` on tensors whose ties are those of `element`.
template <block_format F>
void compare_everywhere(const std::string& name, const recipe& r, mx_rule rule, const oracle::format& element) {
  constexpr std::uint64_t seeds = 6;
  differences found;
  for (const tensor_mode mode : oracle::all_tensor_modes) {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      for (const shape& s : shapes) {
        const matrix x = oracle::make_tensor(mode, s.rows, s.columns, seed * 64 + s.columns, 32, element);
        const source values(x);
        const auto q = nibble::quantize<F>(values.view(), {.recipe = r});
        const auto wanted = oracle::quantize_mx(rule, element, x);
        const std::string where = name + " mode " + std::to_string(static_cast<int>(mode)) + " seed " +
                                  std::to_string(seed) + " " + std::to_string(s.rows) + "x" + std::to_string(s.columns);
        found.compare(where + " scales", scales_of(q), wanted.scales);
        found.compare(where + " codes", codes_of(q), wanted.codes);
      }
    }
  }
  NIBBLE_CHECK_EQUAL(found, 2 * 10 * seeds * std::size(shapes));
}

template <block_format F>
void check_oracle(const std::string& format, const oracle::format& element) {
  for (const preset& p : presets) {
    if (F.element.twos_complement && p.rule != mx_rule::microxcaling) continue;
    compare_everywhere<F>(p.prefix + format + p.suffix, p.value, p.rule, element);
  }
}

}  // namespace

TEST_CASE("MX presets give the published bytes") {
  check_vectors<nibble::mxfp4>("mxfp4");
  check_vectors<nibble::mxfp6_e2m3>("mxfp6_e2m3");
  check_vectors<nibble::mxfp6_e3m2>("mxfp6_e3m2");
  check_vectors<nibble::mxfp8_e4m3>("mxfp8_e4m3");
  check_vectors<nibble::mxfp8_e5m2>("mxfp8_e5m2");
  check_vectors<nibble::mxint8>("mxint8");
}

TEST_CASE("ggml's MXFP4 blocks, byte for byte") {
  differences found;
  for (const std::string& tensor : tensors) {
    const source s(oracle::vector_input(tensor));
    const auto q = nibble::quantize<nibble::ggml_mxfp4>(s.view(), {.recipe = recipe::ggml});
    std::vector<std::uint8_t> raw;
    for (std::size_t b = 0; b < 512; ++b) {
      raw.push_back(q.scales()[b]);
      raw.insert(raw.end(), &q.codes()[16 * b], &q.codes()[16 * b] + 16);
    }
    found.compare(tensor, raw, oracle::read_vector("outputs/" + tensor + ".ggml_mxfp4.raw.bin"));
  }
  NIBBLE_CHECK_EQUAL(found, 3);
}

TEST_CASE("torchao and microxcaling presets equal the oracle") {
  check_oracle<nibble::mxfp4>("mxfp4", oracle::e2m1);
  check_oracle<nibble::mxfp6_e2m3>("mxfp6_e2m3", oracle::e2m3);
  check_oracle<nibble::mxfp6_e3m2>("mxfp6_e3m2", oracle::e3m2);
  check_oracle<nibble::mxfp8_e4m3>("mxfp8_e4m3", oracle::e4m3);
  check_oracle<nibble::mxfp8_e5m2>("mxfp8_e5m2", oracle::e5m2);
  check_oracle<nibble::mxint8>("mxint8", oracle::mxint8);
}

TEST_CASE("ggml and Transformer Engine presets for MX equal the oracle") {
  compare_everywhere<nibble::ggml_mxfp4>("ggml", recipe::ggml, mx_rule::ggml, oracle::e2m1);
  const recipe& kernel = recipe::transformer_engine_kernel;
  compare_everywhere<nibble::mxfp8_e4m3>("kernel e4m3", kernel, mx_rule::transformer_engine, oracle::e4m3);
  compare_everywhere<nibble::mxfp8_e5m2>("kernel e5m2", kernel, mx_rule::transformer_engine, oracle::e5m2);
}
