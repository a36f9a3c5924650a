// SPDX-License-Identifier: Apache-2.0
//
// encode of spans on the SIMD backend, by format, rounding and source.
#include "support.hpp"

namespace {

using namespace nibble;

template <float_format F, class T = float, bool LogUniform = false, class Backend = simd>
void run(benchmark::State& state, const encode_options& options) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto x = [&] {
    if constexpr (LogUniform) return bench::data(state.range(0), true);
    else return bench::data_of<T>(state.range(0));
  }();
  const std::size_t bytes = packed_bytes(options.layout.value_or(default_layout(F)), count);
  auto* codes = bench::results<std::uint8_t>(bytes);
  for (auto _ : state) {
    encode<F>(Backend{}, std::span(x.data(), count), std::span(codes, bytes), options);
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), static_cast<double>(sizeof(T)) + static_cast<double>(bytes) / static_cast<double>(count));
}

template <float_format F, class T = float>
void nearest(benchmark::State& state) { run<F, T>(state, {}); }
template <float_format F>
void plain(benchmark::State& state) { run<F, float, false, scalar>(state, {}); }
template <float_format F>
void log_uniform(benchmark::State& state) { run<F, float, true>(state, {}); }
template <float_format F>
void special(benchmark::State& state) { run<F, float, true>(state, {.overflow = overflow::special}); }
template <float_format F, class Rounding>
void rounding(benchmark::State& state) { run<F>(state, {.rounding = Rounding{}}); }
template <float_format F, int Bits>
void random(benchmark::State& state) { run<F>(state, {.rounding = stochastic{.seed = 1, .bits = Bits}}); }
void high_first(benchmark::State& state) { run<formats::e2m1>(state, {.layout = layouts::nibbles_high_first}); }
void dense(benchmark::State& state) { run<formats::e3m2>(state, {.layout = layouts::dense6}); }

[[maybe_unused]] const bool registered = [] {
  const std::string four = "limit/f32_to_4bit";
  const std::string eight = "limit/f32_to_8bit";
  const std::string sixteen = "limit/f32_to_16bit";
  const std::string narrow = "limit/16bit_to_8bit";
  bench::add("encode/e4m3", eight, nearest<formats::e4m3>);
  bench::add("encode/e5m2", eight, nearest<formats::e5m2>);
  bench::add("encode/e2m1", four, nearest<formats::e2m1>);
  bench::add("encode/e4m3_log_uniform", eight, log_uniform<formats::e4m3>);
  bench::add("encode/e5m2_log_uniform", eight, log_uniform<formats::e5m2>);
  bench::add("encode/e2m1_log_uniform", four, log_uniform<formats::e2m1>);
  bench::add("encode/e4m3_special_log_uniform", eight, special<formats::e4m3>);
  bench::add("encode/e4m3_toward_zero", eight, rounding<formats::e4m3, toward_zero>);
  bench::add("encode/e4m3_upward", eight, rounding<formats::e4m3, upward>);
  bench::add("encode/e4m3_nearest_away", eight, rounding<formats::e4m3, nearest_away>);
  bench::add("encode/e4m3_to_odd", eight, rounding<formats::e4m3, to_odd>);
  bench::add("encode/e4m3_stochastic_8", eight, random<formats::e4m3, 8>);
  bench::add("encode/e4m3_stochastic_16", eight, random<formats::e4m3, 16>);
  bench::add("encode/e4m3_stochastic_32", eight, random<formats::e4m3, 32>);
  bench::add("encode/e4m3_from_bf16", narrow, nearest<formats::e4m3, bf16>);
  bench::add("encode/e4m3_from_f16", narrow, nearest<formats::e4m3, f16>);
  bench::add("encode/e4m3fnuz", eight, nearest<formats::e4m3fnuz>);
  bench::add("encode/mxint8", eight, nearest<formats::mxint8>);
  bench::add("encode/e8m0", eight, nearest<formats::e8m0>);
  bench::add("encode/bf16", sixteen, nearest<formats::bf16>);
  bench::add("encode/f16", sixteen, nearest<formats::f16>);
  bench::add("encode/e2m1_high_first", four, high_first);
  bench::add("encode/e3m2_dense6", eight, dense);
  bench::add("encode_scalar/e4m3", eight, plain<formats::e4m3>);
  return true;
}();

}  // namespace
