// SPDX-License-Identifier: Apache-2.0
//
// The kernel on a GPU.
#include <cuda_runtime.h>

#include "quantize_kernel.hpp"

namespace example {
namespace {

__global__ void quantize(task t, std::size_t blocks) {
  const std::size_t index = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (index < blocks) quantize_block(t, index);
}

// Memory of the device, freed at the end of the scope.
struct buffer {
  explicit buffer(std::size_t size) {
    if (cudaMalloc(&data, size) != cudaSuccess) data = nullptr;
  }
  ~buffer() { cudaFree(data); }
  buffer(const buffer&) = delete;
  buffer& operator=(const buffer&) = delete;
  void* data = nullptr;
};

}  // namespace

bool run_on_device(const task& t) {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return false;
  const std::size_t elements = t.rows * t.cols, blocks = elements / 16;
  const buffer x(elements * sizeof(float)), codes(elements / 2), scales(blocks);
  if (x.data == nullptr || codes.data == nullptr || scales.data == nullptr) return false;
  task there = t;
  there.x = static_cast<const float*>(x.data);
  there.codes = static_cast<std::uint8_t*>(codes.data);
  there.scales = static_cast<std::uint8_t*>(scales.data);
  if (cudaMemcpy(x.data, t.x, elements * sizeof(float), cudaMemcpyHostToDevice) != cudaSuccess) return false;
  quantize<<<static_cast<unsigned>((blocks + 127) / 128), 128>>>(there, blocks);
  return cudaGetLastError() == cudaSuccess &&
         cudaMemcpy(t.codes, codes.data, elements / 2, cudaMemcpyDeviceToHost) == cudaSuccess &&
         cudaMemcpy(t.scales, scales.data, blocks, cudaMemcpyDeviceToHost) == cudaSuccess;
}

}  // namespace example
