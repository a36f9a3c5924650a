// SPDX-License-Identifier: Apache-2.0
//
// The rounding of a magnitude to a code, written once over integer lanes: no branch depends on the data, and no
// floating-point operation takes part but an exact integer-to-float conversion, so that no compiler flag, control
// register or instruction set can change a result.
#pragma once

#include <nibble/base/lanes.hpp>
#include <nibble/format/float_format.hpp>
#include <nibble/format/rounding.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// A source magnitude against the grid of a format: the code that truncation gives is
/// `code_base + (significand >> shift)`, and what truncation drops is the low `shift` bits of the significand.
template <class Lanes>
struct aligned_magnitude {
  Lanes significand;   ///< integer significand of the source, below 2^(source mantissa bits + 1)
  Lanes shift;         ///< how many of its bits lie below the step; may exceed the lane width
  Lanes code_base;     ///< modulo the lane width
};

/// Aligns `magnitude`, the bits of a non-negative binary32 or binary64, with the grid of `f`.
template <class Lanes>
NIBBLE_FUNCTION aligned_magnitude<Lanes> align(const float_format& f, Lanes magnitude) noexcept {
  using operations = lane_operations<Lanes>;
  using word = lane_word<Lanes>;
  using layout = ieee_layout<word>;
  constexpr int source_bits = layout::mantissa_bits;
  constexpr word hidden = word{1} << source_bits;

  // Exponent fields are offset so that a normalised source subnormal has a positive one too.
  const bool normalise = f.min_exponent() + layout::bias < 1;
  const int offset = normalise ? source_bits + 1 : 0;
  const int lowest = f.min_exponent() + layout::bias + offset;  // exponent field of the smallest normal number of f
  Lanes field = operations::maximum(magnitude >> source_bits, Lanes(word{1}));
  Lanes significand = magnitude - ((field - Lanes(word{1})) << source_bits);
  if (normalise) {
    const Lanes converted = operations::bits_of_integer(operations::minimum(significand, Lanes(hidden - 1)));
    const Lanes converted_field = converted >> source_bits;
    const auto subnormal = operations::both(magnitude < Lanes(hidden), magnitude != Lanes(word{0}));
    // A subnormal T * 2^(1 - bias - source_bits) has field floor(log2 T) + 1 - source_bits before the offset.
    const Lanes subnormal_field =
        converted_field + Lanes(static_cast<word>(word(0) - word(layout::bias + source_bits - 1 - offset)));
    const Lanes normalised = (converted & Lanes(hidden - 1)) | Lanes(hidden);
    field = operations::select(subnormal, subnormal_field, field + Lanes(static_cast<word>(offset)));
    significand = operations::select(subnormal, normalised, significand);
  }
  const Lanes grid_field = operations::maximum(field, Lanes(static_cast<word>(lowest > 0 ? lowest : 0)));
  const Lanes shift = (grid_field - field) + Lanes(static_cast<word>(source_bits - f.mantissa_bits));
  Lanes code_base = (grid_field - Lanes(static_cast<word>(lowest))) << f.mantissa_bits;
  // Without zero the exponent field 0 is normal: the hidden bit does not count into the code.
  if (!f.has_zero) code_base = code_base - Lanes(static_cast<word>(word{1} << f.mantissa_bits));
  return {significand, shift, code_base};
}

/// The pattern of the smallest source magnitude that is not below the normal numbers of `f`.
template <class Word>
NIBBLE_FUNCTION Word first_normal(const float_format& f) noexcept {
  using layout = ieee_layout<Word>;
  const int field = f.min_exponent() + layout::bias;
  if (field > 2 * layout::bias) return layout::infinity;
  if (field >= 1) return static_cast<Word>(field) << layout::mantissa_bits;
  const int place = layout::mantissa_bits - 1 + field;
  return place < 0 ? Word{1} : static_cast<Word>(Word{1} << place);
}

/// Stochastic rounding (IEEE P3109 4.7.4) of what truncation drops: 1 where the magnitude goes up, else 0.
template <class Lanes>
NIBBLE_FUNCTION Lanes stochastic_increment(stochastic_variant variant, const aligned_magnitude<Lanes>& m,
                                           Lanes random_word, int bits) noexcept {
  using operations = lane_operations<Lanes>;
  using word = lane_word<Lanes>;
  constexpr word width = sizeof(word) * 8;
  const Lanes one(word{1});
  const Lanes zero(word{0});
  const Lanes top(static_cast<word>(width - 1));
  const Lanes n(static_cast<word>(bits));
  const word full = bits >= static_cast<int>(width) ? ~word{0} : static_cast<word>((word{1} << bits) - 1);

  const Lanes shift = m.shift;
  const auto wide = shift > top;  // the whole significand is below the step, by more than the lane holds
  const Lanes kept = operations::minimum(shift, top);
  const Lanes remainder = operations::select(wide, m.significand, m.significand & ((one << kept) - one));
  // floor(fraction * 2^bits): never more than `bits` bits.
  const auto narrow = shift < n;
  const Lanes down = operations::minimum(operations::select(narrow, zero, shift - n), top);
  const Lanes up = operations::select(narrow, n - shift, zero);
  const Lanes scaled = operations::select(narrow, remainder << up, remainder >> down);
  const Lanes limit = Lanes(full) - (random_word & Lanes(full));
  auto goes_up = scaled > limit;
  if (variant != stochastic_variant::a) {
    // The half of the last random bit: the next bit for B, round to nearest even of the rest for C.
    const Lanes exact_down = operations::select(narrow, zero, shift - n);
    const auto has_rest = operations::both(exact_down > zero, exact_down <= top);
    const Lanes rest_bits = operations::select(has_rest, exact_down, one);
    const Lanes rest = operations::select(has_rest, remainder & ((one << rest_bits) - one), zero);
    const Lanes half = one << (rest_bits - one);
    const Lanes half_counts = variant == stochastic_variant::b ? one : scaled & one;
    const auto extra = rest > half - half_counts;
    goes_up = operations::either(goes_up, operations::both(scaled == limit, operations::both(extra, has_rest)));
  }
  return operations::select(goes_up, one, zero);
}

/// What a rounding without random bits adds below the step, so that it carries into the code exactly when the mode goes
/// away from zero. `truncated` is the code that truncation gives.
template <rounding_mode Mode, class Lanes>
NIBBLE_FUNCTION Lanes rounding_addend(Lanes step, Lanes truncated, Lanes negative) noexcept {
  static_assert(Mode != rounding_mode::stochastic);
  const Lanes one(lane_word<Lanes>{1});
  const Lanes half = step >> 1;
  const Lanes dropped = step - one;
  if constexpr (Mode == rounding_mode::nearest_even) return (half - one) + (truncated & one);
  if constexpr (Mode == rounding_mode::nearest_away) return half;
  if constexpr (Mode == rounding_mode::nearest_toward_zero) return half - one;
  if constexpr (Mode == rounding_mode::upward) return dropped & ~negative;
  if constexpr (Mode == rounding_mode::downward) return dropped & negative;
  if constexpr (Mode == rounding_mode::to_odd) return dropped & ((truncated & one) - one);
  return Lanes(lane_word<Lanes>{0});  // toward_zero
}

/// The code of an aligned magnitude in a format with zero: `addend` is called with the step and the code that
/// truncation gives, unless `stochastic`. Random arguments matter for that only.
template <class Lanes, class Addend>
NIBBLE_FUNCTION Lanes rounded_code(bool stochastic, stochastic_variant variant, const aligned_magnitude<Lanes>& m,
                                   Lanes random_word, int random_bits, const Addend& addend) noexcept {
  using word = lane_word<Lanes>;
  // Where the shift is cut to the lane width, the significand is far below half a step and stays so.
  const Lanes shift = lane_operations<Lanes>::minimum(m.shift, Lanes(static_cast<word>(sizeof(word) * 8 - 1)));
  const Lanes truncated = m.code_base + (m.significand >> shift);
  if (stochastic) return truncated + stochastic_increment(variant, m, random_word, random_bits);
  const Lanes one(word{1});
  return m.code_base + ((m.significand + addend(one << shift, truncated)) >> shift);
}

/// Calls `action.operator()<Mode, Variant>()` for a run-time rounding that takes no random bits. The action may be for one
/// side only: nvcc is told not to ask.
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <class Action>
NIBBLE_FUNCTION auto with_deterministic_rounding(rounding_mode mode, Action&& action) {
  using enum rounding_mode;
  constexpr auto a = stochastic_variant::a;
  switch (mode) {
    case nearest_away: return action.template operator()<nearest_away, a>();
    case nearest_toward_zero: return action.template operator()<nearest_toward_zero, a>();
    case toward_zero: return action.template operator()<toward_zero, a>();
    case upward: return action.template operator()<upward, a>();
    case downward: return action.template operator()<downward, a>();
    case to_odd: return action.template operator()<to_odd, a>();
    case nearest_even:
    case stochastic: break;
  }
  return action.template operator()<nearest_even, a>();
}

