// SPDX-License-Identifier: Apache-2.0
//
// A run of elements of one block: scaled as the block demands, then encoded.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/block_scale.hpp>
#include <nibble/block/options.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Elements handled at a time.
inline constexpr std::size_t chunk_size = 256;

/// x * 2^exponent in binary32; what falls below the subnormals leaves the smallest one as a sticky trace, so that the
/// later rounding is still the rounding of the exact product.
NIBBLE_HD constexpr std::uint32_t shifted_bits(std::uint32_t bits, int exponent, bool underflow_is_zero) noexcept {
  const std::uint32_t sign = bits & 0x8000'0000U;
  const std::uint32_t magnitude = bits ^ sign;
  if (magnitude == 0 || magnitude >= ieee_layout<std::uint32_t>::infinity) return bits;
  const int moved = static_cast<int>(magnitude >> 23) + exponent;
  if (magnitude >= 0x0080'0000U && moved >= 1 && moved <= 254) {
    return bits + (static_cast<std::uint32_t>(exponent) << 23);
  }
  // Power-of-two factors in steps that are float32 themselves.
  binary32 x = binary32::from_bits(bits);
  for (int rest = exponent; rest != 0;) {
    const int step = rest > 126 ? 126 : rest < -126 ? -126 : rest;
    x = x * binary32::from_bits(static_cast<std::uint32_t>(step + 127) << 23);
    rest -= step;
  }
  return x.is_zero() && !underflow_is_zero ? sign | 1U : x.bits();
}

/// The scaled elements in binary32, for every way of scaling but the exact one.
NIBBLE_HD constexpr void scale_elements(const recipe& r, const element_scaling& e, const std::uint32_t* bits,
                                        std::size_t count, std::uint32_t* scaled) noexcept {
  using kind = element_scaling::kind;
  for (std::size_t i = 0; i < count; ++i) {
    const binary32 x = binary32::from_bits(bits[i]);
    // A NaN element keeps its sign, which some policies copy.
    if (x.is_nan()) {
      scaled[i] = bits[i];
    } else if (e.how == kind::shift) {
      scaled[i] = shifted_bits(bits[i], e.exponent, r.underflow_is_zero);
    } else if (e.how == kind::divide) {
      scaled[i] = (x / e.operand).bits();
    } else {
      scaled[i] = (x * e.operand).bits();
    }
  }
}

