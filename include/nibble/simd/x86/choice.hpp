// SPDX-License-Identifier: Apache-2.0
//
// The errors of E2M1 codes under two scales, as four over six wants them (block/four_over_six.hpp), a lane a run. All
// values of a block are 1 or 1.5 times its scale, times a power of two: a factor that changes no rounding on the way to
// them.
#pragma once

#include <nibble/simd/unrolled.hpp>
#include <nibble/simd/x86/transpose.hpp>
#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include <nibble/base/binary32.hpp>
#include <nibble/base/counts.hpp>
#include <nibble/block/four_over_six.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The codes of elements i to i + 7 of eight runs that begin `Step` elements apart, a run a lane.
template <std::size_t Step>
NIBBLE_ALWAYS_INLINE __m256i eight_codes(const std::uint8_t* codes, std::size_t i) noexcept {
  if constexpr (Step == 16) {
    // The runs are 64 bytes, of which every other four are wanted.
    const auto at = [&](std::size_t k)
                        NIBBLE_INLINE_LAMBDA { return _mm256_castsi256_ps(avx2_vector::load(codes + 32 * k)); };
    const __m256 low = at(0);
    const __m256 high = at(1);
    const __m256 those = i == 0 ? _mm256_shuffle_ps(low, high, 0x88) : _mm256_shuffle_ps(low, high, 0xdd);
    return _mm256_permute4x64_epi64(_mm256_castps_si256(those), 0xd8);
  }
  const auto at = [&](std::size_t k) NIBBLE_INLINE_LAMBDA {
    std::int32_t eight = 0;
    std::memcpy(&eight, codes + (k * Step + i) / 2, sizeof(eight));
    return eight;
  };
  return _mm256_setr_epi32(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7));
}

/// The values of 1 and 1.5 under scales of at most three fraction bits, `amax` and `denominator`: a scale is one of
/// eight times a power of two, a factor that changes no rounding on the way.
class unit_values {
  using vector = avx2_vector;

 public:
  /// 1.5 times the largest fraction times amax, and that divided, are normal numbers.
  unit_values(float amax, float denominator) noexcept {
    const __m256 fractions = _mm256_setr_ps(1.0F, 1.125F, 1.25F, 1.375F, 1.5F, 1.625F, 1.75F, 1.875F);
    const auto value = [&](__m256 x) NIBBLE_INLINE_LAMBDA {
      return vector::divide(vector::multiply(x, vector::all_real(amax)), vector::all_real(denominator));
    };
    one_ = value(fractions);
    more_ = value(vector::multiply(fractions, vector::all_real(1.5F)));
  }

