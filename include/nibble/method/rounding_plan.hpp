// SPDX-License-Identifier: Apache-2.0
//
// Which operand of which matrix product of FP4 training is rounded how, as data: the plan of Chmiel et al., "FP4 All
// the Way" (equations 4 to 6), and that of NVIDIA, "Pretraining Large Language Models with NVFP4" (section 4).
#pragma once

#include <cstdint>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {

/// The three products of a linear layer z = W a with output gradient d.
enum class training_product : std::uint8_t {
  forward,   ///< z = W a
  backward,  ///< g = W' d
  update,    ///< dW = d a'
};
enum class training_operand : std::uint8_t { weight, activation, gradient };

/// How one operand is quantized.
struct operand_plan {
  bool used = false;        ///< whether the product has this operand
  bool stochastic = false;  ///< stochastic rounding; else nearest even
  bool hadamard = false;    ///< a random Hadamard transform along the dot axis first, of both operands
  bool square_blocks = false;  ///< 16x16 tiles, so that W and W' have the same codes; else 1x16 along the dot axis
  friend constexpr bool operator==(const operand_plan&, const operand_plan&) = default;
};

/// The plan of all three products.
struct rounding_plan {
  operand_plan operands[3][3];  ///< [product][operand]

  [[nodiscard]] constexpr const operand_plan& of(training_product product, training_operand operand) const noexcept {
    return operands[static_cast<int>(product)][static_cast<int>(operand)];
  }
};

namespace rounding_plans {
/// "FP4 All the Way": gradients stochastic in both products, activations stochastic in the update alone, weights never.
/// The abstract's "stochastic rounding in the backward and update passes" is not about the weights.
inline constexpr rounding_plan fp4_all_the_way{{
    {{.used = true}, {.used = true}, {}},
    {{.used = true}, {}, {.used = true, .stochastic = true}},
    {{}, {.used = true, .stochastic = true}, {.used = true, .stochastic = true}},
}};
/// NVIDIA: only gradients are stochastic; weights have 16x16 tiles; both operands of the update are transformed.
inline constexpr rounding_plan nvidia_nvfp4{{
    {{.used = true, .square_blocks = true}, {.used = true}, {}},
    {{.used = true, .square_blocks = true}, {}, {.used = true, .stochastic = true}},
    {{}, {.used = true, .hadamard = true}, {.used = true, .stochastic = true, .hadamard = true}},
}};
}  // namespace rounding_plans

}  // namespace v0
}  // namespace nibble
