// SPDX-License-Identifier: Apache-2.0
//
// Minimum-variance 2:4 and 1:2 on vectors, a block a lane, with the integers of method/sparse_block.hpp for at most 32
// random bits: magnitudes of 28 bits, sums of at most 30.
#pragma once

#include <nibble/simd/x86/sparse_lanes.hpp>

#if defined(__AVX2__)

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

template <class V>
class variance_kernel {
  using lanes = sparse_lanes<V>;
  using word = typename V::word;
  using mask = typename lanes::mask;

  // Exponent fields outside of these take the scalar way: results could be subnormal or beyond float32, or are not numbers.
  static constexpr std::uint32_t least_field = 32;
  static constexpr std::uint32_t most_field = 250;

 public:
  /// Elements of one call, blocks of four or of two.
  static constexpr std::size_t size_2_4 = 4 * V::lanes;
  static constexpr std::size_t size_1_2 = 2 * V::lanes;

  /// The results of V::lanes blocks in turned lanes; false where one of them is to take the scalar way. The uniforms, of 32
  /// bits, are in turned lanes as well. `kept` says which positions have a value.
  static NIBBLE_ALWAYS_INLINE bool two_of_four(const word (&a)[4], word uniform, word (&out)[4], mask (&kept)[4]) noexcept {
    word m[4];
    for (int i = 0; i < 4; ++i) m[i] = V::both(a[i], V::all(0x7fff'ffffU));
    const word high = V::largest(m[0], m[1]);
    const word other = V::largest(m[2], m[3]);
    const word most = V::largest(high, other);
    const word second = V::largest(V::smallest(high, other), V::largest(V::smallest(m[0], m[1]), V::smallest(m[2], m[3])));
    if (!is_plain(most)) return false;
    // With all in steps of the largest: does it stay for certain?
    const word top = reference(most);
    word scaled[4];
    word field[4];
    word sum = V::all(0);
    for (int i = 0; i < 4; ++i) {
      scaled[i] = significand(a[i]);
      field[i] = V::template right<23>(m[i]);
      sum = V::add(sum, lanes::right_by(scaled[i], V::subtract(top, field[i])));
    }
    const word fixed_most = lanes::right_by(significand(most), V::subtract(top, V::template right<23>(most)));
    const mask is_open = lanes::is_greater(sum, V::add(fixed_most, fixed_most));
    // Then the others in steps of the second.
    if (!is_tail_plain(second, is_open)) return false;
    const word step = lanes::select(is_open, top, reference(second));
    // No magnitude where nothing is certain; a zero never is.
    const word certain_size = lanes::select(is_open, V::all(0xffff'ffffU), V::largest(most, V::all(1)));
    mask certain[4];
    word reached[4];
    sum = V::all(0);
    for (int i = 0; i < 4; ++i) {
      certain[i] = lanes::is_equal(m[i], certain_size);
      const word fixed = lanes::without_where(certain[i], lanes::right_by(scaled[i], V::subtract(step, field[i])));
      sum = V::add(sum, fixed);
      reached[i] = V::add(sum, lanes::where(is_open, sum));
    }
    pick(reached, sum, uniform, is_open, kept);
    // R / 2 where nothing is certain, else R.
    const word exponent = V::add(V::subtract(step, V::all(155)), lanes::without_where(is_open, V::all(1)));
    const word value = V::add(V::as_word(V::from_integer(sum)), V::template left<23>(exponent));
    for (int i = 0; i < 4; ++i) {
      const word signed_value = lanes::cut_and_set(a[i], V::all(0x8000'0000U), value);
      out[i] = lanes::select(kept[i], signed_value, lanes::where(certain[i], a[i]));
      kept[i] = lanes::any_of(kept[i], certain[i]);
    }
    return true;
  }

  /// The same for pairs: one of two stays.
  static NIBBLE_ALWAYS_INLINE bool one_of_two(word a, word b, word uniform, word& out_a, word& out_b) noexcept {
    const word m = V::both(a, V::all(0x7fff'ffffU));
    const word n = V::both(b, V::all(0x7fff'ffffU));
    const word most = V::largest(m, n);
    if (!is_plain(most)) return false;
    const word top = reference(most);
    const word fixed_a = lanes::right_by(significand(a), V::subtract(top, V::template right<23>(m)));
    const word fixed_b = lanes::right_by(significand(b), V::subtract(top, V::template right<23>(n)));
    const word sum = V::add(fixed_a, fixed_b);
    const mask is_first = lanes::is_greater(fixed_a, lanes::upper_product(uniform, sum));
    const mask is_second = lanes::but_not(lanes::is_greater(sum, V::all(0)), is_first);
    const word exponent = V::subtract(top, V::all(154));
    const word value = V::add(V::as_word(V::from_integer(sum)), V::template left<23>(exponent));
    out_a = lanes::where(is_first, lanes::cut_and_set(a, V::all(0x8000'0000U), value));
    out_b = lanes::where(is_second, lanes::cut_and_set(b, V::all(0x8000'0000U), value));
    return true;
  }

 private:
  /// Whether all largest magnitudes are zero or in the range of plain exponents.
  static NIBBLE_ALWAYS_INLINE bool is_plain(word most) noexcept {
    return !lanes::is_any(lanes::is_beyond(most, least_field << 23, ((most_field + 1) << 23) - 1));
  }
  /// Whether the second magnitudes are zero or plain where they set the scale.
  static NIBBLE_ALWAYS_INLINE bool is_tail_plain(word second, mask is_open) noexcept {
    const word tail = lanes::without_where(is_open, second);
    return !lanes::is_any(lanes::is_beyond(tail, least_field << 23, 0x7fff'ffffU));
  }
  /// The exponent field that sets the scale; zeros get one that cuts everything off.
  static NIBBLE_ALWAYS_INLINE word reference(word magnitude) noexcept {
    return V::largest(V::template right<23>(magnitude), V::all(least_field));
  }
  /// 24 bits of significand and four spare ones. Subnormals, and zeros, get a leading one that the shift cuts off.
  static NIBBLE_ALWAYS_INLINE word significand(word a) noexcept {
    return lanes::cut_and_set(V::template left<4>(a), V::all(0x07ff'ffffU), V::all(0x0800'0000U));
  }
  /// Pick number t falls on the first element at which `reached` exceeds t R + offset; t = 0 and, where nothing is certain,
  /// t = 1.
  static NIBBLE_ALWAYS_INLINE void pick(const word (&reached)[4], word sum, word uniform, mask is_open,
                                        mask (&picked)[4]) noexcept {
    const word offset = lanes::upper_product(uniform, sum);
    const word next = V::add(offset, sum);
    const mask first_0 = lanes::is_greater(reached[0], offset);
    const mask first_1 = lanes::is_greater(reached[1], offset);
    const mask first_2 = lanes::is_greater(reached[2], offset);
    const mask first_3 = lanes::is_greater(sum, V::all(0));
    const mask second_1 = lanes::is_greater(reached[1], next);
    const mask second_2 = lanes::is_greater(reached[2], next);
    const mask second_3 = lanes::all_of(first_3, is_open);
    picked[0] = first_0;
    picked[1] = lanes::any_of(lanes::but_not(first_1, first_0), second_1);
    picked[2] = lanes::any_of(lanes::but_not(first_2, first_1), lanes::but_not(second_2, second_1));
    picked[3] = lanes::any_of(lanes::but_not(first_3, first_2), lanes::but_not(second_3, second_2));
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
