// SPDX-License-Identifier: Apache-2.0
//
// decode of spans on the SIMD backend, by format and target.
#include "support.hpp"

namespace {

using namespace nibble;

template <float_format F, class T, class Backend = simd>
void run(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::size_t bytes = packed_bytes(default_layout(F), count);
  const bench::buffer<std::uint8_t> codes(bytes);
  encode<F>(simd{}, std::span(bench::data(state.range(0)).data(), count), std::span(codes.data(), bytes));
  const std::span<const std::uint8_t> source(codes.data(), bytes);
  auto* out = bench::results<T>(count);
  for (auto _ : state) {
    decode<F>(Backend{}, source, std::span(out, count));
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), static_cast<double>(sizeof(T)) + static_cast<double>(bytes) / static_cast<double>(count));
}

[[maybe_unused]] const bool registered = [] {
  const std::string four = "limit/4bit_to_f32";
  const std::string eight = "limit/8bit_to_f32";
  const std::string sixteen = "limit/16bit_to_f32";
  const std::string narrow = "limit/8bit_to_16bit";
  bench::add("decode/e4m3", eight, run<formats::e4m3, float>);
  bench::add("decode/e5m2", eight, run<formats::e5m2, float>);
  bench::add("decode/e2m1", four, run<formats::e2m1, float>);
  bench::add("decode/e4m3fnuz", eight, run<formats::e4m3fnuz, float>);
  bench::add("decode/e8m0", eight, run<formats::e8m0, float>);
  bench::add("decode/mxint8", eight, run<formats::mxint8, float>);
  bench::add("decode/bf16", sixteen, run<formats::bf16, float>);
  bench::add("decode/f16", sixteen, run<formats::f16, float>);
  bench::add("decode/e4m3_to_bf16", narrow, run<formats::e4m3, bf16>);
  bench::add("decode_scalar/e4m3", eight, run<formats::e4m3, float, scalar>);
  return true;
}();

}  // namespace
