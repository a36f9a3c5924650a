// SPDX-License-Identifier: Apache-2.0
//
// Codes of vectors of numbers on any architecture, in fewer steps than encode_lanes takes, which shifts each lane by a
// distance of its own. A magnitude becomes a fixed-point number whose integer part is the code that truncation gives:
// from the smallest normal number on its own bits, below that the integer that a product with a power of two converts
// to. What rounding adds below the point carries into the code. Where codes only get a sign and a limit, NaN and Inf,
// which are rare, are mended after.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/format/encode.hpp>
#include <nibble/simd/convert.hpp>
#include <nibble/simd/lanes.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Where a format's magnitudes lie among binary32's.
enum class magnitude_place : std::uint8_t {
  elsewhere,  ///< not served
  inside,     ///< far from both ends
  upper,      ///< the upper bits of a binary32
  lower_one,  ///< the exponent field of a binary32 plus one, and a zero (P3109's Binary8p1uf)
  exponents,  ///< the exponent field of a binary32 down to 2^-127, without a zero (E8M0)
};
NIBBLE_FUNCTION magnitude_place place_of(const float_format& f) noexcept {
  if (f.bits() > 16 || f.mantissa_bits > 15) return magnitude_place::elsewhere;
  if (!f.has_zero) {
    const bool is_field = f.exponent_bits == 8 && f.mantissa_bits == 0 && f.bias == 127;
    return is_field ? magnitude_place::exponents : magnitude_place::elsewhere;
  }
  if (f.exponent_bits == 8 && f.bias == 127) return magnitude_place::upper;
  if (f.exponent_bits == 8 && f.bias == 128 && f.mantissa_bits == 0) {
    // With a number 2^127 it would matter what lies above: more than 31 bits with what rounding adds.
    return f.max_code() < 255U ? magnitude_place::lower_one : magnitude_place::elsewhere;
  }
  const bool is_inside = f.min_exponent() > -60 && f.min_exponent() < 60 && f.max_exponent() < 100;
  return is_inside ? magnitude_place::inside : magnitude_place::elsewhere;
}

/// One call's choice of rounding and special codes for a format that place_of() knows.
template <float_format F, class Arch>
class quick_codes {
  using words = word_batch<Arch>;
  using integers = signed_batch<Arch>;
  using reals = float_batch<Arch>;
  static constexpr magnitude_place place = place_of(F);
  static constexpr int point = 23 - F.mantissa_bits;
  static constexpr std::int32_t below_point = (std::int32_t{1} << point) - 1;

 public:
  static constexpr bool serves = place != magnitude_place::elsewhere;

  /// `s` is made for the rounding, and outlives this.
  quick_codes(const special_codes& s, const rounding_choice& rounding) noexcept
      : special_(&s), rounding_(rounding), plain_(is_plain(s)), limit_(static_cast<std::int32_t>(s.overflow[0])) {}

  /// Whether a rounding is served.
  static bool has(const rounding_choice& rounding) noexcept {
    return rounding.mode != rounding_mode::stochastic || rounding.variant == stochastic_variant::a;
  }

  /// Codes of `count` binary32 patterns, in whole vectors, with a random word each if the rounding is stochastic.
  void run(const std::uint32_t* bits, const std::uint32_t* random, std::size_t count,
           code_type<F>* codes) const noexcept {
    plain_ ? run_of<true>(bits, random, count, codes) : run_of<false>(bits, random, count, codes);
  }

