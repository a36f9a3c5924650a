// SPDX-License-Identifier: Apache-2.0
//
// The random words of the exhaustive programs, in constant expressions too.
#pragma once

#include <cstdint>

namespace exhaustive {

/// splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
class random_words {
 public:
  constexpr explicit random_words(std::uint64_t seed) : state_(seed) {}
  constexpr std::uint64_t next() {
    state_ += 0x9E37'79B9'7F4A'7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9U;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EBU;
    return z ^ (z >> 31);
  }
  /// Uniform enough below `bound`, which is at most 2^32.
  constexpr std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }

 private:
  std::uint64_t state_;
};

}  // namespace exhaustive
