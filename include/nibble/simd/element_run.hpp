// SPDX-License-Identifier: Apache-2.0
//
// Codes of a tile of elements that share multipliers by blocks: the x86 kernels where they serve the format and the
// rounding, generic vectors for everything else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/simd/tile_source.hpp>
#include <nibble/simd/x86/exact.hpp>
#include <nibble/simd/x86/e2m1.hpp>
#include <nibble/simd/x86/e2m1_bytes.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The largest magnitude bits of each of `blocks` blocks of `Size` elements, while what lies at `ahead` is fetched, unless
/// that is null. `amax` has room for a vector more.
template <std::size_t Size, class Arch>
void block_maxima(const float* x, std::size_t blocks, std::uint32_t* amax,
                  [[maybe_unused]] const char* ahead) noexcept {
  using words = word_batch<Arch>;
  std::size_t b = 0;
#if defined(__AVX2__)
  if constexpr (has_avx2<Arch>) {
    using vector = x86::vector_of<Arch>;
    if constexpr (Size % vector::lanes == 0) {
      for (; b + vector::lanes <= blocks; b += vector::lanes) {
        vector::store(amax + b, x86::block_maxima<vector, Size>(x + b * Size));
        ahead = fetch<vector::lanes * Size * fetched_bytes>(ahead);
      }
    }
  }
#endif
  for (; b < blocks; ++b) {
    std::uint32_t largest = 0;
    if constexpr (Size % words::size == 0) {
      words best(0U);
      for (std::size_t i = 0; i < Size; i += words::size) {
        best = xsimd::max(best, bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x + b * Size + i)) &
                                    words(0x7fff'ffffU));
      }
      std::uint32_t lanes[words::size];
      best.store_unaligned(lanes);
      for (const std::uint32_t lane : lanes) largest = lane > largest ? lane : largest;
    } else {
      largest = rectangle_amax(matrix_view<float>{x + b * Size, 1, Size}, 0, 1, 0, Size, amax_rule::propagate);
    }
    amax[b] = largest;
  }
}

/// One call's kernel for its elements. Every `Size` elements share a multiplier; 0 stands for all elements of a tile.
template <float_format F, std::size_t Size, bool Nibbles, class Arch>
class element_run {
  static constexpr std::size_t sharing = Size == 0 ? tile_capacity : Size;
#if defined(__AVX2__)
  static_assert(tile_capacity <= x86::most_together);
  using vector = x86::vector_of<Arch>;
#endif
  static constexpr bool has_kernel = has_element_kernel<F, Arch>;
#if defined(__AVX512VBMI__)
  static constexpr bool can_be_close = has_kernel && F == formats::e2m1 && std::is_base_of_v<xsimd::avx512bw, Arch>;
#endif

 public:
  element_run(const recipe& r, const rounding_choice& rounding) noexcept
      : mode_(rounding.mode), bits_(rounding.random_bits), zero_(r.policy.negative_zero) {
    tuned_ = has_kernel && (mode_ != rounding_mode::stochastic || rounding.variant == stochastic_variant::a);
  }

  /// Whether the kernels below serve this call.
  [[nodiscard]] bool tuned() const noexcept { return tuned_; }

  /// Whether run() takes signs from the elements, not from their products.
  [[nodiscard]] bool reads_signs() const noexcept {
#if defined(__AVX2__)
    const bool rounds = F.has_negative_zero() && mode_ != rounding_mode::stochastic && !x86::sees_traces(mode_);
    return tuned_ && rounds && zero_ == negative_zero_rule::drop_exact;
#else
    return false;
#endif
  }

  /// Whether run_exact serves this call: exact quotients by scales of a format with so few significant bits.
  [[nodiscard]] bool divides_exactly(int significant_bits) const noexcept {
#if defined(__AVX2__)
    if constexpr (has_kernel) {
      return tuned_ && vector::is_fused && mode_ == rounding_mode::stochastic && bits_ == 32 &&
             significant_bits <= x86::exact_divisor_bits;
    }
#endif
    return significant_bits < 0;
  }
  /// The power of two by which divisors differ from the scale of their block.
  [[nodiscard]] static int exact_prescale() noexcept {
#if defined(__AVX2__)
    if constexpr (has_kernel) return x86::rounder<F, vector>::prescale;
#endif
    return 0;
  }

  /// The power of two by which multipliers differ from the scale of their block.
  [[nodiscard]] int prescale() const noexcept {
#if defined(__AVX2__)
    if constexpr (has_kernel) {
      if (F == formats::e2m1 && mode_ == rounding_mode::stochastic && bits_ == 8) return x86::drawn_e2m1_prescale;
      if (mode_ == rounding_mode::stochastic) return x86::stochastic_rounder<F, vector, 8>::prescale;
      if (by_quarters() || x86::sees_traces(mode_)) return 0;
      return x86::rounder<F, vector>::prescale;
    }
#endif
    return 0;
  }