  /// Magnitude codes of magnitudes rounded to nearest even. The sum with a power of two whose last place is the step rounds
  /// so by itself, where there is a fraction; numbers beyond the range stay beyond it.
  static NIBBLE_ALWAYS_INLINE integers nearest(integers y) noexcept {
    if constexpr (place == magnitude_place::inside && F.mantissa_bits > 0) {
      constexpr int first = F.min_exponent() + 127;
      const auto power_of = [](int field) NIBBLE_INLINE_LAMBDA {
        return reals(bit_cast<float>(static_cast<std::uint32_t>(field) << 23));
      };
      const reals limited = opaque<Arch>(xsimd::min(bits_as<float>(y), power_of(F.max_exponent() + 2 + 127)));
      const reals power = bits_as<float>(bits_as<std::int32_t>(limited) & integers(0x7f80'0000));
      const integers raised = bits_as<std::int32_t>(xsimd::max(power, power_of(first))) + integers(point << 23);
      const integers sum = bits_as<std::int32_t>(opaque<Arch>(opaque<Arch>(bits_as<float>(raised)) + limited));
      const integers field = (sum >> 23) - integers(first + point);
      return (field << F.mantissa_bits) + (sum & integers(0x007f'ffff));
    }
    const integers a = fixed<true>(y);
    return (a + integers(below_point / 2) + ((a >> point) & integers(1))) >> point;
  }

 private:
  /// What the deterministic modes but nearest even add below the point.
  struct addends {
    std::int32_t always = 0;
    std::int32_t positive = 0;
    std::int32_t negative = 0;
    std::int32_t odd = 0;  ///< 1: the code becomes odd where something is dropped

    explicit addends(rounding_mode mode) noexcept {
      using enum rounding_mode;
      if (mode == nearest_away) always = (below_point + 1) / 2;
      if (mode == nearest_toward_zero) always = below_point / 2;
      if (mode == upward) positive = below_point;
      if (mode == downward) negative = below_point;
      if (mode == to_odd) odd = 1;
    }
  };

  template <bool Plain>
  void run_of(const std::uint32_t* bits, const std::uint32_t* random, std::size_t count,
              code_type<F>* codes) const noexcept {
    if (rounding_.mode == rounding_mode::nearest_even) {
      each<Plain>(bits, count, codes,
                  [](integers y, integers /*negative*/, std::size_t /*i*/) NIBBLE_INLINE_LAMBDA { return nearest(y); });
    } else if (rounding_.mode == rounding_mode::stochastic) {
      const int random_bits = rounding_.random_bits;
      each<Plain>(bits, count, codes, [=](integers y, integers /*negative*/, std::size_t i) NIBBLE_INLINE_LAMBDA {
        return drawn(y, bits_as<std::int32_t>(words::load_unaligned(random + i)), random_bits);
      });
    } else if (rounding_.mode == rounding_mode::toward_zero) {
      each<Plain>(bits, count, codes, [](integers y, integers /*negative*/, std::size_t /*i*/) NIBBLE_INLINE_LAMBDA {
        return fixed<false>(y) >> point;
      });
    } else {
      const addends add(rounding_.mode);
      each<Plain>(bits, count, codes, [=](integers y, integers negative, std::size_t /*i*/) NIBBLE_INLINE_LAMBDA {
        const integers a = fixed<true>(y);
        const integers by_sign = integers(add.positive) ^ (negative & integers(add.positive ^ add.negative));
        const integers inexact = ((a & integers(below_point)) + integers(below_point)) >> point;
        return ((a + integers(add.always) + by_sign) >> point) | (inexact & integers(add.odd));
      });
    }
  }

  /// round(magnitudes, all ones where negative, index) gives magnitude codes.
  template <bool Plain, class Round>
  NIBBLE_ALWAYS_INLINE void each(const std::uint32_t* bits, std::size_t count, code_type<F>* codes,
                                 const Round& round) const noexcept {
    const integers finite(0x7f7f'ffff);
    auto rare = integers(0) > integers(0);
    for (std::size_t i = 0; i < count; i += words::size) {
      const integers x = bits_as<std::int32_t>(words::load_unaligned(bits + i));
      const integers y = x & integers(0x7fff'ffff);
      const integers negative = special_->drop_sign ? integers(0) : x >> 31;
      const integers code = round(y, negative, i);
      const auto as_words = [](integers lanes) NIBBLE_INLINE_LAMBDA { return bits_as<std::uint32_t>(lanes); };
      if constexpr (Plain) {
        rare = rare | (y > finite);
        store_narrowed<Arch>(codes + i, as_words(signed_code(code, negative)));
      } else {
        store_narrowed<Arch>(codes + i, apply_special_codes(F, *special_, as_words(x), as_words(y), as_words(code)));
      }
    }
    if (Plain && xsimd::any(rare)) [[unlikely]] {
      mend(bits, count, codes);
    }
  }

  /// Codes of Inf and NaN, which signed_code() does not give.
  [[gnu::noinline, gnu::cold]] void mend(const std::uint32_t* bits, std::size_t count,
                                         code_type<F>* codes) const noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      if ((bits[i] & 0x7fff'ffffU) < 0x7f80'0000U) continue;
      codes[i] = static_cast<code_type<F>>(encode_lanes<rounding_mode::nearest_even>(F, *special_, bits[i], 0U, 0));
    }
  }

  /// 1 where a < b, which are not negative.
  static NIBBLE_ALWAYS_INLINE integers is_less(integers a, integers b) noexcept {
    return xsimd::select(a < b, integers(1), integers(0));
  }
  static NIBBLE_ALWAYS_INLINE reals product(reals a, int exponent) noexcept {
    const reals power(bit_cast<float>(static_cast<std::uint32_t>(127 + exponent) << 23));
    return opaque<Arch>(opaque<Arch>(a) * power);
  }

  /// A number so large that the step of subnormal numbers is 2^point.
  static constexpr int lift = 23 - F.min_exponent();
  struct lifted_number {
    reals value, whole;
    integers truncated;

    explicit NIBBLE_ALWAYS_INLINE lifted_number(integers y) noexcept : value(product(bits_as<float>(y), lift)) {
      truncated = xsimd::batch_cast<std::int32_t>(value);
      whole = xsimd::batch_cast<float>(truncated);
    }
  };
  static NIBBLE_ALWAYS_INLINE auto is_subnormal(integers y) noexcept {
    return y < integers((F.min_exponent() + 127) * (1 << 23));
  }

  /// The fixed-point number. With `Sticky` its last bit is set where it is not exact: what lies below says no more
  /// about a rounding, as that is at least two places below the point.
  template <bool Sticky>
  static NIBBLE_ALWAYS_INLINE integers fixed(integers y) noexcept {
    if constexpr (place == magnitude_place::upper) {
      return y;
    } else if constexpr (place == magnitude_place::lower_one) {
      const integers normal = xsimd::min(y, integers(0x7f00'0000)) + integers(0x0080'0000);
      return xsimd::select(y < integers(0x0080'0000), y + y, normal);
    } else if constexpr (place == magnitude_place::exponents) {
      // Between 2^-127 and 2^-126 binary32 is subnormal; below is no number.
      const integers subnormal = xsimd::max(y + y - integers(0x0080'0000), integers(0));
      return xsimd::select(y < integers(0x0080'0000), subnormal, y);
    } else {
      const lifted_number l(y);
      integers subnormal = l.truncated;
      if constexpr (Sticky) {
        // Compared as integers: a processor may read a float subnormal as zero.
        subnormal = subnormal | is_less(bits_as<std::int32_t>(product(l.whole, -lift)), y);
      }
      return xsimd::select(is_subnormal(y), subnormal, y - integers((F.min_exponent() + 126) * (1 << 23)));
    }
  }

  /// Stochastic rounding, variant A: a code goes up where the fraction and the random bits reach 1.
  static NIBBLE_ALWAYS_INLINE integers drawn(integers y, integers random, int random_bits) noexcept {
    const integers a = fixed<false>(y);
    if (random_bits <= point) return ((a >> (point - random_bits)) + random) >> random_bits;
    const int rest = random_bits - point;
    const integers upper = bits_as<std::int32_t>(bits_as<std::uint32_t>(random) >> rest);
    if constexpr (place != magnitude_place::inside) {
      return (a + upper) >> point;
    } else {
      // The lower random bits meet what the truncation dropped.
      const lifted_number l(y);
      const reals dropped = opaque<Arch>(opaque<Arch>(l.value) - l.whole);
      const integers low = xsimd::batch_cast<std::int32_t>(product(dropped, rest));
      const integers lower = random & integers((1 << rest) - 1);
      const integers carry = xsimd::select(is_subnormal(y), (low + lower) >> rest, integers(0));
      return (a + upper + carry) >> point;
    }
  }

  /// Whether signed_code() gives all codes of finite numbers.
  static bool is_plain(const special_codes& s) noexcept {
    // With a sign, but no zero, the sign of a zero is dropped and that of the smallest number is not.
    bool plain = s.zero[0] == 0 && !s.subnormal_source_rounds_up && (F.has_zero || !F.has_sign);
    if (F.has_sign) {
      const std::uint32_t zero = F.has_negative_zero() ? F.sign_mask() : 0U;
      const bool saturates = s.overflow[0] == saturated_code(F, false) && s.overflow[1] == saturated_code(F, true);
      const bool is_next = s.overflow[0] == F.max_code() + 1U && s.overflow[1] == (s.overflow[0] | F.sign_mask());
      return plain && s.zero[1] == zero && s.underflow[1] == zero && (saturates || (is_next && !F.twos_complement));
    }
    plain = plain && (s.overflow[0] == F.max_code() || s.overflow[0] == F.max_code() + 1U);
    const bool all_zero = s.negative == 0 && s.zero[1] == 0 && s.underflow[1] == 0 && s.overflow[1] == 0;
    return plain && (s.drop_sign || all_zero);
  }

  NIBBLE_ALWAYS_INLINE integers signed_code(integers code, integers negative) const noexcept {
    const integers limited = xsimd::min(code, integers(limit_));
    if constexpr (F.twos_complement) {
      return ((limited ^ negative) - negative) & integers(static_cast<std::int32_t>(F.code_mask()));
    } else if constexpr (!F.has_sign) {
      return limited & ~negative;
    } else {
      const integers whole = limited | (negative & integers(static_cast<std::int32_t>(F.sign_mask())));
      if constexpr (F.has_negative_zero()) return whole;
      return xsimd::select(limited == integers(0), integers(0), whole);
    }
  }

  const special_codes* special_;
  rounding_choice rounding_;
  bool plain_;
  std::int32_t limit_;
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
