// SPDX-License-Identifier: Apache-2.0
//
// Lane operations: what the codecs ask of an unsigned integer lane beyond its operators. A lane is std::uint32_t or
// std::uint64_t here; a SIMD backend specialises lane_operations for its batch type and runs the same expressions.
#pragma once

#include <concepts>
#include <cstdint>

#include <nibble/base/bits.hpp>

namespace nibble {
inline namespace v0 {

/// Operations on lanes of one type. `word` is the unsigned integer in a lane, `mask` the result of a comparison; masks
/// combine by both() and either(). Lanes have `+ - & | ^ << >>` and comparisons; a shift count is an int, the same for
/// all lanes, or lanes; it is below the lane width.
template <class Lanes>
struct lane_operations;

template <std::unsigned_integral Word>
struct lane_operations<Word> {
  using word = Word;
  using mask = bool;

  NIBBLE_FUNCTION static Word select(bool condition, Word if_true, Word if_false) noexcept {
    return condition ? if_true : if_false;
  }
  NIBBLE_FUNCTION static bool both(bool a, bool b) noexcept { return a && b; }
  NIBBLE_FUNCTION static bool either(bool a, bool b) noexcept { return a || b; }
  NIBBLE_FUNCTION static Word minimum(Word a, Word b) noexcept { return a < b ? a : b; }
  NIBBLE_FUNCTION static Word maximum(Word a, Word b) noexcept { return a > b ? a : b; }

  /// Bits of the floating-point number of the same width that equals `integer`, which has at most as many bits as
  /// that number has mantissa bits, so that the conversion is exact.
  NIBBLE_FUNCTION static Word bits_of_integer(Word integer) noexcept {
    using value_type = typename ieee_layout<Word>::value_type;
    return bit_cast<Word>(static_cast<value_type>(integer));
  }
};

/// The unsigned integer in a lane.
template <class Lanes>
using lane_word = typename lane_operations<Lanes>::word;

}  // namespace v0
}  // namespace nibble
