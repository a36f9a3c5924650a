// SPDX-License-Identifier: Apache-2.0
//
// The elements of a whole tile, scaled by one loop: what element_scaler does block by block, where hardware may scale
// every block.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/simd/generic_run.hpp>
#include <nibble/simd/lanes.hpp>
#include <nibble/simd/real.hpp>
#include <nibble/simd/x86/quotient.hpp>
#include <nibble/simd/x86/vector.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Scales elements of blocks with plain operands (is_plain_operand), `Size` elements each, `Most` blocks at most.
template <block_format F, std::size_t Size, std::size_t Most, class Arch>
class block_scaler {
  using words = word_batch<Arch>;
  using signed_words = signed_batch<Arch>;
  using real = simd_real<Arch>;
  using kind = element_scaling::kind;
  static constexpr std::size_t width = words::size;
#if defined(__AVX2__)
  using vector = x86::vector_of<Arch>;
#endif
  /// Whether scales have so many significant bits that quotients are rounded to odd.
  static constexpr bool is_long = F.element.mantissa_bits + F.scale.mantissa_bits + 3 > 24;

 public:
  block_scaler(const recipe& r, const rounding_choice& rounding, bool sees_traces) noexcept
      : half_(r.half_added_in_float ? exact_binary32(F.element.min_positive() / 2).bits() - 1U : ~0U),
        sees_traces_(sees_traces), underflow_is_zero_(r.underflow_is_zero) {
    // Significant bits of the numbers at which a code changes: those between codes, or the steps of random bits, halved in
    // variants B and C.
    int bits = F.element.mantissa_bits + 2;
    if (rounding.mode == rounding_mode::stochastic) {
      random_bits_ = rounding.random_bits;
      bits += random_bits_ - (rounding.variant == stochastic_variant::a ? 1 : 0);
    }
    divides_exactly_ = has_exact_quotient<Arch> && (is_long || bits + F.scale.mantissa_bits + 1 <= 24);
  }

  /// Whether run() serves so many elements scaled like this.
  [[nodiscard]] bool serves(kind how, std::size_t count) const noexcept {
    return (Size % width == 0) && count % width == 0 && (how != kind::exact || divides_exactly_);
  }

  /// Scales `count` elements by the operands of their blocks, which are the same where `version` is, and multiplies them by
  /// `unit`, a power of two and the same in all calls. Where zeros matter, a trace of a nonzero element stays. False where
  /// products that underflow have to be told apart: then nothing of it counts.
  [[nodiscard]] bool run(kind how, const float* x, const std::uint32_t* operand, [[maybe_unused]] std::uint32_t version,
                         std::size_t count, float unit, std::uint32_t* out) noexcept {
    // Whether a product that underflows to zero is an exact zero.
    const bool literal = sees_traces_ && (how != kind::shift || underflow_is_zero_);
    if (how == kind::divide) {
      set_divisors(how, operand, version, count, unit);
      // A zero is no divisor: what it stands for is the recipe's.
      if (divides_by_zero_) return false;
      const bool is_quick = is_lean() && (by_products_ || !has_exact_quotient<Arch>);
      if (is_quick && !sees_traces_) return lean<kind::divide, false>(operand, count, unit, x, out, 0);
      const bool none_is_less = is_quick && lean<kind::divide, true>(operand, count, unit, x, out, least_);
      return none_is_less || traced(how, operand, count, unit, x, out) || !literal;
    }
#if defined(__AVX2__)
    if constexpr (has_exact_quotient<Arch>) {
      if (how == kind::exact) {
        set_divisors(how, operand, version, count, unit);
        if (is_lean() && !sees_traces_) return lean<kind::exact, false>(operand, count, unit, x, out, least_);
        const bool none_is_less = is_lean() && lean<kind::exact, true>(operand, count, unit, x, out, least_);
        if (!none_is_less) static_cast<void>(traced(how, operand, count, unit, x, out));
        return true;
      }
    }
#endif
    if (is_lean() && !sees_traces_) return lean<kind::multiply, false>(operand, count, unit, x, out, 0);
    return traced(how, operand, count, unit, x, out) || !literal;
  }

