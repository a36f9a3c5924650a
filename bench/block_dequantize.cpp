// SPDX-License-Identifier: Apache-2.0
//
// dequantize on the SIMD backend, rows of 4096 elements.
#include "support.hpp"

namespace {

using namespace nibble;

template <block_format F, class T, class Backend = simd>
void run(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  block_tensor<F> q(count / 4096, 4096);
  const bench::buffer<float> x = bench::data(state.range(0));
  quantize(simd{}, matrix_view{x.data(), count / 4096, std::size_t{4096}}, q.view(), {.tensor_amax = 8.0F});
  auto* out = bench::results<T>(count);
  for (auto _ : state) {
    dequantize(Backend{}, q.view(), out);
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), static_cast<double>(sizeof(T)) + F.bits_per_element() / 8);
}

[[maybe_unused]] const bool registered = [] {
  const std::string four = "limit/4bit_to_f32";
  const std::string eight = "limit/8bit_to_f32";
  bench::add("dequantize/nvfp4", four, run<nvfp4, float>);
  bench::add("dequantize/mxfp4", four, run<mxfp4, float>);
  bench::add("dequantize/mxfp8_e4m3", eight, run<mxfp8_e4m3, float>);
  bench::add("dequantize/mxfp6_e2m3", eight, run<mxfp6_e2m3, float>);
  bench::add("dequantize/mxint8", eight, run<mxint8, float>);
  bench::add("dequantize/nvfp4_to_bf16", "limit/8bit_to_16bit", run<nvfp4, bf16>);
  bench::add("dequantize_scalar/nvfp4", four, run<nvfp4, float, scalar>);
  return true;
}();

}  // namespace
