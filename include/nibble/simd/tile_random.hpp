// SPDX-License-Identifier: Apache-2.0
//
// The random bits of a tile's elements: drawn, or the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/simd/philox.hpp>
#include <nibble/simd/tile_source.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

template <class Arch>
class tile_random {
 public:
  /// `rounding` outlives this.
  tile_random(const element_rounding& rounding, const rounding_choice& choice) noexcept
      : rounding_(&rounding), bits_(choice.mode == rounding_mode::stochastic ? choice.random_bits : 0) {}

  [[nodiscard]] bool is_needed() const noexcept { return bits_ != 0; }

  /// Finds the bit string of `count` (at most tile_capacity) consecutive elements from logical element `first` on.
  void draw(std::uint64_t first, std::size_t count) noexcept {
    const auto bits = static_cast<std::uint64_t>(bits_);
    auto* own = reinterpret_cast<std::uint8_t*>(words_);
    if (!rounding_->draws()) {
      const auto* words = reinterpret_cast<const std::uint8_t*>(rounding_->words().data());
      std::memcpy(own, words + first * bits / 8, count * static_cast<std::size_t>(bits) / 8);
      start_ = own;
      return;
    }
    const stochastic& random = rounding_->random();
    first += random.first_element;
    const std::uint64_t per_block = 128 / bits;
    const std::uint64_t block = first / per_block;
    const std::uint64_t last = (first + count - 1) / per_block;
    philox_blocks<Arch>(random.seed, random.stream, block, static_cast<std::size_t>(last - block + 1), words_,
                        random.rounds);
    start_ = own + static_cast<std::size_t>((first - block * per_block) * bits / 8);
  }

  /// Where the bits of the tile's element `i` begin; null where none are needed.
  [[nodiscard]] const std::uint8_t* at(std::size_t i) const noexcept {
    return is_needed() ? start_ + i * static_cast<std::size_t>(bits_) / 8 : nullptr;
  }

  /// The random words of `count` elements from element `i` on, right-aligned; nothing where none are needed.
  void expand(std::size_t i, std::size_t count, std::uint32_t* out) const noexcept {
    if (!is_needed()) return;
    const auto bytes = static_cast<std::size_t>(bits_) / 8;
    const std::uint8_t* from = at(i);
    for (std::size_t k = 0; k < count; ++k) {
      std::uint32_t word = 0;
      std::memcpy(&word, from + k * bytes, bytes);
      out[k] = word;
    }
  }

 private:
  const element_rounding* rounding_;
  int bits_;
  const std::uint8_t* start_ = nullptr;
  alignas(64) std::uint32_t words_[tile_capacity + 192] = {};  ///< kernels read whole groups
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
