// SPDX-License-Identifier: Apache-2.0
//
// A user's unit that calls the simd{} backend. It is compiled once for each instruction set, under a name of its own
// (UNIT), and all copies are linked into one program.
#include <nibble/simd.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace UNIT {
namespace {

struct backwards {
  template <class Task>
  void operator()(std::size_t count, Task&& task) const {
    for (std::size_t i = count; i-- > 0;) task(i);
  }
};

template <nibble::block_format F>
void append(const nibble::block_tensor<F>& q, std::uint8_t*& out) {
  const auto view = q.view();
  for (std::size_t i = 0; i < view.rows * view.code_stride; ++i) *out++ = view.codes[i];
  for (std::size_t i = 0; i < view.rows * view.scale_stride; ++i) *out++ = view.scales[i];
}

template <nibble::block_format F>
void quantize_both(const nibble::matrix_view<float>& x, std::uint8_t*& out, const nibble::quantize_options& options) {
  const nibble::block_tensor<F> whole = nibble::quantize<F>(nibble::simd{}, x, options);
  nibble::block_tensor<F> sliced(x.rows, x.cols);
  nibble::quantize(nibble::simd{}, x, sliced.view(), options, backwards{});
  append(whole, out);
  append(sliced, out);
  for (const float value : nibble::dequantize(nibble::simd{}, whole)) {
    const auto bits = nibble::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) *out++ = static_cast<std::uint8_t>(bits >> shift);
  }
}

}  // namespace

// Writes everything that the unit computes from rows x cols floats; returns the end.
std::uint8_t* compute(const float* values, std::size_t rows, std::size_t cols, std::uint8_t* out) {
  const nibble::matrix_view<float> x(values, rows, cols);
  quantize_both<nibble::nvfp4>(x, out, {});
  quantize_both<nibble::nvfp4>(x, out, {.rounding = nibble::stochastic{.seed = 3}});
  quantize_both<nibble::mxfp8_e4m3>(x, out, {});
  const std::span<const float> all(values, rows * cols);
  const std::span<std::uint8_t> codes(out, all.size());
  nibble::encode<nibble::e4m3>(nibble::simd{}, all, codes);
  out += all.size();
  std::vector<float> back(all.size());
  nibble::decode<nibble::e4m3>(nibble::simd{}, codes, back);
  for (const float value : back) *out++ = static_cast<std::uint8_t>(nibble::bit_cast<std::uint32_t>(value) >> 16);
  return out;
}

}  // namespace UNIT
