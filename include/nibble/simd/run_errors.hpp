// SPDX-License-Identifier: Apache-2.0
//
// The errors of elements under two scales, as four over six wants them (block/four_over_six.hpp): found one by one,
// side by side, and kept until enough runs of them are there to be added in order, a lane a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include <nibble/base/counts.hpp>
#include <nibble/block/four_over_six.hpp>
#include <nibble/simd/real.hpp>
#include <nibble/simd/x86/code_errors.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Adds float32 as scalar code does: no subnormal number is flushed.
inline void add_to(float& sum, float x) noexcept {
  sum = bit_cast<float>((binary32::from_bits(to_bits(sum)) + binary32::from_bits(to_bits(x))).bits());
}

/// Runs that are kept of a row, or of a part of one.
struct row_piece {
  std::size_t row;
  std::size_t runs;
  bool begins;  ///< it is the row's first
  bool ends;    ///< it is the row's last
};

/// At most `Most` runs of `Size` elements, a multiple of 8.
template <std::size_t Size, std::size_t Most, class Arch>
class run_errors {
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;
  static constexpr std::size_t width = words::size;
  static constexpr std::size_t step = width < 8 ? width : 8;
  static_assert(Size % 8 == 0);

 public:
  /// Values of `f` times scales stay in the range of normal numbers (scale_chooser::set_range) up to largest().
  run_errors(const float_format& f, const choice_error& e, bool squares) noexcept
      : squares_(squares), amax_(e.amax), denominator_(e.denominator) {
#if defined(__AVX2__) && defined(__F16C__)
    if constexpr (has_avx2<Arch>) {
      if (x86::code_errors::serves(f)) {
        by_halves_.emplace(f, static_cast<float>(amax_), static_cast<float>(denominator_));
        return;
      }
    }
#endif
    for (std::uint32_t code = 0; code < std::uint32_t{1} << f.bits(); ++code) {
      values_[code] = to_bits(called_decode(f, code));
    }
  }

  /// The largest number, or more, that a scale multiplies here.
  static double largest(const float_format& f) noexcept {
    const double value = f.max_value();
#if defined(__AVX2__) && defined(__F16C__)
    const double unit = 2 * x86::code_errors::unit(f);
    if (has_avx2<Arch> && x86::code_errors::serves(f) && unit > value) return unit;
#endif
    return value;
  }

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool has_room(std::size_t runs) const noexcept { return count_ + runs <= Most; }
  /// Keeps the first `count` runs alone.
  void cut(std::size_t count) noexcept { count_ = count; }

  /// Keeps the errors of a run of `length` elements, a multiple of 8 up to Size, with their codes, one a byte, under
  /// two scales. False where one may be flushed or is not finite.
  [[nodiscard]] bool keep(const float* x, std::size_t length, const std::uint8_t* const (&codes)[2],
                          const float (&scale)[2]) noexcept {
    float* const to = kept_ + 2 * count_ * Size;
    // A zero more changes no sum.
    for (std::size_t c = 0; length < Size && c < 2; ++c) {
      std::memset(to + c * Size + length, 0, (Size - length) * sizeof(float));
    }
    ++count_;
#if defined(__AVX2__) && defined(__F16C__)
    if constexpr (has_avx2<Arch>) {
      if (by_halves_) return by_halves_->store(x, length, squares_, codes, scale, {to, to + Size});
    }
#endif
    return store(x, length, codes, scale, {to, to + Size});
  }

  /// Sums in order of the errors of each run, under both scales by turns.
  [[nodiscard]] const float* sums() noexcept {
#if defined(__AVX2__) && defined(__F16C__)
    if constexpr (has_avx2<Arch>) {
      x86::sum_runs<Size>(kept_, 2 * count_, sums_);
      return sums_;
    }
#endif
    for (std::size_t first = 0; first < 2 * count_; first += width) {
      real sum(0.0F);
      for (std::size_t i = 0; i < Size; ++i) {
        float those[width];
        for (std::size_t k = 0; k < width; ++k) those[k] = kept_[smaller(first + k, 2 * count_ - 1) * Size + i];
        sum = sum + real(float_batch<Arch>::load_unaligned(those));
      }
      sum.value.store_unaligned(sums_ + first);
    }
    return sums_;
  }

 private:
  /// As x86::code_errors::store for any format.
  [[nodiscard]] bool store(const float* x, std::size_t length, const std::uint8_t* const (&codes)[2],
                           const float (&scale)[2], float* const (&errors)[2]) const noexcept {
    const real amax(static_cast<float>(amax_));
    const real denominator(static_cast<float>(denominator_));
    words least_error(~0U);
    for (std::size_t i = 0; i < length; i += step) {
      std::uint32_t those[width] = {};
      std::memcpy(those, x + i, step * sizeof(float));
      const words negated = words::load_unaligned(those) ^ words(0x8000'0000U);
      for (std::size_t c = 0; c < 2; ++c) {
        for (std::size_t k = 0; k < step; ++k) those[k] = values_[codes[c][i + k]];
        const real element(bits_as<float>(words::load_unaligned(those)));
        const real value = element * real(scale[c]) * amax / denominator;
        const words error = bits_as<std::uint32_t>((value + real(bits_as<float>(negated))).value) & words(0x7fff'ffffU);
        least_error = xsimd::min(least_error, error - words(1U));
        real size(bits_as<float>(error));
        if (squares_) size = size * size;
        bits_as<std::uint32_t>(size.value).store_unaligned(those);
        std::memcpy(errors[c] + i, those, step * sizeof(float));
      }
    }
    return !(squares_ && xsimd::any(least_error < words(least_squared - 1U)));
  }

  bool squares_;
  binary32 amax_;
  binary32 denominator_;
  std::size_t count_ = 0;
#if defined(__AVX2__) && defined(__F16C__)
  std::optional<x86::code_errors> by_halves_;
#endif
  std::uint32_t values_[256];  ///< where by_halves_ does not serve
  alignas(32) float kept_[2 * Most * Size];
  float sums_[2 * Most + 16 + width];
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
