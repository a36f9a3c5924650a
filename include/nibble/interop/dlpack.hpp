// SPDX-License-Identifier: Apache-2.0
//
// DLPack's names for the formats (dlpack.h 1.1), without its header: constants, and what a producer has to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <nibble/format/catalogue.hpp>
#include <nibble/packed/layout.hpp>

namespace nibble {
inline namespace v0 {

/// DLDataTypeCode of the formats that have one.
enum class dlpack_code : std::uint8_t {
  float_ieee = 2,  ///< kDLFloat: binary16 with 16 bits, binary32 with 32
  bfloat = 4,
  float8_e3m4 = 7,
  float8_e4m3 = 8,  ///< the IEEE-like one, formats::e4m3ieee
  float8_e4m3b11fnuz = 9,
  float8_e4m3fn = 10,  ///< OCP E4M3
  float8_e4m3fnuz = 11,
  float8_e5m2 = 12,
  float8_e5m2fnuz = 13,
  float8_e8m0fnu = 14,
  float6_e2m3fn = 15,
  float6_e3m2fn = 16,
  float4_e2m1fn = 17,
};

/// The fields of DLDataType, in its layout. `lanes` stays 1: shapes count elements, also of packed tensors.
struct dlpack_type {
  std::uint8_t code = 0;
  std::uint8_t bits = 0;
  std::uint16_t lanes = 1;
  friend constexpr bool operator==(const dlpack_type&, const dlpack_type&) = default;
};

/// DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED of DLManagedTensorVersioned::flags.
inline constexpr std::uint64_t dlpack_subbyte_padded = 1U << 2;

/// DLPack's type of a format; nothing where it has none (UE4M3, E3M0, MXINT8, formats of your own).
[[nodiscard]] constexpr std::optional<dlpack_type> dlpack_type_of(const float_format& f) noexcept {
  struct entry {
    float_format format;
    dlpack_code code;
  };
  constexpr entry table[] = {
      {formats::f16, dlpack_code::float_ieee},
      {formats::f32, dlpack_code::float_ieee},
      {formats::bf16, dlpack_code::bfloat},
      {formats::e3m4, dlpack_code::float8_e3m4},
      {formats::e4m3ieee, dlpack_code::float8_e4m3},
      {formats::e4m3b11fnuz, dlpack_code::float8_e4m3b11fnuz},
      {formats::e4m3, dlpack_code::float8_e4m3fn},
      {formats::e4m3fnuz, dlpack_code::float8_e4m3fnuz},
      {formats::e5m2, dlpack_code::float8_e5m2},
      {formats::e5m2fnuz, dlpack_code::float8_e5m2fnuz},
      {formats::e8m0, dlpack_code::float8_e8m0fnu},
      {formats::e2m3, dlpack_code::float6_e2m3fn},
      {formats::e3m2, dlpack_code::float6_e3m2fn},
      {formats::e2m1, dlpack_code::float4_e2m1fn},
  };
  for (const entry& e : table) {
    if (e.format == f) return dlpack_type{static_cast<std::uint8_t>(e.code), static_cast<std::uint8_t>(f.bits()), 1};
  }
  return std::nullopt;
}

/// The flags that tell a consumer how codes of `f` lie in `layout`: 0 for packed ones, dlpack_subbyte_padded for one
/// narrow code a byte, which only DLManagedTensorVersioned can say; nothing where DLPack has no word for the layout. It
/// packs element i at bits [i * bits, (i + 1) * bits) of the little-endian sequence: nibbles low first, dense 6-bit.
[[nodiscard]] constexpr std::optional<std::uint64_t> dlpack_flags_of(const float_format& f,
                                                                     const packed_layout& layout) noexcept {
  if (!layout.is_valid()) return std::nullopt;
  const bool pairs = layout.slot_bits != 4 || layout.order == nibble_order::low_first;
  if (layout.slot_bits == f.bits()) return pairs ? std::optional<std::uint64_t>(0) : std::nullopt;
  if (layout.slot_bits == 8 && f.bits() < 8) return dlpack_subbyte_padded;
  return std::nullopt;
}

/// Fills a DLDataType, or any struct with its three fields. Returns false and writes nothing where DLPack has no name
/// for the format.
template <class DataType>
  requires requires(DataType& t) { t.code, t.bits, t.lanes; }
constexpr bool fill_dlpack_type(DataType& type, const float_format& f) noexcept {
  const std::optional<dlpack_type> found = dlpack_type_of(f);
  if (!found) return false;
  type.code = found->code;
  type.bits = found->bits;
  type.lanes = found->lanes;
  return true;
}

}  // namespace v0
}  // namespace nibble
