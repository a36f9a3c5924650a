// SPDX-License-Identifier: Apache-2.0
//
// 4-bit codes to bytes and back, in every nibble order, and from one order to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <nibble/packed/error.hpp>
#include <nibble/packed/nibble_order.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Packs one group: byte j gets code j and code j + half, of which those beyond `count` are zero.
constexpr void pack_halves(const std::uint8_t* codes, std::size_t count, std::size_t half,
                           std::uint8_t* bytes) noexcept {
  for (std::size_t j = 0; j < half; ++j) {
    const unsigned low = j < count ? codes[j] & 15U : 0U;
    const unsigned high = j + half < count ? codes[j + half] & 15U : 0U;
    bytes[j] = static_cast<std::uint8_t>(low | high << 4);
  }
}

}  // namespace detail

/// Packs one code of each of `codes` (low 4 bits; the others are ignored) into `bytes`, of which nibble_bytes(order,
/// codes.size(), group) are written: a half or a group that is not full is padded with zeros. Throws
/// std::invalid_argument for a short `bytes`, a wrong order, or an odd or zero group. The spans must not overlap.
constexpr void pack_nibbles(std::span<const std::uint8_t> codes, std::span<std::uint8_t> bytes,
                            nibble_order order = nibble_order::low_first, std::size_t group = 32) {
  detail::check_order("order", order, "group", group);
  const std::size_t count = codes.size();
  detail::check_bytes("bytes", bytes.size(), nibble_bytes(order, count, group), count);
  if (order == nibble_order::split_halves) {
    for (std::size_t first = 0; first < count; first += group) {
      detail::pack_halves(codes.data() + first, count - first, group / 2, bytes.data() + first / 2);
    }
    return;
  }
  const unsigned even = order == nibble_order::low_first ? 0U : 4U;
  const unsigned odd = 4U - even;
  for (std::size_t j = 0; j < count / 2; ++j) {
    bytes[j] = static_cast<std::uint8_t>((codes[2 * j] & 15U) << even | (codes[2 * j + 1] & 15U) << odd);
  }
  if (count % 2 != 0) bytes[count / 2] = static_cast<std::uint8_t>((codes[count - 1] & 15U) << even);
}

/// Unpacks the first codes.size() codes of `bytes`. Throws std::invalid_argument for a short `bytes`, a wrong order,
/// or an odd or zero group. The spans must not overlap.
constexpr void unpack_nibbles(std::span<const std::uint8_t> bytes, std::span<std::uint8_t> codes,
                              nibble_order order = nibble_order::low_first, std::size_t group = 32) {
  detail::check_order("order", order, "group", group);
  const std::size_t count = codes.size();
  detail::check_bytes("bytes", bytes.size(), nibble_bytes(order, count, group), count);
  if (order == nibble_order::split_halves) {
    const std::size_t half = group / 2;
    for (std::size_t first = 0; first < count; first += group) {
      for (std::size_t i = 0; i < group && first + i < count; ++i) {
        const unsigned byte = bytes[first / 2 + (i < half ? i : i - half)];
        codes[first + i] = static_cast<std::uint8_t>(i < half ? byte & 15U : byte >> 4);
      }
    }
    return;
  }
  const unsigned even = order == nibble_order::low_first ? 0U : 4U;
  const unsigned odd = 4U - even;
  for (std::size_t j = 0; j < count / 2; ++j) {
    codes[2 * j] = static_cast<std::uint8_t>(bytes[j] >> even & 15U);
    codes[2 * j + 1] = static_cast<std::uint8_t>(bytes[j] >> odd & 15U);
  }
  if (count % 2 != 0) codes[count - 1] = static_cast<std::uint8_t>(bytes[count / 2] >> even & 15U);
}

/// Moves `count` packed codes from one order to another; the padding of the result is zero. Throws
/// std::invalid_argument as pack_nibbles does. The spans must not overlap.
constexpr void repack_nibbles(std::span<const std::uint8_t> from, nibble_order from_order, std::span<std::uint8_t> to,
                              nibble_order to_order, std::size_t count, std::size_t from_group = 32,
                              std::size_t to_group = 32) {
  detail::check_order("from_order", from_order, "from_group", from_group);
  detail::check_order("to_order", to_order, "to_group", to_group);
  const std::size_t bytes = nibble_bytes(to_order, count, to_group);
  detail::check_bytes("from", from.size(), nibble_bytes(from_order, count, from_group), count);
  detail::check_bytes("to", to.size(), bytes, count);
  for (std::size_t j = 0; j < bytes; ++j) to[j] = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const code_place source = locate(from_order, i, from_group);
    const code_place target = locate(to_order, i, to_group);
    const unsigned code = from[source.byte] >> source.shift & 15U;
    to[target.byte] = static_cast<std::uint8_t>(to[target.byte] | code << target.shift);
  }
}

}  // namespace v0
}  // namespace nibble
