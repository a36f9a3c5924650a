// SPDX-License-Identifier: Apache-2.0
//
// The Hadamard transform of tiles in registers. A stage within a vector is one shuffle and one fused y * (+-1) +
// partner, which rounds once as the sum or difference does; a stage between vectors is an addition and a subtraction.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <nibble/method/hadamard.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The vector whose lane i is lane i ^ Distance of x.
template <int Distance>
NIBBLE_ALWAYS_INLINE __m256 partner(__m256 x) noexcept {
  if constexpr (Distance == 4) {
    return _mm256_permute2f128_ps(x, x, 1);
  } else {
    return _mm256_permute_ps(x, Distance == 1 ? 0xb1 : 0x4e);
  }
}
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
template <int Distance>
NIBBLE_ALWAYS_INLINE __m512 partner(__m512 x) noexcept {
  constexpr __mmask16 every = 0xffff;
  if constexpr (Distance >= 4) {
    return _mm512_maskz_shuffle_f32x4(every, x, x, Distance == 4 ? 0xb1 : 0x4e);
  } else {
    return _mm512_maskz_permute_ps(every, x, Distance == 1 ? 0xb1 : 0x4e);
  }
}
#endif

/// Transforms of tiles of `Lanes` elements; `Inverse` negates results where the other negates elements.
template <class V, int Lanes, bool Inverse>
class hadamard_tiles {
  using real = typename V::real;
  using word = typename V::word;
  static constexpr int width = static_cast<int>(V::lanes);
  static constexpr int vectors = Lanes / width;
  static constexpr int stages_within = width == 8 ? 3 : 4;

 public:
  explicit hadamard_tiles(const hadamard_signs& signs) noexcept
      : norm_(V::all_real(static_cast<float>(hadamard_norm(Lanes)))) {
    std::uint32_t masks[Lanes];
    for (std::size_t i = 0; i < Lanes; ++i) masks[i] = is_negated(signs, i) ? 0x8000'0000U : 0U;
    for (int v = 0; v < vectors; ++v) signs_[v] = V::load(masks + v * width);
    for (int stage = 0; stage < stages_within; ++stage) {
      std::uint32_t factors[V::lanes];
      for (std::uint32_t i = 0; i < V::lanes; ++i) factors[i] = to_bits((i >> stage & 1U) != 0 ? -1.0F : 1.0F);
      factors_[stage] = V::as_real(V::load(factors));
    }
  }

  NIBBLE_ALWAYS_INLINE void operator()(float* x) const noexcept {
    real y[vectors];
    unrolled<vectors>([&](auto v) NIBBLE_INLINE_LAMBDA {
      const word bits = V::load(x + v * width);
      y[v] = V::as_real(Inverse ? bits : V::differ(bits, signs_[v]));
      unrolled_constants<stages_within>([&](auto stage) NIBBLE_INLINE_LAMBDA {
        y[v] = V::multiply_add(y[v], factors_[stage], partner<1 << stage>(y[v]));
      });
    });
    for (int distance = 1; distance < vectors; distance *= 2) {
      for (int v = 0; v < vectors; ++v) {
        if ((v & distance) != 0) continue;
        const real a = y[v];
        const real b = y[v + distance];
        y[v] = V::add(a, b);
        y[v + distance] = V::subtract(a, b);
      }
    }
    unrolled<vectors>([&](auto v) NIBBLE_INLINE_LAMBDA {
      const word bits = V::as_word(V::multiply(y[v], norm_));
      V::store(x + v * width, Inverse ? V::differ(bits, signs_[v]) : bits);
    });
  }

 private:
  word signs_[vectors];
  real factors_[stages_within];
  real norm_;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif
