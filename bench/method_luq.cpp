// SPDX-License-Identifier: Apache-2.0
//
// LUQ to packed codes, beside MXFP4 with as many random bits.
#include "support.hpp"

namespace {

using namespace nibble;

template <int Bits>
void codes(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const bench::buffer<float> x = bench::data(state.range(0));
  const bench::buffer<std::uint8_t> packed(count / 2);
  for (auto _ : state) {
    luq(simd{}, std::span<const float>(x.data(), count), std::span(packed.data(), count / 2),
        {.random = {.seed = 1, .bits = Bits}});
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 4.5);
}

template <int Bits>
void mxfp4_codes(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const bench::buffer<float> x = bench::data(state.range(0));
  block_tensor<mxfp4> q(count / 4096, 4096);
  for (auto _ : state) {
    quantize(simd{}, matrix_view<float>(x.data(), q.rows(), q.cols()), q.view(),
             {.rounding = stochastic{.seed = 1, .bits = Bits}});
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 4.0 + mxfp4.bits_per_element() / 8);
}

void plain(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const bench::buffer<float> x = bench::data(state.range(0));
  const bench::buffer<std::uint8_t> packed(count / 2);
  for (auto _ : state) {
    luq(std::span<const float>(x.data(), count), std::span(packed.data(), count / 2), {.random = {.seed = 1}});
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 4.5);
}

[[maybe_unused]] const bool registered = [] {
  bench::add("luq/mxfp4_stochastic_8", "limit/f32_to_4bit", mxfp4_codes<8>);
  bench::add("luq/mxfp4_stochastic_16", "limit/f32_to_4bit", mxfp4_codes<16>);
  bench::add("luq/mxfp4_stochastic_32", "limit/f32_to_4bit", mxfp4_codes<32>);
  bench::add("luq/simd_8", "luq/mxfp4_stochastic_8", codes<8>);
  bench::add("luq/simd_16", "luq/mxfp4_stochastic_16", codes<16>);
  bench::add("luq/simd_32", "luq/mxfp4_stochastic_32", codes<32>);
  bench::add_sized("luq/scalar", "luq/mxfp4_stochastic_32", bench::cached, plain);
  return true;
}();

}  // namespace
