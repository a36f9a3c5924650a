// SPDX-License-Identifier: Apache-2.0
//
// packed_reference: stands for one packed code, as a reference stands for an object.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include <nibble/number/minifloat.hpp>
#include <nibble/packed/layout.hpp>

namespace nibble {
inline namespace v0 {

/// One code of format `F` among packed ones. Reads as minifloat<F>; assignment writes the code and leaves its
/// neighbours. Copying a reference makes another one, assigning one assigns the number. Two threads must not write
/// codes that share a byte.
template <float_format F, packed_layout Layout>
class packed_reference {
 public:
  using value_type = minifloat<F>;

  NIBBLE_FUNCTION packed_reference(std::uint8_t* bytes, std::size_t index) noexcept : bytes_(bytes), index_(index) {}
  packed_reference(const packed_reference&) = default;

  NIBBLE_FUNCTION operator value_type() const noexcept {
    return value_type::from_bits(load_code(Layout, bytes_, index_));
  }
  NIBBLE_FUNCTION explicit operator float() const noexcept
    requires(F.fits_binary32())
  {
    return static_cast<float>(value_type(*this));
  }
  NIBBLE_FUNCTION explicit operator double() const noexcept { return static_cast<double>(value_type(*this)); }
  [[nodiscard]] NIBBLE_FUNCTION typename value_type::storage_type bits() const noexcept {
    return value_type(*this).bits();
  }

  // Assignable through const: what is written is the number referred to (std::indirectly_writable).
  NIBBLE_FUNCTION const packed_reference& operator=(value_type x) const noexcept {
    store_code(Layout, bytes_, index_, x.bits());
    return *this;
  }
  NIBBLE_FUNCTION const packed_reference& operator=(const packed_reference& other) const noexcept {
    return *this = value_type(other);
  }
  NIBBLE_FUNCTION packed_reference& operator=(const packed_reference& other) noexcept {
    store_code(Layout, bytes_, index_, other.bits());
    return *this;
  }

  friend NIBBLE_FUNCTION void swap(packed_reference a, packed_reference b) noexcept {
    const value_type kept = a;
    a = b;
    b = kept;
  }

  [[nodiscard]] friend NIBBLE_FUNCTION bool operator==(packed_reference a, packed_reference b) noexcept {
    return value_type(a) == value_type(b);
  }
  [[nodiscard]] friend NIBBLE_FUNCTION bool operator==(packed_reference a, value_type b) noexcept {
    return value_type(a) == b;
  }
  [[nodiscard]] friend constexpr std::partial_ordering operator<=>(packed_reference a, packed_reference b) noexcept {
    return value_type(a) <=> value_type(b);
  }
  [[nodiscard]] friend constexpr std::partial_ordering operator<=>(packed_reference a, value_type b) noexcept {
    return value_type(a) <=> b;
  }

 private:
  std::uint8_t* bytes_;
  std::size_t index_;
};

}  // namespace v0
}  // namespace nibble
