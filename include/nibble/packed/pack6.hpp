// SPDX-License-Identifier: Apache-2.0
//
// 6-bit codes: 16 of them in 12 bytes, and one a byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <nibble/base/config.hpp>
#include <nibble/packed/error.hpp>

namespace nibble {
inline namespace v0 {

/// Bytes of `count` dense 6-bit codes: 12 for 16 codes, and for a ragged tail as many as hold its bits.
[[nodiscard]] NIBBLE_FUNCTION std::size_t dense6_bytes(std::size_t count) noexcept { return count / 4 * 3 + count % 4; }

/// Packs the low 6 bits of each of `codes` without gaps: code i at bits 6i+5:6i of the little-endian sequence, which
/// makes groups of 16 codes in 12 bytes (PTX ISA 9.0 section 5.5.1, .b6x16) and of 4 in 3. dense6_bytes(codes.size())
/// bytes are written; bits that are left over are zero. Throws std::invalid_argument for a short `bytes`. The spans
/// must not overlap.
constexpr void pack_dense6(std::span<const std::uint8_t> codes, std::span<std::uint8_t> bytes) {
  const std::size_t count = codes.size();
  detail::check_bytes("bytes", bytes.size(), dense6_bytes(count), count);
  for (std::size_t i = 0; i < count; i += 4) {
    std::uint32_t word = 0;
    const std::size_t taken = count - i < 4 ? count - i : 4;
    for (std::size_t k = 0; k < taken; ++k) word |= (codes[i + k] & 63U) << (6 * k);
    const std::size_t written = taken < 4 ? taken : 3;
    for (std::size_t k = 0; k < written; ++k) bytes[i / 4 * 3 + k] = static_cast<std::uint8_t>(word >> (8 * k));
  }
}

/// Unpacks the first codes.size() codes of the dense `bytes`. Throws std::invalid_argument for a short `bytes`. The
/// spans must not overlap.
constexpr void unpack_dense6(std::span<const std::uint8_t> bytes, std::span<std::uint8_t> codes) {
  const std::size_t count = codes.size();
  detail::check_bytes("bytes", bytes.size(), dense6_bytes(count), count);
  for (std::size_t i = 0; i < count; i += 4) {
    const std::size_t taken = count - i < 4 ? count - i : 4;
    const std::size_t read = taken < 4 ? taken : 3;
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < read; ++k) word |= std::uint32_t{bytes[i / 4 * 3 + k]} << (8 * k);
    for (std::size_t k = 0; k < taken; ++k) codes[i + k] = static_cast<std::uint8_t>(word >> (6 * k) & 63U);
  }
}

}  // namespace v0
}  // namespace nibble
