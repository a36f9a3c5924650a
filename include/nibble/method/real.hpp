// SPDX-License-Identifier: Apache-2.0
//
// The functions of <cmath> that statistics take, in double. GCC and Clang have them without the header, which alone
// would add a quarter to the time in which nibble.hpp parses. Below them, the checks of arguments that are double.
#pragma once

#include <cstdint>

#include <nibble/base/bits.hpp>
#include <nibble/base/config.hpp>
#include <nibble/packed/error.hpp>

#if !defined(__GNUC__)
#include <cmath>
#endif

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

#if defined(__GNUC__)
NIBBLE_ALWAYS_INLINE double square_root(double x) noexcept { return __builtin_sqrt(x); }
NIBBLE_ALWAYS_INLINE double natural_logarithm(double x) noexcept { return __builtin_log(x); }
NIBBLE_ALWAYS_INLINE double common_logarithm(double x) noexcept { return __builtin_log10(x); }
NIBBLE_ALWAYS_INLINE double exponential(double x) noexcept { return __builtin_exp(x); }
NIBBLE_ALWAYS_INLINE double error_complement(double x) noexcept { return __builtin_erfc(x); }
#else
NIBBLE_ALWAYS_INLINE double square_root(double x) noexcept { return std::sqrt(x); }
NIBBLE_ALWAYS_INLINE double natural_logarithm(double x) noexcept { return std::log(x); }
NIBBLE_ALWAYS_INLINE double common_logarithm(double x) noexcept { return std::log10(x); }
NIBBLE_ALWAYS_INLINE double exponential(double x) noexcept { return std::exp(x); }
NIBBLE_ALWAYS_INLINE double error_complement(double x) noexcept { return std::erfc(x); }
#endif

inline constexpr double real_infinity = bit_cast<double>(ieee_layout<std::uint64_t>::infinity);
inline constexpr double real_nan = bit_cast<double>(ieee_layout<std::uint64_t>::quiet_nan);

NIBBLE_FUNCTION std::uint64_t double_magnitude(double x) noexcept { return to_bits(x) & ~(std::uint64_t{1} << 63); }

/// Rejects NaN and Inf.
constexpr void check_real(double value, const char* name) {
  if (double_magnitude(value) >= ieee_layout<std::uint64_t>::infinity) throw_argument({name, " is not finite"});
}
constexpr void check_real_not_negative(double value, const char* name) {
  check_real(value, name);
  if (value < 0) throw_argument({name, " is ", value, "; it must be at least 0"});
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
