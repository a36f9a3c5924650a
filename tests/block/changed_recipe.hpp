// SPDX-License-Identifier: Apache-2.0
//
// Recipes that nobody has published: what backends do with them must agree, too.
#pragma once

#include <cstddef>
#include <iterator>

#include <nibble/block/recipe.hpp>

namespace block_test {

/// Gives about a quarter of the fields of `r` another value. `below(n)` is a random number less than n.
template <class Below>
void change(nibble::recipe& r, const Below& below) {
  using namespace nibble;
  const auto any = [&]<class Enum>(Enum& field, Enum last) {
    if (below(4) == 0) field = static_cast<Enum>(below(static_cast<std::size_t>(last) + 1));
  };
  const auto flag = [&](bool& field) { any(field, true); };
  const auto number = [&](float& field) {
    constexpr float values[] = {0.0F, 0x1p-6F, 0.125F, 1.0F, 256.0F, 1e-40F, 0.3F, 100.0F};
    if (below(4) == 0) field = values[below(std::size(values))];
  };
  any(r.amax, amax_rule::ignore_nan);
  any(r.tensor, tensor_scale_rule::power_of_two_up);
  flag(r.zero_tensor_encodes_one);
  any(r.scale, scale_rule::exact);
  any(r.scale_rounding, rounding_mode::to_odd);
  number(r.scale_floor);
  flag(r.ggml_scale_codec);
  any(r.exponent, exponent_rule::float_log2_floor_wrapped);
  flag(r.infinite_amax_saturates);
  any(r.element, element_rule::exact);
  any(r.zero_scale, zero_scale_rule::replace);
  number(r.scale_replacement);
  any(r.rounding, rounding_mode::to_odd);
  flag(r.half_added_in_float);
  flag(r.searches_in_float);
  any(r.policy.nan_code, nan_code_rule::quiet_payload);
  any(r.policy.nan_sign, nan_sign_rule::keep);
  any(r.policy.absent_nan, absent_nan_rule::negated_zero);
  any(r.policy.infinity, infinity_rule::zero);
  any(r.policy.negative_zero, negative_zero_rule::drop);
  any(r.policy.negative_in_unsigned, unsigned_rule::nan);
  flag(r.underflow_is_zero);
  any(r.choice, four_over_six::mean_squared_error);
  number(r.tensor_scale_max);
}

}  // namespace block_test
