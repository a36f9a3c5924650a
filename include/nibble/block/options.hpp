// SPDX-License-Identifier: Apache-2.0
//
// What a call of quantize can be told: rounding with its randomness, recipe, orientation, amax, diagnostics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <nibble/base/philox.hpp>
#include <nibble/block/matrix_view.hpp>
#include <nibble/block/recipe_presets.hpp>
#include <nibble/format/rounding.hpp>

namespace nibble {
inline namespace v0 {

/// Stochastic rounding whose random bits are a pure function of position: the Philox4x32 words of (seed, stream),
/// read as one long little-endian bit string, of which logical element i of the tensor (row * cols + col of the source
/// matrix) takes bits [i * bits, (i + 1) * bits). Threads, tiles and orientation cannot change a result.
struct stochastic {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  ///< separates tensors that share a seed
  int bits = 32;             ///< 32, 16 or 8 an element
  stochastic_variant variant = stochastic_variant::a;
  std::uint64_t first_element = 0;  ///< logical index of the matrix's element (0, 0), for a slice of a larger tensor;
                                    ///< below 2^63, so that no index behind it wraps
  int rounds = 10;  ///< of Philox4x32: 10 is the published generator, 7 the fewest that pass statistical tests
};

/// Stochastic rounding by the caller's own random words, read as the same bit string, to replay another kernel's.
struct stochastic_words {
  std::span<const std::uint32_t> words;
  int bits = 32;
  stochastic_variant variant = stochastic_variant::a;
};

/// How elements are rounded: as the recipe says (default), by one of the tags of rounding.hpp, or stochastically.
class element_rounding {
 public:
  constexpr element_rounding() = default;
  template <class Tag>
    requires rounding<Tag>
  constexpr element_rounding(const Tag& tag) noexcept : as_recipe_(false), choice_(choice_of(tag)) {}
  constexpr element_rounding(rounding_mode mode) noexcept : as_recipe_(false), choice_{mode} {}
  constexpr element_rounding(const stochastic& s) noexcept
      : as_recipe_(false), choice_{rounding_mode::stochastic, s.variant, s.bits, 0}, random_(s), draws_(true) {}
  constexpr element_rounding(const stochastic_words& s) noexcept
      : as_recipe_(false), choice_{rounding_mode::stochastic, s.variant, s.bits, 0}, words_(s.words) {}

  /// The mode and variant in use under `r`.
  [[nodiscard]] constexpr rounding_choice choice(const recipe& r) const noexcept {
    return as_recipe_ ? rounding_choice{r.rounding} : choice_;
  }
  [[nodiscard]] constexpr bool is_stochastic() const noexcept { return choice_.mode == rounding_mode::stochastic; }
  [[nodiscard]] constexpr bool draws() const noexcept { return draws_; }
  [[nodiscard]] constexpr const stochastic& random() const noexcept { return random_; }
  [[nodiscard]] constexpr std::span<const std::uint32_t> words() const noexcept { return words_; }

 private:
  bool as_recipe_ = true;
  rounding_choice choice_{};
  stochastic random_{};
  bool draws_ = false;
  std::span<const std::uint32_t> words_{};
};

/// Along which side of the source matrix a block runs.
enum class orientation : std::uint8_t {
  row_wise,     ///< consecutive columns of a row share a scale
  column_wise,  ///< consecutive rows of a column share a scale; the result holds the transposed matrix
};

/// What quantize noticed. Every call adds to the fields. In a block whose scale is NaN no element counts as clipped or
/// zeroed.
struct quantize_counts {
  std::uint64_t elements = 0;
  std::uint64_t clipped = 0;    ///< finite elements whose scaled magnitude was beyond the largest number
  std::uint64_t zeroed = 0;     ///< nonzero elements that became zero
  std::uint64_t nonfinite = 0;  ///< NaN and Inf elements

  constexpr quantize_counts& operator+=(const quantize_counts& other) noexcept {
    elements += other.elements;
    clipped += other.clipped;
    zeroed += other.zeroed;
    nonfinite += other.nonfinite;
    return *this;
  }
};

/// Options of quantize; every field has a default.
struct quantize_options {
  element_rounding rounding{};
  nibble::recipe recipe{};
  nibble::orientation orientation = nibble::orientation::row_wise;
  std::optional<float> tensor_amax{};  ///< the tensor's amax where it is known or shared between slices; else computed
  quantize_counts* counts = nullptr;   ///< where to add diagnostics, or null
};

namespace detail::inline NIBBLE_UNIT {

/// Rejects a field that holds no enumerator.
[[noreturn, gnu::noinline]] inline void reject_enumerator(unsigned value, unsigned last, const char* name) {
  throw_argument({name, " is ", value, "; its enumerators are 0 to ", last});
}
template <class Enum>
NIBBLE_ALWAYS_INLINE constexpr void check_enumerator(Enum value, Enum last, const char* name) {
  if (value <= last) [[likely]] return;
  reject_enumerator(static_cast<unsigned>(value), static_cast<unsigned>(last), name);
}

/// Rejects a number outside [least, largest float].
inline void check_number(float value, float least, const char* name) {
  const binary32 x(value);
  if (!x.is_finite() || x < binary32(least)) {
    throw_argument({name, " is ", value, "; it must be finite and at least ", least});
  }
}

inline void check_policy(const special_policy& p) {
  check_enumerator(p.nan_code, nan_code_rule::quiet_payload, "options.recipe.policy.nan_code");
  check_enumerator(p.nan_sign, nan_sign_rule::keep, "options.recipe.policy.nan_sign");
  check_enumerator(p.absent_nan, absent_nan_rule::negated_zero, "options.recipe.policy.absent_nan");
  check_enumerator(p.infinity, infinity_rule::zero, "options.recipe.policy.infinity");
  check_enumerator(p.negative_zero, negative_zero_rule::drop, "options.recipe.policy.negative_zero");
  check_enumerator(p.negative_in_unsigned, unsigned_rule::nan, "options.recipe.policy.negative_in_unsigned");
}

/// Rejects a recipe with a field that means nothing.
inline void check_recipe_fields(const recipe& r) {
  check_enumerator(r.amax, amax_rule::ignore_nan, "options.recipe.amax");
  check_enumerator(r.tensor, tensor_scale_rule::power_of_two_up, "options.recipe.tensor");
  check_enumerator(r.scale, scale_rule::exact, "options.recipe.scale");
  check_enumerator(r.scale_rounding, rounding_mode::to_odd, "options.recipe.scale_rounding");
  check_number(r.scale_floor, 0.0F, "options.recipe.scale_floor");
  check_enumerator(r.exponent, exponent_rule::float_log2_floor_wrapped, "options.recipe.exponent");
  check_enumerator(r.element, element_rule::exact, "options.recipe.element");
  check_enumerator(r.zero_scale, zero_scale_rule::replace, "options.recipe.zero_scale");
  check_number(r.scale_replacement, 0.0F, "options.recipe.scale_replacement");
  check_enumerator(r.rounding, rounding_mode::to_odd, "options.recipe.rounding");
  check_policy(r.policy);
  check_enumerator(r.choice, four_over_six::mean_squared_error, "options.recipe.choice");
  check_number(r.tensor_scale_max, 0.0F, "options.recipe.tensor_scale_max");
}

/// Rejects an amax that the recipe's formulas are not made for.
inline void check_tensor_amax(float amax, amax_rule rule) {
  const binary32 a(amax);
  if (a.is_nan() ? rule == amax_rule::propagate : !a.is_negative() && (a.is_finite() || rule != amax_rule::finite)) return;
  throw_argument({"options.tensor_amax is ", amax, "; it must be a magnitude, Inf only where options.recipe.amax counts ",
                  "Inf, NaN only where it propagates NaN"});
}

/// Rejects a generator that is not offered, and a place from which the index of an element could wrap around.
inline void check_random_words(int rounds, std::uint64_t first_element, const char* owner) {
  if (rounds != 7 && rounds != 10) throw_argument({owner, ".rounds is ", rounds, "; it must be 7 or 10"});
  if (first_element >> 63 != 0) {
    throw_argument({owner, ".first_element is ", first_element, "; it must be below 2^63"});
  }
}

/// Rejects options that no call can honour. `elements` is the number of elements to be rounded.
inline void check_options(const quantize_options& o, std::size_t elements) {
  check_recipe_fields(o.recipe);
  if (o.tensor_amax) check_tensor_amax(*o.tensor_amax, o.recipe.amax);
  check_enumerator(o.orientation, orientation::column_wise, "options.orientation");
  const rounding_choice choice = o.rounding.choice(o.recipe);
  check_enumerator(choice.mode, rounding_mode::stochastic, "options.rounding");
  check_enumerator(choice.variant, stochastic_variant::c, "options.rounding: variant");
  if (!o.rounding.is_stochastic()) return;
  const int bits = choice.random_bits;
  if (bits != 8 && bits != 16 && bits != 32) {
    throw_argument({"options.rounding: stochastic bits is ", bits, "; it must be 8, 16 or 32"});
  }
  if (o.rounding.draws()) {
    check_random_words(o.rounding.random().rounds, o.rounding.random().first_element, "options.rounding: stochastic");
    return;
  }
  const std::size_t per_word = 32U / static_cast<unsigned>(bits);
  const std::size_t needed = elements / per_word + (elements % per_word != 0 ? 1U : 0U);
  if (o.rounding.words().size() < needed) {
    throw_argument({"options.rounding: stochastic_words.words holds ", o.rounding.words().size(), " words; ", elements,
                    " elements of ", bits, " bits need ", needed, " (stochastic{} draws its own)"});
  }
}

/// The random words of consecutive logical elements, right-aligned in `out`.
class random_source {
 public:
  constexpr random_source(const element_rounding& r, int bits) noexcept : rounding_(&r), bits_(bits) {}

  /// Element `first` + i * step for i < count.
  constexpr void fill(std::uint64_t first, std::uint64_t step, std::size_t count, std::uint32_t* out) noexcept {
    for (std::size_t i = 0; i < count; ++i) out[i] = word(first + i * step);
  }

 private:
  constexpr std::uint32_t word(std::uint64_t element) noexcept {
    const auto per_word = static_cast<std::uint64_t>(32 / bits_);
    if (rounding_->draws()) element += rounding_->random().first_element;
    const std::uint64_t index = element / per_word;
    std::uint32_t value = 0;
    if (rounding_->draws()) {
      if (index / 4 != cached_index_ || !cached_) {
        cached_block_ = random_block(rounding_->random().seed, rounding_->random().stream, index / 4, rounding_->random().rounds);
        cached_index_ = index / 4;
        cached_ = true;
      }
      value = cached_block_.words[index % 4];
    } else {
      value = rounding_->words()[index];
    }
    const auto place = static_cast<int>(element % per_word) * bits_;
    return bits_ == 32 ? value : (value >> place) & ((std::uint32_t{1} << bits_) - 1U);
  }

  const element_rounding* rounding_;
  int bits_;
  bool cached_ = false;
  std::uint64_t cached_index_ = 0;
  philox_block cached_block_{};
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
