// SPDX-License-Identifier: Apache-2.0
//
// minifloat<F>: the scalar that stores one code of format F, with conversions, comparisons and nothing that computes.
#pragma once

#include <compare>
#include <cstdint>
#include <type_traits>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>
#include <nibble/number/code_order.hpp>
#include <nibble/number/source.hpp>

namespace nibble {
inline namespace v0 {

/// One number of format `F`, held as its code. Trivially copyable, of standard layout, usable in constant expressions
/// and in device code, in one byte up to 8 bits and in two up to 16.
///
/// Every conversion is explicit and rounds once. There is no arithmetic: a sum kept in a narrow type silently stops
/// growing, so write `float(x) + float(y)`. Comparisons are by value: NaN is unordered, -0 equals +0.
/// `minifloat x;` is uninitialised like any scalar, `minifloat x{}` is code 0 (2^-127 in E8M0, zero elsewhere).
template <float_format F>
class minifloat {
  static_assert(F.is_valid() && F.bits() <= 16,
                "minifloat<F>: F must have 2 to 16 bits, and every number of it must be a normal double");

 public:
  using storage_type = code_type<F>;
  static constexpr float_format format = F;

  minifloat() = default;
  minifloat(const minifloat&) = default;
  /// Not to temporaries: `view[i] = x` on a view that only reads would change nothing.
  minifloat& operator=(const minifloat&) & = default;

  /// Rounds `x` into the format as encode does: nearest even, saturating and with the NaN codes of the CUDA headers
  /// unless told otherwise. Integers of 64 bits and minifloats of other formats are rounded once, too; without further
  /// arguments a minifloat of this format is copied, its Inf and NaN with it.
  template <number_source Source, rounding Rounding = nearest_even>
  NIBBLE_FUNCTION explicit minifloat(const Source& x, Rounding r = {}, overflow o = overflow::saturate,
                                     const special_policy& p = policy::cuda) noexcept
      : bits_(static_cast<storage_type>(detail::encode_bits(F, detail::source_bits(x), choice_of(r), o, p))) {}

  /// The number with this code; bits above the format's are ignored.
  [[nodiscard]] NIBBLE_FUNCTION static minifloat from_bits(std::uint32_t code) noexcept {
    minifloat result{};
    result.bits_ = static_cast<storage_type>(code & F.code_mask());
    return result;
  }

  /// The code, right-aligned.
  [[nodiscard]] NIBBLE_FUNCTION storage_type bits() const noexcept { return bits_; }

  /// The exact value; a NaN gives a quiet NaN with its sign. Formats with numbers outside binary32 convert to double
  /// only.
  NIBBLE_FUNCTION explicit operator float() const noexcept
    requires(F.fits_binary32())
  {
    return decode<F>(bits_);
  }
  NIBBLE_FUNCTION explicit operator double() const noexcept { return decode_double<F>(bits_); }

  /// The number with the other sign. NaN stays NaN; zero stays zero where there is no -0; in two's complement the most
  /// negative number gives the largest one.
  [[nodiscard]] friend NIBBLE_FUNCTION minifloat operator-(minifloat x) noexcept
    requires(F.has_sign)
  {
    return from_bits(negated_code(F, x.bits_));
  }

  [[nodiscard]] friend NIBBLE_FUNCTION bool operator==(minifloat x, minifloat y) noexcept {
    return !is_nan_code(F, x.bits_) && !is_nan_code(F, y.bits_) && code_rank(F, x.bits_) == code_rank(F, y.bits_);
  }
  [[nodiscard]] friend NIBBLE_FUNCTION bool operator<(minifloat x, minifloat y) noexcept {
    return !is_nan_code(F, x.bits_) && !is_nan_code(F, y.bits_) && code_rank(F, x.bits_) < code_rank(F, y.bits_);
  }
  [[nodiscard]] friend NIBBLE_FUNCTION bool operator>(minifloat x, minifloat y) noexcept { return y < x; }
  [[nodiscard]] friend NIBBLE_FUNCTION bool operator<=(minifloat x, minifloat y) noexcept {
    return !is_nan_code(F, x.bits_) && !is_nan_code(F, y.bits_) && code_rank(F, x.bits_) <= code_rank(F, y.bits_);
  }
  [[nodiscard]] friend NIBBLE_FUNCTION bool operator>=(minifloat x, minifloat y) noexcept { return y <= x; }
  /// For the host: the orderings of <compare> are no device code, which is why the four operators above exist.
  [[nodiscard]] friend constexpr std::partial_ordering operator<=>(minifloat x, minifloat y) noexcept {
    if (is_nan_code(F, x.bits_) || is_nan_code(F, y.bits_)) return std::partial_ordering::unordered;
    return code_rank(F, x.bits_) <=> code_rank(F, y.bits_);
  }

  [[nodiscard]] friend NIBBLE_FUNCTION bool isnan(minifloat x) noexcept { return is_nan_code(F, x.bits_); }
  [[nodiscard]] friend NIBBLE_FUNCTION bool isinf(minifloat x) noexcept { return is_infinity_code(F, x.bits_); }
  [[nodiscard]] friend NIBBLE_FUNCTION bool isfinite(minifloat x) noexcept {
    return !is_nan_code(F, x.bits_) && !is_infinity_code(F, x.bits_);
  }
  /// The sign, of -0 and of NaN too; the one NaN of a format without -0 has none.
  [[nodiscard]] friend NIBBLE_FUNCTION bool signbit(minifloat x) noexcept { return is_negative_code(F, x.bits_); }
  [[nodiscard]] friend NIBBLE_FUNCTION minifloat abs(minifloat x) noexcept {
    return from_bits(absolute_code(F, x.bits_));
  }
  /// The magnitude of x with the sign of y, by the rules of unary minus.
  [[nodiscard]] friend NIBBLE_FUNCTION minifloat copysign(minifloat x, minifloat y) noexcept {
    return from_bits(is_negative_code(F, x.bits_) == is_negative_code(F, y.bits_) ? x.bits_ : negated_code(F, x.bits_));
  }

  /// The next larger number; the highest (Inf where there is one) and NaN stay.
  [[nodiscard]] friend NIBBLE_FUNCTION minifloat next_up(minifloat x) noexcept {
    return from_bits(next_up_code(F, x.bits_));
  }
  /// The next smaller number; the lowest (-Inf where there is one) and NaN stay.
  [[nodiscard]] friend NIBBLE_FUNCTION minifloat next_down(minifloat x) noexcept {
    return from_bits(next_down_code(F, x.bits_));
  }
  /// The neighbour of x in the direction of y; y where they are equal; the NaN where one is NaN.
  [[nodiscard]] friend NIBBLE_FUNCTION minifloat nextafter(minifloat x, minifloat y) noexcept {
    if (isnan(x) || isnan(y)) return isnan(x) ? x : y;
    if (x == y) return y;
    return x < y ? next_up(x) : next_down(x);
  }

 private:
  storage_type bits_;
};

namespace detail::inline NIBBLE_UNIT {
/// Operands of an arithmetic expression in which a minifloat takes part.
template <class A, class B>
concept minifloat_operands = (is_minifloat<A> && (is_minifloat<B> || std::is_arithmetic_v<B>)) ||
                             (std::is_arithmetic_v<A> && is_minifloat<B>);
struct minifloat_has_no_arithmetic {};
}  // namespace detail

// Storage types store: a sum in E2M1 cannot pass 6. The return type and these lines are what a compiler shows.
template <class A, class B>
  requires detail::minifloat_operands<A, B>
detail::minifloat_has_no_arithmetic operator+(A x, B y) = delete;  // write float(x) + float(y)
template <minifloat_type A, class B>
detail::minifloat_has_no_arithmetic operator+=(A& x, const B& y) = delete;  // keep the sum in float or double
template <class A, class B>
  requires detail::minifloat_operands<A, B>
detail::minifloat_has_no_arithmetic operator-(A x, B y) = delete;  // write float(x) - float(y)
template <minifloat_type A, class B>
detail::minifloat_has_no_arithmetic operator-=(A& x, const B& y) = delete;  // keep the difference in float or double
template <class A, class B>
  requires detail::minifloat_operands<A, B>
detail::minifloat_has_no_arithmetic operator*(A x, B y) = delete;  // write float(x) * float(y)
template <minifloat_type A, class B>
detail::minifloat_has_no_arithmetic operator*=(A& x, const B& y) = delete;  // keep the product in float or double
template <class A, class B>
  requires detail::minifloat_operands<A, B>
detail::minifloat_has_no_arithmetic operator/(A x, B y) = delete;  // write float(x) / float(y)
template <minifloat_type A, class B>
detail::minifloat_has_no_arithmetic operator/=(A& x, const B& y) = delete;  // keep the quotient in float or double

template <minifloat_type T>
  requires(!T::format.has_sign)
void operator-(T x) = delete;  // a format without sign has no negative numbers: write -float(x)

using e2m1 = minifloat<formats::e2m1>;
using e2m3 = minifloat<formats::e2m3>;
using e3m2 = minifloat<formats::e3m2>;
using e4m3 = minifloat<formats::e4m3>;
using e5m2 = minifloat<formats::e5m2>;
using e8m0 = minifloat<formats::e8m0>;
using ue4m3 = minifloat<formats::ue4m3>;
using e3m0 = minifloat<formats::e3m0>;
using e4m3fnuz = minifloat<formats::e4m3fnuz>;
using e5m2fnuz = minifloat<formats::e5m2fnuz>;
using e4m3b11fnuz = minifloat<formats::e4m3b11fnuz>;
using e3m4 = minifloat<formats::e3m4>;
using e4m3ieee = minifloat<formats::e4m3ieee>;
using bf16 = minifloat<formats::bf16>;
using f16 = minifloat<formats::f16>;
/// One element of an MXINT8 block; `mxint8` is the block format.
using mxint8_element = minifloat<formats::mxint8>;

/// encode<F>(x) for every other source: integers, minifloats, std::float16_t, std::bfloat16_t. One rounding.
template <float_format F, number_source Source, rounding Rounding = nearest_even>
  requires(!encode_source<Source>)
[[nodiscard]] NIBBLE_FUNCTION code_type<F> encode(const Source& x, Rounding r = {}, overflow o = overflow::saturate,
                                                  const special_policy& p = policy::cuda) noexcept {
  return minifloat<F>(x, r, o, p).bits();
}

/// encode with the format named by its type: encode<e4m3>(449.0f, toward_zero{}) is the code 0x7e.
template <minifloat_type T, number_source Source, rounding Rounding = nearest_even>
[[nodiscard]] NIBBLE_FUNCTION typename T::storage_type encode(const Source& x, Rounding r = {},
                                                              overflow o = overflow::saturate,
                                                              const special_policy& p = policy::cuda) noexcept {
  return T(x, r, o, p).bits();
}

/// encode of any other source for a format known at run time only.
template <number_source Source, rounding Rounding = nearest_even>
  requires(!encode_source<Source>)
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t encode(const float_format& f, const Source& x, Rounding r = {},
                                                   overflow o = overflow::saturate,
                                                   const special_policy& p = policy::cuda) noexcept {
  return detail::encode_bits(f, detail::source_bits(x), choice_of(r), o, p);
}

/// decode with the format named by its type; bits above the format's are ignored.
template <minifloat_type T>
[[nodiscard]] NIBBLE_FUNCTION float decode(std::uint32_t code) noexcept {
  return decode<T::format>(code);
}
template <minifloat_type T>
[[nodiscard]] NIBBLE_FUNCTION double decode_double(std::uint32_t code) noexcept {
  return decode_double<T::format>(code);
}

}  // namespace v0
}  // namespace nibble
