// SPDX-License-Identifier: Apache-2.0
//
// Streams of scalars through one named format: one entry a format, so that the commands know no template.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nibble/format/policy.hpp>
#include <nibble/format/rounding.hpp>
#include <span>
#include <string_view>

namespace nibble::tool {

struct encode_options {
  rounding_mode rounding = rounding_mode::nearest_even;
  overflow on_overflow = overflow::saturate;
  special_policy specials = policy::cuda;
  std::uint64_t seed = 0;
};

struct element_codec {
  std::string_view name;
  std::size_t code_size;  ///< bytes of a stored code: 1, or 2 for the 16-bit formats (little-endian)

  /// Encodes elements number first, first + 1, ... into code_size bytes each. Stochastic rounding of element i takes
  /// word i % 4 of block i / 4 of the seed's random stream 0, all 32 bits.
  void (*encode_floats)(std::span<const float> in, std::byte* out, std::uint64_t first, const encode_options& options);
  void (*encode_doubles)(std::span<const double> in, std::byte* out, std::uint64_t first,
                         const encode_options& options);
  /// Decodes `out.size()` codes. Returns the index of the first code with bits beyond the format's, or out.size().
  std::size_t (*decode)(const std::byte* in, std::span<float> out);
};

/// nullptr where there is none.
const element_codec* find_element_codec(std::string_view name);

}  // namespace nibble::tool
