// SPDX-License-Identifier: Apache-2.0
//
// The scales of a whole tile by a loop without decisions, for what most calls are: finite blocks, scales rounded to
// nearest even or powers of two, elements multiplied. Whatever the loop does not foresee shows in the largest and
// smallest numbers on its way; the caller then goes through the tile block by block.
#pragma once

#include <nibble/simd/x86/blocks.hpp>
#include <nibble/simd/x86/round.hpp>
#include <nibble/simd/x86/transpose.hpp>

#if defined(__AVX2__)

#include <array>
#include <cstddef>
#include <cstdint>

#include <nibble/block/block_scale.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Whether some recipe has such scales.
NIBBLE_FUNCTION bool has_quick_scales(const block_format& f) noexcept {
  return f.power_of_two_scale() ? f.scale == formats::e8m0 : rounds_scales_by_addition(f.scale);
}

template <block_format F, class V>
class quick_scales {
  using word = typename V::word;
  using real = typename V::real;
  static constexpr int fraction = F.scale.mantissa_bits;
  /// Whether quotients by scales are looked up by the fraction of the scale: they differ by powers of two else.
  static constexpr bool looks_up = !F.power_of_two_scale() && fraction <= 3;

 public:
  quick_scales() = default;
  /// Multipliers include 2^prescale; their exponent fields are from `lowest` to before `highest` without it. The loop
  /// serves blocks whose largest element is scaled to less than 2^`reach`, and is_close() tells of those of less than
  /// 2^`close_reach`, if that is not 0. Scales are `enlarged`, 1 or 1.5, times as large before they are rounded.
  quick_scales(const recipe& r, const tensor_scaling& t, const scale_constants& k, binary32 enlarged, int prescale,
               int lowest, int highest, int reach, int close_reach) noexcept
      : floor_(r.scale_floor), enlarged_(static_cast<float>(enlarged)), prescale_(prescale) {
    if constexpr (F.power_of_two_scale()) {
      set_exponents(r, k, lowest, highest, reach, close_reach);
    } else {
      set_factors(r, t, k, lowest, highest, reach, close_reach);
    }
  }

  [[nodiscard]] bool applies() const noexcept { return applies_; }

