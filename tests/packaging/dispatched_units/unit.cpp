// SPDX-License-Identifier: Apache-2.0
// A unit that uses simd{} as any program would; UNIT is small or large.
#include "unit.hpp"

#include <cstring>
#include <span>

#include <nibble/simd.hpp>

namespace {

using bytes = std::vector<std::uint8_t>;

template <class T>
void append(bytes& all, std::span<const T> part) {
  const std::size_t size = all.size();
  all.resize(size + part.size_bytes());
  std::memcpy(all.data() + size, part.data(), part.size_bytes());
}

template <nibble::block_format F, class Backend>
void quantized(bytes& all, const std::vector<float>& values, Backend backend, const nibble::quantize_options& options) {
  const nibble::matrix_view<float> x(values.data(), values.size() / 100, 100);
  const auto q = nibble::quantize<F>(backend, x, options);
  append<std::uint8_t>(all, q.codes());
  append<std::uint8_t>(all, q.scales());
  append<float>(all, nibble::dequantize(backend, q));
}

}  // namespace

std::vector<std::uint8_t> UNIT::results(const std::vector<float>& values) {
  const nibble::simd backend;
  bytes all;
  quantized<nibble::nvfp4>(all, values, backend, {});
  quantized<nibble::mxfp8_e4m3>(all, values, backend, {.rounding = nibble::stochastic{.seed = 5}});
  bytes codes(values.size());
  nibble::encode<nibble::e4m3>(backend, values, codes);
  append<std::uint8_t>(all, codes);
  std::vector<float> back(values.size());
  nibble::decode<nibble::e4m3>(backend, codes, back);
  append<float>(all, back);
  return all;
}
