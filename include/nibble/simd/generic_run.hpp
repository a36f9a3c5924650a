// SPDX-License-Identifier: Apache-2.0
//
// Elements of whole blocks under any format, recipe and rounding, on the vectors of any architecture: scaled by one
// product or quotient, then encoded by the expression of format/encode.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/block/encode_chunk.hpp>
#include <nibble/simd/lanes.hpp>
#include <nibble/simd/real.hpp>
#include <nibble/simd/x86/round.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether hardware may scale the elements of a format at all: 32 random bits and the half of the last lie above
/// float32's subnormal numbers.
NIBBLE_FUNCTION bool has_normal_steps(const float_format& f) noexcept {
  return f.min_exponent() - f.mantissa_bits > -126 + 33;
}

/// The power of two, `most` at most, up to which hardware may enlarge the elements of a format: of subnormal ones,
/// which a processor may read as zero, nothing reaches 32 random bits.
NIBBLE_FUNCTION int largest_enlargement(const float_format& f, int most) noexcept {
  const int own = f.min_exponent() - f.mantissa_bits - 34 + 126;
  return own < most ? own : most;
}

/// The exponent fields of operands by which a product or quotient with any element that can matter is computed exactly
/// as in scalar code: neither operand nor a result above the last random bit is a subnormal. Exact quotients are
/// rounded to odd by float32 operations: the remainder of an element that can matter is no subnormal. A block outside
/// takes the scalar path.
struct plain_fields {
  std::uint32_t first;
  std::uint32_t last;
};
NIBBLE_FUNCTION plain_fields plain_fields_of(const float_format& f, element_scaling::kind how) noexcept {
  using kind = element_scaling::kind;
  const auto field = [](int exponent) { return static_cast<std::uint32_t>(127 + exponent); };
  if (how == kind::exact) return {field(-largest_enlargement(f, 60)), field(100)};
  if (how == kind::divide) return {field(-largest_enlargement(f, 81)), field(118)};
  return {field(-119), field(largest_enlargement(f, 82))};
}

/// Whether hardware may scale the elements of a block by this operand. `exact` says whether the architecture has exact
/// quotients.
NIBBLE_FUNCTION bool is_plain_operand(const float_format& f, element_scaling::kind how, binary32 operand,
                                      bool exact) noexcept {
  using kind = element_scaling::kind;
  if (how == kind::nothing || (how == kind::exact && !exact)) return false;
  if (operand.is_zero() && (how == kind::multiply || how == kind::shift)) return true;
  const std::uint32_t field = operand.bits() >> 23;
  const plain_fields plain = plain_fields_of(f, how);
  return field >= plain.first && field <= plain.last;
}

/// floor(q * 2^exponent) in units of 2^-149 as the bits of a float32, rounded down; q > 0, exponent >= 0.
NIBBLE_FUNCTION std::uint32_t float_of_units(std::uint64_t q, int exponent) noexcept {
  int width = exponent;
  for (std::uint64_t rest = q; rest != 0; rest >>= 1) ++width;
  if (width <= 24) return static_cast<std::uint32_t>(q << exponent);
  const int excess = width - exponent - 24;
  const auto significand = static_cast<std::uint32_t>(excess >= 0 ? q >> excess : q << -excess);
  return (static_cast<std::uint32_t>(width - 24) << 23) + significand;
}