  /// Whether all of `blocks` blocks that run() served are scaled to less than 2^close_reach.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE bool is_close(const std::uint32_t* amax, std::size_t blocks) const noexcept {
    if (close_highest_ == 0) return false;
    word largest = V::all(0U);
    for (std::size_t b = 0; b < blocks; b += V::lanes) largest = V::largest(largest, V::load(amax + b));
    return !V::any(V::greater(largest, V::all(close_highest_ - 1U)));
  }

  /// Codes and multipliers for `blocks` blocks, in whole vectors, by the magnitude bits of their amaxes; false where
  /// the results do not count.
  [[nodiscard, gnu::noinline]] bool run(const std::uint32_t* amax, std::size_t blocks, std::uint32_t* code,
                                        std::uint32_t* multiplier) const noexcept {
    const auto load = [=](std::size_t b) NIBBLE_INLINE_LAMBDA { return V::load(amax + b); };
    if constexpr (F.power_of_two_scale()) {
      return exponents(load, blocks, code, multiplier);
    } else {
      if constexpr (!can_read_elements) {
        if (steps_ == steps::multiply) return fractions<true>(load, amax, blocks, code, multiplier);
      }
      return fractions<false>(load, amax, blocks, code, multiplier);
    }
  }

  /// Whether run_from() may serve: where it was found faster, and for the scales that are used most.
  static constexpr bool can_read_elements = V::lanes == 8 || F.power_of_two_scale();
  static constexpr bool can_run_both = looks_up;
  [[nodiscard]] bool reads_elements() const noexcept {
    return applies_ && (F.power_of_two_scale() || steps_ == steps::multiply);
  }
  /// The same for whole vectors of blocks of `Size` elements that lie at `x`, while what lies at `ahead` is fetched; stores
  /// the amaxes, too. One loop for both: the one waits for memory, the other for what it computes.
  template <std::size_t Size>
  [[nodiscard, gnu::noinline]] bool run_from(const float* x, std::uint32_t* amax, std::size_t blocks, std::uint32_t* code,
                                             std::uint32_t* multiplier, const char* ahead) const noexcept {
    const auto find = [=, &ahead](std::size_t b) NIBBLE_INLINE_LAMBDA {
      const word a = block_maxima<V, Size>(x + b * Size);
      V::store(amax + b, a);
      ahead = fetch<V::lanes * Size * fetched_bytes>(ahead);
      return a;
    };
    if constexpr (F.power_of_two_scale()) {
      return exponents(find, blocks, code, multiplier);
    } else {
      return fractions<true>(find, amax, blocks, code, multiplier);
    }
  }

  /// Whether run_both() may serve: scales of four over six as Transformer Engine has them.
  [[nodiscard]] bool serves_both(const quick_scales& four) const noexcept {
    return applies_ && four.applies_ && steps_ == steps::divide_and_multiply &&
           four.steps_ == steps::divide_and_multiply_twice;
  }
  /// As run_from() under two scales a block, by one loop: these and those of `four`, which are enlarged. Stores the
  /// numbers that the scales stand for, too, and the magnitudes of the elements as turn_runs() does.
  template <std::size_t Size>
  [[nodiscard, gnu::noinline]] bool run_both(const quick_scales& four, const float* x, std::uint32_t* amax,
                                             std::size_t blocks, std::uint32_t* const (&code)[2],
                                             std::uint32_t* const (&multiplier)[2],
                                             std::uint32_t* const (&value)[2], float* turned) const noexcept {
    static_assert(looks_up);
    word largest = V::all(0U);
    word smallest = V::all(~0U);
    const quick_scales* const own[2] = {this, &four};
    const real first = V::opaque(V::all_real(first_));
    const real second = V::opaque(V::all_real(second_));
    const real enlarged = V::opaque(V::all_real(four.enlarged_));
    const word floor = V::as_word(V::opaque(V::all_real(floor_)));
    const word table[2] = {V::load(quotients_), V::load(four.quotients_)};
    for (std::size_t b = 0; b < blocks; b += V::lanes) {
      const word a = turn_runs<V, Size>(x + b * Size, turned + b * Size);
      V::store(amax + b, a);
      largest = V::largest(largest, a);
      real s = V::multiply(V::divide(V::as_real(a), first), second);
      unrolled<2>([&](auto c) NIBBLE_INLINE_LAMBDA {
        if (c == 1) s = V::multiply(s, enlarged);
        word those;
        V::store(code[c] + b, rounder<F.scale, V>::nearest(V::largest(V::as_word(s), floor), those));
        smallest = V::smallest_unsigned(smallest, those);
        V::store(value[c] + b, those);
        V::store(multiplier[c] + b, quotient(those, table[c]));
      });
    }
    const auto serves = [&](std::size_t c, bool any_zero) NIBBLE_INLINE_LAMBDA {
      return !V::any(V::greater(largest, V::all(own[c]->highest_ - 1U))) &&
             (!(own[c]->looks_closely_ || any_zero) || own[c]->mend(amax, blocks, code[c], multiplier[c]));
    };
    const bool any_zero = V::any(V::equal(smallest, V::all(0U)));
    return serves(0, any_zero) && serves(1, any_zero);
  }

  /// Less than the smallest but zero of multipliers that include 2^prescale.
  [[nodiscard]] static std::uint32_t smallest(const std::uint32_t* multiplier, std::size_t blocks) noexcept {
    std::uint32_t smallest = ~0U;
    for (std::size_t b = 0; b < blocks; ++b) smallest = multiplier[b] - 1U < smallest ? multiplier[b] - 1U : smallest;
    return smallest;
  }

 private:
  enum class steps : std::uint8_t { multiply, multiply_twice, divide_and_multiply, divide_and_multiply_twice, divide_twice };

  /// run() for scales with a fraction. amax_of(b) are the amaxes from block b on, as they lie at `amax` afterwards.
  /// `Multiplies`: they are scaled by one factor.
  template <bool Multiplies, class AmaxOf>
  [[nodiscard]] NIBBLE_ALWAYS_INLINE bool fractions(const AmaxOf& amax_of, const std::uint32_t* amax, std::size_t blocks,
                                                    std::uint32_t* code, std::uint32_t* multiplier) const noexcept {
    word largest = V::all(0U);   // amax
    word smallest = V::all(~0U);  // scale
    const quick_scales own = *this;  // what is stored might otherwise be some of it
    word table = V::all(0U);
    if constexpr (looks_up) table = V::load(quotients_);
    const auto scale = [&](std::size_t b, word a) NIBBLE_INLINE_LAMBDA {
      largest = V::largest(largest, a);
      const real first = V::all_real(own.first_);
      const real second = V::all_real(own.second_);
      real s = V::as_real(a);
      if constexpr (Multiplies) {
        s = V::multiply(s, first);
      } else {
        // A factor that some steps do not have is 1.
        s = own.steps_ >= steps::divide_and_multiply ? V::divide(s, first) : V::multiply(s, first);
        s = own.steps_ == steps::divide_twice ? V::divide(s, second) : V::multiply(s, second);
        s = V::multiply(s, V::all_real(own.enlarged_));
      }
      word value;
      const word c = rounder<F.scale, V>::nearest(V::largest(V::as_word(s), V::as_word(V::all_real(own.floor_))), value);
      V::store(code + b, c);
      smallest = V::smallest_unsigned(smallest, value);
      V::store(multiplier + b, own.quotient(value, table));
    };
    // The next maxima are found beside a scale, which takes long to compute.
    word amax_here = amax_of(0);
    for (std::size_t b = V::lanes; b < blocks; b += V::lanes) {
      const word next = V::opaque(amax_of(b));
      scale(b - V::lanes, amax_here);
      amax_here = next;
    }
    scale((blocks - 1) / V::lanes * V::lanes, amax_here);
    if (V::any(V::greater(largest, V::all(highest_ - 1U)))) return false;
    return !(looks_closely_ || V::any(V::equal(smallest, V::all(0U)))) || mend(amax, blocks, code, multiplier);
  }

  /// run() for powers of two.
  template <class AmaxOf>
  [[nodiscard]] NIBBLE_ALWAYS_INLINE bool exponents(const AmaxOf& amax_of, std::size_t blocks, std::uint32_t* code,
                                                    std::uint32_t* multiplier) const noexcept {
    word largest = V::all(0U);    // amax
    word smallest = V::all(~0U);  // amax less 1, so that zero is larger than all
    const quick_scales own = *this;
    for (std::size_t b = 0; b < blocks; b += V::lanes) {
      const word a = amax_of(b);
      largest = V::largest(largest, a);
      smallest = V::smallest_unsigned(smallest, V::add(a, V::all(~0U)));
      const word bits = V::as_word(V::multiply(V::as_real(a), V::all_real(own.first_)));
      const word least = V::all(own.least_field_);
      const word c = V::subtract(V::largest(V::template right<23>(V::add(bits, V::all(own.addend_))), least), least);
      const word m = V::template left<23>(V::subtract(V::all(static_cast<std::uint32_t>(254 + own.prescale_)), c));
      V::store(code + b, c);
      // Zeros take any multiplier.
      V::store(multiplier + b, V::without(m, V::equal(a, V::all(0U))));
    }
    return !V::any(V::greater(largest, V::all(highest_ - 1U))) && !is_too_small(smallest);
  }

  /// Whether an amax less 1 is below those that the loop serves.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE bool is_too_small(word smallest) const noexcept {
    const word lowest = V::all(lowest_);
    return V::any(V::differ(V::equal(V::smallest_unsigned(smallest, lowest), lowest), V::all(~0U)));
  }

  /// Gives blocks whose scale is zero their multiplier, which is zero, too. False if the loop served not all of them.
  [[nodiscard, gnu::noinline]] bool mend(const std::uint32_t* amax, std::size_t blocks, const std::uint32_t* code,
                                         std::uint32_t* multiplier) const noexcept {
    word smallest = V::all(~0U);
    word zeros = V::all(0U);
    for (std::size_t b = 0; b < blocks; b += V::lanes) {
      smallest = V::smallest_unsigned(smallest, V::add(V::load(amax + b), V::all(~0U)));
      const word is_zero = V::equal(V::load(code + b), V::all(0U));
      zeros = V::either(zeros, is_zero);
      V::store(multiplier + b, V::without(V::load(multiplier + b), is_zero));
    }
    return !is_too_small(smallest) && (serves_zeros_ || !V::any(zeros));
  }

  /// dividend / (value * factor), each rounded, for scales but zero. The products and quotients are normal numbers for
  /// all of them, so those of two scales with the same fraction have the same, too.
  NIBBLE_ALWAYS_INLINE word quotient(word value, word table) const noexcept {
    if constexpr (looks_up) {
      return V::subtract(V::permuted(table, V::template right<23 - fraction>(value)), value);
    } else {
      return quotient_by(value);
    }
  }
  NIBBLE_ALWAYS_INLINE word quotient_by(word value) const noexcept {
    return V::as_word(V::divide(V::all_real(dividend_), V::multiply(V::as_real(value), V::all_real(factor_))));
  }
  /// Lane i is the sum of a scale of exponent 0 whose fraction is that of i and its quotient: the exponent fields of a
  /// scale and of its quotient have one sum.
  void set_quotients() noexcept {
    alignas(64) static constexpr auto table = [] {
      std::array<std::uint32_t, V::lanes> values{};
      for (std::uint32_t i = 0; i < V::lanes; ++i) values[i] = (127U << 23) + (i % (1U << fraction) << (23 - fraction));
      return values;
    }();
    const word values = V::load(table.data());
    V::store(quotients_, V::add(quotient_by(values), values));
  }

  /// The numbers that make `shift` follow a recipe, if it can.
  void set_exponents(const recipe& r, const scale_constants& k, int lowest, int highest, int reach,
                     int close_reach) noexcept {
    using enum exponent_rule;
    if (r.exponent == float_log2_floor || r.exponent == float_log2_floor_wrapped) return;
    const bool reciprocal = r.exponent == reciprocal_ceil;
    first_ = reciprocal ? static_cast<float>(k.reciprocal_largest) : 1.0F;
    const int emax = reciprocal ? 0 : F.element.max_exponent();
    least_field_ = static_cast<std::uint32_t>(emax);
    // What rounding adds to zero is less than an exponent.
    addend_ = rounding_addend(r.exponent, F.element);
    // The multiplier's field is 254 - (amax's - emax), or up to 9 more or 1 less as the rule rounds.
    const int least = 254 + F.element.max_exponent() - highest + 10;
    const int most = 254 + F.element.max_exponent() - lowest - 2;
    lowest_ = static_cast<std::uint32_t>(least < 127 - 80 ? 127 - 80 : least) << 23;
    highest_ = static_cast<std::uint32_t>(most > 127 + 120 ? 127 + 120 : most) << 23;
    // Elements are scaled to less than 2^(emax + 1).
    applies_ = lowest_ < highest_ && F.element.max_exponent() + 1 <= reach;
    if (F.element.max_exponent() + 1 <= close_reach) close_highest_ = highest_;
    --lowest_;
  }

  /// The numbers that make `divide` follow a recipe, if it can: every scale but zero then has a multiplier in range.
  void set_factors(const recipe& r, const tensor_scaling& t, const scale_constants& k, int lowest, int highest,
                   int reach, int close_reach) noexcept {
    if (r.scale_rounding != rounding_mode::nearest_even || r.scale == scale_rule::exact || has_ggml_scales(F.scale, r))
      return;
    lowest_ = (static_cast<std::uint32_t>(127 - 80) << 23) - 1U;
    serves_zeros_ = r.zero_scale == zero_scale_rule::zero_codes &&
                    r.policy.negative_zero != negative_zero_rule::drop_exact;
    switch (r.scale) {
      case scale_rule::quotient_times_encode: set_scale(steps::divide_and_multiply, k.largest_element, t.encode); break;
      case scale_rule::quotient_by_scale: set_scale(steps::divide_twice, k.largest_element, t.decode); break;
      case scale_rule::product_times_encode: set_scale(steps::multiply_twice, k.reciprocal_largest, t.encode); break;
      default: set_scale(steps::multiply, t.encode * k.reciprocal_largest, binary32(1.0F)); break;
    }
    // Four over six, as Transformer Engine has it.
    if (enlarged_ != 1.0F) {
      if (steps_ != steps::divide_and_multiply) return;
      steps_ = steps::divide_and_multiply_twice;
    }
    binary32 dividend(1.0F);
    if (r.element == element_rule::multiply_encode_quotient) dividend = t.encode;
    if (r.element == element_rule::multiply_reciprocals) dividend = binary32(1.0F) / t.decode;
    const bool product = r.element == element_rule::multiply_reciprocal_of_product;
    const binary32 factor = product ? t.decode : binary32(1.0F);
    const auto field = [](binary32 x) { return static_cast<int>(x.bits() >> 23); };
    // Exponents of the multipliers of the largest scale and of the smallest, to 2.
    constexpr int largest = F.scale.max_exponent();
    constexpr int smallest = F.scale.min_exponent() - F.scale.mantissa_bits;
    const int quotient = field(dividend) - field(factor) + 127;
    const int scaled = field(dividend) + prescale_;
    applies_ = quotient - largest - 2 >= lowest && quotient - smallest + 2 < highest && scaled >= 1 && scaled <= 253 &&
               field(factor) + smallest >= 1 && field(factor) + largest + 1 <= 254;
    if (!applies_) return;
    // A scale before it is rounded is from 2^(growth - 2) times the amax on and less than 2^(growth + 2) times.
    const auto power = [&](float factor_of_scale, bool divides) {
      const int exponent = static_cast<int>(to_bits(factor_of_scale) >> 23) - 127;
      return divides ? -exponent : exponent;
    };
    const int growth = power(first_, steps_ >= steps::divide_and_multiply) + power(second_, steps_ == steps::divide_twice);
    // Rounded, it is more than half of that, or the largest one.
    const int scaled_to = quotient - 127 + 1 - (growth - 2) + 1;
    applies_ = scaled_to <= reach && growth > -100 && growth < 100;
    if (!applies_) return;
    const auto highest_within = [&](int power_of_two) {
      const int most = 127 + power_of_two - (quotient - 127 + 1 - largest);
      return static_cast<std::uint32_t>(most < 0 ? 0 : most < 127 + 120 ? most : 127 + 120) << 23;
    };
    highest_ = highest_within(reach);
    applies_ = highest_ > lowest_;
    if (close_reach != 0 && scaled_to <= close_reach) close_highest_ = highest_within(close_reach);
    // Of amaxes that are too small, scales would not be zero.
    looks_closely_ = floor_ != 0.0F || growth + (enlarged_ == 1.0F ? 2 : 3) - 80 > smallest - 1;
    dividend_ = bit_cast<float>(static_cast<std::uint32_t>(scaled) << 23 | (dividend.bits() & 0x007f'ffffU));
    factor_ = static_cast<float>(factor);
    if constexpr (looks_up) set_quotients();
  }
  void set_scale(steps s, binary32 first, binary32 second) noexcept {
    steps_ = s;
    first_ = static_cast<float>(first);
    second_ = static_cast<float>(second);
  }

  steps steps_ = steps::multiply;
  bool applies_ = false;
  bool serves_zeros_ = false;    ///< elements of a zero scale become zeros that keep their sign, or none does
  bool looks_closely_ = false;  ///< the smallest amax does not show in its scale
  float floor_ = 0.0F;
  float enlarged_ = 1.0F;
  int prescale_ = 0;
  std::uint32_t lowest_ = 0;   ///< one less than the smallest amax but zero
  std::uint32_t highest_ = 0;  ///< the amax from which on the loop does not serve
  std::uint32_t close_highest_ = 0;  ///< the amax from which on is_close() says no; 0 if it always does
  float first_ = 1.0F;         ///< factors of amax, or its divisors
  float second_ = 1.0F;
  float factor_ = 1.0F;  ///< the multiplier is dividend / (scale * factor)
  float dividend_ = 1.0F;
  std::uint32_t addend_ = 0;  ///< powers of two: rounds amax into its exponent field
  std::uint32_t least_field_ = 0;
  std::uint32_t quotients_[looks_up ? V::lanes : 1] = {};
};

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