  /// Elements that the kernels take at a time.
  static constexpr std::size_t group() noexcept {
#if defined(__AVX2__)
    if constexpr (has_kernel) return 8 * x86::vector_of<Arch>::lanes;
#endif
    return tile_capacity;
  }
  /// Whether vectors of elements that lie side by side have one multiplier.
  static constexpr bool is_whole() noexcept { return sharing % (group() / 8) == 0; }

  /// The power of two below which products are to be for run_close(); 0 where that does not serve.
  [[nodiscard]] int close_reach() const noexcept {
#if defined(__AVX512VBMI__)
    if constexpr (can_be_close) {
      return mode_ == rounding_mode::nearest_even && zero_ != negative_zero_rule::drop_exact ? x86::close_e2m1_reach : 0;
    }
#endif
    return 0;
  }

#if defined(__AVX2__)
  /// As run() with products close to the format's range.
  NIBBLE_ALWAYS_INLINE void run_close([[maybe_unused]] const float* x, [[maybe_unused]] const std::uint32_t* multiplier,
                                      [[maybe_unused]] std::size_t groups,
                                      [[maybe_unused]] const x86::destination& to) const noexcept {
#if defined(__AVX512VBMI__)
    if constexpr (can_be_close) {
      x86::encode_e2m1_by_bytes<sharing, Nibbles, false>(x, multiplier, groups, to, zero_ == negative_zero_rule::drop);
    }
#endif
  }

  /// Encodes whole groups: two codes a byte, the even one low (`Nibbles`), or one. Multipliers include 2^prescale. Only if
  /// tuned().
  void run(const float* x, const std::uint32_t* multiplier, const std::uint8_t* random, std::size_t groups,
           const x86::destination& to) const noexcept {
    using enum rounding_mode;
    if constexpr (has_kernel) {
      switch (mode_) {
        case nearest_even: return rounded<nearest_even>(x, multiplier, groups, to);
        case toward_zero: return rounded<toward_zero>(x, multiplier, groups, to);
        case nearest_away: return rounded<nearest_away>(x, multiplier, groups, to);
        case nearest_toward_zero: return rounded<nearest_toward_zero>(x, multiplier, groups, to);
        case upward:
        case downward:
        case to_odd: return x86::encode_inexact<F, vector, sharing, Nibbles>(x, multiplier, groups, to, zero_, mode_);
        case stochastic: break;
      }
      if (bits_ == 8) return drawn<8>(x, multiplier, random, groups, to);
      if (bits_ == 16) return drawn<16>(x, multiplier, random, groups, to);
      drawn<32>(x, multiplier, random, groups, to);
    }
  }

  /// As run() by exact quotients and 32 random bits an element. Only if divides_exactly().
  void run_exact(const float* x, const std::uint32_t* divisor, const std::uint32_t* reciprocal, const std::uint8_t* random,
                 std::size_t groups, const x86::destination& to) const noexcept {
    if constexpr (has_kernel) {
      x86::encode_exact<F, vector, sharing, Nibbles>(x, divisor, reciprocal, random, groups, to, zero_);
    }
  }

 private:
  template <rounding_mode Mode>
  void rounded(const float* x, const std::uint32_t* multiplier, std::size_t groups,
               const x86::destination& to) const noexcept {
    if constexpr (F == formats::e2m1) {
#if defined(__AVX512VBMI__)
      if constexpr (Mode == rounding_mode::nearest_even) {
        if (close_reach() != 0) {
          return x86::encode_e2m1_by_bytes<sharing, Nibbles, true>(x, multiplier, groups, to,
                                                                   zero_ == negative_zero_rule::drop);
        }
      }
#endif
      x86::encode_nearest_e2m1<vector, sharing, Nibbles>(x, multiplier, groups, to, zero_, mode_);
    } else {
      x86::encode_rounded<F, vector, sharing, Nibbles, Mode>(x, multiplier, groups, to, zero_);
    }
  }
  template <int Bits>
  void drawn(const float* x, const std::uint32_t* multiplier, const std::uint8_t* random, std::size_t groups,
             const x86::destination& to) const noexcept {
    if constexpr (F == formats::e2m1 && Bits == 8) {
      x86::encode_drawn_e2m1<vector, sharing, Nibbles>(x, multiplier, random, groups, to, zero_);
    } else {
      x86::encode_stochastic<F, vector, sharing, Nibbles, Bits>(x, multiplier, random, groups, to, zero_);
    }
  }
#endif

 private:
  /// Whether the kernel of E2M1 by quarters of a binade is in use.
  [[nodiscard]] bool by_quarters() const noexcept {
#if defined(__AVX2__)
    if constexpr (F == formats::e2m1) return x86::rounds_e2m1_by_quarters(mode_);
#endif
    return false;
  }

  rounding_mode mode_;
  int bits_;
  negative_zero_rule zero_;
  bool tuned_;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