/// The largest magnitude that scaling by a plain operand rounds to zero in binary32: the scaled number is at most 2^-150.
NIBBLE_FUNCTION std::uint32_t underflow_limit(element_scaling::kind how, binary32 operand) noexcept {
  if (how == element_scaling::kind::exact || operand.is_zero()) return 0;
  const auto field = static_cast<int>(operand.bits() >> 23);
  const std::uint64_t significand = (operand.bits() & 0x007f'ffffU) | 0x0080'0000U;
  if (how == element_scaling::kind::divide) {
    // x <= operand * 2^-150: half the operand in units of 2^-149.
    const int up = field - 151;
    if (up >= 0) return float_of_units(significand, up);
    const std::uint64_t q = up > -64 ? significand >> -up : 0U;
    return q == 0 ? 0U : float_of_units(q, 0);
  }
  // x <= 2^-150 / operand, which is 2^(149 - field) / significand in units of 2^-149.
  const int power = 149 - field;
  if (power < 23) return 0;
  const std::uint64_t q = (std::uint64_t{1} << (power < 63 ? power : 63)) / significand;
  return q == 0 ? 0U : float_of_units(q, power < 63 ? 0 : power - 63);
}

/// A block's plain operand, resolved: where `traces`, a nonzero product that underflows stays apart from an exact zero,
/// and `lost` is the largest magnitude that does count as zero.
struct scaled_by {
  binary32 value{0.0F};
  std::uint32_t lost = 0;
  element_scaling::kind how = element_scaling::kind::multiply;
  bool traces = false;
};

/// Whether an architecture has fused operations by which a quotient is exact.
template <class Arch>
inline constexpr bool has_exact_quotient =
#if defined(__FMA__) && defined(__AVX2__)
    has_avx2<Arch>;
#else
    false;
#endif

/// x / d as a real number, rounded to odd: float32 with a sticky last bit. For plain divisors and magnitudes, where
/// has_exact_quotient; `reciprocal` is 1 / d to the last place.
template <class Arch>
NIBBLE_ALWAYS_INLINE word_batch<Arch> quotient_to_odd(simd_real<Arch> x, simd_real<Arch> d,
                                                      simd_real<Arch> reciprocal) noexcept {
#if defined(__AVX2__)
  if constexpr (has_exact_quotient<Arch>) {
    using words = word_batch<Arch>;
    using vector = x86::vector_of<Arch>;
    // The quotient to less than a unit in the last place; then the sign of its exact remainder.
    const typename vector::real guess = vector::multiply(x.value, reciprocal.value);
    const typename vector::real q =
        vector::multiply_add(vector::subtract_product(guess, d.value, x.value), reciprocal.value, guess);
    const words rest(vector::as_word(vector::subtract_product(q, d.value, x.value)));
    const words y(vector::as_word(q));
    return xsimd::select(rest << 1 == words(0U), y, (y - (rest >> 31)) | words(1U));
  }
#endif
  return bits_as<std::uint32_t>((x / d).value) + bits_as<std::uint32_t>(reciprocal.value);
}

/// Scales the elements of a call as its blocks demand, to float32.
template <float_format F, class Arch>
class element_scaler {
 public:
  using words = word_batch<Arch>;

  element_scaler(const recipe& r, const rounding_choice& rounding) noexcept
      : half_added_in_float_(r.half_added_in_float),
        underflow_is_zero_(r.underflow_is_zero),
        half_(exact_binary32(F.min_positive() / 2).bits() - 1U),
        // Without a zero or a sign, too, a code may tell zeros from what is next to them.
        sticky_(!F.has_zero || (!F.has_sign && r.policy.negative_in_unsigned == unsigned_rule::nan) ||
                rounding.mode == rounding_mode::upward || rounding.mode == rounding_mode::downward ||
                rounding.mode == rounding_mode::to_odd || r.policy.negative_zero == negative_zero_rule::drop_exact) {}

  /// Whether a product with the operand is all there is to it.
  [[nodiscard]] bool is_product(element_scaling::kind how) const noexcept {
    return (how == element_scaling::kind::multiply || how == element_scaling::kind::shift) && !sticky_ &&
           !half_added_in_float_;
  }

  /// The same but for numbers that the product makes zero, and the half that a recipe adds to one with all bits set.
  [[nodiscard]] bool is_product_of_most(element_scaling::kind how) const noexcept {
    return how == element_scaling::kind::shift || (how == element_scaling::kind::multiply && !half_added_in_float_);
  }

  /// Whether a nonzero product that underflows is to stay apart from an exact zero.
  [[nodiscard]] bool sees_traces() const noexcept { return sticky_; }

  /// What scaled() needs to know of a block with a plain operand.
  [[nodiscard]] scaled_by prepare(element_scaling::kind how, binary32 operand) const noexcept {
    const bool literal = how != element_scaling::kind::shift || underflow_is_zero_;
    const bool traces = sticky_ && !operand.is_zero();
    return {operand, traces && literal ? underflow_limit(how, operand) : 0U, how, traces};
  }

  /// Scales `count` finite elements, a multiple of the vector, and multiplies them by `unit`, a power of two. A trace of a
  /// nonzero element stays. The operand is copied: what is stored might otherwise be part of it.
  [[gnu::noinline]] void run(const std::uint32_t* bits, std::size_t count, const scaled_by operand, float unit,
                             std::uint32_t* out) const noexcept {
    using real = simd_real<Arch>;
    using enum element_scaling::kind;
    using integers = signed_batch<Arch>;
    const real factor(static_cast<float>(operand.value));
    const real one(1.0F);
    const real reciprocal = operand.how == exact ? one / factor : one;
    const real units(unit);
    const integers lost(static_cast<std::int32_t>(operand.lost));
    const integers least(0x0080'0000);
    const bool adds_half = half_added_in_float_ && operand.how != exact;
    const words half(half_);
    for (std::size_t i = 0; i < count; i += words::size) {
      const words x = words::load_unaligned(bits + i);
      const words magnitude = x & words(0x7fff'ffffU);
      const real number(bits_as<float>(magnitude));
      words y;
      if (operand.how == exact) {
        y = quotient_to_odd<Arch>(number, factor, reciprocal);
      } else {
        y = bits_as<std::uint32_t>((operand.how == divide ? number / factor : number * factor).value);
      }
      if (adds_half) y = y + xsimd::select(y == half, words(1U), words(0U));
      y = bits_as<std::uint32_t>((real(bits_as<float>(y)) * units).value);
      if (operand.traces) {
        // Signed comparisons of non-negative integers, which x86 has.
        const auto counts = bits_as<std::int32_t>(magnitude) > lost;
        const words traced = bits_as<std::uint32_t>(xsimd::select(counts, least, integers(0)));
        const auto is_tiny = bits_as<std::int32_t>(y) < least;
        y = bits_as<std::uint32_t>(xsimd::select(is_tiny, bits_as<std::int32_t>(traced), bits_as<std::int32_t>(y)));
      }
      (y | (x ^ magnitude)).store_unaligned(out + i);
    }
  }

 private:
  bool half_added_in_float_;
  bool underflow_is_zero_;
  std::uint32_t half_;
  bool sticky_;
};

/// Whether kernels of x86/ serve the elements of a format on an architecture, in all but two variants of stochastic rounding.
template <float_format F, class Arch>
inline constexpr bool has_element_kernel =
#if defined(__AVX2__)
    has_avx2<Arch> && x86::rounds_by_addition(F);
#else
    false;
#endif

/// One call's choice of format, recipe and rounding, resolved once. Where kernels serve the deterministic roundings, this
/// has the stochastic ones only: what is never called need not be compiled.
template <float_format F, class Arch>
class generic_run {
 public:
  static constexpr bool only_stochastic = has_element_kernel<F, Arch>;

  using words = word_batch<Arch>;
  static constexpr std::size_t width = words::size;

  generic_run(const recipe& r, const rounding_choice& rounding) noexcept
      : rounding_(rounding), codes_(called_special_codes(F, rounding.mode, overflow::saturate, r.policy, false)),
        scaler_(r, rounding) {}

  [[nodiscard]] const element_scaler<F, Arch>& scaler() const noexcept { return scaler_; }

  /// Codes of `count` elements (at least a vector, at most chunk_size) of one block, NaN and Inf among them.
  void run(const std::uint32_t* bits, const std::uint32_t* random, const scaled_by& operand, std::size_t count,
           std::uint8_t* codes) const noexcept {
    std::uint32_t scaled[chunk_size];
    const std::size_t whole = count / width * width;
    scaler_.run(bits, whole, operand, 1.0F, scaled);
    if (whole < count) scaler_.run(bits + count - width, width, operand, 1.0F, scaled + count - width);
    for (std::size_t k = 0; k < count; k += width) {
      // The last vector overlaps the one before: the same elements give the same results.
      const std::size_t i = smaller(k, count - width);
      const words x = words::load_unaligned(bits + i);
      const words y = words::load_unaligned(scaled + i);
      // A NaN element keeps its bits, as in scale_elements; Inf times zero is the positive NaN of binary32.
      const auto is_nan = (y & words(0x7fff'ffffU)) > words(0x7f80'0000U);
      const auto was_nan = (x & words(0x7fff'ffffU)) > words(0x7f80'0000U);
      xsimd::select(was_nan, x, xsimd::select(is_nan, words(0x7fc0'0000U), y)).store_unaligned(scaled + i);
    }
    encode(scaled, random, count, codes);
  }

  /// Codes of `count` (at least a vector, at most chunk_size) scaled elements.
  void encode(const std::uint32_t* scaled, const std::uint32_t* random, std::size_t count,
              std::uint8_t* codes) const noexcept {
    std::uint32_t result[chunk_size];
    const run_time_rounding<only_stochastic ? rounding_set::stochastic : rounding_set::every> by{rounding_.mode,
                                                                                                rounding_.variant};
    const bool draws = only_stochastic || by.mode == rounding_mode::stochastic;
    const special_codes special = codes_;
    const int random_bits = rounding_.random_bits;
    std::size_t k = 0;
    if constexpr (!only_stochastic) {
      constexpr static_rounding<rounding_mode::nearest_even> usual;
      for (; by.mode == rounding_mode::nearest_even && k < count; k += width) {
        const std::size_t i = smaller(k, count - width);
        encode_lanes(usual, F, special, words::load_unaligned(scaled + i), words(0U), 0).store_unaligned(result + i);
      }
    }
    for (; k < count; k += width) {
      const std::size_t i = smaller(k, count - width);
      const words word = draws ? words::load_unaligned(random + i) : words(0U);
      encode_lanes(by, F, special, words::load_unaligned(scaled + i), word, random_bits).store_unaligned(result + i);
    }
    for (std::size_t i = 0; i < count; ++i) codes[i] = static_cast<std::uint8_t>(result[i]);
  }

 private:
  rounding_choice rounding_;
  special_codes codes_;
  element_scaler<F, Arch> scaler_;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
