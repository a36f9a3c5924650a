// SPDX-License-Identifier: Apache-2.0
//
// quantize on the SIMD and the scalar backend, tensor amax given, rows of 4096 elements.
#include "support.hpp"

namespace {

using namespace nibble;

quantize_options with(const element_rounding& rounding, const recipe& r = {}) {
  return {.rounding = rounding, .recipe = r, .tensor_amax = 8.0F};
}

template <block_format F, class Backend, bool LogUniform = false>
void run(benchmark::State& state, const quantize_options& options) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const bench::buffer<float> x = bench::data(state.range(0), LogUniform);
  const bench::buffer<std::uint8_t> codes(F.row_bytes(count));
  const bench::buffer<std::uint8_t> scales(count / static_cast<std::size_t>(F.block_size));
  float tensor_scale = 0;
  const matrix_view view{x.data(), count / 4096, 4096};
  const block_view<F> q{codes.data(), scales.data(), &tensor_scale, view.rows, view.cols};
  for (auto _ : state) {
    quantize(Backend{}, view, q, options);
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 4.0 + F.bits_per_element() / 8);
}

template <block_format F>
void nearest(benchmark::State& state) { run<F, simd>(state, with(nearest_even{})); }
template <block_format F>
void log_uniform(benchmark::State& state) { run<F, simd, true>(state, with(nearest_even{})); }
template <block_format F>
void toward_zero_rounding(benchmark::State& state) { run<F, simd>(state, with(toward_zero{})); }
template <block_format F, int Bits>
void random(benchmark::State& state) { run<F, simd>(state, with(stochastic{.seed = 1, .bits = Bits})); }
template <block_format F>
void plain(benchmark::State& state) { run<F, scalar>(state, with(nearest_even{})); }
void transformer_engine_nvfp4(benchmark::State& state) {
  run<nvfp4, simd>(state, with({}, recipe::transformer_engine));
}
void torchao_nvfp4(benchmark::State& state) { run<nvfp4, simd>(state, with({}, recipe::torchao_tensor_scale)); }
void unbiased_nvfp4(benchmark::State& state) { run<nvfp4, simd>(state, with({}, recipe::unbiased)); }
void microxcaling_mxfp8(benchmark::State& state) { run<mxfp8_e4m3, simd>(state, with({}, recipe::microxcaling)); }

[[maybe_unused]] const bool registered = [] {
  const std::string four = "limit/f32_to_4bit";
  const std::string eight = "limit/f32_to_8bit";
  bench::add("quantize/nvfp4", four, nearest<nvfp4>);
  bench::add("quantize/nvfp4_log_uniform", four, log_uniform<nvfp4>);
  bench::add("quantize/nvfp4_toward_zero", four, toward_zero_rounding<nvfp4>);
  bench::add("quantize/nvfp4_stochastic_8", four, random<nvfp4, 8>);
  bench::add("quantize/nvfp4_stochastic_16", four, random<nvfp4, 16>);
  bench::add("quantize/nvfp4_stochastic_32", four, random<nvfp4, 32>);
  bench::add("quantize/nvfp4_transformer_engine", four, transformer_engine_nvfp4);
  bench::add("quantize/nvfp4_torchao", four, torchao_nvfp4);
  bench::add("quantize/nvfp4_unbiased", four, unbiased_nvfp4);
  bench::add("quantize/mxfp4", four, nearest<mxfp4>);
  bench::add("quantize/mxfp4_log_uniform", four, log_uniform<mxfp4>);
  bench::add("quantize/mxfp8_e4m3", eight, nearest<mxfp8_e4m3>);
  bench::add("quantize/mxfp8_e5m2", eight, nearest<mxfp8_e5m2>);
  bench::add("quantize/mxfp8_e4m3_stochastic_16", eight, random<mxfp8_e4m3, 16>);
  bench::add("quantize/mxfp8_e4m3_microxcaling", eight, microxcaling_mxfp8);
  bench::add("quantize/mxfp6_e2m3", eight, nearest<mxfp6_e2m3>);
  bench::add("quantize/mxint8", eight, nearest<mxint8>);
  bench::add("quantize_scalar/nvfp4", four, plain<nvfp4>);
  bench::add("quantize_scalar/mxfp4", four, plain<mxfp4>);
  return true;
}();

}  // namespace
