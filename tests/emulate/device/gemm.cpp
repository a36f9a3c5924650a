// SPDX-License-Identifier: Apache-2.0
//
// GEMMs through cuBLASLt with K = 4096 against chains of emulated instructions: how many outputs agree bit for bit, and
// with which order of accumulation.
#include <cublasLt.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <nibble/emulate/tensor_core.hpp>

#include "capture.hpp"

namespace capture {
namespace {

namespace em = nibble::emulate;
namespace formats = nibble::formats;

constexpr std::size_t m_size = 512;
constexpr std::size_t n_size = 512;
constexpr std::size_t k_size = 4096;

/// How the chain over K is cut: `promote` products are a chain from zero that is added to a float32 total (0: never),
/// `split` parts of K are summed apart and added at the end, in order.
struct order {
  std::size_t promote = 0;
  std::size_t split = 1;
  em::tensor_unit unit;
  const char* unit_name = "";

  [[nodiscard]] std::string text() const {
    std::string s = unit_name;
    s += promote == 0 ? ", one chain" : ", float32 total every " + std::to_string(promote);
    if (split > 1) s += ", K in " + std::to_string(split) + " parts";
    return s;
  }
};

struct operands {
  nibble::float_format format;
  std::vector<std::uint32_t> a, b;  // codes, rows of K
};

nibble::binary32 chain(const order& o, const operands& x, std::size_t m, std::size_t n, std::size_t first,
                       std::size_t last) {
  nibble::binary32 total;
  std::uint32_t acc = 0;
  for (std::size_t k = first; k < last; k += static_cast<std::size_t>(o.unit.k)) {
    acc = em::multiply_accumulate(o.unit, x.format, x.format, &x.a[m * k_size + k], &x.b[n * k_size + k], acc);
    const std::size_t done = k + static_cast<std::size_t>(o.unit.k) - first;
    if (o.promote != 0 && done % o.promote == 0) {
      total = total + nibble::binary32::from_bits(acc);
      acc = 0;
    }
  }
  return o.promote == 0 ? nibble::binary32::from_bits(acc) : total;
}

std::uint32_t emulated(const order& o, const operands& x, std::size_t m, std::size_t n) {
  nibble::binary32 sum;
  const std::size_t part = k_size / o.split;
  for (std::size_t i = 0; i < o.split; ++i) {
    const nibble::binary32 piece = chain(o, x, m, n, i * part, (i + 1) * part);
    sum = i == 0 ? piece : sum + piece;
  }
  return sum.bits();
}

bool good(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) std::printf("  cuBLASLt: %s: status %d\n", what, static_cast<int>(status));
  return status == CUBLAS_STATUS_SUCCESS;
}

/// D (float32, column-major M x N) = A B^T by the library's first heuristic; A and B lie row-major with K inside.
bool multiply(cudaDataType type, const void* a, const void* b, float* d, int fast_accumulation, std::string& algorithm) {
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t layouts[3] = {};
  cublasLtMatmulPreference_t preference = nullptr;
  void* workspace = nullptr;
  std::size_t workspace_size = std::size_t{32} << 20;
  const cublasOperation_t transposed = CUBLAS_OP_T;
  const auto fast = static_cast<std::int8_t>(fast_accumulation);
  bool fine = good(cublasLtCreate(&handle), "create") &&
              good(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F), "desc") &&
              good(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof(transposed)),
                   "transa") &&
              good(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_FAST_ACCUM, &fast, sizeof(fast)), "fast") &&
              good(cublasLtMatrixLayoutCreate(&layouts[0], type, k_size, m_size, k_size), "A") &&
              good(cublasLtMatrixLayoutCreate(&layouts[1], type, k_size, n_size, k_size), "B") &&
              good(cublasLtMatrixLayoutCreate(&layouts[2], CUDA_R_32F, m_size, n_size, m_size), "D") &&
              good(cublasLtMatmulPreferenceCreate(&preference), "preference") &&
              good(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                        &workspace_size, sizeof(workspace_size)), "workspace") &&
              cudaMalloc(&workspace, workspace_size) == cudaSuccess;
  cublasLtMatmulHeuristicResult_t heuristic = {};
  int found = 0;
  fine = fine && good(cublasLtMatmulAlgoGetHeuristic(handle, desc, layouts[0], layouts[1], layouts[2], layouts[2],
                                                     preference, 1, &heuristic, &found), "heuristic") && found == 1;
  if (fine) {
    const float alpha = 1.0F;
    const float beta = 0.0F;
    fine = good(cublasLtMatmul(handle, desc, &alpha, a, layouts[0], b, layouts[1], &beta, d, layouts[2], d, layouts[2],
                               &heuristic.algo, workspace, workspace_size, nullptr), "matmul") &&
           cudaDeviceSynchronize() == cudaSuccess;
    int id = 0;
    int split = 0;
    int tile = 0;
    std::size_t written = 0;
    cublasLtMatmulAlgoConfigGetAttribute(&heuristic.algo, CUBLASLT_ALGO_CONFIG_ID, &id, sizeof(id), &written);
    cublasLtMatmulAlgoConfigGetAttribute(&heuristic.algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split, sizeof(split), &written);
    cublasLtMatmulAlgoConfigGetAttribute(&heuristic.algo, CUBLASLT_ALGO_CONFIG_TILE_ID, &tile, sizeof(tile), &written);
    algorithm = "algorithm " + std::to_string(id) + ", tile " + std::to_string(tile) + ", split-K " + std::to_string(split);
  }
  for (cublasLtMatrixLayout_t layout : layouts) cublasLtMatrixLayoutDestroy(layout);
  if (preference != nullptr) cublasLtMatmulPreferenceDestroy(preference);
  if (desc != nullptr) cublasLtMatmulDescDestroy(desc);
  if (handle != nullptr) cublasLtDestroy(handle);
  cudaFree(workspace);
  return fine;
}

