// SPDX-License-Identifier: Apache-2.0
//
// Philox4x32-10 in bulk; one item is one 32-bit word.
#include "support.hpp"

namespace {

void words(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const bench::buffer<std::uint32_t> out(count);
  for (auto _ : state) {
    nibble::detail::philox_blocks<xsimd::default_arch>(1, 2, 0, count / 4, out.data());
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 4.0);
}

[[maybe_unused]] const bool registered = [] {
  bench::add("philox4x32_10", "", words);
  return true;
}();

}  // namespace
