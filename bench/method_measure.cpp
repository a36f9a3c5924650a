// SPDX-License-Identifier: Apache-2.0
//
// All measures of (x, y) in one pass, against reading both; amax against reading x, its moments against reading it
// twice.
#include "support.hpp"

namespace {

using namespace nibble;

void read_both(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  const auto n = static_cast<std::size_t>(count);
  const auto* x = reinterpret_cast<const std::uint32_t*>(bench::data(count).data());
  const auto* y = reinterpret_cast<const std::uint32_t*>(bench::data(count, true).data());
  for (auto _ : state) {
    bench::words all(0U);
    bench::words more(0U);
    for (std::size_t i = 0; i < n; i += bench::words::size) {
      all = all | bench::words::load_aligned(x + i);
      more = more | bench::words::load_aligned(y + i);
    }
    std::uint32_t result[bench::words::size];
    (all | more).store_unaligned(result);
    benchmark::DoNotOptimize(result);
  }
  bench::finish(state, count, 8.0);
}

template <int Times>
void read_x(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  const auto n = static_cast<std::size_t>(count);
  const auto* x = reinterpret_cast<const std::uint32_t*>(bench::data(count).data());
  for (auto _ : state) {
    bench::words all(0U);
    bench::words more(0U);
    for (int pass = 0; pass < Times; ++pass) {
      for (std::size_t i = 0; i < n; i += 2 * bench::words::size) {
        all = all | bench::words::load_aligned(x + i);
        more = more | bench::words::load_aligned(x + i + bench::words::size);
      }
      benchmark::ClobberMemory();
    }
    std::uint32_t result[bench::words::size];
    (all | more).store_unaligned(result);
    benchmark::DoNotOptimize(result);
  }
  bench::finish(state, count, 4.0 * Times);
}

void moments_of(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const bench::buffer<float> x = bench::data(state.range(0));
  for (auto _ : state) {
    const moments m = measure_moments(simd{}, std::span<const float>(x.data(), n));
    benchmark::DoNotOptimize(m);
  }
  bench::finish(state, state.range(0), 8.0);
}

void largest(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const bench::buffer<float> x = bench::data(state.range(0));
  for (auto _ : state) {
    const float m = amax(simd{}, matrix_view<float>(x.data(), 1, n));
    benchmark::DoNotOptimize(m);
  }
  bench::finish(state, state.range(0), 4.0);
}

void measures(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const bench::buffer<float> x = bench::data(state.range(0));
  const bench::buffer<float> y = bench::data(state.range(0), true);
  for (auto _ : state) {
    const error_measures m = measure(simd{}, std::span<const float>(x.data(), n), std::span<const float>(y.data(), n));
    benchmark::DoNotOptimize(m);
  }
  bench::finish(state, state.range(0), 8.0);
}

[[maybe_unused]] const bool registered = [] {
  bench::add("limit/read_two_f32", "", read_both);
  bench::add("measure/simd", "limit/read_two_f32", measures);
  bench::add("limit/read_f32", "", read_x<1>);
  bench::add("limit/read_f32_twice", "", read_x<2>);
  bench::add("measure/amax", "limit/read_f32", largest);
  bench::add("measure/moments", "limit/read_f32_twice", moments_of);
  return true;
}();

}  // namespace
