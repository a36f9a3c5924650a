// SPDX-License-Identifier: Apache-2.0
//
// Vectors of elements against element_bits one by one: every code of every type, NaN payloads among them.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "codec_support.hpp"

namespace {

using namespace codec_test;
using namespace nibble;

template <class T>
void compare(findings& found, const std::string& name, const std::vector<T>& x) {
  using arch = simd::arch;
  using words = nibble::detail::word_batch<arch>;
  constexpr std::size_t width = words::size;
  for (std::size_t i = 0; i + width <= x.size(); i += width) {
    std::uint32_t lanes[width];
    {
      const flushed_subnormals flushed;
      nibble::detail::widened<arch>(x.data() + i).store_unaligned(lanes);
    }
    for (std::size_t k = 0; k < width; ++k) {
      std::uint32_t wanted = nibble::detail::element_bits(x[i + k]);
      // Whether a NaN signals is nobody's business.
      const bool nan = (wanted & 0x7fff'ffffU) > 0x7f80'0000U;
      const std::uint32_t quiet = nan ? 0x0040'0000U : 0U;
      found.expect((lanes[k] | quiet) == (wanted | quiet), name + " " + std::to_string(i + k));
    }
  }
}

template <class T>
std::vector<T> all() {
  std::vector<T> x;
  for (std::uint32_t code = 0; code < (std::uint32_t{1} << T::format.bits()); ++code) x.push_back(T::from_bits(code));
  return x;
}

}  // namespace

TEST_CASE("a vector of elements equals element_bits of each") {
  findings found;
  compare(found, "f16", all<nibble::f16>());
  compare(found, "bf16", all<nibble::bf16>());
  compare(found, "e4m3", all<nibble::e4m3>());
  compare(found, "e5m2", all<nibble::e5m2>());
  compare(found, "e4m3fnuz", all<nibble::e4m3fnuz>());
  compare(found, "float", numbers<float>(oracle::f16, 4096, 1));
  compare(found, "double", numbers<double>(oracle::f16, 4096, 2));
  NIBBLE_CHECK_FINDINGS(found, 2 * 65536 + 3 * 256 + 2 * 4096U);
}