std::vector<order> orders_of(const em::tensor_unit& unit, const char* name) {
  std::vector<order> all;
  for (const std::size_t split : {1U, 2U, 4U, 8U}) {
    for (const std::size_t promote : {0U, 16U, 32U, 64U, 128U, 256U, 512U}) {
      if (promote != 0 && promote < static_cast<std::size_t>(unit.k)) continue;
      all.push_back({promote, split, unit, name});
    }
  }
  return all;
}

/// Standard normal numbers in the format.
operands make_operands(const nibble::float_format& f) {
  operands x{f, std::vector<std::uint32_t>(m_size * k_size), std::vector<std::uint32_t>(n_size * k_size)};
  std::mt19937 random(17);
  std::normal_distribution<float> normal;
  for (std::vector<std::uint32_t>* side : {&x.a, &x.b}) {
    for (std::uint32_t& code : *side) {
      code = nibble::detail::encode_bits(f, nibble::to_bits(normal(random)), nibble::rounding_choice{},
                                         nibble::overflow::saturate, nibble::policy::cuda);
    }
  }
  return x;
}

template <class Word>
void* upload(const std::vector<std::uint32_t>& codes) {
  std::vector<Word> words(codes.begin(), codes.end());
  void* device = nullptr;
  if (cudaMalloc(&device, words.size() * sizeof(Word)) != cudaSuccess) return nullptr;
  cudaMemcpy(device, words.data(), words.size() * sizeof(Word), cudaMemcpyHostToDevice);
  return device;
}

