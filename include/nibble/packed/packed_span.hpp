// SPDX-License-Identifier: Apache-2.0
//
// packed_span: the numbers in a buffer of packed codes as a random-access range.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>  // iterator tags too, and the variables of std::ranges specialised below; <ranges> costs much more
#include <type_traits>

#include <nibble/packed/error.hpp>
#include <nibble/packed/layout.hpp>
#include <nibble/packed/reference.hpp>

namespace nibble {
inline namespace v0 {

/// `count` numbers of format `F` in bytes that somebody else owns. `Byte` is std::uint8_t, or const std::uint8_t for a
/// view that only reads. Elements are read as minifloat<F>; a writable view gives packed_reference. Copying a view
/// copies no numbers.
template <float_format F, packed_layout Layout = default_layout(F), class Byte = std::uint8_t>
class packed_span {
  static_assert(F.is_valid() && Layout.is_valid() && Layout.slot_bits >= F.bits(),
                "packed_span<F, Layout>: Layout needs slots of 4, 6, 8 or 16 bits that hold a code of F");
  static_assert(std::is_same_v<std::remove_const_t<Byte>, std::uint8_t>,
                "packed_span<F, Layout, Byte>: Byte is std::uint8_t or const std::uint8_t");
  static constexpr bool is_const_ = std::is_const_v<Byte>;

 public:
  using value_type = minifloat<F>;
  using reference = std::conditional_t<is_const_, value_type, packed_reference<F, Layout>>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  class iterator;
  using const_iterator = typename packed_span<F, Layout, const std::uint8_t>::iterator;
  static constexpr packed_layout layout = Layout;

  constexpr packed_span() noexcept = default;

  /// Throws std::invalid_argument where `bytes` is shorter than packed_bytes(Layout, count).
  constexpr packed_span(std::span<Byte> bytes, std::size_t count) : bytes_(bytes.data()), size_(count) {
    detail::check_bytes("bytes", bytes.size(), packed_bytes(Layout, count), count);
  }

  /// A view that reads, from one that writes.
  template <class Other>
    requires(is_const_ && std::is_same_v<Other, std::uint8_t>)
  constexpr packed_span(const packed_span<F, Layout, Other>& other) noexcept
      : bytes_(other.bytes().data()), size_(other.size()) {}

  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  /// The bytes that hold the codes, padding included.
  [[nodiscard]] constexpr std::span<Byte> bytes() const noexcept { return {bytes_, packed_bytes(Layout, size_)}; }

  /// Element `i`, below size(). No check.
  [[nodiscard]] constexpr reference operator[](std::size_t i) const noexcept { return element(bytes_, i); }
  /// Element `i`; throws std::out_of_range where it is not below size().
  [[nodiscard]] constexpr reference at(std::size_t i) const {
    if (i >= size_) detail::throw_index(i, size_);
    return element(bytes_, i);
  }
  [[nodiscard]] constexpr reference front() const noexcept { return element(bytes_, 0); }
  [[nodiscard]] constexpr reference back() const noexcept { return element(bytes_, size_ - 1); }

  [[nodiscard]] constexpr iterator begin() const noexcept { return iterator(bytes_, 0); }
  [[nodiscard]] constexpr iterator end() const noexcept {
    return iterator(bytes_, static_cast<std::ptrdiff_t>(size_));
  }

 private:
  static constexpr reference element(Byte* bytes, std::size_t i) noexcept {
    if constexpr (is_const_) {
      return value_type::from_bits(load_code(Layout, bytes, i));
    } else {
      return reference(bytes, i);
    }
  }

  Byte* bytes_ = nullptr;
  std::size_t size_ = 0;
};

/// A view that only reads.
template <float_format F, packed_layout Layout = default_layout(F)>
using const_packed_span = packed_span<F, Layout, const std::uint8_t>;

/// Random access by the rules of C++20; an input iterator to older algorithms, since it gives no true reference.
template <float_format F, packed_layout Layout, class Byte>
class packed_span<F, Layout, Byte>::iterator {
 public:
  using iterator_concept = std::random_access_iterator_tag;
  using iterator_category = std::input_iterator_tag;
  using value_type = minifloat<F>;
  using difference_type = std::ptrdiff_t;
  using reference = typename packed_span::reference;
  using pointer = void;

  constexpr iterator() noexcept = default;
  constexpr iterator(Byte* bytes, std::ptrdiff_t index) noexcept : bytes_(bytes), index_(index) {}

  [[nodiscard]] constexpr reference operator*() const noexcept {
    return element(bytes_, static_cast<std::size_t>(index_));
  }
  [[nodiscard]] constexpr reference operator[](std::ptrdiff_t n) const noexcept { return *(*this + n); }

  constexpr iterator& operator+=(std::ptrdiff_t n) noexcept {
    index_ += n;
    return *this;
  }
  constexpr iterator& operator-=(std::ptrdiff_t n) noexcept { return *this += -n; }
  constexpr iterator& operator++() noexcept { return *this += 1; }
  constexpr iterator& operator--() noexcept { return *this -= 1; }
  constexpr iterator operator++(int) noexcept {
    const iterator kept = *this;
    ++*this;
    return kept;
  }
  constexpr iterator operator--(int) noexcept {
    const iterator kept = *this;
    --*this;
    return kept;
  }

  [[nodiscard]] friend constexpr iterator operator+(iterator i, std::ptrdiff_t n) noexcept { return i += n; }
  [[nodiscard]] friend constexpr iterator operator+(std::ptrdiff_t n, iterator i) noexcept { return i += n; }
  [[nodiscard]] friend constexpr iterator operator-(iterator i, std::ptrdiff_t n) noexcept { return i -= n; }
  [[nodiscard]] friend constexpr std::ptrdiff_t operator-(iterator a, iterator b) noexcept {
    return a.index_ - b.index_;
  }
  [[nodiscard]] friend constexpr bool operator==(iterator a, iterator b) noexcept { return a.index_ == b.index_; }
  [[nodiscard]] friend constexpr std::strong_ordering operator<=>(iterator a, iterator b) noexcept {
    return a.index_ <=> b.index_;
  }

 private:
  Byte* bytes_ = nullptr;
  std::ptrdiff_t index_ = 0;
};

}  // namespace v0
}  // namespace nibble

/// Copying a packed_span costs nothing, and its iterators outlive it.
template <nibble::float_format F, nibble::packed_layout Layout, class Byte>
inline constexpr bool std::ranges::enable_borrowed_range<nibble::packed_span<F, Layout, Byte>> = true;
template <nibble::float_format F, nibble::packed_layout Layout, class Byte>
inline constexpr bool std::ranges::enable_view<nibble::packed_span<F, Layout, Byte>> = true;
