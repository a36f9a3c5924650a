// SPDX-License-Identifier: Apache-2.0
//
// N:M sparsity on the SIMD backend against a copy of the same bytes, the usual argsort as a peer, and transposable masks.
#include <algorithm>
#include <array>
#include <span>

#include "support.hpp"

namespace {

using namespace nibble;

std::span<const float> input(benchmark::State& state) {
  return {bench::data(state.range(0)).data(), static_cast<std::size_t>(state.range(0))};
}
std::span<float> output(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  return {bench::results<float>(count), count};
}

void copy(benchmark::State& state) {
  const auto x = input(state);
  const auto y = output(state);
  for (auto _ : state) {
    std::memcpy(y.data(), x.data(), x.size_bytes());
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 8);
}

template <std::size_t N, std::size_t M, class Backend, class Method>
void prune(benchmark::State& state, const Method& method) {
  const auto x = input(state);
  const auto y = output(state);
  for (auto _ : state) {
    if constexpr (std::is_same_v<Backend, scalar>) {
      sparsify<N, M>(x, y, method);
    } else {
      sparsify<N, M>(Backend{}, x, y, method);
    }
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 8);
}

template <int Bits>
void pack(benchmark::State& state) {
  const auto x = input(state);
  const auto y = output(state);
  const bench::buffer<std::uint16_t> metadata(x.size() / 16);
  for (auto _ : state) {
    compress_2_4(simd{}, x, y.first(x.size() / 2), std::span(metadata.data(), x.size() / 16),
                 minimum_variance{.seed = 1, .bits = Bits});
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 6.125);
}

/// What scripts do: the order of each block by falling magnitude, then the two first.
void argsort(benchmark::State& state) {
  const auto x = input(state);
  const auto y = output(state);
  for (auto _ : state) {
    for (std::size_t b = 0; b < x.size(); b += 4) {
      std::array<std::size_t, 4> order = {0, 1, 2, 3};
      std::sort(order.begin(), order.end(),
                [&](std::size_t i, std::size_t j) { return std::abs(x[b + i]) > std::abs(x[b + j]); });
      for (std::size_t i = 0; i < 4; ++i) y[b + order[i]] = i < 2 ? x[b + order[i]] : 0.0F;
    }
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 8);
}

template <std::size_t N, std::size_t M, class Method>
void mask(benchmark::State& state) {
  const matrix_view<float> w{input(state).data(), static_cast<std::size_t>(state.range(0)) / 128, 128};
  for (auto _ : state) benchmark::DoNotOptimize(transposable_mask<N, M>(simd{}, w, Method{}));
  bench::finish(state, state.range(0), 4);
}

template <int Bits>
void variance_2_4(benchmark::State& state) { prune<2, 4, simd>(state, minimum_variance{.seed = 1, .bits = Bits}); }
template <int Bits>
void variance_1_2(benchmark::State& state) { prune<1, 2, simd>(state, minimum_variance{.seed = 1, .bits = Bits}); }
void magnitude_2_4(benchmark::State& state) { prune<2, 4, simd>(state, magnitude{}); }
void plain_magnitude_2_4(benchmark::State& state) { prune<2, 4, scalar>(state, magnitude{}); }
void plain_variance_2_4(benchmark::State& state) { prune<2, 4, scalar>(state, minimum_variance{.seed = 1}); }

[[maybe_unused]] const bool registered = [] {
  const std::string copied = "limit/memcpy_f32";
  bench::add(copied, "", copy);
  bench::add("sparsify/2_4_magnitude", copied, magnitude_2_4);
  bench::add("sparsify/2_4_minimum_variance_64", copied, variance_2_4<64>);
  bench::add("sparsify/2_4_minimum_variance_32", copied, variance_2_4<32>);
  bench::add("sparsify/2_4_minimum_variance_16", copied, variance_2_4<16>);
  bench::add("sparsify/1_2_minimum_variance_64", copied, variance_1_2<64>);
  bench::add("sparsify/1_2_minimum_variance_32", copied, variance_1_2<32>);
  bench::add("sparsify/1_2_minimum_variance_16", copied, variance_1_2<16>);
  bench::add("compress/2_4_minimum_variance_64", copied, pack<64>);
  bench::add("compress/2_4_minimum_variance_32", copied, pack<32>);
  bench::add("compress/2_4_minimum_variance_16", copied, pack<16>);
  bench::add_sized("sparsify_scalar/2_4_magnitude", copied, bench::cached, plain_magnitude_2_4);
  bench::add_sized("sparsify_scalar/2_4_minimum_variance_64", copied, bench::cached, plain_variance_2_4);
  bench::add_sized("peer/2_4_argsort", "sparsify/2_4_magnitude", bench::cached, argsort);
  bench::add_sized("transposable_mask/2_4_heaviest", copied, bench::cached, mask<2, 4, heaviest>);
  bench::add_sized("transposable_mask/4_8_heaviest", copied, bench::cached, mask<4, 8, heaviest>);
  bench::add_sized("transposable_mask/2_4_greedy", copied, bench::cached, mask<2, 4, greedy>);
  bench::add_sized("transposable_mask/4_8_greedy", copied, bench::cached, mask<4, 8, greedy>);
  return true;
}();

}  // namespace
