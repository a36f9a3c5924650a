// SPDX-License-Identifier: Apache-2.0
//
// Vectors of elements against element_bits one by one: every code of every type, NaN payloads among them.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "codec_support.hpp"

namespace {

using namespace codec_test;
using namespace nibble;

template <class T>
void compare_as(findings& found, const std::string& name, const std::vector<T>& x, bool flushes) {
  using arch = simd::arch;
  using words = nibble::detail::word_batch<arch>;
  constexpr std::size_t width = words::size;
  for (std::size_t i = 0; i + width <= x.size(); i += width) {
    std::uint32_t lanes[width];
    {
      std::optional<flushed_subnormals> flushed;
      if (flushes) flushed.emplace();
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
void compare(findings& found, const std::string& name, const std::vector<T>& x) {
  compare_as(found, name, x, true);
  compare_as(found, name, x, false);
}

/// Doubles of every exponent field, some next to where float32 rounds the other way.
std::vector<double> doubles() {
  std::vector<double> x;
  constexpr std::uint64_t tie = std::uint64_t{1} << 28;
  constexpr std::uint64_t fractions[] = {0, 1, tie - 1, tie, tie + 1, 3 * tie - 1, 3 * tie, 3 * tie + 1};
  for (std::uint64_t sign = 0; sign < 2; ++sign) {
    for (std::uint64_t field = 0; field < 2048; ++field) {
      for (const std::uint64_t fraction : fractions) {
        const std::uint64_t bits = sign << 63 | field << 52;
        x.push_back(bit_cast<double>(bits | fraction));
        // The next field is near, and of a float32 that is subnormal the last place is elsewhere.
        x.push_back(bit_cast<double>(bits + (std::uint64_t{1} << 52) - 1U - fraction));
        const std::uint64_t place = 897 - field < 24 ? 897 - field : 0;
        x.push_back(bit_cast<double>(bits | (fraction << place & 0x000f'ffff'ffff'ffffU)));
      }
    }
  }
  return x;
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
  compare(found, "double of any field", doubles());
  NIBBLE_CHECK_FINDINGS(found, 2 * (2 * 65536 + 3 * 256 + 2 * 4096U + 2 * 2048 * 24));
}
