// SPDX-License-Identifier: Apache-2.0
// Storage scalars, their limits, hashes, literals and texts are constant expressions, and have the type traits that a
// scalar in memory needs.
#include <compare>
#include <concepts>
#include <limits>
#include <type_traits>

#include <nibble/number/hash.hpp>
#include <nibble/number/limits.hpp>
#include <nibble/number/literals.hpp>
#include <nibble/number/minifloat.hpp>
#include <nibble/number/text.hpp>

using namespace nibble;

template <class T>
concept storage_scalar = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> &&
                         std::is_trivially_default_constructible_v<T> && std::regular<T> &&
                         std::three_way_comparable<T, std::partial_ordering> && std::totally_ordered<T> &&
                         sizeof(T) == (T::format.bits() <= 8 ? 1 : 2);
static_assert(storage_scalar<e2m1> && storage_scalar<e2m3> && storage_scalar<e3m2> && storage_scalar<e4m3>);
static_assert(storage_scalar<e5m2> && storage_scalar<e8m0> && storage_scalar<ue4m3> && storage_scalar<e3m0>);
static_assert(storage_scalar<e4m3fnuz> && storage_scalar<e5m2fnuz> && storage_scalar<e4m3b11fnuz>);
static_assert(storage_scalar<e3m4> && storage_scalar<e4m3ieee> && storage_scalar<mxint8_element>);
static_assert(storage_scalar<bf16> && storage_scalar<f16>);

// Nothing converts in silence, and nothing computes.
static_assert(!std::is_convertible_v<float, e4m3> && std::is_constructible_v<e4m3, float>);
static_assert(!std::is_convertible_v<e4m3, float> && std::is_constructible_v<float, e4m3>);
static_assert(!std::is_convertible_v<e5m2, e4m3> && std::is_constructible_v<e4m3, e5m2>);
static_assert(!std::is_constructible_v<e4m3, long double> && !std::is_constructible_v<e4m3, const char*>);
static_assert(!std::is_constructible_v<bool, e4m3> && !std::is_constructible_v<int, e4m3>);
template <class A, class B>
concept adds = requires(A a, B b) { a + b; } || requires(A a, B b) { a += b; };
template <class A, class B>
concept subtracts = requires(A a, B b) { a - b; } || requires(A a, B b) { a -= b; };
template <class A, class B>
concept multiplies = requires(A a, B b) { a * b; } || requires(A a, B b) { a *= b; };
template <class A, class B>
concept divides = requires(A a, B b) { a / b; } || requires(A a, B b) { a /= b; };
template <class A, class B>
concept computes = adds<A, B> || subtracts<A, B> || multiplies<A, B> || divides<A, B>;
static_assert(!computes<e4m3, e4m3> && !computes<e4m3, float> && !computes<double, e4m3> && !computes<e4m3, int>);
static_assert(!computes<e4m3, e5m2> && computes<float, float>);
template <class T>
concept negatable = requires(T x) {
  { -x } -> std::same_as<T>;
};
static_assert(negatable<e4m3> && negatable<mxint8_element> && !negatable<e8m0> && !negatable<ue4m3>);

// A format outside binary32 converts to double alone.
constexpr float_format wide{.exponent_bits = 9, .mantissa_bits = 2, .bias = 255};
static_assert(!std::is_constructible_v<float, minifloat<wide>> && std::is_constructible_v<double, minifloat<wide>>);
static_assert(double(minifloat<wide>{0x1.4p200}) == 0x1.4p200);

// Conversions, comparisons and neighbours.
static_assert(float(e2m1{2.6F}) == 3.0F);
static_assert(e4m3{449.0F, toward_zero{}}.bits() == 0x7e);
static_assert(e5m2{1e9, nearest_even{}, overflow::special}.bits() == 0x7c);
static_assert(e4m3{f16{1.5F}} == e4m3{1.5F} && e4m3{-3} == e4m3{-3.0});
static_assert(encode<e4m3>(bf16{448.0F}) == 0x7e && decode<e4m3>(0x7e) == 448.0F);
static_assert(e2m1{-0.0F} == e2m1{0.0F} && e2m1{1.0F} < e2m1{1.5F} && (e2m1{1.0F} <=> e2m1{1.5F}) < 0);
static_assert(!(e4m3::from_bits(0x7f) == e4m3::from_bits(0x7f)));
static_assert((e4m3::from_bits(0x7f) <=> e4m3{1}) == std::partial_ordering::unordered);
static_assert(next_up(e2m1{4.0F}) == e2m1{6.0F} && abs(e2m1{-6.0F}) == e2m1{6.0F});
static_assert(-e4m3fnuz{0.0F} == e4m3fnuz{0.0F} && isfinite(-e4m3fnuz{0.0F}));

// A format of one's own needs one line.
constexpr float_format my_fp6{.exponent_bits = 3, .mantissa_bits = 2, .bias = 4};
using my_float = minifloat<my_fp6>;
static_assert(storage_scalar<my_float> && float(std::numeric_limits<my_float>::max()) == 14.0F);

// Limits, also through cv-qualification.
static_assert(std::numeric_limits<const e4m3>::is_specialized && std::numeric_limits<volatile e4m3>::digits == 4);
static_assert(float(std::numeric_limits<const volatile e4m3>::max()) == 448.0F);
static_assert(std::numeric_limits<e2m1>::digits10 == 0 && std::numeric_limits<e2m1>::max_digits10 == 2);
static_assert(std::numeric_limits<f16>::digits10 == 3 && std::numeric_limits<f16>::max_digits10 == 5);
static_assert(std::numeric_limits<bf16>::min_exponent10 == -37 && std::numeric_limits<bf16>::max_exponent10 == 38);
static_assert(std::numeric_limits<int>::digits10 == 9);

static_assert(std::hash<e4m3>{}(e4m3{-0.0F}) == std::hash<e4m3>{}(e4m3{0.0F}));

// Literals and text.
static_assert((1.5_e4m3).bits() == 0x3c && (-1.5_e4m3).bits() == 0xbc && std::same_as<decltype(1_e2m1), e2m1>);
constexpr bool text_survives(e4m3 x) {
  char text[max_text_size] = {};
  const auto written = to_chars(text, text + max_text_size, x);
  e4m3 y{};
  const auto read = from_chars(text, written.ptr, y);
  return read.ptr == written.ptr && x.bits() == y.bits();
}
static_assert(text_survives(e4m3::from_bits(0x01)) && text_survives(448_e4m3) && text_survives(-0.4375_e4m3));