/// The same for stochastic rounding of a run-time variant.
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <class Action>
NIBBLE_FUNCTION auto with_stochastic_rounding(stochastic_variant variant, Action&& action) {
  using v = stochastic_variant;
  constexpr auto stochastic = rounding_mode::stochastic;
  if (variant == v::b) return action.template operator()<stochastic, v::b>();
  if (variant == v::c) return action.template operator()<stochastic, v::c>();
  return action.template operator()<stochastic, v::a>();
}

/// The same for any run-time rounding.
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <class Action>
NIBBLE_FUNCTION auto with_rounding(rounding_mode mode, stochastic_variant variant, Action&& action) {
  if (mode != rounding_mode::stochastic) return with_deterministic_rounding(mode, action);
  return with_stochastic_rounding(variant, action);
}

/// Which roundings a call may be told to take, where that is not known to the compiler.
enum class rounding_set : std::uint8_t { deterministic, stochastic, every };

/// A rounding known at run time, of a set. Only the addend of each mode is compiled for it.
template <rounding_set Set = rounding_set::every>
struct run_time_rounding {
  rounding_mode mode = rounding_mode::nearest_even;
  stochastic_variant variant = stochastic_variant::a;

  template <class Lanes>
  NIBBLE_FUNCTION Lanes code(const aligned_magnitude<Lanes>& m, Lanes negative, Lanes random_word,
                             int random_bits) const noexcept {
    const bool draws =
        Set == rounding_set::stochastic || (Set == rounding_set::every && mode == rounding_mode::stochastic);
    const auto addend = [&](Lanes step, Lanes truncated) NIBBLE_INLINE_LAMBDA {
      if constexpr (Set == rounding_set::stochastic) {
        return truncated;  // not called
      } else {
        return with_deterministic_rounding(mode, [&]<rounding_mode Mode, stochastic_variant>() NIBBLE_INLINE_LAMBDA {
          return rounding_addend<Mode>(step, truncated, negative);
        });
      }
    };
    return rounded_code(draws, variant, m, random_word, random_bits, addend);
  }
};

/// A rounding known to the compiler.
template <rounding_mode Mode, stochastic_variant Variant = stochastic_variant::a>
struct static_rounding {
  template <class Lanes>
  NIBBLE_FUNCTION Lanes code(const aligned_magnitude<Lanes>& m, Lanes negative, Lanes random_word,
                             int random_bits) const noexcept {
    constexpr bool draws = Mode == rounding_mode::stochastic;
    const auto addend = [&](Lanes step, Lanes truncated) NIBBLE_INLINE_LAMBDA {
      if constexpr (draws) {
        return truncated;  // not called
      } else {
        return rounding_addend<Mode>(step, truncated, negative);
      }
    };
    return rounded_code(draws, Variant, m, random_word, random_bits, addend);
  }
};

/// The code of a finite magnitude, the exponent taken as unbounded above: a result beyond max_code() is an overflow.
/// `negative` has all bits set in lanes whose source is negative. Random arguments matter for stochastic only.
template <class Rounding, class Lanes>
NIBBLE_FUNCTION Lanes round_magnitude(const Rounding& rounding, const float_format& f, Lanes magnitude, Lanes negative,
                                      Lanes random_word, int random_bits) noexcept {
  using word = lane_word<Lanes>;
  const Lanes code = rounding.code(align(f, magnitude), negative, random_word, random_bits);
  // Without zero every number below the range becomes the smallest one.
  if (f.has_zero) return code;
  return lane_operations<Lanes>::select(magnitude < Lanes(first_normal<word>(f)), Lanes(word{0}), code);
}
template <rounding_mode Mode, stochastic_variant Variant = stochastic_variant::a, class Lanes>
NIBBLE_FUNCTION Lanes round_magnitude(const float_format& f, Lanes magnitude, Lanes negative, Lanes random_word,
                                      int random_bits) noexcept {
  return round_magnitude(static_rounding<Mode, Variant>{}, f, magnitude, negative, random_word, random_bits);
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
