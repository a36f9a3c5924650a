// SPDX-License-Identifier: Apache-2.0
//
// matrix.cast<T>() from and to minifloats where static_cast does not say enough: integers, Eigen::half and
// Eigen::bfloat16. Floats, doubles and other minifloats go through static_cast: one rounding, saturating.
#pragma once

#include <cstdint>
#include <type_traits>

#include <Eigen/Core>

#include <nibble/number/minifloat.hpp>

namespace Eigen {
namespace internal {

/// Toward zero, as static_cast from double; a number outside NewType is as undefined as it is there.
template <nibble::float_format F, class NewType>
struct cast_impl<nibble::minifloat<F>, NewType, std::enable_if_t<std::is_integral_v<NewType>>> {
  static NewType run(const nibble::minifloat<F>& x) noexcept { return static_cast<NewType>(static_cast<double>(x)); }
};

/// To nearest even, beyond the range to infinity, as Eigen's own casts to half.
template <nibble::float_format F>
struct cast_impl<nibble::minifloat<F>, half> {
  static half run(const nibble::minifloat<F>& x) noexcept {
    const auto code = nibble::encode<nibble::f16>(x, nibble::nearest_even{}, nibble::overflow::special);
    return half_impl::raw_uint16_to_half(code);
  }
};
template <nibble::float_format F>
struct cast_impl<nibble::minifloat<F>, bfloat16> {
  static bfloat16 run(const nibble::minifloat<F>& x) noexcept {
    const auto code = nibble::encode<nibble::bf16>(x, nibble::nearest_even{}, nibble::overflow::special);
    return bfloat16_impl::raw_uint16_to_bfloat16(code);
  }
};

/// One rounding to nearest even, saturating; into nibble's type of the same format bit by bit.
template <nibble::float_format F>
struct cast_impl<half, nibble::minifloat<F>> {
  static nibble::minifloat<F> run(const half& x) noexcept {
    return nibble::minifloat<F>{nibble::f16::from_bits(nibble::bit_cast<std::uint16_t>(x))};
  }
};
template <nibble::float_format F>
struct cast_impl<bfloat16, nibble::minifloat<F>> {
  static nibble::minifloat<F> run(const bfloat16& x) noexcept {
    return nibble::minifloat<F>{nibble::bf16::from_bits(nibble::bit_cast<std::uint16_t>(x))};
  }
};

}  // namespace internal
}  // namespace Eigen
