// SPDX-License-Identifier: Apache-2.0
//
// All values of a small format as a table, made at compile time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <nibble/format/decode.hpp>

namespace nibble {
inline namespace v0 {

/// decode<F>(code) for every code of a format of at most 8 bits; entry i is the value of code i.
template <float_format F>
  requires(F.bits() <= 8)
inline constexpr auto value_table = [] {
  std::array<float, std::size_t{1} << F.bits()> values{};
  for (std::size_t code = 0; code < values.size(); ++code) {
    values[code] = decode<F>(static_cast<std::uint32_t>(code));
  }
  return values;
}();

}  // namespace v0
}  // namespace nibble