  /// For eight decoded scales, zeros or normal numbers whose values are normal, too.
  void store(const std::uint32_t* scales, float* one, float* more) const noexcept {
    const __m256i scale = vector::load(scales);
    const __m256 power = vector::as_real(vector::both(scale, vector::all(0x7f80'0000U)));
    const __m256i fraction = vector::right<20>(scale);
    _mm256_storeu_ps(one, vector::multiply(_mm256_permutevar8x32_ps(one_, fraction), power));
    _mm256_storeu_ps(more, vector::multiply(_mm256_permutevar8x32_ps(more_, fraction), power));
  }

 private:
  __m256 one_;
  __m256 more_;
};

/// Sums of the errors of `length` elements, a multiple of 8, of eight runs of `Step` elements, in the order of the
/// elements, and of so many groups of eight runs behind each other. `x` is what turn_runs() makes of them. Under each of
/// two scales there are packed codes, the even one low, and the values of 1 and 1.5 for each run. Returns the groups
/// before the first where the square of an error is below the normal numbers and not zero.
template <std::size_t Step>
[[nodiscard, gnu::noinline]] std::size_t add_errors(const float* x, std::size_t groups, std::size_t length, bool squares,
                                                    const std::uint8_t* const (&packed)[2], const float* const (&one)[2],
                                                    const float* const (&more)[2], float* const (&errors)[2]) noexcept {
  using vector = avx2_vector;
  // How many times the value of 1, or else that of 1.5, the value of a code is: powers of two, so products are exact.
  const __m256 times_one = _mm256_setr_ps(0.0F, 0.5F, 1.0F, 0.0F, 2.0F, 0.0F, 4.0F, 0.0F);
  const __m256 times_more = _mm256_setr_ps(0.0F, 0.0F, 0.0F, 1.0F, 0.0F, 2.0F, 0.0F, 4.0F);
  const __m256i magnitude = vector::all(0x7fff'ffffU);
  const __m256i ones = vector::all(~0U);
  // The last error whose square is too small, less one as they are, so that zero is the largest.
  const __m256i last = vector::all(least_squared - 2U);
  for (std::size_t g = 0; g < groups; ++g, x += 8 * Step) {
    const __m256 unit[2] = {_mm256_loadu_ps(one[0] + 8 * g), _mm256_loadu_ps(one[1] + 8 * g)};
    const __m256 unit_more[2] = {_mm256_loadu_ps(more[0] + 8 * g), _mm256_loadu_ps(more[1] + 8 * g)};
    __m256 sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    __m256i least_error = ones;
    for (std::size_t i = 0; i < length; i += 8) {
      __m256i codes[2] = {eight_codes<Step>(packed[0] + 4 * Step * g, i),
                          eight_codes<Step>(packed[1] + 4 * Step * g, i)};
      for (std::size_t half = i; half < i + 8; half += 4) {
        unrolled<4>([&](auto k) NIBBLE_INLINE_LAMBDA {
          const __m256i number = vector::load(x + 8 * (half + k));
          __m256i error[2];
          unrolled<2>([&](auto c) NIBBLE_INLINE_LAMBDA {
            // The permutation takes the lowest three bits of an index. One of the two products is zero.
            const __m256 ones_times = _mm256_permutevar8x32_ps(times_one, codes[c]);
            const __m256 more_times = _mm256_permutevar8x32_ps(times_more, codes[c]);
            codes[c] = vector::right<4>(codes[c]);
            const __m256 rest = vector::subtract_product(ones_times, unit[c], vector::as_real(number));
            const __m256i both = vector::as_word(vector::subtract_product(more_times, unit_more[c], rest));
            error[c] = vector::both(both, magnitude);
          });
          if (squares) [[unlikely]] {
            for (__m256i& e : error) {
              least_error = vector::smallest_unsigned(least_error, vector::add(e, ones));
              e = vector::as_word(vector::multiply(vector::as_real(e), vector::as_real(e)));
            }
          }
          unrolled<2>([&](auto c) NIBBLE_INLINE_LAMBDA { sum[c] = vector::add(sum[c], vector::as_real(error[c])); });
        });
      }
    }
    for (std::size_t c = 0; c < 2; ++c) _mm256_storeu_ps(errors[c] + 8 * g, sum[c]);
    if (squares && vector::any(vector::equal(vector::smallest_unsigned(least_error, last), least_error))) return g;
  }
  return groups;
}

/// The same for the blocks of a tile, of `Size` elements in runs of `Run`. Most is the room for them and what is behind.
template <std::size_t Size, std::size_t Run, std::size_t Most>
class block_errors {
  using vector = avx2_vector;

 public:
  /// Scales have `mantissa_bits`.
  block_errors(int mantissa_bits, binary32 amax, binary32 denominator, bool squares) noexcept
      : amax_(static_cast<float>(amax)), denominator_(static_cast<float>(denominator)), squares_(squares) {
    const auto exponent = [](binary32 x) { return static_cast<int>(x.bits() >> 23) - 127; };
    const auto within = [](int e) { return e >= -100 && e <= 120; };
    if (mantissa_bits <= 3 && within(exponent(amax)) && within(exponent(amax) - exponent(denominator))) {
      units_.emplace(amax_, denominator_);
    }
  }

  /// Begins a tile of `count` blocks and what is behind them to a whole vector, whose scales are normal numbers with
  /// normal values, or zeros, if `serves`; the values of others mean nothing.
  void begin(const std::uint32_t* const (&scales)[2], std::size_t count, bool serves) noexcept {
    const auto value = [&](__m256 x) NIBBLE_INLINE_LAMBDA {
      return vector::divide(vector::multiply(x, vector::all_real(amax_)), vector::all_real(denominator_));
    };
    for (std::size_t c = 0; c < 2; ++c) {
      for (std::size_t b = 0; b < count; b += 8) {
        if (serves && units_) {
          units_->store(scales[c] + b, one_[c] + b, more_[c] + b);
          continue;
        }
        const __m256 scale = vector::as_real(vector::load(scales[c] + b));
        _mm256_storeu_ps(one_[c] + b, value(scale));
        _mm256_storeu_ps(more_[c] + b, value(vector::multiply(scale, vector::all_real(1.5F))));
      }
    }
  }

  /// Adds the errors of `count` up to 8 runs of `length` elements, the rows of as many blocks from block b on or all of that
  /// one. False where vectors do not serve.
  [[nodiscard]] bool add(const float* x, std::size_t b, std::size_t count, std::size_t length,
                         const std::uint8_t* const (&codes)[2], float* const (&errors)[2]) const noexcept {
    float repeated[4][8];
    const auto lanes = [&](const float* numbers, std::size_t i) NIBBLE_INLINE_LAMBDA -> const float* {
      if (Size == Run) return numbers + b;
      for (float& lane : repeated[i]) lane = numbers[b];
      return repeated[i];
    };
    float whole[8 * Run];
    float turned[8 * Run];
    if (count < 8) {
      // Eight runs are read.
      std::memset(whole, 0, sizeof(whole));
      for (std::size_t k = 0; k < count; ++k) std::memcpy(whole + k * Run, x + k * Run, length * sizeof(float));
      x = whole;
    }
    turn_runs<vector, Run>(x, turned);
    return add_errors<Run>(turned, 1, Size == Run ? Size : length, squares_, codes,
                           {lanes(one_[0], 0), lanes(one_[1], 1)}, {lanes(more_[0], 2), lanes(more_[1], 3)}, errors) == 1;
  }

  /// The same for groups of eight blocks of one run, as turn_runs() makes them. Returns how many came before one that
  /// vectors do not serve.
  [[nodiscard]] std::size_t add_groups(const float* x, std::size_t b, std::size_t groups,
                                       const std::uint8_t* const (&codes)[2], float* const (&errors)[2]) const noexcept {
    return add_errors<Run>(x, groups, Size, squares_, codes, {one_[0] + b, one_[1] + b}, {more_[0] + b, more_[1] + b},
                           errors);
  }

 private:
  float amax_;
  float denominator_;
  bool squares_;
  std::optional<unit_values> units_;
  float one_[2][Most];   ///< the value of 1
  float more_[2][Most];  ///< the value of 1.5
};

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
