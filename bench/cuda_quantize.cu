// SPDX-License-Identifier: Apache-2.0
//
// The CUDA backend against the memory: each operation beside a kernel that moves the same bytes with no arithmetic, in
// the same run. Prints medians of interleaved runs, elements a second, and the ratio.
//   nvcc -std=c++20 -O3 -arch=sm_90 -Iinclude bench/cuda_quantize.cu -o cuda_quantize
//   ./cuda_quantize [log2 elements [part of the names of operations]]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <nibble/cuda.cuh>
#include <nibble/method/hadamard.hpp>

namespace {

using namespace nibble;

void need(cudaError_t code) {
  if (code == cudaSuccess) return;
  std::printf("CUDA: %s\n", cudaGetErrorString(code));
  std::exit(1);
}
void need(cuda_status status) { need(status.code()); }

template <class T>
T* allocate(std::size_t count) {
  void* p = nullptr;
  need(cudaMalloc(&p, count * sizeof(T)));
  return static_cast<T*>(p);
}

/// Reads In vectors of 16 bytes and writes Out bytes for them, in whole warps' runs: the traffic of an operation.
template <int In, int Out>
__global__ void __launch_bounds__(256) move(const uint4* in, std::uint8_t* out, std::size_t groups) {
  const std::size_t lane = threadIdx.x % 32;
  const std::size_t step = detail::thread_count();
  for (std::size_t first = detail::thread_index() - lane; first < groups; first += step) {
    std::uint32_t mix[4] = {};
#pragma unroll
    for (int i = 0; i < In; ++i) {
      const uint4 v = __ldcs(in + first * In + static_cast<std::size_t>(i) * 32 + lane);
      mix[0] ^= v.x, mix[1] ^= v.y, mix[2] ^= v.z, mix[3] ^= v.w;
    }
    if constexpr (Out >= 16) {
#pragma unroll
      for (int i = 0; i < Out / 16; ++i) {
        __stcs(reinterpret_cast<uint4*>(out) + first * (Out / 16) + static_cast<std::size_t>(i) * 32 + lane,
               make_uint4(mix[0], mix[1], mix[2], mix[3]));
      }
    } else if constexpr (Out >= 8) {
      __stcs(reinterpret_cast<uint2*>(out) + first + lane, make_uint2(mix[0] ^ mix[2], mix[1] ^ mix[3]));
    } else if constexpr (Out == 0) {
      if (mix[0] == 0x1234'5678U && mix[1] == 0x9abc'def0U && mix[2] == mix[3]) out[0] = 1;
    }
    if constexpr (Out % 8 == 1) {
      out[groups * (Out - 1) + first + lane] = static_cast<std::uint8_t>(mix[0] ^ mix[1] ^ mix[2] ^ mix[3]);
    }
    if constexpr (Out % 8 == 2) {
      reinterpret_cast<std::uint16_t*>(out + groups * (Out - 2))[first + lane] =
          static_cast<std::uint16_t>(mix[0] ^ mix[1] ^ mix[2] ^ mix[3]);
    }
  }
}

__global__ void fill(float* x, std::size_t count) {
  for (std::size_t i = detail::thread_index(); i < count; i += detail::thread_count()) {
    const philox_block b = random_block(1, 2, i);
    int sum = -1020;
    for (int k = 0; k < 8; ++k) sum += static_cast<int>((b.words[k / 4] >> (8 * (k % 4))) & 0xffU);
    x[i] = static_cast<float>(sum) / 209.0F;
  }
}
template <class T>
__global__ void narrow(const float* x, T* y, std::size_t count) {
  for (std::size_t i = detail::thread_index(); i < count; i += detail::thread_count()) y[i] = T(x[i]);
}

using task = std::function<void()>;

/// Milliseconds of the two tasks: medians over runs that take turns.
std::pair<float, float> measure(const task& a, const task& b, int runs) {
  cudaEvent_t begin, end;
  need(cudaEventCreate(&begin));
  need(cudaEventCreate(&end));
  std::vector<float> times[2];
  for (int run = -2; run < runs; ++run) {
    for (int k = 0; k < 2; ++k) {
      need(cudaEventRecord(begin));
      (k == 0 ? a : b)();
      need(cudaEventRecord(end));
      need(cudaEventSynchronize(end));
      float ms = 0;
      need(cudaEventElapsedTime(&ms, begin, end));
      if (run >= 0) times[k].push_back(ms);
    }
  }
  for (auto& t : times) std::nth_element(t.begin(), t.begin() + runs / 2, t.end());
  return {times[0][static_cast<std::size_t>(runs / 2)], times[1][static_cast<std::size_t>(runs / 2)]};
}

struct bench {
  std::size_t count;
  float* x;
  bf16* y;
  std::uint8_t* bytes;
  float* out;
  std::uint8_t* scales;
  float* tensor_scale;
  std::byte* scratch;
  int runs = 11;
  const char* wanted = "";

