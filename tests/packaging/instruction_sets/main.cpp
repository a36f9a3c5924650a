// SPDX-License-Identifier: Apache-2.0
//
// Runs the units of two instruction sets on hostile numbers and compares every byte with the scalar backend. Exit code 0
// where all agree, 1 where not, 77 where the machine lacks AVX2.
#include <nibble/nibble.hpp>

#include <cstdio>
#include <cstring>
#include <span>
#include <vector>

namespace sse2 {
std::uint8_t* compute(const float* values, std::size_t rows, std::size_t cols, std::uint8_t* out);
}
namespace avx2 {
std::uint8_t* compute(const float* values, std::size_t rows, std::size_t cols, std::uint8_t* out);
}

namespace {

template <nibble::block_format F>
void add(const nibble::matrix_view<float>& x, const nibble::quantize_options& options, std::vector<std::uint8_t>& out) {
  const nibble::block_tensor<F> q = nibble::quantize<F>(x, options);
  const auto view = q.view();
  for (int copy = 0; copy < 2; ++copy) {
    out.insert(out.end(), view.codes, view.codes + view.rows * view.code_stride);
    out.insert(out.end(), view.scales, view.scales + view.rows * view.scale_stride);
  }
  for (const float value : nibble::dequantize(q)) {
    const auto bits = nibble::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(bits >> shift));
  }
}

std::vector<std::uint8_t> expected(const nibble::matrix_view<float>& x) {
  std::vector<std::uint8_t> out;
  add<nibble::nvfp4>(x, {}, out);
  add<nibble::nvfp4>(x, {.rounding = nibble::stochastic{.seed = 3}}, out);
  add<nibble::mxfp8_e4m3>(x, {}, out);
  std::vector<std::uint8_t> codes;
  for (std::size_t i = 0; i < x.size(); ++i) codes.push_back(nibble::encode<nibble::formats::e4m3>(x.data[i]));
  out.insert(out.end(), codes.begin(), codes.end());
  for (const std::uint8_t code : codes) {
    const auto bits = nibble::bit_cast<std::uint32_t>(nibble::decode<nibble::formats::e4m3>(code));
    out.push_back(static_cast<std::uint8_t>(bits >> 16));
  }
  return out;
}

}  // namespace

int main() {
  if (__builtin_cpu_supports("avx2") == 0 || __builtin_cpu_supports("fma") == 0) return 77;
  constexpr std::size_t rows = 67, cols = 1237;
  std::vector<float> values;
  for (std::size_t i = 0; i < rows * cols; ++i) {
    const std::uint32_t word = nibble::random_block(1, 0, i).words[0];
    // Mostly ordinary numbers on a coarse grid, where ties are common; one in 61 is any bit pattern.
    const auto grid = static_cast<float>(static_cast<int>(word % 97) - 48) * 0.25F;
    values.push_back(i % 61 == 0 ? nibble::bit_cast<float>(word) : grid);
  }
  const nibble::matrix_view<float> x(values.data(), rows, cols);
  const std::vector<std::uint8_t> wanted = expected(x);
  int faults = 0;
  for (const auto compute : {sse2::compute, avx2::compute}) {
    std::vector<std::uint8_t> out(wanted.size() + 1, 0x5a);
    const auto written = static_cast<std::size_t>(compute(values.data(), rows, cols, out.data()) - out.data());
    out.resize(wanted.size());
    const bool same = written == wanted.size() && std::memcmp(out.data(), wanted.data(), written) == 0;
    std::printf("%s: %zu bytes, %s\n", compute == sse2::compute ? "sse2" : "avx2", written,
                same ? "as the scalar backend" : "DIFFERENT from the scalar backend");
    faults += same ? 0 : 1;
  }
  return faults == 0 ? 0 : 1;
}
