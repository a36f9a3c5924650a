// SPDX-License-Identifier: Apache-2.0
//
// Codecs of spans and dequantize with an executor that runs tasks backwards: the bytes of one call without, on both
// backends, stochastic rounding and every kind of layout included.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "codec_support.hpp"

namespace {

using namespace codec_test;
using namespace nibble;

struct backwards {
  std::size_t* tasks;
  template <class Task>
  void operator()(std::size_t count, Task&& task) const {
    *tasks += count;
    for (std::size_t i = count; i-- > 0;) task(i);
  }
};

template <float_format F, class T, class Backend>
void compare(findings& found, const std::string& name, const oracle::format& reference, packed_layout layout) {
  const std::vector<T> x = numbers<T>(reference, 40'007, 7);
  exhaustive::random_words random(5);
  std::vector<std::uint32_t> words(x.size());
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random.next());
  const std::size_t bytes = packed_bytes(layout, x.size());
  for (const element_rounding& r : {element_rounding(nearest_even{}), element_rounding(upward{}),
                                    element_rounding(stochastic{.seed = 3, .bits = 8, .first_element = 9}),
                                    element_rounding(stochastic{.seed = 3, .bits = 16, .first_element = 1}),
                                    element_rounding(stochastic{.seed = 3, .bits = 32}),
                                    element_rounding(stochastic_words{words, 16})}) {
    const encode_options options{.rounding = r, .layout = layout};
    std::vector<std::uint8_t> wanted(bytes, 1);
    std::vector<std::uint8_t> got(bytes, 2);
    encode<F>(scalar{}, x, wanted, options);
    std::size_t tasks = 0;
    encode<F>(Backend{}, x, got, options, backwards{&tasks});
    found.expect(got == wanted && tasks > 1, name + text_of(options));
    std::vector<float> values(x.size());
    std::vector<float> back(x.size());
    decode<F>(scalar{}, wanted, values, layout);
    decode<F>(Backend{}, wanted, back, layout, backwards{&tasks});
    found.expect(same_bytes(back, values), name + " decode");
  }
}

template <class Backend>
void compare_all(findings& found) {
  compare<formats::e4m3, float, Backend>(found, "e4m3", oracle::e4m3, layouts::bytes);
  compare<formats::e4m3, double, Backend>(found, "e4m3 from double", oracle::e4m3, layouts::bytes);
  compare<formats::e2m1, nibble::bf16, Backend>(found, "e2m1", oracle::e2m1, layouts::nibbles_low_first);
  compare<formats::e2m1, float, Backend>(found, "e2m1 high", oracle::e2m1, layouts::nibbles_high_first);
  compare<formats::e2m1, float, Backend>(found, "e2m1 6", oracle::e2m1, {4, nibble_order::split_halves, 6});
  compare<formats::e2m1, float, Backend>(found, "e2m1 20000", oracle::e2m1, {4, nibble_order::split_halves, 20'000});
  compare<formats::e3m2, nibble::f16, Backend>(found, "e3m2", oracle::e3m2, layouts::dense6);
  compare<formats::bf16, float, Backend>(found, "bf16", oracle::bf16, layouts::words);
}

template <block_format F, class Backend>
void compare_dequantize(findings& found, const std::string& name) {
  for (const std::size_t cols : {std::size_t{40}, std::size_t{20'000}}) {
    const std::vector<float> x = numbers<float>(oracle::e4m3, 60'000, 1);
    const std::size_t rows = x.size() / cols;
    const block_tensor<F> q = quantize<F>(matrix_view{x.data(), rows, cols});
    std::vector<float> wanted(rows * cols);
    std::vector<float> got(rows * cols);
    dequantize(scalar{}, q.view(), wanted.data());
    std::size_t tasks = 0;
    dequantize(Backend{}, q.view(), got.data(), backwards{&tasks});
    found.expect(same_bytes(got, wanted) && tasks > 1, name);
  }
}

}  // namespace

TEST_CASE("codecs of spans do not depend on the executor") {
  findings found;
  compare_all<scalar>(found);
  compare_all<simd>(found);
  NIBBLE_CHECK_FINDINGS(found, 2 * 8 * 6 * 2U);
}

TEST_CASE("dequantize does not depend on the executor") {
  findings found;
  compare_dequantize<nvfp4, scalar>(found, "scalar nvfp4");
  compare_dequantize<nvfp4, simd>(found, "nvfp4");
  compare_dequantize<mxfp8_e5m2, simd>(found, "mxfp8");
  NIBBLE_CHECK_FINDINGS(found, 6U);
}
