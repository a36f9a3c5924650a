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
      bits += rounding.random_bits - (rounding.variant == stochastic_variant::a ? 1 : 0);
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
      // A zero is no divisor: what it stands for is the recipe's.
      for (std::size_t b = 0; b * Size < count; ++b) {
        if (operand[b] == 0) return false;
      }
      // Quotients take so long that looking at all elements costs nothing.
      const bool none_is_less =
          is_lean() && lean<kind::divide, true>(operand, count, unit, x, out, least_divided(operand, count, unit));
      return (is_lean() && !sees_traces_) || none_is_less || traced(how, operand, count, unit, x, out) || !literal;
    }
#if defined(__AVX2__)
    if constexpr (has_exact_quotient<Arch>) {
      if (how == kind::exact) {
        if (operand != divisors_ || version != version_ || count != count_) set_divisors(operand, version, count, unit);
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
#if defined(__AVX2__)
  /// Finds the reciprocals of divisors in two terms.
  [[gnu::noinline]] void set_divisors(const std::uint32_t* operand, std::uint32_t version, std::size_t count,
                                      float unit) noexcept {
    divisors_ = operand;
    version_ = version;
    count_ = count;
    least_ = least_divided(operand, count, unit);
    for (std::size_t b = 0; b * Size < count; b += width) {
      const typename vector::word d = vector::load(operand + b);
      const typename vector::word zero = vector::equal(d, vector::all(0U));
      const typename vector::real one = vector::all_real(1.0F);
      typename vector::real first = vector::divide(one, vector::as_real(d));
      typename vector::real rest = vector::subtract_product(first, vector::as_real(d), one);
      // Two positive terms keep the sign of -0.
      first = vector::as_real(vector::add(vector::as_word(first), vector::sign_mask(vector::as_word(rest))));
      rest = vector::multiply(vector::subtract_product(first, vector::as_real(d), one), first);
      vector::store(high_ + b, vector::without(vector::as_word(first), zero));
      vector::store(low_ + b, vector::without(vector::as_word(rest), zero));
    }
  }
#endif

  /// Whether elements are scaled, and that is all, but for traces: what underflows has the code of a zero of its sign.
  [[nodiscard]] bool is_lean() const noexcept {
    return half_ == ~0U && F.element.has_zero && F.element.has_sign && F.element.min_exponent() > -60;
  }

  /// Magnitude bits from which on quotients by these divisors, and their products with `unit`, are normal numbers.
  [[nodiscard]] static std::uint32_t least_divided(const std::uint32_t* divisor, std::size_t count, float unit) noexcept {
    std::uint32_t largest = 0;
    for (std::size_t b = 0; b * Size < count; ++b) largest = divisor[b] > largest ? divisor[b] : largest;
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
        bits_as<std::uint32_t>((scaled<How>(operand, b, factor, number) * units).value)
            .store_unaligned(out + b * Size + i);
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
    const words half(half_);
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
#if defined(__AVX2__)
  const std::uint32_t* divisors_ = nullptr;  ///< set_divisors() had these
  std::uint32_t version_ = 0;
  std::size_t count_ = 0;
  std::uint32_t least_ = 0;
  alignas(64) std::uint32_t high_[Most + width], low_[Most + width];
#endif
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
