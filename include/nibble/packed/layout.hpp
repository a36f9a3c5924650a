// SPDX-License-Identifier: Apache-2.0
//
// How a sequence of codes lies in bytes, as a value: used as the template argument of packed_span.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/format/float_format.hpp>
#include <nibble/packed/nibble_order.hpp>
#include <nibble/packed/pack6.hpp>

namespace nibble {
inline namespace v0 {

/// Codes in slots of 4, 6, 8 or 16 bits. Slots of 4 bits follow `order` (and `group` in split_halves); slots of 6 bits
/// are the dense little-endian sequence of pack6.hpp; slots of 16 bits are little-endian pairs of bytes. A code lies in
/// the low bits of its slot, the other bits are zero.
struct packed_layout {
  int slot_bits = 8;
  nibble_order order = nibble_order::low_first;
  int group = 32;

  friend constexpr bool operator==(const packed_layout&, const packed_layout&) = default;

  [[nodiscard]] NIBBLE_FUNCTION bool is_valid() const noexcept {
    const bool slot = slot_bits == 4 || slot_bits == 6 || slot_bits == 8 || slot_bits == 16;
    return slot && order <= nibble_order::split_halves && group > 0 && group % 2 == 0;
  }
};

/// The layouts in use.
namespace layouts {
NIBBLE_CONSTANT packed_layout nibbles_low_first{.slot_bits = 4};
NIBBLE_CONSTANT packed_layout nibbles_high_first{.slot_bits = 4, .order = nibble_order::high_first};
/// ggml's mxfp4 and nvfp4 blocks.
NIBBLE_CONSTANT packed_layout ggml_mxfp4{.slot_bits = 4, .order = nibble_order::split_halves, .group = 32};
NIBBLE_CONSTANT packed_layout ggml_nvfp4{.slot_bits = 4, .order = nibble_order::split_halves, .group = 16};
NIBBLE_CONSTANT packed_layout dense6{.slot_bits = 6};
NIBBLE_CONSTANT packed_layout bytes{.slot_bits = 8};
NIBBLE_CONSTANT packed_layout words{.slot_bits = 16};
}  // namespace layouts

/// Two codes a byte, the even one low, up to 4 bits; a byte a code up to 8 bits (FP6 too, as the CUDA headers store
/// it); two bytes up to 16.
[[nodiscard]] NIBBLE_FUNCTION packed_layout default_layout(const float_format& f) noexcept {
  return {.slot_bits = f.bits() <= 4 ? 4 : f.bits() <= 8 ? 8 : 16};
}

/// Bytes that `count` codes take; a byte or group that is not full counts whole.
[[nodiscard]] NIBBLE_FUNCTION std::size_t packed_bytes(const packed_layout& layout, std::size_t count) noexcept {
  if (layout.slot_bits == 4) return nibble_bytes(layout.order, count, static_cast<std::size_t>(layout.group));
  if (layout.slot_bits == 6) return dense6_bytes(count);
  return layout.slot_bits == 16 ? 2 * count : count;
}

/// Bytes that `count` codes of `f` take in its default layout.
[[nodiscard]] NIBBLE_FUNCTION std::size_t packed_bytes(const float_format& f, std::size_t count) noexcept {
  return packed_bytes(default_layout(f), count);
}

/// The first byte of slot `index` and the bit of that byte at which the slot begins.
[[nodiscard]] NIBBLE_FUNCTION code_place locate(const packed_layout& layout, std::size_t index) noexcept {
  if (layout.slot_bits == 4) return locate(layout.order, index, static_cast<std::size_t>(layout.group));
  if (layout.slot_bits == 6) return {index / 4 * 3 + index % 4 * 6 / 8, static_cast<int>(index % 4 * 6 % 8)};
  return {layout.slot_bits == 16 ? 2 * index : index, 0};
}

/// Slot `index`, whole. No check.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t load_code(const packed_layout& layout, const std::uint8_t* bytes,
                                                      std::size_t index) noexcept {
  const code_place place = locate(layout, index);
  const std::uint32_t mask = (std::uint32_t{1} << layout.slot_bits) - 1U;
  std::uint32_t word = bytes[place.byte];
  if (place.shift + layout.slot_bits > 8) word |= std::uint32_t{bytes[place.byte + 1]} << 8;
  return word >> place.shift & mask;
}

/// Writes the low bits of `code` to slot `index`; the bits of other slots stay. No check.
NIBBLE_FUNCTION void store_code(const packed_layout& layout, std::uint8_t* bytes, std::size_t index,
                                std::uint32_t code) noexcept {
  const code_place place = locate(layout, index);
  const std::uint32_t mask = ((std::uint32_t{1} << layout.slot_bits) - 1U) << place.shift;
  const std::uint32_t word = code << place.shift & mask;
  bytes[place.byte] = static_cast<std::uint8_t>((bytes[place.byte] & ~mask) | word);
  if (place.shift + layout.slot_bits > 8) {
    bytes[place.byte + 1] = static_cast<std::uint8_t>((bytes[place.byte + 1] & ~(mask >> 8)) | word >> 8);
  }
}

}  // namespace v0
}  // namespace nibble
