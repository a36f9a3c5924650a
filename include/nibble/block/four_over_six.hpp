// SPDX-License-Identifier: Apache-2.0
//
// Four over six: a block may map its amax to 4 instead of 6, by a scale 1.5 times as large, where that costs less
// error. The error is accumulated in float32 in element order, as Transformer Engine's reference_nvfp4.py does.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/binary32.hpp>
#include <nibble/block/recipe.hpp>
#include <nibble/block/tensor_scale.hpp>
#include <nibble/format/decode.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The bits of 2^-63: squares of smaller numbers are below the normal ones, and a processor may take them for zeros.
inline constexpr std::uint32_t least_squared = (127U - 63U) << 23;

/// The constants of the error: (code * scale) * amax / denominator is compared with the element.
struct choice_error {
  four_over_six by = four_over_six::mean_absolute_error;
  binary32 amax{0.0F};
  binary32 denominator{1.0F};

  NIBBLE_HD constexpr choice_error(const block_format& f, const recipe& r, const tensor_scaling& t) noexcept
      : by(r.choice), amax(t.amax) {
    denominator = exact_binary32(f.element.max_value() * largest_scale(f, r));
  }

  /// The error of one run of elements under the decoded scale `d`.
  [[nodiscard]] NIBBLE_HD constexpr binary32 of(const float_format& f, binary32 d, const std::uint32_t* bits,
                                                const std::uint8_t* codes, std::size_t count) const noexcept {
    binary32 sum(0.0F);
    for (std::size_t i = 0; i < count; ++i) {
      const binary32 value = (binary32(called_decode(f, codes[i])) * d) * amax / denominator;
      const binary32 difference = value - binary32::from_bits(bits[i]);
      sum = sum + (by == four_over_six::mean_squared_error ? difference * difference : difference.absolute());
    }
    return sum;
  }
  template <float_format F>
  [[nodiscard]] NIBBLE_HD constexpr binary32 of(binary32 d, const std::uint32_t* bits, const std::uint8_t* codes,
                                                std::size_t count) const noexcept {
    return of(F, d, bits, codes, count);
  }
};

/// The sum of up to 16 row errors in the order of a 16-lane tree: halves are added until one is left.
NIBBLE_HD constexpr binary32 tree_sum(binary32* errors, std::size_t count) noexcept {
  for (std::size_t half = count / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) errors[i] = errors[i] + errors[i + half];
  }
  return errors[0];
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
