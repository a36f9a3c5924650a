// SPDX-License-Identifier: Apache-2.0
//
// Vectors of binary32 to memory that holds numbers of another type.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <nibble/simd/quick_codes.hpp>
#include <nibble/simd/widen.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Writes binary32 lanes as numbers of type T: float as they stand, minifloats rounded to nearest even with Inf kept,
/// as store_value does.
template <class Arch, class T>
NIBBLE_ALWAYS_INLINE void store_numbers(T* out, const word_batch<Arch>& bits) noexcept {
  using words = word_batch<Arch>;
  if constexpr (std::same_as<T, float>) {
    bits_as<float>(bits).store_unaligned(out);
  } else if constexpr (minifloat_type<T>) {
    constexpr special_codes s =
        called_special_codes(T::format, rounding_mode::nearest_even, overflow::special, policy::cuda, false);
    words codes;
    if constexpr (T::format == formats::bf16 || T::format == formats::f16) {
      // Their numbers beyond the range are Inf, and they have one NaN.
      static_assert(s.payload_mask == 0 && s.overflow[0] == T::format.infinity_code() && s.nan[1] == s.nan[0]);
      using integers = signed_batch<Arch>;
      const auto constant = [](std::uint32_t c) NIBBLE_INLINE_LAMBDA { return integers(static_cast<std::int32_t>(c)); };
      const integers magnitude = bits_as<std::int32_t>(bits) & constant(0x7fff'ffffU);
      const integers rounded = xsimd::min(quick_codes<T::format, Arch>::nearest(magnitude), constant(s.overflow[0]));
      const integers code = rounded | bits_as<std::int32_t>((bits >> 16) & words(T::format.sign_mask()));
      codes = bits_as<std::uint32_t>(xsimd::select(magnitude > constant(0x7f80'0000U), constant(s.nan[0]), code));
    } else {
      codes = encode_lanes<rounding_mode::nearest_even>(T::format, s, bits, words(0U), 0);
    }
    store_narrowed<Arch>(reinterpret_cast<typename T::storage_type*>(out), codes);
  } else {
    alignas(64) std::uint32_t lanes[words::size];
    bits.store_aligned(lanes);
    if (!is_any_rare<Arch>(bits & words(0x7fff'ffffU), 0x0080'0000U, 0x7f80'0000U)) [[likely]] {
      for (std::size_t i = 0; i < words::size; ++i) out[i] = static_cast<double>(bit_cast<float>(lanes[i]));
      return;
    }
    for (std::size_t i = 0; i < words::size; ++i) {
      out[i] = bit_cast<double>(decode_lanes<std::uint64_t>(formats::f32, std::uint64_t{lanes[i]}));
    }
  }
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