 private:
  /// Finds what is needed of divisors, if they are new: the least magnitude that may be divided by them without a look, and
  /// where quotients are made of products, reciprocals, in two terms for exact ones.
  NIBBLE_ALWAYS_INLINE void set_divisors(kind how, const std::uint32_t* operand, std::uint32_t version, std::size_t count,
                                         float unit) noexcept {
    if (operand != divisors_ || version != version_ || count != count_) find_divisors(how, operand, version, count, unit);
  }
  [[gnu::noinline]] void find_divisors([[maybe_unused]] kind how, const std::uint32_t* operand, std::uint32_t version,
                                       std::size_t count, float unit) noexcept {
    divisors_ = operand;
    version_ = version;
    count_ = count;
    std::uint32_t smallest = ~0U, largest = 0;
    ends_of(operand, (count + Size - 1) / Size, smallest, largest);
    divides_by_zero_ = smallest == 0;
    least_ = least_divided(largest, unit);
#if defined(__AVX2__)
    if constexpr (has_exact_quotient<Arch>) {
      by_products_ = serves_products(smallest, largest, unit);
      const typename vector::real one = vector::all_real(1.0F);
      for (std::size_t b = 0; b * Size < count; b += width) {
        const typename vector::word d = vector::load(operand + b);
        typename vector::real first = vector::divide(one, vector::as_real(d));
        if (how == kind::divide) {
          vector::store(high_ + b, vector::as_word(vector::multiply(first, vector::all_real(unit))));
          vector::store(low_ + b, vector::as_word(vector::multiply(vector::as_real(d), vector::all_real(1.0F / unit))));
          continue;
        }
        const typename vector::word zero = vector::equal(d, vector::all(0U));
        typename vector::real rest = vector::subtract_product(first, vector::as_real(d), one);
        // Two positive terms keep the sign of -0.
        first = vector::as_real(vector::add(vector::as_word(first), vector::sign_mask(vector::as_word(rest))));
        rest = vector::multiply(vector::subtract_product(first, vector::as_real(d), one), first);
        vector::store(high_ + b, vector::without(vector::as_word(first), zero));
        vector::store(low_ + b, vector::without(vector::as_word(rest), zero));
      }
    }
#endif
  }

  /// The smallest and the largest of some positive numbers, by their bits.
  static void ends_of(const std::uint32_t* x, std::size_t count, std::uint32_t& smallest, std::uint32_t& largest) noexcept {
    std::size_t i = 0;
    if (count >= width) {
      words least(~0U), most(0U);
      for (; i + width <= count; i += width) {
        const words one = words::load_unaligned(x + i);
        least = xsimd::min(least, one);
        most = xsimd::max(most, one);
      }
      std::uint32_t lanes[2][width];
      least.store_unaligned(lanes[0]);
      most.store_unaligned(lanes[1]);
      for (std::size_t k = 0; k < width; ++k) {
        smallest = lanes[0][k] < smallest ? lanes[0][k] : smallest;
        largest = lanes[1][k] > largest ? lanes[1][k] : largest;
      }
    }
    for (; i < count; ++i) {
      smallest = x[i] < smallest ? x[i] : smallest;
      largest = x[i] > largest ? x[i] : largest;
    }
  }

  /// Whether divided() serves divisors between these two. They and their reciprocals have `unit` in them, and the quotient of
  /// an element below 2^-100, whose remainder may be a subnormal number, must not matter: it is far below the smallest step
  /// by the last random bit.
  [[nodiscard]] bool serves_products(std::uint32_t smallest, std::uint32_t largest, float unit) const noexcept {
    const auto exponent = [](std::uint32_t bits) { return static_cast<int>(bits >> 23) - 127; };
    const int power = exponent(to_bits(unit));
    const int step = F.element.min_exponent() - F.element.mantissa_bits;
    return exponent(smallest) + step - 3 - random_bits_ >= -100 && exponent(smallest) - power >= -124 &&
           exponent(largest) - power <= 124;
  }

  /// Whether elements are scaled, and that is all, but for traces: what underflows has the code of a zero of its sign.
  [[nodiscard]] bool is_lean() const noexcept {
    return half_ == ~0U && F.element.has_zero && F.element.has_sign && F.element.min_exponent() > -60;
  }

  /// Magnitude bits from which on quotients by divisors up to `largest`, and their products with `unit`, are normal numbers.
  [[nodiscard]] static std::uint32_t least_divided(std::uint32_t largest, float unit) noexcept {
    const int power = static_cast<int>(to_bits(unit) >> 23) - 127;
    const int field = static_cast<int>(largest >> 23) - 127 + 2 - (power < 0 ? power : 0);
    return field < 1 ? 1U << 23 : field < 255 ? static_cast<std::uint32_t>(field) << 23 : ~0U;
  }

