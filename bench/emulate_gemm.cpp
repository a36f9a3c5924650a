// SPDX-License-Identifier: Apache-2.0
//
// The emulated GEMM, N x N x N. One item is one multiplication and its addition; the limit is the rate at which registers
// alone are multiplied and added in float32 vectors.
#include "support.hpp"

#include <thread>
#include <vector>

#include <nibble/emulate/gemm_native.hpp>

namespace {

using namespace nibble;
namespace em = nibble::emulate;

void finish(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(0) * state.range(0));
}

void limit(benchmark::State& state) {
  using reals = xsimd::batch<float, xsimd::default_arch>;
  const std::int64_t count = state.range(0) * state.range(0) * state.range(0);
  constexpr std::int64_t chains = 12;
  reals sums[chains];
  reals x(1.0F);
  reals y(0.5F);
  for (auto& sum : sums) sum = x;
  for (auto _ : state) {
    benchmark::DoNotOptimize(x);
    benchmark::DoNotOptimize(y);
    for (std::int64_t i = 0; i < count; i += chains * static_cast<std::int64_t>(reals::size)) {
      for (auto& sum : sums) sum = xsimd::fma(x, y, sum);
    }
    for (auto& sum : sums) benchmark::DoNotOptimize(sum);
  }
  finish(state);
}

/// Threads of the operating system, each with every Count-th task.
template <std::size_t Count>
struct threads {
  template <class Task>
  void operator()(std::size_t count, Task&& task) const {
    const auto work = [&](std::size_t first) {
      for (std::size_t i = first; i < count; i += Count) task(i);
    };
    std::vector<std::thread> others;
    for (std::size_t first = 1; first < Count; ++first) others.emplace_back(work, first);
    work(0);
    for (std::thread& other : others) other.join();
  }
};

template <block_format F>
block_tensor<F> operand(std::size_t n) {
  const bench::buffer<float> x = bench::data(static_cast<std::int64_t>(n * n));
  return quantize<F>(simd{}, matrix_view<float>{x.data(), n, n});
}

template <block_format F, class Executor = serial, class Backend = em::native>
void run(benchmark::State& state, const em::accumulation& how) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const block_tensor<F> a = operand<F>(n);
  const block_tensor<F> b = operand<F>(n);
  std::vector<float> d(n * n);
  for (auto _ : state) {
    em::gemm(Backend{}, a.view(), b.view(), matrix_view<float>{}, d.data(), {.accumulate = how}, Executor{});
    benchmark::ClobberMemory();
  }
  finish(state);
}

constexpr em::accumulation in_order = em::accumulate::float32_in_order;
constexpr em::accumulation wgmma = em::accumulate::by(em::units::hopper_wgmma_fp8);
constexpr em::accumulation f8f6f4 = em::accumulate::by(em::units::blackwell_f8f6f4);
constexpr em::accumulation mxf8f6f4 = em::accumulate::by(em::units::blackwell_mxf8f6f4);
constexpr em::accumulation mxf4nvf4 = em::accumulate::by(em::units::blackwell_mxf4nvf4);

/// 1024 x 1024 x 1024 on several threads. By elapsed time: Google Benchmark counts the processor time of one thread.
template <std::size_t Count>
void add_threads() {
  const std::string suffix = "_threads_" + std::to_string(Count);
  const auto add = [&](const std::string& name, auto&& body) {
    benchmark::RegisterBenchmark((name + suffix).c_str(), body)->Arg(1024)->UseRealTime();
  };
  add("gemm/blackwell_mxf4nvf4/nvfp4", [](benchmark::State& s) { run<nvfp4, threads<Count>>(s, mxf4nvf4); });
  add("gemm/float32/nvfp4", [](benchmark::State& s) { run<nvfp4, threads<Count>>(s, in_order); });
  add("gemm/hopper_wgmma_fp8/fp8_128x128", [](benchmark::State& s) { run<fp8_128x128, threads<Count>>(s, wgmma); });
}

[[maybe_unused]] const bool registered = [] {
  const std::string peak = "limit/multiply_add";
  bench::add_sized(peak, "", 512, limit);
  bench::add_sized("gemm/float32/fp8_per_row", peak, 512, [](auto& s) { run<fp8_per_row>(s, in_order); });
  bench::add_sized("gemm/float32/fp8_128x128", peak, 512, [](auto& s) { run<fp8_128x128>(s, in_order); });
  bench::add_sized("gemm/float32/nvfp4", peak, 512, [](auto& s) { run<nvfp4>(s, in_order); });
  bench::add_sized("gemm/hopper_wgmma_fp8/fp8_per_row", peak, 512, [](auto& s) { run<fp8_per_row>(s, wgmma); });
  bench::add_sized("gemm/hopper_wgmma_fp8/fp8_128x128", peak, 512, [](auto& s) { run<fp8_128x128>(s, wgmma); });
  bench::add_sized("gemm/blackwell_f8f6f4/fp8_per_row", peak, 512, [](auto& s) { run<fp8_per_row>(s, f8f6f4); });
  bench::add_sized("gemm/blackwell_mxf8f6f4/mxfp8_e4m3", peak, 512, [](auto& s) { run<mxfp8_e4m3>(s, mxf8f6f4); });
  bench::add_sized("gemm/blackwell_mxf4nvf4/nvfp4", peak, 512, [](auto& s) { run<nvfp4>(s, mxf4nvf4); });
  bench::add_sized("gemm/blackwell_mxf4nvf4/nvfp4", "", 1024, [](auto& s) { run<nvfp4>(s, mxf4nvf4); });
  add_threads<1>();
  add_threads<2>();
  add_threads<4>();
  add_threads<8>();
  bench::add_sized("gemm_scalar/hopper_wgmma_fp8/fp8_per_row", peak, 128,
                   [](auto& s) { run<fp8_per_row, serial, scalar>(s, wgmma); });
  return true;
}();

}  // namespace