  template <int In, int Out, std::size_t Elements>
  task limit() const {
    const std::size_t groups = count / Elements;
    return [=, this] {
      move<In, Out><<<static_cast<unsigned>((groups + 255) / 256), 256>>>(reinterpret_cast<const uint4*>(x),
                                                                          reinterpret_cast<std::uint8_t*>(out), groups);
    };
  }
  void row(const char* name, const task& operation, const task& ceiling, double bytes_per_element,
           double target) const {
    if (std::string(name).find(wanted) == std::string::npos) return;
    const auto [ms, limit_ms] = measure(operation, ceiling, runs);
    need(cudaGetLastError());
    const double rate = static_cast<double>(count) / (static_cast<double>(ms) * 1e6);
    const double most = static_cast<double>(count) / (static_cast<double>(limit_ms) * 1e6);
    std::printf("| %-44s | %8.1f | %8.1f | %7.0f | %.3f | %.2f%s |\n", name, rate, most, most * bytes_per_element,
                rate / most, target, rate / most < target ? " BELOW" : "");
  }
  template <block_format F>
  block_view<F> view(std::size_t cols) const {
    return {bytes, reinterpret_cast<code_type<F.scale>*>(scales), tensor_scale, count / cols, cols};
  }
  template <block_format F, class T>
  task quantizer(const T* source, element_rounding rounding = {}) const {
    return [=, this] {
      const std::size_t cols = 8192;
      need(quantize(cuda{}, matrix_view<T>{source, count / cols, cols}, view<F>(cols),
                    {.rounding = rounding, .tensor_amax = 5.0F}));
    };
  }
};

template <class T>
void quantize_rows(const bench& b, const T* source, const std::string& from) {
  constexpr bool wide = sizeof(T) == 4;
  constexpr double in = sizeof(T);
  const auto named = [&](const char* text) { return from + " -> " + text; };
  const task nvfp4_limit = b.template limit < wide ? 4 : 2, 9, 16 > ();
  const task mx_limit = b.template limit < wide ? 8 : 4, 17, 32 > ();
  const task both_limit = b.template limit < wide ? 4 : 2, 18, 16 > ();
  const task mx_both_limit = b.template limit < wide ? 8 : 4, 34, 32 > ();
  const task luq_limit = b.template limit < wide ? 4 : 2, 8, 16 > ();
  const task fp8_limit = b.template limit < wide ? 4 : 2, 16, 16 > ();
  const task mx8_limit = b.template limit < wide ? 8 : 4, 33, 32 > ();
  b.row(named("NVFP4 nearest").c_str(), b.quantizer<nvfp4>(source), nvfp4_limit, in + 9.0 / 16, 0.90);
  for (const int bits : {8, 16, 32}) {
    b.row(named(("NVFP4 stochastic " + std::to_string(bits)).c_str()).c_str(),
          b.quantizer<nvfp4>(source, stochastic{.seed = 1, .bits = bits}), nvfp4_limit, in + 9.0 / 16,
          bits == 32 ? 0.75 : 0.85);
  }
  b.row(named("NVFP4 stochastic 16, 7 rounds").c_str(),
        b.quantizer<nvfp4>(source, stochastic{.seed = 1, .bits = 16, .rounds = 7}), nvfp4_limit, in + 9.0 / 16, 0.85);
  b.row(named("MXFP4 nearest").c_str(), b.quantizer<mxfp4>(source), mx_limit, in + 17.0 / 32, 0.90);
  b.row(named("MXFP4 stochastic 16").c_str(), b.quantizer<mxfp4>(source, stochastic{.seed = 1, .bits = 16}), mx_limit,
        in + 17.0 / 32, 0.85);
  b.row(named("MXFP8 e4m3 nearest").c_str(), b.quantizer<mxfp8_e4m3>(source), mx8_limit, in + 33.0 / 32, 0.90);
  b.row(named("MXFP8 e5m2 nearest").c_str(), b.quantizer<mxfp8_e5m2>(source), mx8_limit, in + 33.0 / 32, 0.90);
  const auto both = [&]<block_format F>(element_rounding rounding, cuda_quantize_options row,
                                        cuda_quantize_options column) {
    return task([=, &b] {
      const std::size_t cols = 8192;
      const block_view<F> rows = b.view<F>(cols);
      const block_view<F> columns{b.bytes + b.count / 2, b.scales + b.count / 16, b.tensor_scale + 1, cols,
                                  b.count / cols};
      need(quantize_both(cuda{}, matrix_view<T>{source, b.count / cols, cols}, rows, columns,
                         {.rounding = rounding, .tensor_amax = 5.0F}, row, column));
    });
  };
  const cuda_quantize_options turned{.hadamard = hadamard_signs::published()};
  const cuda_quantize_options tiled{.tiled_scales = true};
  b.row(named("NVFP4 both ways").c_str(), both.template operator()<nvfp4>({}, {}, {}), both_limit, in + 18.0 / 16,
        0.75);
  b.row(named("NVFP4 both, tiles").c_str(), both.template operator()<nvfp4>({}, tiled, tiled), both_limit,
        in + 18.0 / 16, 0.75);
  b.row(named("NVFP4 both, columns Hadamard").c_str(), both.template operator()<nvfp4>({}, {}, turned), both_limit,
        in + 18.0 / 16, 0.75);
  b.row(named("NVFP4 both, Hadamard, stochastic 16").c_str(),
        both.template operator()<nvfp4>(stochastic{.seed = 1, .bits = 16}, {}, turned), both_limit, in + 18.0 / 16,
        0.75);
  b.row(named("MXFP4 both ways").c_str(), both.template operator()<mxfp4>({}, {}, {}), mx_both_limit, in + 34.0 / 32,
        0.75);
  const auto single = [&](quantize_options options, cuda_quantize_options extras) {
    options.tensor_amax = 5.0F;
    return task([=, &b] {
      const std::size_t cols = 8192;
      const std::size_t rows = b.count / cols;
      const bool columns = options.orientation == orientation::column_wise;
      const block_view<nvfp4> q{b.bytes, b.scales, b.tensor_scale, columns ? cols : rows, columns ? rows : cols};
      need(quantize(cuda{}, matrix_view<T>{source, rows, cols}, q, options, extras));
    });
  };
  b.row(named("NVFP4 column-wise").c_str(), single({.orientation = orientation::column_wise}, {}), nvfp4_limit,
        in + 9.0 / 16, 0.75);
  b.row(named("NVFP4 Hadamard").c_str(), single({}, turned), nvfp4_limit, in + 9.0 / 16, 0.75);
  b.row(named("NVFP4 tiles").c_str(), single({}, tiled), nvfp4_limit, in + 9.0 / 16, 0.90);
  for (const int bits : {8, 16, 32, 7}) {
    const stochastic random = bits == 7 ? stochastic{.rounds = 7} : stochastic{.bits = bits};
    b.row(
        named(bits == 7 ? "LUQ, 32 bits, 7 rounds" : ("LUQ, " + std::to_string(bits) + " bits").c_str()).c_str(),
        [&] {
          need(luq(cuda{}, std::span<const T>(source, b.count), std::span(b.bytes, b.count / 2), b.tensor_scale,
                   {.known_maximum = 5.0F, .random = random}));
        },
        luq_limit, in + 0.5, 0.80);
  }
  const task dense_limit = b.template limit < wide ? 4 : 2, 64, 16 > ();
  const task stored_limit = b.template limit < wide ? 4 : 2, 34, 16 > ();
  const std::span<const T> x(source, b.count);
  const auto dense = [&](const auto& method) {
    return task([=, &b] { need(sparsify<2, 4>(cuda{}, x, std::span(b.out, b.count), method)); });
  };
  const auto stored = [&](const auto& method) {
    return task([=, &b] {
      auto* metadata = reinterpret_cast<std::uint16_t*>(b.bytes);
      need(compress_2_4(cuda{}, x, std::span(b.out, b.count / 2), std::span(metadata, b.count / 16), method));
    });
  };
  b.row(named("2:4 magnitude").c_str(), dense(magnitude{}), dense_limit, in + 4, 0.75);
  b.row(named("2:4 minimum variance").c_str(), dense(minimum_variance{}), dense_limit, in + 4, 0.75);
  b.row(named("2:4 minimum variance, 16 bits").c_str(), dense(minimum_variance{.bits = 16}), dense_limit, in + 4, 0.75);
  b.row(named("2:4 magnitude, compressed").c_str(), stored(magnitude{}), stored_limit, in + 34.0 / 16, 0.75);
  b.row(named("2:4 minimum variance, compressed").c_str(), stored(minimum_variance{}), stored_limit, in + 34.0 / 16,
        0.75);
  const auto masked = [&](int what) {
    return task([=, &b] {
      const matrix_view<T> w{source, b.count / 8192, 8192};
      masked_result result;
      if (what == 0) result.out = {b.out, b.count};
      if (what == 1) result.values = {b.out, b.count / 2};
      if (what == 1) result.metadata = {reinterpret_cast<std::uint16_t*>(b.bytes), b.count / 16};
      if (what == 2) result.mask = {reinterpret_cast<std::uint64_t*>(b.bytes), b.count / 64};
      need(keep_transposable(cuda{}, w, result));
    });
  };
  const task mask_limit = b.template limit<wide ? 4 : 2, 2, 16>();
  b.row(named("2:4 transposable").c_str(), masked(0), dense_limit, in + 4, 0.75);
  b.row(named("2:4 transposable, compressed").c_str(), masked(1), stored_limit, in + 34.0 / 16, 0.75);
  b.row(named("2:4 transposable, mask alone").c_str(), masked(2), mask_limit, in + 2.0 / 16, 0.75);
  const auto encoder = [&]<class E>(E) {
    return task([=, &b] {
      need(encode<E>(cuda{}, std::span<const T>(source, b.count), std::span<std::uint8_t>(b.bytes, b.count)));
    });
  };
  b.row(named("E4M3 encode").c_str(), encoder(e4m3{}), fp8_limit, in + 1, 0.95);
  b.row(named("E5M2 encode").c_str(), encoder(e5m2{}), fp8_limit, in + 1, 0.95);
  b.row((from + " amax").c_str(),
        [&] {
          need(amax(cuda{nullptr, {b.scratch, amax_workspace_bytes}}, matrix_view<T>{source, b.count / 8192, 8192},
                    b.tensor_scale));
        },
        b.template limit < wide ? 4 : 2, 0, 16 > (), in, 0.95);
}

template <class T>
void dequantize_rows(const bench& b, const std::string& to) {
  constexpr bool wide = sizeof(T) == 4;
  const task nvfp4_limit = b.template limit < 1, wide ? 128 : 64, 32 > ();  // 16 of 18 bytes read
  need(cudaMemset(b.scales, 0x38, b.count / 16));
  need(cudaMemset(b.tensor_scale, 0x3f, 4));
  const auto run = [&]<block_format F>() {
    return task([&b] { need(dequantize(cuda{}, b.view<F>(8192), reinterpret_cast<T*>(b.out))); });
  };
  b.row(("NVFP4 -> " + to).c_str(), run.template operator()<nvfp4>(), nvfp4_limit, sizeof(T) + 0.5, 0.90);
  b.row(("MXFP4 -> " + to).c_str(), run.template operator()<mxfp4>(), nvfp4_limit, sizeof(T) + 0.5, 0.90);
  b.row(("MXFP8 e4m3 -> " + to).c_str(), run.template operator()<mxfp8_e4m3>(), b.template limit < 1, wide ? 64 : 32,
        16 > (), sizeof(T) + 1, 0.90);
}

}  // namespace

