// SPDX-License-Identifier: Apache-2.0
//
// Minimum-variance 2:4 and 1:2 on vectors, a block a lane, with the integers of method/sparse_block.hpp: magnitudes of
// 28 bits, sums of at most 30. With 64 random bits a magnitude has 28 bits more: they count in R and in what is
// certain, and a pick that they could change takes the scalar way, as about one block in ten million does.
#pragma once

#include <nibble/simd/unrolled.hpp>
#include <nibble/simd/x86/doubled.hpp>
#include <nibble/simd/x86/sparse_lanes.hpp>

#if defined(__AVX2__)

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The constants of the kernels as vectors in memory: compilers make up for a lack of registers by building them again
/// in every step, on the port that moves elements between lanes, where the kernels are busiest.
template <class V>
class variance_constants {
  struct alignas(64) spread {
    std::uint32_t lanes[V::lanes];
    constexpr explicit spread(std::uint32_t x) noexcept : lanes{} {
      for (std::uint32_t& lane : lanes) lane = x;
    }
    NIBBLE_ALWAYS_INLINE operator typename V::word() const noexcept { return V::load(lanes); }
    NIBBLE_ALWAYS_INLINE operator typename doubled<V>::word() const noexcept {
      return {V::load(lanes), V::load(lanes)};
    }
  };

 public:
  // Exponent fields outside of these take the scalar way: results could be beyond float32, or are not numbers, or a
  // subnormal number, which the control register may have read as zero, could count among 56 bits below them.
  static constexpr std::uint32_t least_field = 56;
  static constexpr std::uint32_t most_field = 250;

  spread magnitude{0x7fff'ffffU}, sign{0x8000'0000U}, field{0x7f80'0000U}, field_step{1U << 23}, one{1}, none{0},
      before{~0U};
  spread low_bits{(1U << 28) - 1}, close{19U << 23}, far_below{0U - (27U << 23) - 2U};
  spread small{(least_field << 23) - 2}, large{((most_field + 1) << 23) - 1};
  spread to_fixed{(2U * 127U + 27U) << 23};  ///< less an exponent: the power of two that gives such a magnitude 28 bits
  spread from_fixed{(127U + 27U) << 23};
};
template <class V>
inline constexpr variance_constants<V> variance_table{};

/// `IsWide` is for 64 random bits, of which the kernel takes the upper 32.
template <class V, bool IsWide>
class variance_kernel {
  using lanes = sparse_lanes<V>;
  using word = typename V::word;
  using real = typename V::real;
  using mask = typename lanes::mask;
  using constants = variance_constants<typename single_vector<V>::type>;

  // In units of the upper 28 bits, what the lower ones can add to a sum is below 4, and to one that is counted twice
  // below 8; the products with R and the random bits that are left out add up to below 10 on the other side.
  static constexpr std::uint32_t doubt_before = 10;
  static constexpr std::uint32_t doubt = 19;

 public:
  NIBBLE_ALWAYS_INLINE variance_kernel() noexcept {
    asm("" : "+r"(k_));  // a place that compilers do not know
  }

  /// What becomes of V::lanes blocks of four, in turned lanes.
  struct choice {
    mask kept[4];  ///< positions with a value
    word value;    ///< its magnitude, of which the element's own takes the place where that is larger
  };

