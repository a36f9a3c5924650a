// SPDX-License-Identifier: Apache-2.0
//
// quantize_two_gpus [ROWS COLS]
// A tensor whose rows are split over all GPUs gets the bytes of one GPU: the tensor's amax is found where the slices
// are, shared by an all-reduce that no host waits for, and read by quantize from device memory; random words belong to
// elements, so that stochastic rounding needs nothing more than each slice's first element. Exit status 1 if a byte
// differs.
//   nvcc -std=c++20 -O3 -arch=native -Iinclude examples/quantize_two_gpus/main.cu -lnccl -o quantize_two_gpus
// Without nccl.h, or with -DNIBBLE_EXAMPLE_WITHOUT_NCCL, the maximum of the slices is formed on the host.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <nibble/cuda.cuh>

#if __has_include(<nccl.h>) && !defined(NIBBLE_EXAMPLE_WITHOUT_NCCL)
#define NIBBLE_EXAMPLE_HAS_NCCL 1
#include <nccl.h>
#else
#define NIBBLE_EXAMPLE_HAS_NCCL 0
#endif

namespace {

using namespace nibble;

void need(cudaError_t code) {
  if (code == cudaSuccess) return;
  std::printf("CUDA: %s\n", cudaGetErrorString(code));
  std::exit(2);
}
void need(cuda_status status) { need(status.code()); }
#if NIBBLE_EXAMPLE_HAS_NCCL
void need(ncclResult_t code) {
  if (code == ncclSuccess) return;
  std::printf("NCCL: %s\n", ncclGetErrorString(code));
  std::exit(2);
}
#endif

template <class T>
T* allocate(std::size_t count) {
  void* p = nullptr;
  need(cudaMalloc(&p, count * sizeof(T)));
  return static_cast<T*>(p);
}

/// Elements first, first + 1, ... of a tensor that is a function of position: about normal, a few large ones.
__global__ void make_elements(float* x, std::uint64_t first, std::uint64_t count) {
  const std::uint64_t step = std::uint64_t{gridDim.x} * blockDim.x;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
    const philox_block b = random_block(7, 1, first + i);
    int sum = -1020;
    for (int k = 0; k < 8; ++k) sum += static_cast<int>((b.words[k / 4] >> (8 * (k % 4))) & 0xffU);
    const bool is_large = b.words[2] % 100003U == 0;
    x[i] = static_cast<float>(sum) * (is_large ? 0.25F : 0.0048F);
  }
}

/// Some rows of the tensor, quantized on one device.
struct slice {
  int device = 0;
  std::size_t first_row = 0, rows = 0, cols = 0;
  cudaStream_t stream = nullptr;
  float* x = nullptr;
  float* amax = nullptr;
  std::uint8_t* codes = nullptr;
  std::uint8_t* scales = nullptr;
  float* tensor_scale = nullptr;
  std::byte* workspace = nullptr;

  slice(int d, std::size_t first, std::size_t count, std::size_t columns)
      : device(d), first_row(first), rows(count), cols(columns) {
    need(cudaSetDevice(device));
    need(cudaStreamCreate(&stream));
    x = allocate<float>(rows * cols);
    amax = allocate<float>(1);
    codes = allocate<std::uint8_t>(rows * nvfp4.row_bytes(cols));
    scales = allocate<std::uint8_t>(rows * nvfp4.scale_cols(cols));
    tensor_scale = allocate<float>(1);
    workspace = allocate<std::byte>(amax_workspace_bytes);
    make_elements<<<4096, 256, 0, stream>>>(x, first_row * cols, rows * cols);
    need(cudaGetLastError());
  }
  [[nodiscard]] matrix_view<float> view() const { return {x, rows, cols}; }
  [[nodiscard]] cuda backend() const { return {stream, {workspace, amax_workspace_bytes}}; }

  void find_amax() const {
    need(cudaSetDevice(device));
    need(nibble::amax(backend(), view(), amax));
  }
  void quantize_rows(bool draws) const {
    need(cudaSetDevice(device));
    quantize_options options;
    if (draws) options.rounding = stochastic{.seed = 42, .bits = 16, .first_element = first_row * cols};
    const block_view<nvfp4> q{codes, scales, tensor_scale, rows, cols};
    need(quantize(backend(), view(), q, options, {.tensor_amax = amax}));
  }
  /// Appends codes, scales and the bits of the tensor scale.
  void append(std::vector<std::uint8_t>& all_codes, std::vector<std::uint8_t>& all_scales, float& scale) const {
    need(cudaSetDevice(device));
    need(cudaStreamSynchronize(stream));
    const auto take = [](std::vector<std::uint8_t>& to, const std::uint8_t* from, std::size_t bytes) {
      const std::size_t at = to.size();
      to.resize(at + bytes);
      need(cudaMemcpy(to.data() + at, from, bytes, cudaMemcpyDeviceToHost));
    };
    take(all_codes, codes, rows * nvfp4.row_bytes(cols));
    take(all_scales, scales, rows * nvfp4.scale_cols(cols));
    need(cudaMemcpy(&scale, tensor_scale, sizeof scale, cudaMemcpyDeviceToHost));
  }
};

