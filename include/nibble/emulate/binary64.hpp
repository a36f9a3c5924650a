// SPDX-License-Identifier: Apache-2.0
//
// IEEE 754 binary64 addition and multiplication that no compiler flag can merge, reorder or approximate, for the float64
// accumulation; and the conversion of results to an output type.
#pragma once

#include <cstdint>

#include <nibble/base/binary32.hpp>
#include <nibble/emulate/fused_sum.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// A binary64 number with `+ *` rounded to nearest even. Sources are float32 numbers, products of six of them at most and
/// sums of those products below 2^-900 in no case but zero, so that flush-to-zero modes change nothing: 6 * -149 > -1022.
class binary64 {
 public:
  binary64() = default;
  static NIBBLE_ALWAYS_INLINE binary64 from_float(std::uint32_t bits) noexcept {
    return binary64(bit_cast<double>(nibble::detail::decode_lanes<std::uint64_t>(formats::f32, std::uint64_t{bits})));
  }
  friend NIBBLE_ALWAYS_INLINE binary64 operator+(binary64 a, binary64 b) noexcept { return binary64(a.value_ + b.value_); }
  friend NIBBLE_ALWAYS_INLINE binary64 operator*(binary64 a, binary64 b) noexcept { return binary64(a.value_ * b.value_); }

  /// The code of the nearest number of `f`, ties to even, overflow to Inf, NaN the positive canonical one.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE std::uint32_t round_to(const float_format& f) const noexcept {
    const std::uint64_t bits = to_bits(value_);
    const bool nan = (bits << 1) > 0xffe0'0000'0000'0000U;
    return nan ? f.nan_code() : encode(f, value_, nearest_even{}, overflow::special);
  }

 private:
  /// The empty statement hides the value, so that each operation stays an instruction of its own.
  explicit NIBBLE_ALWAYS_INLINE binary64(double x) noexcept : value_(x) {
#if defined(__GNUC__) && defined(__SSE2__)
    asm("" : "+x"(value_));
#elif defined(__GNUC__) && defined(__aarch64__)
    asm("" : "+w"(value_));
#else
    volatile double hidden = x;
    value_ = hidden;
#endif
  }

  double value_ = 0.0;
};

/// The format of an output type.
template <class T>
inline constexpr float_format output_format = T::format;
template <>
inline constexpr float_format output_format<float> = formats::f32;

template <class T>
NIBBLE_ALWAYS_INLINE T output_from_code(std::uint32_t code) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return bit_cast<float>(code);
  } else {
    return T::from_bits(code);
  }
}

/// A float32 as an output: rounded to nearest even, overflow to Inf, NaN the positive canonical one.
template <class T>
NIBBLE_ALWAYS_INLINE T output_of(binary32 x) noexcept {
  constexpr float_format f = output_format<T>;
  if (x.is_nan()) return output_from_code<T>(f.nan_code());
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(x);
  } else {
    return output_from_code<T>(nibble::detail::encode_bits(f, x.bits(), rounding_choice{}, overflow::special, policy::cuda));
  }
}

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
