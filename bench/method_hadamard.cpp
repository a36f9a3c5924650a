// SPDX-License-Identifier: Apache-2.0
//
// The Hadamard transform in place, against a copy of as many bytes.
#include "support.hpp"

namespace {

using namespace nibble;

void copy(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const bench::buffer<float> x = bench::data(state.range(0));
  auto* y = bench::results<float>(count);
  for (auto _ : state) {
    std::memcpy(y, x.data(), count * sizeof(float));
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 8.0);
}

template <std::size_t Lanes>
void transform(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  bench::buffer<float> x = bench::make_data(state.range(0), false);
  for (auto _ : state) {
    hadamard(simd{}, std::span(x.data(), count), Lanes);
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 8.0);
}

[[maybe_unused]] const bool registered = [] {
  bench::add("limit/memcpy_f32", "", copy);
  bench::add("hadamard/16", "limit/memcpy_f32", transform<16>);
  bench::add("hadamard/32", "limit/memcpy_f32", transform<32>);
  bench::add("hadamard/64", "limit/memcpy_f32", transform<64>);
  bench::add("hadamard/128", "limit/memcpy_f32", transform<128>);
  return true;
}();

}  // namespace
