// SPDX-License-Identifier: Apache-2.0
//
// Accessor policy that lets an mdspan read and write packed codes. It is written to the requirements of
// [mdspan.accessor.reqmts] and needs no <mdspan> itself, so that std::mdspan and its predecessors can all use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/number/minifloat.hpp>
#include <nibble/packed/layout.hpp>
#include <nibble/packed/reference.hpp>

namespace nibble {
inline namespace v0 {

/// Where a sequence of packed codes begins: an offset in elements need not fall on a byte.
template <class Byte>
struct packed_handle {
  Byte* bytes = nullptr;
  std::size_t first = 0;
};

/// std::mdspan<minifloat<F>, extents, layout, packed_accessor<F>>(packed_handle{bytes}, ...). `Byte` is std::uint8_t,
/// or const std::uint8_t for elements that are only read (the element type is const then).
template <float_format F, packed_layout Layout = default_layout(F), class Byte = std::uint8_t>
struct packed_accessor {
  static_assert(F.is_valid() && Layout.is_valid() && Layout.slot_bits >= F.bits(),
                "packed_accessor<F, Layout>: Layout needs slots of 4, 6, 8 or 16 bits that hold a code of F");
  static constexpr bool is_const = std::is_const_v<Byte>;

  using offset_policy = packed_accessor;
  using element_type = std::conditional_t<is_const, const minifloat<F>, minifloat<F>>;
  using reference = std::conditional_t<is_const, minifloat<F>, packed_reference<F, Layout>>;
  using data_handle_type = packed_handle<Byte>;

  constexpr packed_accessor() noexcept = default;
  /// A reading accessor from a writing one.
  template <class Other>
    requires(is_const && std::is_same_v<Other, std::uint8_t>)
  constexpr packed_accessor(const packed_accessor<F, Layout, Other>& /*other*/) noexcept {}

  [[nodiscard]] NIBBLE_FUNCTION reference access(data_handle_type handle, std::size_t i) const noexcept {
    if constexpr (is_const) {
      return minifloat<F>::from_bits(load_code(Layout, handle.bytes, handle.first + i));
    } else {
      return reference(handle.bytes, handle.first + i);
    }
  }
  [[nodiscard]] NIBBLE_FUNCTION data_handle_type offset(data_handle_type handle, std::size_t i) const noexcept {
    return {handle.bytes, handle.first + i};
  }
};

}  // namespace v0
}  // namespace nibble
