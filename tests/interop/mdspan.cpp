// SPDX-License-Identifier: Apache-2.0
//
// The accessor policy, through the interface that an mdspan uses, and through std::mdspan where there is one.
#include <doctest/doctest.h>

#include <concepts>
#include <type_traits>
#include <vector>

#include <nibble/interop/mdspan.hpp>
#if __has_include(<mdspan>)
#include <mdspan>
#endif

namespace {

using accessor = nibble::packed_accessor<nibble::formats::e2m1>;
using const_accessor =
    nibble::packed_accessor<nibble::formats::e2m1, nibble::layouts::nibbles_low_first, const std::uint8_t>;

/// [mdspan.accessor.reqmts].
template <class A>
concept accessor_policy = std::copyable<A> && std::is_nothrow_move_constructible_v<A> &&
    std::copyable<typename A::data_handle_type> &&
    std::common_reference_with<typename A::reference, typename A::element_type&&> &&
    std::same_as<typename A::offset_policy::element_type, typename A::element_type> &&
    std::constructible_from<typename A::offset_policy, const A&> &&
    requires(const A a, typename A::data_handle_type p, std::size_t i) {
      { a.access(p, i) } -> std::same_as<typename A::reference>;
      { a.offset(p, i) } -> std::same_as<typename A::offset_policy::data_handle_type>;
    };
static_assert(accessor_policy<accessor> && accessor_policy<const_accessor>);
static_assert(std::is_convertible_v<accessor, const_accessor> && !std::is_convertible_v<const_accessor, accessor>);
static_assert(std::is_empty_v<accessor>);

}  // namespace

TEST_CASE("access reads and writes codes; offset counts elements") {
  std::vector<std::uint8_t> bytes{0x21, 0x43, 0x65};
  const accessor a;
  const accessor::data_handle_type start{bytes.data()};
  CHECK(nibble::e2m1(a.access(start, 2)).bits() == 3);
  const auto odd = a.offset(start, 3);
  CHECK(nibble::e2m1(a.access(odd, 1)).bits() == 5);
  CHECK(nibble::e2m1(a.access(a.offset(odd, 2), 0)).bits() == 6);
  a.access(odd, 0) = nibble::e2m1{-6.0F};
  CHECK(bytes == std::vector<std::uint8_t>{0x21, 0xf3, 0x65});
  const const_accessor reader = a;
  CHECK(reader.access(const_accessor::data_handle_type{bytes.data()}, 3).bits() == 0xf);
}

#if defined(__cpp_lib_mdspan)
TEST_CASE("a matrix of packed codes") {
  std::vector<std::uint8_t> bytes{0x21, 0x43, 0x65};
  const std::mdspan<nibble::e2m1, std::dextents<std::size_t, 2>, std::layout_right, accessor> m(
      accessor::data_handle_type{bytes.data()}, std::dextents<std::size_t, 2>(2, 3), accessor{});
  CHECK(nibble::e2m1(m[1, 0]).bits() == 4);
  m[0, 2] = nibble::e2m1{6.0F};
  CHECK(bytes == std::vector<std::uint8_t>{0x21, 0x47, 0x65});
}
#endif