/// The largest amax of all slices, left in each of them.
class all_reduce {
 public:
  explicit all_reduce(const std::vector<slice>& slices) {
#if NIBBLE_EXAMPLE_HAS_NCCL
    std::vector<int> devices;
    for (const slice& s : slices) devices.push_back(s.device);
    uses_nccl_ = std::adjacent_find(devices.begin(), devices.end()) == devices.end();
    if (!uses_nccl_) return;
    communicators_.resize(slices.size());
    need(ncclCommInitAll(communicators_.data(), static_cast<int>(devices.size()), devices.data()));
#else
    static_cast<void>(slices);
#endif
  }
  [[nodiscard]] const char* name() const { return uses_nccl_ ? "NCCL" : "the host"; }

  void operator()(const std::vector<slice>& slices) const {
#if NIBBLE_EXAMPLE_HAS_NCCL
    if (uses_nccl_) {
      need(ncclGroupStart());
      for (std::size_t i = 0; i < slices.size(); ++i) {
        need(ncclAllReduce(slices[i].amax, slices[i].amax, 1, ncclFloat, ncclMax, communicators_[i], slices[i].stream));
      }
      need(ncclGroupEnd());
      return;
    }
#endif
    float largest = 0.0F;
    for (const slice& s : slices) {
      float own = 0.0F;
      need(cudaSetDevice(s.device));
      need(cudaStreamSynchronize(s.stream));
      need(cudaMemcpy(&own, s.amax, sizeof own, cudaMemcpyDeviceToHost));
      largest = std::max(largest, own);
    }
    for (const slice& s : slices) need(cudaMemcpy(s.amax, &largest, sizeof largest, cudaMemcpyHostToDevice));
  }

 private:
  bool uses_nccl_ = false;
#if NIBBLE_EXAMPLE_HAS_NCCL
  std::vector<ncclComm_t> communicators_;
#endif
};

}  // namespace

int main(int argc, char** argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("quantize_two_gpus: there is no CUDA device\n");
    return 2;
  }
  const std::size_t rows = argc > 2 ? std::strtoull(argv[1], nullptr, 10) : 16384;
  const std::size_t cols = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 8192;
  if (rows < 2 || cols == 0) {
    std::printf("quantize_two_gpus: ROWS must be at least 2, COLS at least 1\n");
    return 2;
  }
  const slice whole(0, 0, rows, cols);
  // A lone device holds two slices.
  const std::size_t parts = std::min(rows, devices > 1 ? static_cast<std::size_t>(devices) : std::size_t{2});
  std::vector<slice> slices;
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t first = rows * i / parts;
    slices.emplace_back(devices > 1 ? static_cast<int>(i) : 0, first, rows * (i + 1) / parts - first, cols);
  }
  const all_reduce reduce(slices);
  std::printf("%zu x %zu, %zu slices on %d devices, amax shared by %s\n", rows, cols, parts, devices, reduce.name());

  bool is_same = true;
  for (const bool draws : {false, true}) {
    whole.find_amax();
    whole.quantize_rows(draws);
    for (const slice& s : slices) s.find_amax();
    reduce(slices);
    for (const slice& s : slices) s.quantize_rows(draws);

    std::vector<std::uint8_t> codes;
    std::vector<std::uint8_t> scales;
    float scale = 0.0F;
    whole.append(codes, scales, scale);
    std::vector<std::uint8_t> split_codes;
    std::vector<std::uint8_t> split_scales;
    bool same = true;
    for (const slice& s : slices) {
      float own = 0.0F;
      s.append(split_codes, split_scales, own);
      same = same && std::memcmp(&own, &scale, sizeof own) == 0;
    }
    same = same && codes == split_codes && scales == split_scales;
    std::printf("NVFP4, %s: %zu bytes of codes and scales %s\n", draws ? "stochastic, 16 bits" : "nearest even",
                codes.size() + scales.size(), same ? "are the same" : "DIFFER");
    is_same = is_same && same;
  }
  return is_same ? 0 : 1;
}