void compare(const char* name, const operands& x, const std::vector<float>& d, const std::vector<order>& orders,
             std::FILE* differences) {
  constexpr std::size_t sampled = 64;  // rows that every order is tried on; the best one on all
  std::vector<std::pair<std::size_t, std::size_t>> equal;
  std::vector<std::uint8_t> explained(sampled * n_size, 0);
  const auto count_equal = [&](const order& o, std::size_t rows, std::uint8_t* marks) {
    std::vector<std::size_t> of_row(rows, 0);
    on_all_cores(rows, [&](std::size_t m) {
      for (std::size_t n = 0; n < n_size; ++n) {
        const bool same = emulated(o, x, m, n) == nibble::to_bits(d[n * m_size + m]);
        of_row[m] += same ? 1U : 0U;
        if (same && marks != nullptr) marks[m * n_size + n] = 1;
      }
    });
    std::size_t sum = 0;
    for (const std::size_t count : of_row) sum += count;
    return sum;
  };
  for (std::size_t i = 0; i < orders.size(); ++i) equal.push_back({count_equal(orders[i], sampled, explained.data()), i});
  std::sort(equal.rbegin(), equal.rend());
  const order& best = orders[equal[0].second];
  std::printf("%s: %zu of %zu outputs equal: %s\n", name, count_equal(best, m_size, nullptr), m_size * n_size,
              best.text().c_str());
  std::printf("  on %zu outputs:", sampled * n_size);
  for (std::size_t i = 1; i < 4 && i < equal.size(); ++i) {
    std::printf(" %zu %s;", equal[i].first, orders[equal[i].second].text().c_str());
  }
  std::size_t any = 0;
  for (const std::uint8_t mark : explained) any += mark;
  std::printf(" %zu by some order\n", any);
  for (std::size_t i = 0, shown = 0; i < sampled * n_size && shown < 50; ++i) {
    const std::size_t m = i / n_size;
    const std::size_t n = i % n_size;
    const std::uint32_t device = nibble::to_bits(d[n * m_size + m]);
    const std::uint32_t here = emulated(best, x, m, n);
    if (device == here) continue;
    std::fprintf(differences, "%s | row %zu column %zu | device %08x | emulated %08x\n", name, m, n, device, here);
    ++shown;
  }
}

void check_gemm(const char* name, const nibble::float_format& f, cudaDataType type, int fast, std::vector<order> orders,
                std::FILE* differences) {
  const operands x = make_operands(f);
  void* a = f.bits() == 8 ? upload<std::uint8_t>(x.a) : upload<std::uint16_t>(x.a);
  void* b = f.bits() == 8 ? upload<std::uint8_t>(x.b) : upload<std::uint16_t>(x.b);
  float* d = nullptr;
  std::string algorithm;
  if (cudaMalloc(&d, m_size * n_size * sizeof(float)) == cudaSuccess && multiply(type, a, b, d, fast, algorithm)) {
    std::vector<float> result(m_size * n_size);
    cudaMemcpy(result.data(), d, result.size() * sizeof(float), cudaMemcpyDeviceToHost);
    compare((std::string(name) + " (" + algorithm + ")").c_str(), x, result, orders, differences);
  } else {
    std::printf("%s: not run\n", name);
  }
  cudaFree(a);
  cudaFree(b);
  cudaFree(d);
  std::fflush(stdout);
}

}  // namespace

void check_gemms(std::FILE* differences) {
  std::printf("cuBLASLt %zu, %zu x %zu x %zu\n", cublasLtGetVersion(), m_size, n_size, k_size);
  std::vector<order> fp8 = orders_of(em::units::hopper_wgmma_fp8, "wgmma");
  for (const order& o : orders_of(em::units::hopper_mma_fp8, "mma.sync")) {
    if (o.promote == 0) fp8.push_back(o);
  }
  const std::vector<order> half = orders_of(em::units::hopper_f16, "wgmma");
  check_gemm("GEMM e4m3, fast accumulation", formats::e4m3, CUDA_R_8F_E4M3, 1, fp8, differences);
  check_gemm("GEMM e4m3", formats::e4m3, CUDA_R_8F_E4M3, 0, fp8, differences);
  check_gemm("GEMM bf16", formats::bf16, CUDA_R_16BF, 0, half, differences);
  check_gemm("GEMM f16", formats::f16, CUDA_R_16F, 0, half, differences);
}

}  // namespace capture
