// SPDX-License-Identifier: Apache-2.0
//
// explain on 4096 x 4096 elements of NVFP4, one thread, against one pass of quantize on the scalar backend: the inverse of
// the ratio is the number of such passes that a diagnosis costs.
#include "support.hpp"

#include <cstdint>
#include <vector>

#include <nibble/check.hpp>

namespace {

using namespace nibble;

constexpr std::size_t side = 4096;
constexpr std::int64_t count = std::int64_t{1} << 24;

matrix_view<float> matrix() {
  static const bench::buffer<float> x = bench::data(count);
  return {x.data(), side, side};
}

void one_pass(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(quantize<nvfp4>(matrix()));
  bench::finish(state, count, 4.5);
}

enum class fault { none, ties_away, swapped_nibbles, old_scale, random_codes };

block_tensor<nvfp4> bytes_with(fault f) {
  if (f == fault::ties_away) return quantize<nvfp4>(matrix(), {.rounding = nearest_away{}});
  if (f == fault::old_scale) return quantize<nvfp4>(matrix(), {.recipe = recipe::transformer_engine_2_14});
  block_tensor<nvfp4> q = quantize<nvfp4>(matrix());
  std::uint64_t random = 1;
  for (std::uint8_t& byte : q.codes()) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    if (f == fault::swapped_nibbles) byte = static_cast<std::uint8_t>(byte << 4 | byte >> 4);
    if (f == fault::random_codes) byte = static_cast<std::uint8_t>(random >> 56);
  }
  return q;
}

template <fault Fault, bool Expected>
void explain(benchmark::State& state) {
  const block_tensor<nvfp4> q = bytes_with(Fault);
  check::explain_options options;
  if (Expected) options.recipe = recipe{};
  for (auto _ : state) benchmark::DoNotOptimize(check::explain(matrix(), q, options).verdict);
  bench::finish(state, count, 4.5);
}

[[maybe_unused]] const bool registered = [] {
  const std::string limit = "explain/one_pass_of_quantize";
  bench::add_sized(limit, "", count, one_pass);
  bench::add_sized("explain/nothing_differs", limit, count, explain<fault::none, true>);
  bench::add_sized("explain/ties_away", limit, count, explain<fault::ties_away, true>);
  bench::add_sized("explain/swapped_nibbles", limit, count, explain<fault::swapped_nibbles, true>);
  bench::add_sized("explain/old_scale", limit, count, explain<fault::old_scale, true>);
  bench::add_sized("explain/any_recipe", limit, count, explain<fault::old_scale, false>);
  bench::add_sized("explain/random_codes_any_recipe", limit, count, explain<fault::random_codes, false>);
  return true;
}();

}  // namespace
