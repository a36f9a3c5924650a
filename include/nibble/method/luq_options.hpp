// SPDX-License-Identifier: Apache-2.0
//
// What a call of luq can be told: grid, alpha, rounding below and above alpha, averaging. Where the paper (Chmiel et
// al., "Accurate neural training with 4-bit matrix multiplications at standard formats"), its authors' code and a
// third-party port disagree, each is a preset.
#pragma once

#include <cstdint>
#include <optional>

#include <nibble/base/binary32.hpp>
#include <nibble/block/options.hpp>

namespace nibble {
inline namespace v0 {

/// What becomes of magnitudes below alpha.
enum class luq_underflow : std::uint8_t {
  stochastic,  ///< alpha with probability |x| / alpha, else 0: unbiased (paper equation 10)
  zero,        ///< always 0 (ablation: plain FP4)
};
/// How magnitudes between two powers are rounded.
enum class luq_inside : std::uint8_t {
  stochastic,  ///< up with probability (|x| - lo) / lo: unbiased (paper equation 12)
  nearest,     ///< RDNP, the nearer power: up from 1.5 lo on (paper equation 14; the text before it prints the midpoint
               ///< 3/4 * 2^n of the powers 2^(n-1) and 2^n as 3/4 * 2^(n-1), which is below both)
  nearest_logarithm,  ///< the nearer exponent: up from sqrt(2) lo on, the biased rounding that RDNP replaces
  log_domain,         ///< up with probability log2(|x| / lo): biased upward by up to 6.15 % (a third party's variant)
};
/// What alpha follows from.
enum class luq_maximum : std::uint8_t {
  magnitude,  ///< max |x| (the paper)
  signed_value,  ///< max x, so that larger negative magnitudes saturate (the authors' code)
};

/// Options of luq. alpha = maximum / 2^(levels - 1); it is rounded up to a power of two where it is no normal float32.
struct luq_options {
  int levels = 7;  ///< nonzero magnitudes, 1 to 16; 7 is what 4 bits with a sign hold
  luq_maximum maximum = luq_maximum::magnitude;
  std::optional<float> known_maximum{};  ///< a hindsight estimate; larger magnitudes saturate
  bool power_of_two_alpha = false;       ///< alpha rounded up to a power of two, which keeps it unbiased
  luq_underflow underflow = luq_underflow::stochastic;
  luq_inside inside = luq_inside::stochastic;
  /// With N = random.bits an upward step of probability p is taken by floor(2^N p) of the 2^N words, so that the
  /// expectation is less than 2^-N of the step too small: of alpha below alpha, of the lower power above. Magnitudes
  /// below 2^-N alpha are 0 then. Fewer bits draw fewer words, of which the generator's time is made. The variant is a.
  stochastic random{};
  int samples = 1;  ///< of luq_values: independent quantizations averaged, 1 to 256; sample s draws from stream + s

  /// "alpha = max / 2^(2^(b-1)), b = 3" as printed: max / 16.
  static constexpr luq_options paper() noexcept { return {.levels = 5}; }
  /// The authors' code: max / 128, of the signed maximum. Needs 8 nonzero magnitudes, one more than 4 bits hold. That
  /// code lets negative magnitudes beyond the maximum climb on; 16 levels and a known_maximum of 2^8 times max do the
  /// same.
  static constexpr luq_options authors_code() noexcept { return {.levels = 8, .maximum = luq_maximum::signed_value}; }
  /// The third-party port: max / 256, rounded in the log domain, biased.
  static constexpr luq_options log_domain_port() noexcept { return {.levels = 9, .inside = luq_inside::log_domain}; }
  /// Ablation arm: neither stochastic underflow nor stochastic rounding.
  static constexpr luq_options plain() noexcept {
    return {.underflow = luq_underflow::zero, .inside = luq_inside::nearest};
  }
  /// Ablation arm: stochastic rounding between powers alone.
  static constexpr luq_options stochastic_rounding_only() noexcept { return {.underflow = luq_underflow::zero}; }
  /// Ablation arm: stochastic underflow alone; what is above alpha goes to the nearer power.
  static constexpr luq_options stochastic_underflow_only() noexcept { return {.inside = luq_inside::nearest}; }
};

/// The hindsight estimate of the next maximum: (1 - eta) * maximum + eta * estimate, in float32 (paper equation 18).
[[nodiscard]] NIBBLE_FUNCTION float hindsight_maximum(float maximum, float estimate, float eta) noexcept {
  const binary32 e(eta);
  return static_cast<float>((binary32(1.0F) - e) * binary32(maximum) + e * binary32(estimate));
}

/// The running estimate of the maximum for tensors seen one after the other: next() gives the known_maximum for the
/// coming tensor, observe() takes its true one afterwards. The first tensor has no estimate: next() is then empty.
class hindsight {
 public:
  explicit constexpr hindsight(float eta) noexcept : eta_(eta) {}
  [[nodiscard]] constexpr std::optional<float> next() const noexcept { return estimate_; }
  constexpr void observe(float maximum) noexcept {
    estimate_ = estimate_ ? hindsight_maximum(maximum, *estimate_, eta_) : maximum;
  }

 private:
  float eta_;
  std::optional<float> estimate_{};
};

}  // namespace v0
}  // namespace nibble
