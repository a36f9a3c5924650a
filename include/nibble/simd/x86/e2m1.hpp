// SPDX-License-Identifier: Apache-2.0
//
// E2M1 with few operations an element on 32 bits, the rest on 16 and 8.
//
// Nearest even: one multiply-add in float32, then a quarter of a binade tells the code. A tie between codes has a
// significand of 1 or 1.25 where the even code is below and of 1.5 or 1.75 where it is above. The product with 1 + 3/8
// * 2^-23, rounded, is the number itself for significands of at most 4/3 and the next one for larger ones from 4/3 on.
// Less one in the last place, every number is then at or above a bound that is the first of its quarter of a binade
// exactly when it rounds up at it. Where all ties go up numbers are taken as they are, where all go down less one in the
// last place. Truncation has its bounds at the numbers themselves, whose significands are 1 and 1.5.
//
// Stochastic with 8 random bits: the code of y, with its fraction, is the smallest of 2 y, y + 2 and y / 2 + 4.
// Integers in 1/256 of it follow from floor(512 y) by halving, and the random byte is added below the point.
#pragma once

#include <nibble/simd/x86/blocks.hpp>

#if defined(__AVX2__)

#include <nibble/format/catalogue.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Whether the kernel below has a rounding.
NIBBLE_FUNCTION bool rounds_e2m1_by_quarters(rounding_mode mode) noexcept {
  using enum rounding_mode;
  return mode == nearest_even || mode == nearest_away || mode == nearest_toward_zero || mode == toward_zero;
}

/// How quarters of a binade become codes under a rounding that rounds_e2m1_by_quarters.
template <class V>
struct e2m1_steps {
  typename V::real share;  ///< numbers grow by this share of them
  typename V::word less;   ///< what their bits then lose
  typename V::word codes;  ///< codes less one of the quarters from 0.5 on
  typename V::word zeros;  ///< the last quarter of code 0, one a byte

  template <int Field>
  static NIBBLE_ALWAYS_INLINE e2m1_steps of(rounding_mode mode = rounding_mode::nearest_even) noexcept {
    const bool truncates = mode == rounding_mode::toward_zero;
    const bool up = truncates || mode == rounding_mode::nearest_away;
    return {V::all_real(mode == rounding_mode::nearest_even ? 0x1.8p-25F : 0.0F),
            V::all((static_cast<std::uint32_t>(Field) << 23) + (up ? 0U : 1U)),
            truncates ? V::repeated(0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6)
                      : V::repeated(0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 6),
            // GCC 12 makes two operations of a comparison with a constant that it knows.
            V::opaque(V::all_bytes(truncates ? -1 : -5))};
  }
};

/// `Field` is the exponent field that quarters are counted from on 16 bits: 126, that of 0.5, for numbers below 2^127,
/// or 127 for all but NaN.
template <class V, int Field>
struct nearest_e2m1 {
  using word = typename V::word;
  static_assert(Field == 126 || Field == 127);

  /// Sign and quarters of two vectors by turns on 16 bits. The sign is inverted where the quarters are negative.
  static NIBBLE_ALWAYS_INLINE word halves(word a, word b, const e2m1_steps<V>& steps) noexcept {
    const auto moved = [&](word y) NIBBLE_INLINE_LAMBDA {
      const typename V::real x = V::as_real(y);
      return V::subtract(V::as_word(V::multiply_add(x, steps.share, x)), steps.less);
    };
    return V::upper_halves(moved(a), moved(b));
  }

  /// What codes of four vectors are made from.
  struct begun {
    word low, high;
  };
  static NIBBLE_ALWAYS_INLINE begun begin(const word (&y)[4], const e2m1_steps<V>& steps) noexcept {
    return {V::opaque(halves(y[0], y[1], steps)), V::opaque(halves(y[2], y[3], steps))};
  }
  /// Their codes, one a byte by turns. x(i) has the signs and zeros of vector i; it is called for drop_exact only.
  template <class Source>
  static NIBBLE_ALWAYS_INLINE word finish(const begun& from, const Source& x, negative_zero_rule rule,
                                          const e2m1_steps<V>& steps) noexcept {
    const word h0 = from.low;
    const word h1 = from.high;
    const word d0 = V::add_halves(h0, h0);
    const word d1 = V::add_halves(h1, h1);
    // Quarters of a binade from 0.5 on, four a binade.
    const word counted = V::pack_halves(V::template right_signed_halves<6>(d0), V::template right_signed_halves<6>(d1));
    word sign = V::differ(V::pack_halves(h0, h1), counted);
    word quarter = counted;
    if constexpr (Field == 127) quarter = V::add_saturated_bytes(counted, V::all_bytes(4));
    const word least = V::smallest_signed_bytes(quarter, V::all_bytes(15));
    // Codes less one, and zero for numbers below 0.5; those from 0.25 on have code 1, too, if they round to nearest.
    const word magnitude = V::count_greater_bytes(V::lookup(steps.codes, least), quarter, steps.zeros);
    if (rule != negative_zero_rule::keep) [[unlikely]] {
      if (rule == negative_zero_rule::drop_exact) {
        // x & (x - 1) is negative for a negative number, but not for -0.
        const auto signs = [](word a) NIBBLE_INLINE_LAMBDA { return V::both(a, V::add(a, V::all(~0U))); };
        sign = V::pack_halves(V::upper_halves(signs(x(0)), signs(x(1))), V::upper_halves(signs(x(2)), signs(x(3))));
      } else {
        sign = V::without(sign, V::equal_bytes(magnitude, V::all(0U)));
      }
    }
    return V::either(magnitude, V::both(V::template right_halves<4>(sign), V::all_bytes(8)));
  }
  /// The codes of numbers `y`.
  template <class Source>
  static NIBBLE_ALWAYS_INLINE word codes(const word (&y)[4], const Source& x, negative_zero_rule rule) noexcept {
    const e2m1_steps<V> steps = e2m1_steps<V>::template of<Field>();
    return finish(begin(y, steps), x, rule, steps);
  }
};