  /// What scaled() takes for all elements of block b: its operand, or the first term of the reciprocal of that.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE real factor_of([[maybe_unused]] kind how, const std::uint32_t* operand,
                                                    std::size_t b) const noexcept {
#if defined(__AVX2__)
    if (how == kind::exact) operand = high_;
#endif
    return real(bits_as<float>(words(operand[b])));
  }

  /// Elements of block b, scaled by its operand.
  template <kind How>
  [[nodiscard]] NIBBLE_ALWAYS_INLINE real scaled([[maybe_unused]] const std::uint32_t* operand, [[maybe_unused]] std::size_t b,
                                                 real factor, real number) const noexcept {
#if defined(__AVX2__)
    // x / d by 1 / d in two terms: an error far below the last place. Where the code changes, at b, b * d is a float32
    // (divides_exactly_), and the one below it divided by d is more than half a unit in the last place of b below b, as
    // the significand of d is below 2; so is the one above it above. So the nearest float32 is to b as the quotient is.
    if constexpr (How == kind::exact && has_exact_quotient<Arch>) {
      const typename vector::real rest = vector::multiply(number.value, vector::broadcast(low_ + b));
      const typename vector::real q = vector::multiply_add(number.value, factor.value, rest);
      if constexpr (!is_long) return real(float_batch<Arch>(q));
      // To odd: less by one in the last place where its exact remainder has the other sign.
      const typename vector::word r =
          vector::as_word(vector::subtract_product(q, vector::broadcast(operand + b), number.value));
      const typename vector::word inexact = vector::smallest_unsigned(r, vector::all(1U));
      const typename vector::word against = vector::differ(r, vector::as_word(number.value));
      const typename vector::word less = vector::both(vector::template right<31>(against), inexact);
      return real(
          float_batch<Arch>(vector::as_real(vector::either(vector::subtract(vector::as_word(q), less), inexact))));
    }
#endif
    return How == kind::divide ? number / factor : number * factor;
  }

  /// A number divided by the divisor of block b, correctly rounded, times `units`; by products if there are any.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE real divided([[maybe_unused]] std::size_t b, [[maybe_unused]] real divisor, real number,
                                                  [[maybe_unused]] real units) const noexcept {
#if defined(__AVX2__)
    if constexpr (has_exact_quotient<Arch>) {
      return real(float_batch<Arch>(x86::nearest_quotient<vector>(number.value, vector::broadcast(low_ + b),
                                                                  vector::broadcast(high_ + b))));
    }
#endif
    return number / divisor * units;
  }

  /// Elements scaled, and that is all. False if one is less than `least` where it `Watches`.
  template <kind How, bool Watches>
  NIBBLE_ALWAYS_INLINE bool lean(const std::uint32_t* operand, std::size_t count, float unit, const float* x,
                                 std::uint32_t* out, std::uint32_t least) const noexcept {
    const real units(unit);
    words smallest(~0U);  // twice the magnitude less one, so that zeros are largest
    const auto block = [&](std::size_t b, std::size_t size) NIBBLE_INLINE_LAMBDA {
      const real factor = factor_of(How, operand, b);
      for (std::size_t i = 0; i < size; i += width) {
        const real number(float_batch<Arch>::load_unaligned(x + b * Size + i));
        if constexpr (Watches) {
          const words bits = bits_as<std::uint32_t>(number.value);
          smallest = xsimd::min(smallest, bits + bits - words(1U));
        }
        const real y = How == kind::divide ? divided(b, factor, number, units)
                                           : scaled<How>(operand, b, factor, number) * units;
        bits_as<std::uint32_t>(y.value).store_unaligned(out + b * Size + i);
      }
    };
    for (std::size_t b = 0; b < count / Size; ++b) block(b, Size);
    if (count % Size != 0) block(count / Size, count % Size);
    if constexpr (!Watches) return true;
    return !xsimd::any(smallest < words(2 * least - 1U));
  }

  /// The same, however it is, with traces, and with the half that a recipe adds. False if a nonzero element underflows.
  [[nodiscard, gnu::noinline]] bool traced(kind how, const std::uint32_t* operand, std::size_t count, float unit,
                                           const float* x, std::uint32_t* out) const noexcept {
    const real units(unit);
    const words half(how == kind::exact ? ~0U : half_);  // no real number has it added
    constexpr std::uint32_t least = 0x0080'0000U;
    words smallest(~0U);
    std::size_t i = 0;
    for (std::size_t b = 0; i < count; ++b) {
      const real factor = factor_of(how, operand, b);
      // A zero leaves nothing.
      const signed_words trace(operand[b] == 0 ? 0 : static_cast<std::int32_t>(least));
      for (const std::size_t end = smaller(i + Size, count); i < end; i += width) {
        const words bits = bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x + i));
        const words magnitude = bits & words(0x7fff'ffffU);
        const real number(bits_as<float>(magnitude));
        const real exact = how == kind::exact    ? scaled<kind::exact>(operand, b, factor, number)
                           : how == kind::divide ? scaled<kind::divide>(operand, b, factor, number)
                                                 : scaled<kind::multiply>(operand, b, factor, number);
        words y = bits_as<std::uint32_t>(exact.value);
        y = y + xsimd::select(y == half, words(1U), words(0U));
        const auto product = bits_as<std::int32_t>((real(bits_as<float>(y)) * units).value);
        const auto is_any = bits_as<std::int32_t>(magnitude) > signed_words(0);
        const auto kept = bits_as<std::uint32_t>(xsimd::max(product, xsimd::select(is_any, trace, signed_words(0))));
        smallest = xsimd::min(smallest, kept - words(1U));
        (kept | (bits ^ magnitude)).store_unaligned(out + i);
      }
    }
    return !xsimd::any(smallest == words(least - 1U));
  }

  std::uint32_t half_;
  bool sees_traces_;
  bool underflow_is_zero_;
  bool divides_exactly_ = false;
  int random_bits_ = 0;
  bool divides_by_zero_ = false;
  bool by_products_ = false;
  const std::uint32_t* divisors_ = nullptr;  ///< set_divisors() had these
  std::uint32_t version_ = 0;
  std::size_t count_ = 0;
  std::uint32_t least_ = 0;
#if defined(__AVX2__)
  alignas(64) std::uint32_t high_[Most + width], low_[Most + width];
#endif
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
