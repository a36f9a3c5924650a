// SPDX-License-Identifier: Apache-2.0
//
// Whole vectors of N:M blocks: their random bits, and pruning and compressing them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <nibble/method/sparse_storage.hpp>
#include <nibble/method/sparsify.hpp>
#include <nibble/simd/philox.hpp>
#include <nibble/simd/x86/sparsify.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Where random bits lie, `Bits` (64, 32 or 16) a block.
template <int Bits>
struct uniform_bits {
  static constexpr bool is_wide = Bits == 64;
  const unsigned char* bytes;
  [[nodiscard]] NIBBLE_ALWAYS_INLINE const unsigned char* at(std::size_t block) const noexcept {
    return bytes + block * (Bits / 8);
  }
  /// The uniform of a block times 2^64.
  [[nodiscard]] std::uint64_t wide(std::size_t block) const noexcept {
    if constexpr (Bits == 64) {
      std::uint32_t words[2];
      std::memcpy(words, at(block), sizeof(words));
      return words[0] | std::uint64_t{words[1]} << 32;
    }
    std::conditional_t<Bits == 32, std::uint32_t, std::uint16_t> u = 0;
    if constexpr (Bits != 64) std::memcpy(&u, at(block), sizeof(u));
    return std::uint64_t{u} << (Bits == 32 ? 32 : 48);
  }
  [[nodiscard]] NIBBLE_ALWAYS_INLINE uniform_bits from(std::size_t block) const noexcept { return {at(block)}; }
};

/// Draws the random bits of some blocks at a time, in 4 KiB.
template <class Arch, int Bits>
class drawn_uniforms {
 public:
  static constexpr std::size_t capacity = std::size_t{1024} * 32 / Bits;

  explicit drawn_uniforms(const minimum_variance& method) noexcept : method_(&method) {}

  /// Those of blocks first, ..., first + count - 1, until the next call.
  uniform_bits<Bits> draw(std::uint64_t first, std::size_t count) noexcept {
    constexpr std::uint64_t per_philox = 128 / Bits;
    const std::uint64_t index = first / per_philox;
    const auto blocks = static_cast<std::size_t>((first + count - 1) / per_philox - index + 1);
    philox_blocks<Arch>(method_->seed, method_->stream, index, blocks, words_, method_->rounds);
    const uniform_bits<Bits> drawn{reinterpret_cast<const unsigned char*>(words_)};
    return drawn.from(static_cast<std::size_t>(first - index * per_philox));
  }

 private:
  const minimum_variance* method_;
  alignas(64) std::uint32_t words_[1024 + 8];
};

#if defined(__AVX2__)
/// Runs over whole vectors of blocks; what is left, and what the vectors refuse, takes the scalar way.
template <class Arch>
struct vector_sparsifier {
  using vector = x86::vector_of<Arch>;
  using lanes = x86::sparse_lanes<vector>;
  template <bool IsWide>
  using variance_kernel = x86::variance_kernel<vector, IsWide>;
  template <bool IsWide>
  using double_kernel = x86::variance_kernel<x86::doubled<vector>, IsWide>;
  using word = typename vector::word;
  using word_pair = typename x86::doubled<vector>::word;

  template <bool IsStreamed>
  static NIBBLE_ALWAYS_INLINE void put(void* p, word x) noexcept {
    if constexpr (IsStreamed)
      vector::stream(p, x);
    else
      vector::store(p, x);
  }

