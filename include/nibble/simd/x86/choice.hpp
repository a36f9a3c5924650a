// SPDX-License-Identifier: Apache-2.0
//
// The errors of E2M1 codes under two scales, as four over six wants them (block/four_over_six.hpp), a lane a run. All values
// of a block are 1 or 1.5 times its scale, times a power of two: a factor that changes no rounding on the way to them.
#pragma once

#include <nibble/simd/unrolled.hpp>
#include <nibble/simd/x86/transpose.hpp>
#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/base/counts.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The codes of elements i to i + 7 of eight runs that begin `Step` elements apart, a run a lane.
template <std::size_t Step>
NIBBLE_ALWAYS_INLINE __m256i eight_codes(const std::uint8_t* codes, std::size_t i) noexcept {
  if constexpr (Step == 16) {
    // The runs are 64 bytes, of which every other four are wanted.
    const auto at = [&](std::size_t k) NIBBLE_INLINE_LAMBDA { return _mm256_castsi256_ps(avx2_vector::load(codes + 32 * k)); };
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

/// Sums of the errors of `length` elements, a multiple of 8, of eight runs that begin `Step` elements apart, in the order of
/// the elements. Under each of two scales there are packed codes, the even one low, and the values of 1 and 1.5. False
/// where the square of an error is below the normal numbers and not zero.
template <std::size_t Step>
[[nodiscard]] NIBBLE_ALWAYS_INLINE bool add_errors(const float* x, std::size_t length, bool squares,
                                                   const std::uint8_t* const (&packed)[2], const float* const (&one)[2],
                                                   const float* const (&more)[2], float* const (&errors)[2]) noexcept {
  using vector = avx2_vector;
  // 2^k for the values of 2^k, less it for those of 1.5 2^k.
  const __m256 powers = _mm256_setr_ps(0.0F, 0.5F, 1.0F, -1.0F, 2.0F, -2.0F, 4.0F, -4.0F);
  const __m256i magnitude = vector::all(0x7fff'ffffU);
  const __m256i ones = vector::all(~0U);
  __m256 unit[2];
  __m256 less[2];
  __m256 sum[2];
  for (std::size_t c = 0; c < 2; ++c) {
    unit[c] = _mm256_loadu_ps(one[c]);
    less[c] = vector::as_real(vector::differ(vector::load(more[c]), vector::all(0x8000'0000U)));
    sum[c] = _mm256_setzero_ps();
  }
  __m256i least_error = ones;
  for (std::size_t i = 0; i < length; i += 8) {
    __m256i codes[2] = {eight_codes<Step>(packed[0], i), eight_codes<Step>(packed[1], i)};
    unrolled<2>([&](auto half) NIBBLE_INLINE_LAMBDA {
      __m256i numbers[4];
      transpose_four(x + i + 4 * half, static_cast<std::ptrdiff_t>(Step), numbers);
      unrolled<4>([&](auto k) NIBBLE_INLINE_LAMBDA {
        const __m256i number = vector::both(numbers[k], magnitude);
        __m256i error[2];
        unrolled<2>([&](auto c) NIBBLE_INLINE_LAMBDA {
          // The permutation takes the lowest three bits of an index.
          const __m256 power = _mm256_permutevar8x32_ps(powers, codes[c]);
          codes[c] = vector::right<4>(codes[c]);
          // The product is exact.
          const __m256 base = _mm256_blendv_ps(unit[c], less[c], power);
          error[c] = vector::both(vector::as_word(vector::subtract_product(base, power, vector::as_real(number))), magnitude);
        });
        if (squares) [[unlikely]] {
          for (__m256i& e : error) {
            least_error = vector::smallest_unsigned(least_error, vector::add(e, ones));
            e = vector::as_word(vector::multiply(vector::as_real(e), vector::as_real(e)));
          }
        }
        unrolled<2>([&](auto c) NIBBLE_INLINE_LAMBDA { sum[c] = vector::add(sum[c], vector::as_real(error[c])); });
      });
    });
  }
  for (std::size_t c = 0; c < 2; ++c) _mm256_storeu_ps(errors[c], sum[c]);
  const __m256i last = vector::all(((127U - 63U) << 23) - 2U);
  return !vector::any(vector::equal(vector::smallest_unsigned(least_error, last), least_error));
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
