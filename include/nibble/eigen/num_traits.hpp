// SPDX-License-Identifier: Apache-2.0
//
// What Eigen wants to know of a scalar: minifloats as elements of its matrices.
#pragma once

#include <limits>

#include <Eigen/Core>

#include <nibble/number/limits.hpp>
#include <nibble/number/minifloat.hpp>
#include <nibble/number/text.hpp>

/// Matrices of minifloats hold, copy, compare, print and cast. They have no sums and no products, as their scalars have
/// none: write `q.cast<float>() * x`.
template <nibble::float_format F>
struct Eigen::NumTraits<nibble::minifloat<F>> : Eigen::GenericNumTraits<nibble::minifloat<F>> {
  using number = nibble::minifloat<F>;
  using limits = std::numeric_limits<number>;
  enum {
    IsComplex = 0,
    IsInteger = 0,
    IsSigned = F.has_sign ? 1 : 0,
    RequireInitialization = 0,
    ReadCost = 1,
    AddCost = Eigen::HugeCost,
    MulCost = Eigen::HugeCost
  };
  static constexpr number epsilon() noexcept { return limits::epsilon(); }
  static constexpr number dummy_precision() noexcept { return limits::epsilon(); }
  static constexpr number highest() noexcept { return limits::max(); }
  static constexpr number lowest() noexcept { return limits::lowest(); }
  static constexpr number infinity() noexcept { return limits::infinity(); }
  static constexpr number quiet_NaN() noexcept { return limits::quiet_NaN(); }
  static constexpr int digits10() noexcept { return limits::digits10; }
};
