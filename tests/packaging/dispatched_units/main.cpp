// SPDX-License-Identifier: Apache-2.0
// Runs both units and the dispatch library on one input; every one must give the bits of scalar code. The unit with AVX2
// runs where the machine has it.
#include "unit.hpp"

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <nibble/dispatch.hpp>
#include <nibble/nibble.hpp>

namespace {

std::vector<float> hostile_values() {
  std::vector<float> values;
  std::uint32_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 1664525U + 1013904223U;
    const float ties[] = {0.25F, 0.75F, 2.5F, 5.0F, -0.0F, 1.17549421e-38F, -3.5F, 448.0F};
    // Half of the values are ties and the like; the others have exponents from 2^-16 to 2^15.
    const std::uint32_t bits = (state & 0x807f'ffffU) | (111U + (state >> 23 & 31U)) << 23;
    values.push_back(i % 2 == 0 ? ties[state >> 29] : std::bit_cast<float>(bits));
  }
  return values;
}

template <class T>
void append(std::vector<std::uint8_t>& all, std::span<const T> part) {
  const auto* first = reinterpret_cast<const std::uint8_t*>(part.data());
  all.insert(all.end(), first, first + part.size_bytes());
}

template <nibble::block_format F, class Backend>
void quantized(std::vector<std::uint8_t>& all, const std::vector<float>& values, Backend backend,
               const nibble::quantize_options& options) {
  const nibble::matrix_view<float> x(values.data(), values.size() / 100, 100);
  const auto q = nibble::quantize<F>(backend, x, options);
  append<std::uint8_t>(all, q.codes());
  append<std::uint8_t>(all, q.scales());
  append<float>(all, nibble::dequantize(backend, q));
}

template <class Backend>
std::vector<std::uint8_t> results(const std::vector<float>& values, Backend backend) {
  std::vector<std::uint8_t> all, codes(values.size());
  quantized<nibble::nvfp4>(all, values, backend, {});
  quantized<nibble::mxfp8_e4m3>(all, values, backend, {.rounding = nibble::stochastic{.seed = 5}});
  nibble::encode<nibble::formats::e4m3>(backend, values, codes);
  append<std::uint8_t>(all, codes);
  std::vector<float> back(values.size());
  nibble::decode<nibble::formats::e4m3>(backend, codes, back);
  append<float>(all, back);
  return all;
}

// Whether dispatched{} runs the largest instruction set of the machine, unless it was told which to run.
bool is_largest(const char* name) {
  if (std::getenv("NIBBLE_ISA") != nullptr) return true;
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vl");
  const bool vbmi = avx512 && __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi");
  return std::strcmp(name, vbmi ? "avx512vbmi" : avx512 ? "avx512" : avx2 ? "avx2" : "base") == 0;
}

}  // namespace

int main() {
  const std::vector<float> values = hostile_values();
  const std::vector<std::uint8_t> wanted = results(values, nibble::scalar{});
  bool same = results(values, nibble::dispatched{}) == wanted && small::results(values) == wanted;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) same = same && large::results(values) == wanted;
  const char* isa = nibble::dispatch::isa_name();
  std::printf("%s, dispatched{} is %s\n", same ? "the same bits" : "different bits", isa);
  return same && is_largest(isa) ? 0 : 1;
}