  /// 2:4 by magnitude of count elements, a multiple of the vector's.
  template <bool IsStreamed>
  static void keep_two(const float* x, float* out, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; i += vector::lanes)
      put<IsStreamed>(out + i, lanes::keep_two(vector::load(x + i)));
  }

  /// One uniform of 32 bits a lane, from block b on, in turned lanes or in the order of part_pairs.
  template <bool IsTurned, int Bits>
  static NIBBLE_ALWAYS_INLINE word load_uniforms(uniform_bits<Bits> uniforms, std::size_t b) noexcept {
    if constexpr (Bits == 64) {
      const word first = vector::load(uniforms.at(b));
      const word second = vector::load(uniforms.at(b) + vector::bytes);
      return IsTurned ? lanes::high_to_turned(first, second) : lanes::high_to_parted(first, second);
    } else {
      const word u =
          Bits == 32 ? vector::load(uniforms.at(b)) : vector::template left<16>(vector::load_halves(uniforms.at(b)));
      return IsTurned ? lanes::to_turned(u) : lanes::to_parted(u);
    }
  }

  template <std::size_t M, int Bits>
  static void scalar_blocks(const float* x, uniform_bits<Bits> uniforms, std::size_t blocks, float* out) noexcept {
    for (std::size_t b = 0; b < blocks; ++b) {
      std::uint32_t bits[M];
      std::uint32_t kept[M];
      for (std::size_t i = 0; i < M; ++i) bits[i] = to_bits(x[M * b + i]);
      minimum_variance_block<M>(M / 2, bits, uniforms.wide(b), uniforms.is_wide ? 32 : 4, kept);
      for (std::size_t i = 0; i < M; ++i) out[M * b + i] = bit_cast<float>(kept[i]);
    }
  }

  /// The elements of V::lanes blocks, turned.
  static NIBBLE_ALWAYS_INLINE void load_turned(const float* x, word (&v)[4]) noexcept {
    for (std::size_t i = 0; i < 4; ++i) v[i] = vector::load(x + i * vector::lanes);
    lanes::turn(v);
  }

  /// What becomes of the blocks of two vectors from number b on, and those blocks turned; false as kernel::two_of_four.
  template <int Bits>
  static NIBBLE_ALWAYS_INLINE bool choose_two(const double_kernel<Bits == 64>& kernel, const float* x,
                                              uniform_bits<Bits> uniforms, std::size_t b, word (&v)[2][4],
                                              typename variance_kernel<Bits == 64>::choice (&choices)[2]) noexcept {
    constexpr std::size_t step = vector::lanes;
    for (std::size_t h = 0; h < 2; ++h) load_turned(x + 4 * (b + h * step), v[h]);
    const word_pair both[4] = {{v[0][0], v[1][0]}, {v[0][1], v[1][1]}, {v[0][2], v[1][2]}, {v[0][3], v[1][3]}};
    typename double_kernel<Bits == 64>::choice choice;
    if (!kernel.two_of_four(both, {load_uniforms<true>(uniforms, b), load_uniforms<true>(uniforms, b + step)},
                            choice)) {
      return false;
    }
    for (int i = 0; i < 4; ++i) {
      choices[0].kept[i] = choice.kept[i].first;
      choices[1].kept[i] = choice.kept[i].second;
    }
    choices[0].value = choice.value.first;
    choices[1].value = choice.value.second;
    return true;
  }

  /// Chooses in `blocks` 2:4 blocks, a multiple of twice the vector's lanes. chosen(b, v, choice) takes those of one
  /// vector from number b on, turned; scalar(b, count) the blocks that the kernel refuses.
  template <int Bits, class Chosen, class Scalar>
  static NIBBLE_ALWAYS_INLINE void choose_blocks(const float* x, uniform_bits<Bits> uniforms, std::size_t blocks,
                                                 const Chosen& chosen, const Scalar& scalar) noexcept {
    constexpr std::size_t step = vector::lanes;
    const double_kernel<Bits == 64> kernel;
    for (std::size_t b = 0; b < blocks; b += 2 * step) {
      word v[2][4];
      typename variance_kernel<Bits == 64>::choice choices[2];
      if (choose_two(kernel, x, uniforms, b, v, choices)) {
        for (std::size_t h = 0; h < 2; ++h) chosen(b + h * step, v[h], choices[h]);
      } else {
        scalar(b, 2 * step);
      }
    }
  }

  /// Minimum variance of `blocks` blocks, a multiple of twice the vector's lanes.
  template <int Bits>
  static void two_of_four(const float* x, uniform_bits<Bits> uniforms, std::size_t blocks, float* out) noexcept {
    const variance_kernel<Bits == 64> kernel;
    choose_blocks(
        x, uniforms, blocks,
        [&](std::size_t b, word(&v)[4], const auto& choice) {
          for (std::size_t i = 0; i < 4; ++i) v[i] = lanes::where(choice.kept[i], kernel.survivor(v[i], choice.value));
          lanes::turn(v);
          for (std::size_t i = 0; i < 4; ++i) vector::store(out + 4 * b + i * vector::lanes, v[i]);
        },
        [&](std::size_t b, std::size_t count) { scalar_blocks<4>(x + 4 * b, uniforms.from(b), count, out + 4 * b); });
  }
  template <int Bits>
  static void one_of_two(const float* x, uniform_bits<Bits> uniforms, std::size_t blocks, float* out) noexcept {
    constexpr std::size_t step = vector::lanes;
    const double_kernel<Bits == 64> kernel;
    for (std::size_t b = 0; b < blocks; b += 2 * step) {
      const float* from = x + 2 * b;
      word_pair a = {vector::load(from), vector::load(from + 2 * step)};
      word_pair c = {vector::load(from + step), vector::load(from + 3 * step)};
      lanes::part_pairs(a.first, c.first);
      lanes::part_pairs(a.second, c.second);
      const word_pair uniform = {load_uniforms<false>(uniforms, b), load_uniforms<false>(uniforms, b + step)};
      if (!kernel.one_of_two(a, c, uniform, a, c)) {
        scalar_blocks<2>(x + 2 * b, uniforms.from(b), 2 * step, out + 2 * b);
        continue;
      }
      lanes::join_pairs(a.first, c.first);
      lanes::join_pairs(a.second, c.second);
      vector::store(out + 2 * b, a.first);
      vector::store(out + 2 * b + step, c.first);
      vector::store(out + 2 * b + 2 * step, a.second);
      vector::store(out + 2 * b + 3 * step, c.second);
    }
  }

  /// Minimum variance 2:4 into values and metadata; `blocks` is a multiple of twice the vector's lanes.
  template <int Bits>
  static void compress(const float* x, uniform_bits<Bits> uniforms, std::size_t blocks, float* values,
                       std::uint16_t* metadata) noexcept {
    const variance_kernel<Bits == 64> kernel;
    choose_blocks(
        x, uniforms, blocks,
        [&](std::size_t b, const word(&v)[4], const auto& choice) {
          store_two(kernel, v, choice, values + 2 * b, metadata + b / 4);
        },
        [&](std::size_t b, std::size_t count) {
          compress_scalar(x + 4 * b, uniforms.from(b), count, values + 2 * b, metadata + b / 4);
        });
  }
  template <int Bits>
  static void compress_scalar(const float* x, uniform_bits<Bits> uniforms, std::size_t blocks, float* values,
                              std::uint16_t* metadata) noexcept {
    for (std::size_t b = 0; b < blocks; ++b) {
      std::uint32_t bits[4];
      std::uint32_t kept[4];
      for (std::size_t i = 0; i < 4; ++i) bits[i] = to_bits(x[4 * b + i]);
      const std::uint32_t mask = minimum_variance_block<4>(2, bits, uniforms.wide(b), uniforms.is_wide ? 32 : 4, kept);
      store_block(b, kept, mask, values, metadata);
    }
  }

 private:
  /// Two values and their places. The first is the lowest kept position and the second the highest; where fewer than
  /// two are kept, the lowest free positions, which hold zeros, take their place.
  template <bool IsWide>
  static NIBBLE_ALWAYS_INLINE void store_two(const variance_kernel<IsWide>& kernel, const word (&x)[4],
                                             const typename variance_kernel<IsWide>::choice& choice, float* values,
                                             std::uint16_t* metadata) noexcept {
    const auto& kept = choice.kept;
    const auto is_later = lanes::any_of(kept[2], kept[3]);
    const auto is_any = lanes::any_of(kept[1], is_later);
    // Position 0 comes first, kept or not, unless two others are kept.
    const auto is_0_passed = lanes::any_of(lanes::all_of(kept[1], is_later), lanes::all_of(kept[2], kept[3]));
    const auto is_first_2 = lanes::but_not(is_0_passed, kept[1]);
    const word first = lanes::select(is_first_2, x[2], lanes::select(is_0_passed, x[1], x[0]));
    const word second = lanes::select(kept[3], x[3], lanes::select(kept[2], x[2], x[1]));
    lanes::store_pairs(reinterpret_cast<std::uint32_t*>(values),
                       lanes::where(lanes::any_of(kept[0], is_0_passed), kernel.survivor(first, choice.value)),
                       lanes::where(is_any, kernel.survivor(second, choice.value)));
    const word high = vector::add(lanes::count(is_later, kept[3]), vector::all(1));
    lanes::store_metadata(metadata, vector::add(lanes::count(is_0_passed, is_first_2), vector::template left<2>(high)));
  }
};
#endif

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