  /// Elements and uniforms of 32 bits in turned lanes. False where a block is to take the scalar way.
  NIBBLE_ALWAYS_INLINE bool two_of_four(const word (&a)[4], word uniform, choice& c) const noexcept {
    word m[4];
    for (int i = 0; i < 4; ++i) m[i] = V::both(a[i], k_->magnitude);
    const word most = V::largest(V::largest(m[0], m[1]), V::largest(m[2], m[3]));
    const mask is_open = is_none_certain(m, most);
    // No magnitude where nothing is certain; a zero never is.
    const word certain_size = lanes::ones_where(is_open, V::largest(most, k_->one));
    mask certain[4];
    word tail[4];
    for (int i = 0; i < 4; ++i) {
      certain[i] = lanes::is_equal(m[i], certain_size);
      tail[i] = lanes::without_where(certain[i], m[i]);
    }
    // The others in steps of their largest.
    const word tail_most = V::largest(V::largest(tail[0], tail[1]), V::largest(tail[2], tail[3]));
    if (!is_plain(most, tail_most)) return false;
    const word step = V::both(tail_most, k_->field);
    const real scale = scale_of(step);
    word reached[4];
    word sum;
    word low;
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
      const real scaled = V::multiply(V::as_real(tail[i]), scale);
      const word fixed = V::truncated(scaled);
      sum = i == 0 ? fixed : V::add(sum, fixed);
      if constexpr (IsWide) low = i == 0 ? low_part(scaled, fixed) : V::add(low, low_part(scaled, fixed));
      reached[i] = sum;
    });
    if (!pick(reached, sum, uniform, is_open, c.kept)) return false;
    for (int i = 0; i < 4; ++i) c.kept[i] = lanes::any_of(c.kept[i], certain[i]);
    // R / 2 where nothing is certain, else R.
    c.value = V::subtract(magnitude_of(sum, low, step), lanes::where(is_open, k_->field_step));
    return true;
  }

  /// A kept element: a certain one is as large as R / (N - k) at least, and no other is larger.
  NIBBLE_ALWAYS_INLINE word survivor(word a, word value) const noexcept {
    return lanes::cut_and_set(a, k_->sign, V::largest(V::both(a, k_->magnitude), value));
  }

  /// One of two stays.
  NIBBLE_ALWAYS_INLINE bool one_of_two(word a, word b, word uniform, word& out_a, word& out_b) const noexcept {
    const word m = V::both(a, k_->magnitude);
    const word n = V::both(b, k_->magnitude);
    const word most = V::largest(m, n);
    if (!is_plain(most, most)) return false;
    const word step = V::both(most, k_->field);
    const real scale = scale_of(step);
    const real scaled_a = V::multiply(V::as_real(m), scale);
    const real scaled_b = V::multiply(V::as_real(n), scale);
    const word fixed_a = V::truncated(scaled_a);
    const word fixed_b = V::truncated(scaled_b);
    const word sum = V::add(fixed_a, fixed_b);
    word low;
    word offset = lanes::upper_product(uniform, sum);
    if constexpr (IsWide) {
      low = V::add(low_part(scaled_a, fixed_a), low_part(scaled_b, fixed_b));
      offset = before_doubt(offset, sum);
      if (lanes::is_any(lanes::is_at_most(V::subtract(offset, fixed_a), V::all(doubt - 1)))) return false;
    }
    const mask is_first = lanes::is_greater(fixed_a, offset);
    const mask is_second = lanes::but_not(lanes::is_greater(sum, k_->none), is_first);
    const word value = magnitude_of(sum, low, step);
    out_a = lanes::where(is_first, lanes::cut_and_set(a, k_->sign, value));
    out_b = lanes::where(is_second, lanes::cut_and_set(b, k_->sign, value));
    return true;
  }

 private:
  /// Whether the largest magnitudes, and those of the tails, are zero or in the range of plain exponents. A tail that
  /// is 27 binades below is not plain either: where two elements are certain it does not count, and here it would.
  NIBBLE_ALWAYS_INLINE bool is_plain(word most, word tail_most) const noexcept {
    const word before = V::smallest_unsigned(V::add(most, k_->before), V::add(tail_most, k_->before));
    const word small = V::largest(V::add(most, k_->far_below), k_->small);
    return !lanes::is_any(lanes::any_of(lanes::is_at_most(before, small), lanes::is_greater(most, k_->large)));
  }
  /// The power of two that gives a magnitude with this exponent 28 bits. One so far below that the product is subnormal
  /// is cut off anyway.
  NIBBLE_ALWAYS_INLINE real scale_of(word exponent) const noexcept {
    return V::as_real(V::subtract(k_->to_fixed, exponent));
  }
  /// The 28 bits below those of `fixed`.
  static NIBBLE_ALWAYS_INLINE word low_part(real scaled, word fixed) noexcept {
    return V::truncated(V::multiply(V::subtract(scaled, V::from_integer(fixed)), V::all_real(0x1p28F)));
  }
  /// Whether the sum of all exceeds twice the largest. Floats tell unless they are within 2^-19 of each other; their
  /// sum has an error of less than 2^-20, and what the integers cut off is below 2^-26.
  NIBBLE_ALWAYS_INLINE mask is_none_certain(const word (&m)[4], word most) const noexcept {
    const real sum = V::add(V::add(V::as_real(m[0]), V::as_real(m[1])), V::add(V::as_real(m[2]), V::as_real(m[3])));
    const word more = V::as_word(V::subtract(sum, V::add(V::as_real(most), V::as_real(most))));
    const mask is_close = lanes::is_greater(V::subtract(most, k_->close), V::both(more, k_->magnitude));
    if (lanes::is_any(is_close)) return is_none_certain_by_integers(m, most);
    return lanes::is_greater(more, k_->none);
  }
  NIBBLE_ALWAYS_INLINE mask is_none_certain_by_integers(const word (&m)[4], word most) const noexcept {
    const real scale = scale_of(V::both(most, k_->field));
    word sum = V::all(0);
    word low = V::all(0);
    for (int i = 0; i < 4; ++i) {
      const real scaled = V::multiply(V::as_real(m[i]), scale);
      const word fixed = V::truncated(scaled);
      sum = V::add(sum, fixed);
      if constexpr (IsWide) low = V::add(low, low_part(scaled, fixed));
    }
    const word largest = V::truncated(V::multiply(V::as_real(most), scale));
    const word less = V::subtract(V::add(largest, largest), sum);
    const mask result = lanes::is_greater(k_->none, less);
    if constexpr (!IsWide) return result;
    // Where it does not, the lower bits of the three others may make up for a difference below 3.
    const mask is_made_up = lanes::is_greater(low, V::template left<28>(less));
    return lanes::any_of(result, lanes::all_of(lanes::is_at_most(less, V::all(2)), is_made_up));
  }
  /// (sum + low * 2^-28) in steps of that exponent's magnitudes, rounded to nearest even.
  NIBBLE_ALWAYS_INLINE word magnitude_of(word sum, [[maybe_unused]] word low, word exponent) const noexcept {
    const word back = V::subtract(exponent, k_->from_fixed);
    if constexpr (IsWide) {
      // Of the lower bits only whether there are any: sums have 28 bits at least, four more than the result.
      const word whole = V::add(sum, V::template right<28>(low));
      const mask is_rest = lanes::is_greater(V::both(low, k_->low_bits), k_->none);
      const word twice = V::either(V::add(whole, whole), lanes::where(is_rest, k_->one));
      return V::add(V::as_word(V::from_integer(twice)), V::subtract(back, k_->field_step));
    } else {
      return V::add(V::as_word(V::from_integer(sum)), back);
    }
  }
  /// The number from which a pick is certain if `reached` is greater, and certainly none from `doubt` below. No doubt
  /// where all are zero.
  NIBBLE_ALWAYS_INLINE word before_doubt(word offset, word sum) const noexcept {
    const mask is_empty = lanes::is_equal(sum, k_->none);
    return V::either(V::add(offset, V::all(doubt_before)), lanes::where(is_empty, V::all(0x3fff'ffffU)));
  }
  /// Pick number t falls on the first element at which `reached`, twice where nothing is certain, exceeds t R + offset;
  /// t = 0 and, where nothing is certain, t = 1. False where one is in doubt.
  NIBBLE_ALWAYS_INLINE bool pick(const word (&reached)[4], word sum, word uniform, mask is_open,
                                 mask (&picked)[4]) const noexcept {
    word offset = lanes::upper_product(uniform, sum);
    if constexpr (IsWide) offset = before_doubt(offset, sum);
    const word next = lanes::half_where(is_open, V::add(offset, sum));
    offset = lanes::half_where(is_open, offset);
    if constexpr (IsWide) {
      word least = V::subtract(offset, reached[0]);
      for (int i = 1; i < 3; ++i) {
        least = V::smallest_unsigned(
            least, V::smallest_unsigned(V::subtract(offset, reached[i]), V::subtract(next, reached[i])));
      }
      if (lanes::is_any(lanes::is_at_most(least, V::all(doubt - 1)))) return false;
    }
    const mask first[4] = {lanes::is_greater(reached[0], offset), lanes::is_greater(reached[1], offset),
                           lanes::is_greater(reached[2], offset), lanes::is_greater(sum, k_->none)};
    const mask second[4] = {first[0], lanes::is_greater(reached[1], next), lanes::is_greater(reached[2], next),
                            is_open};
    lanes::picks(first, second, picked);
    return true;
  }

  const constants* k_ = &variance_table<typename single_vector<V>::type>;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