/// microxcaling adds half in float32, which rounds the largest float below half a step up to a whole one.
NIBBLE_HD constexpr void add_half_in_float(const float_format& f, std::uint32_t* scaled, std::size_t count) noexcept {
  const std::uint32_t half = exact_binary32(f.min_positive() / 2).bits();
  for (std::size_t i = 0; i < count; ++i) {
    if ((scaled[i] & 0x7fff'ffffU) == half - 1U) scaled[i] += 1U;
  }
}

/// Codes of `count` (at most chunk_size) elements of one block, under any format and rounding.
NIBBLE_OUTLINED void encode_any_chunk(const float_format& f, const recipe& r, const rounding_choice& rounding,
                                  const element_scaling& e, const std::uint32_t* bits, const std::uint32_t* random,
                                  std::size_t count, std::uint8_t* codes) noexcept {
  const special_codes s = called_special_codes(f, rounding.mode, overflow::saturate, r.policy, false);
  std::uint32_t words[chunk_size];
  if (e.how == element_scaling::kind::exact) {
    std::uint64_t quotients[chunk_size];
    for (std::size_t i = 0; i < count; ++i) {
      quotients[i] = exact_quotient(binary32::from_bits(bits[i]), e.divisor);
    }
    encode_words(f, s, rounding, quotients, random, count, words);
  } else {
    std::uint32_t scaled[chunk_size];
    scale_elements(r, e, bits, count, scaled);
    if (r.half_added_in_float) add_half_in_float(f, scaled, count);
    encode_words(f, s, rounding, scaled, random, count, words);
  }
  for (std::size_t i = 0; i < count; ++i) codes[i] = static_cast<std::uint8_t>(words[i]);
}

/// The same for a format known to the compiler, which makes more of it, and of the usual rounding.
template <float_format F>
constexpr void encode_chunk(const recipe& r, const rounding_choice& rounding, const element_scaling& e,
                            const std::uint32_t* bits, const std::uint32_t* random, std::size_t count,
                            std::uint8_t* codes) noexcept {
  if (e.how == element_scaling::kind::exact) return encode_any_chunk(F, r, rounding, e, bits, random, count, codes);
  std::uint32_t scaled[chunk_size];
  scale_elements(r, e, bits, count, scaled);
  if (r.half_added_in_float) add_half_in_float(F, scaled, count);
  const special_codes s = make_special_codes(F, rounding.mode, overflow::saturate, r.policy, false);
  if (rounding.mode == rounding_mode::nearest_even) {
    for (std::size_t i = 0; i < count; ++i) {
      codes[i] = static_cast<std::uint8_t>(encode_lanes<rounding_mode::nearest_even>(F, s, scaled[i], 0U, 0));
    }
    return;
  }
  const run_time_rounding<> by{rounding.mode, rounding.variant};
  const int random_bits = rounding.random_bits;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t word = by.mode == rounding_mode::stochastic ? random[i] : 0U;
    codes[i] = static_cast<std::uint8_t>(encode_lanes(by, F, s, scaled[i], word, random_bits));
  }
}

/// ggml takes the table entry with the smallest float32 |entry - x|, the first of equals. Within the range that is the
/// nearest number, ties to the smaller; far beyond it the differences of several entries round to the same float32.
NIBBLE_HD constexpr void search_in_float(const float_format& f, const element_scaling& e, const std::uint32_t* bits,
                                         std::size_t count, std::uint8_t* codes) noexcept {
  const auto entry = [&](std::uint32_t magnitude) { return binary32(called_decode(f, magnitude)) * e.scale; };
  for (std::size_t i = 0; i < count; ++i) {
    const binary32 x = binary32::from_bits(bits[i]).absolute();
    std::uint32_t magnitude = codes[i] & f.magnitude_mask();
    if (magnitude != f.max_code() || !x.is_finite()) continue;
    const binary32 least = x - entry(magnitude);
    while (magnitude > 0 && x - entry(magnitude - 1) == least) --magnitude;
    codes[i] = static_cast<std::uint8_t>(magnitude == 0 ? 0U : (codes[i] & f.sign_mask()) | magnitude);
  }
}
template <float_format F>
NIBBLE_HD constexpr void search_in_float(const element_scaling& e, const std::uint32_t* bits, std::size_t count,
                                         std::uint8_t* codes) noexcept {
  search_in_float(F, e, bits, count, codes);
}

/// Whether a finite magnitude, scaled as its block demands, lies beyond the largest number.
NIBBLE_HD constexpr bool is_beyond_range(const float_format& f, const recipe& r, const element_scaling& e,
                                         std::uint32_t magnitude) noexcept {
  if (e.how == element_scaling::kind::exact) {
    return exact_quotient(binary32::from_bits(magnitude), e.divisor) > to_bits(f.max_value());
  }
  std::uint32_t scaled = 0;
  scale_elements(r, e, &magnitude, 1, &scaled);
  return binary32::from_bits(scaled) > exact_binary32(f.max_value());
}

/// Adds what happened to a chunk to `counts`.
NIBBLE_HD constexpr void count_chunk(const float_format& f, const recipe& r, const element_scaling& e,
                                     const std::uint32_t* bits, const std::uint8_t* codes, std::size_t count,
                                     quantize_counts& counts) noexcept {
  // A block whose scale is NaN decodes to NaN, whatever its codes: nothing there is clipped or becomes zero.
  const bool is_nan_block = e.scale.is_nan() && e.how != element_scaling::kind::shift;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t magnitude = bits[i] & ieee_layout<std::uint32_t>::magnitude_mask;
    const bool finite = magnitude < ieee_layout<std::uint32_t>::infinity;
    const bool zero_code = (codes[i] & f.magnitude_mask()) == 0 && f.has_zero &&
                           !(f.nan_is_negative_zero() && codes[i] == f.nan_code());
    counts.elements += 1;
    counts.nonfinite += finite ? 0U : 1U;
    if (!finite || is_nan_block) continue;
    counts.clipped += is_beyond_range(f, r, e, magnitude) ? 1U : 0U;
    counts.zeroed += magnitude != 0 && zero_code ? 1U : 0U;
  }
}
template <block_format F>
constexpr void count_chunk(const recipe& r, const element_scaling& e, const std::uint32_t* bits,
                           const std::uint8_t* codes, std::size_t count, quantize_counts& counts) noexcept {
  count_chunk(F.element, r, e, bits, codes, count, counts);
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
