// SPDX-License-Identifier: Apache-2.0
//
// Compressed 2:4 storage against the sparse matrix unit: mma.sp multiplies values and metadata as compress_2_4 and
// to_cutlass_metadata lay them out, and gives the product of the whole matrix.
#include <cuda_fp16.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include <nibble/method/sparse_storage.hpp>

namespace {

constexpr int rows = 32;
constexpr int depth = 32;
constexpr int cols = 8;

/// One warp; tile `blockIdx.x` of 16 rows. `metadata` are the 16-bit words in CUTLASS's order, read in pairs.
__global__ void multiply(const __half* values, const std::uint32_t* metadata, const __half* b, float* c) {
  const int quad = static_cast<int>(threadIdx.x) / 4;
  const int place = static_cast<int>(threadIdx.x) % 4;
  const int first = static_cast<int>(blockIdx.x) * 16;
  const auto a_pair = [&](int row, int col) {
    return *reinterpret_cast<const std::uint32_t*>(values + (first + row) * depth / 2 + col);
  };
  const auto b_pair = [&](int row) {
    const __half2 pair = __halves2half2(b[row * cols + quad], b[(row + 1) * cols + quad]);
    return *reinterpret_cast<const std::uint32_t*>(&pair);
  };
  const std::uint32_t a0 = a_pair(quad, 2 * place);
  const std::uint32_t a1 = a_pair(quad + 8, 2 * place);
  const std::uint32_t a2 = a_pair(quad, 2 * place + 8);
  const std::uint32_t a3 = a_pair(quad + 8, 2 * place + 8);
  // Rows r and r + 8 share a word; threads 0 and 1 of a quad hold columns 0 to 15 and 16 to 31 (selector 0). A group of 32
  // rows holds two tiles, in turns.
  const std::uint32_t e = place < 2 ? metadata[quad * 4 + static_cast<int>(blockIdx.x) * 2 + place] : 0U;
  float d[4] = {};
  asm volatile(
      "mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9, %10, %11}, {%0, %1, %2, %3}, %12, 0x0;"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b_pair(2 * place)), "r"(b_pair(2 * place + 8)),
        "r"(b_pair(2 * place + 16)), "r"(b_pair(2 * place + 24)), "r"(e));
  c[(first + quad) * cols + 2 * place] = d[0];
  c[(first + quad) * cols + 2 * place + 1] = d[1];
  c[(first + quad + 8) * cols + 2 * place] = d[2];
  c[(first + quad + 8) * cols + 2 * place + 1] = d[3];
}

template <class T>
T* to_device(const std::vector<T>& from) {
  T* there = nullptr;
  cudaMalloc(&there, from.size() * sizeof(T));
  cudaMemcpy(there, from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice);
  return there;
}

/// Small integers, whose sums are exact in any order.
int wrong_elements(unsigned seed) {
  std::mt19937 generator(seed);
  const auto number = [&] { return static_cast<float>(static_cast<int>(generator() % 9) - 4); };
  std::vector<float> a(rows * depth);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = seed % 3 == 0 && generator() % 2 == 0 ? 0.0F : number();
  nibble::sparsify<2, 4>(std::span<const float>(a), std::span<float>(a), nibble::magnitude{});
  std::vector<float> packed(a.size() / 2);
  std::vector<std::uint16_t> metadata(a.size() / 16);
  std::vector<std::uint16_t> ordered(metadata.size());
  nibble::compress_2_4(a, packed, metadata);
  nibble::to_cutlass_metadata<std::uint16_t>(metadata, rows, ordered);
  std::vector<__half> values;
  for (const float v : packed) values.push_back(__float2half(v));
  std::vector<float> b(depth * cols);
  std::vector<__half> b_half;
  for (float& v : b) b_half.push_back(__float2half(v = number()));
  std::vector<float> c(rows * cols);
  __half* const values_there = to_device(values);
  std::uint16_t* const metadata_there = to_device(ordered);
  __half* const b_there = to_device(b_half);
  float* const c_there = to_device(c);
  multiply<<<rows / 16, 32>>>(values_there, reinterpret_cast<const std::uint32_t*>(metadata_there), b_there, c_there);
  cudaMemcpy(c.data(), c_there, c.size() * sizeof(float), cudaMemcpyDeviceToHost);
  cudaFree(values_there);
  cudaFree(metadata_there);
  cudaFree(b_there);
  cudaFree(c_there);
  int wrong = cudaGetLastError() == cudaSuccess ? 0 : 1;
  for (int r = 0; r < rows; ++r) {
    for (int j = 0; j < cols; ++j) {
      float sum = 0;
      for (int k = 0; k < depth; ++k) sum += a[static_cast<std::size_t>(r * depth + k)] * b[static_cast<std::size_t>(k * cols + j)];
      wrong += sum != c[static_cast<std::size_t>(r * cols + j)] ? 1 : 0;
    }
  }
  return wrong;
}

}  // namespace

int main() {
  int wrong = 0;
  for (unsigned seed = 0; seed < 300; ++seed) wrong += wrong_elements(seed);
  std::printf("%d wrong elements\n", wrong);
  return wrong == 0 ? 0 : 1;
}