/// Codes of groups of elements. Every `Size` elements, a multiple of V::lanes, share a multiplier; products are below
/// 2^127.
template <class V, std::size_t Size, bool Nibbles>
void encode_nearest_e2m1(const float* x, const std::uint32_t* multiplier, std::size_t groups, const destination& to,
                         negative_zero_rule rule, rounding_mode mode) noexcept {
  using rounding = nearest_e2m1<V, 126>;
  const e2m1_steps<V> steps = e2m1_steps<V>::template of<126>(mode);
  // The product with the multiplier of vector 4 h + i of group g, by `multiply`.
  const auto begin_by = [=](const auto& multiply) NIBBLE_INLINE_LAMBDA {
    return [=](std::size_t h, std::size_t g) NIBBLE_INLINE_LAMBDA {
      typename V::word p[4];
      unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
        p[i] = V::as_word(multiply(V::as_real(V::load(x + (8 * g + 4 * h + i) * V::lanes)),
                                   multiplier_of<V, Size>(multiplier, g, 4 * h + i)));
      });
      return rounding::begin(p, steps);
    };
  };
  if constexpr (V::is_fused) {
    if (rule == negative_zero_rule::drop_exact && !reads_subnormals_as_zeros()) {
      // -0 plus 0 is 0, while a product of another number keeps its sign even where it is rounded to zero. Compilers that
      // may ignore signs of zeros are not to know the addend.
      const typename V::real zero = V::opaque(V::all_real(0.0F));
      return encode_groups_ahead<V, Nibbles, true>(
          groups, to, begin_by([=](auto a, auto b) NIBBLE_INLINE_LAMBDA { return V::multiply_add(a, b, zero); }),
          [=](std::size_t /*h*/, std::size_t /*g*/, const auto& begun) NIBBLE_INLINE_LAMBDA {
            return rounding::finish(begun, [](std::size_t) { return V::all(0U); }, negative_zero_rule::keep, steps);
          });
    }
  }
  encode_groups_ahead<V, Nibbles, true>(
      groups, to, begin_by([](auto a, auto b) NIBBLE_INLINE_LAMBDA { return V::multiply(a, b); }),
      [=](std::size_t h, std::size_t g, const auto& begun) NIBBLE_INLINE_LAMBDA {
        const auto again = [&](std::size_t i) NIBBLE_INLINE_LAMBDA { return V::load(x + (8 * g + 4 * h + i) * V::lanes); };
        return rounding::finish(begun, again, rule, steps);
      });
}

/// Stochastically (variant A) with 8 random bits an element, by the bytes at `random`. Multipliers include
/// 2^drawn_e2m1_prescale.
inline constexpr int drawn_e2m1_prescale = 9;
template <class V, std::size_t Size, bool Nibbles>
void encode_drawn_e2m1(const float* x, const std::uint32_t* multiplier, const std::uint8_t* random, std::size_t groups,
                       const destination& to, negative_zero_rule rule) noexcept {
  using word = typename V::word;
  // Halving with addends: (a + b + 1) / 2.
  const auto code = [](word doubled, word bytes) NIBBLE_INLINE_LAMBDA {
    const word plain = V::average_halves(doubled, V::all_halves(1023));
    const word halved = V::average_halves(plain, V::all_halves(1535));
    const word smallest = V::smallest_unsigned_halves(V::smallest_unsigned_halves(doubled, plain), halved);
    return V::template right_halves<8>(V::add_halves(smallest, bytes));
  };
  using rounding = rounder<formats::e2m1, V>;
  struct begun {
    word low, high;  // 2 y on 16 bits
    word signs;
  };
  const auto product = [=](std::size_t h, std::size_t g, std::size_t i) NIBBLE_INLINE_LAMBDA {
    return product_of<V, Size>(x, multiplier, g, 4 * h + i);
  };
  encode_groups_ahead<V, Nibbles>(
      groups, to,
      [=](std::size_t h, std::size_t g) NIBBLE_INLINE_LAMBDA {
        word p[4];
        word t[4];
        unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
          const typename V::real y = product(h, g, i);
          p[i] = V::as_word(y);
          t[i] = V::truncated(y);
        });
        // A conversion that overflows gives -2^31, whose magnitude on 16 bits is 2^15 unsigned: beyond the range, too.
        const auto doubled = [](word a, word b) NIBBLE_INLINE_LAMBDA {
          return V::opaque(V::absolute_halves(V::pack_words(a, b)));
        };
        return begun{doubled(t[0], t[1]), doubled(t[2], t[3]), V::opaque(rounding::signs(p[0], p[1], p[2], p[3]))};
      },
      [=](std::size_t h, std::size_t g, const begun& from) NIBBLE_INLINE_LAMBDA {
        const word bytes = V::in_packing_order(V::load(random + (8 * g + 4 * h) * V::lanes));
        const word codes =
            V::pack_halves_unsigned(code(from.low, V::first_bytes(bytes)), code(from.high, V::second_bytes(bytes)));
        const auto again = [&](std::size_t i) NIBBLE_INLINE_LAMBDA { return V::as_word(product(h, g, i)); };
        return rounding::template signed_codes<0>(V::smallest_bytes(codes, V::all_bytes(7)), from.signs, again, rule);
      });
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