int main(int argc, char** argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("skipped: no CUDA device\n");
    return 0;
  }
  cudaDeviceProp properties;
  need(cudaGetDeviceProperties(&properties, 0));
  const int log = argc > 1 ? std::atoi(argv[1]) : 29;
  bench b{};
  b.count = std::size_t{1} << log;
  if (argc > 2) b.wanted = argv[2];
  b.x = allocate<float>(b.count);
  b.y = allocate<bf16>(b.count);
  b.bytes = allocate<std::uint8_t>(b.count);
  b.out = allocate<float>(b.count);
  b.scales = allocate<std::uint8_t>(b.count / 8);
  b.tensor_scale = allocate<float>(4);
  b.scratch = allocate<std::byte>(amax_workspace_bytes);
  fill<<<8192, 256>>>(b.x, b.count);
  narrow<<<8192, 256>>>(b.x, b.y, b.count);
  need(cudaDeviceSynchronize());
  std::printf("%s, 2^%d elements, tensor amax given; rates in 10^9 elements a second\n", properties.name, log);
  std::printf("| %-44s | %8s | %8s | %7s | %5s | target |\n", "operation", "rate", "limit", "GB/s", "ratio");
  quantize_rows(b, b.x, "f32");
  quantize_rows(b, b.y, "bf16");
  dequantize_rows<float>(b, "f32");
  dequantize_rows<bf16>(b, "bf16");

  bench s = b;
  s.count = std::size_t{4096} * 4096;
  s.runs = 51;
  std::printf("4096 x 4096\n");
  s.row("bf16 -> NVFP4 nearest", s.quantizer<nvfp4>(s.y), s.limit<2, 9, 16>(), 2 + 9.0 / 16, 1.0 / 3);
  s.row("bf16 -> MXFP4 nearest", s.quantizer<mxfp4>(s.y), s.limit<4, 17, 32>(), 2 + 17.0 / 32, 1.0 / 3);
  s.row("bf16 -> MXFP8 e4m3 nearest", s.quantizer<mxfp8_e4m3>(s.y), s.limit<4, 33, 32>(), 2 + 33.0 / 32, 1.0 / 3);
  return 0;
}
