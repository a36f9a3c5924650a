// SPDX-License-Identifier: Apache-2.0
//
// Two vectors under the names of one: kernels that are one long chain of dependent instructions run two chains beside
// each other, which the window of a processor is too short to find by itself in two steps of a loop.
#pragma once

#include <nibble/simd/x86/sparse_lanes.hpp>

#if defined(__AVX2__)

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

template <class V>
struct doubled {
  struct word {
    typename V::word first, second;
  };
  struct real {
    typename V::real first, second;
  };
  static constexpr std::size_t lanes = 2 * V::lanes;
  static constexpr std::size_t bytes = 2 * V::bytes;

  static NIBBLE_ALWAYS_INLINE word as_word(real x) noexcept { return {V::as_word(x.first), V::as_word(x.second)}; }
  static NIBBLE_ALWAYS_INLINE real as_real(word x) noexcept { return {V::as_real(x.first), V::as_real(x.second)}; }
  static NIBBLE_ALWAYS_INLINE word all(std::uint32_t x) noexcept { return {V::all(x), V::all(x)}; }
  static NIBBLE_ALWAYS_INLINE real all_real(float x) noexcept { return {V::all_real(x), V::all_real(x)}; }
  static NIBBLE_ALWAYS_INLINE word both(word a, word b) noexcept {
    return {V::both(a.first, b.first), V::both(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE word either(word a, word b) noexcept {
    return {V::either(a.first, b.first), V::either(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE word add(word a, word b) noexcept {
    return {V::add(a.first, b.first), V::add(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE word subtract(word a, word b) noexcept {
    return {V::subtract(a.first, b.first), V::subtract(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE real add(real a, real b) noexcept {
    return {V::add(a.first, b.first), V::add(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE real subtract(real a, real b) noexcept {
    return {V::subtract(a.first, b.first), V::subtract(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE real multiply(real a, real b) noexcept {
    return {V::multiply(a.first, b.first), V::multiply(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE word largest(word a, word b) noexcept {
    return {V::largest(a.first, b.first), V::largest(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE word smallest(word a, word b) noexcept {
    return {V::smallest(a.first, b.first), V::smallest(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE word smallest_unsigned(word a, word b) noexcept {
    return {V::smallest_unsigned(a.first, b.first), V::smallest_unsigned(a.second, b.second)};
  }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word left(word a) noexcept {
    return {V::template left<N>(a.first), V::template left<N>(a.second)};
  }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right(word a) noexcept {
    return {V::template right<N>(a.first), V::template right<N>(a.second)};
  }
  static NIBBLE_ALWAYS_INLINE word truncated(real x) noexcept {
    return {V::truncated(x.first), V::truncated(x.second)};
  }
  static NIBBLE_ALWAYS_INLINE real from_integer(word x) noexcept {
    return {V::from_integer(x.first), V::from_integer(x.second)};
  }
};

template <class V>
struct sparse_lanes<doubled<V>> : doubled<V> {
  using base = sparse_lanes<V>;
  using word = typename doubled<V>::word;
  struct mask {
    typename base::mask first, second;
  };

  static NIBBLE_ALWAYS_INLINE mask is_greater(word a, word b) noexcept {
    return {base::is_greater(a.first, b.first), base::is_greater(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE mask is_equal(word a, word b) noexcept {
    return {base::is_equal(a.first, b.first), base::is_equal(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE mask is_at_most(word a, word b) noexcept {
    return {base::is_at_most(a.first, b.first), base::is_at_most(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE mask all_of(mask a, mask b) noexcept {
    return {base::all_of(a.first, b.first), base::all_of(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE mask any_of(mask a, mask b) noexcept {
    return {base::any_of(a.first, b.first), base::any_of(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE mask but_not(mask a, mask b) noexcept {
    return {base::but_not(a.first, b.first), base::but_not(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE bool is_any(mask a) noexcept { return base::is_any(base::any_of(a.first, a.second)); }
  static NIBBLE_ALWAYS_INLINE word select(mask m, word a, word b) noexcept {
    return {base::select(m.first, a.first, b.first), base::select(m.second, a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE word where(mask m, word a) noexcept {
    return {base::where(m.first, a.first), base::where(m.second, a.second)};
  }
  static NIBBLE_ALWAYS_INLINE word ones_where(mask m, word a) noexcept {
    return {base::ones_where(m.first, a.first), base::ones_where(m.second, a.second)};
  }
  static NIBBLE_ALWAYS_INLINE word without_where(mask m, word a) noexcept {
    return {base::without_where(m.first, a.first), base::without_where(m.second, a.second)};
  }
  static NIBBLE_ALWAYS_INLINE word half_where(mask m, word a) noexcept {
    return {base::half_where(m.first, a.first), base::half_where(m.second, a.second)};
  }
  static NIBBLE_ALWAYS_INLINE word cut_and_set(word a, word x, word y) noexcept {
    return {base::cut_and_set(a.first, x.first, y.first), base::cut_and_set(a.second, x.second, y.second)};
  }
  static NIBBLE_ALWAYS_INLINE word upper_product(word a, word b) noexcept {
    return {base::upper_product(a.first, b.first), base::upper_product(a.second, b.second)};
  }
  static NIBBLE_ALWAYS_INLINE word count(mask m, mask n) noexcept {
    return {base::count(m.first, n.first), base::count(m.second, n.second)};
  }
  static NIBBLE_ALWAYS_INLINE void picks(const mask (&first)[4], const mask (&second)[4], mask (&picked)[4]) noexcept {
    typename base::mask a[4];
    typename base::mask b[4];
    base::picks({first[0].first, first[1].first, first[2].first, first[3].first},
                {second[0].first, second[1].first, second[2].first, second[3].first}, a);
    base::picks({first[0].second, first[1].second, first[2].second, first[3].second},
                {second[0].second, second[1].second, second[2].second, second[3].second}, b);
    for (int i = 0; i < 4; ++i) picked[i] = {a[i], b[i]};
  }
};

/// The vector that V is, or that it is made of.
template <class V>
struct single_vector {
  using type = V;
};
template <class V>
struct single_vector<doubled<V>> {
  using type = V;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
