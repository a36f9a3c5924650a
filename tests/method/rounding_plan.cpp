// SPDX-License-Identifier: Apache-2.0
//
// The plans against the tables of their papers, at compile time.
#include <doctest/doctest.h>

#include <initializer_list>

#include <nibble/method/rounding_plan.hpp>

namespace {

using namespace nibble;
using enum training_product;
using enum training_operand;

constexpr int count_stochastic(const rounding_plan& plan) {
  int count = 0;
  for (const auto& product : plan.operands) {
    for (const operand_plan& operand : product) count += operand.stochastic ? 1 : 0;
  }
  return count;
}

TEST_CASE("rounding_plan: who is rounded how") {
  constexpr const rounding_plan& paper = rounding_plans::fp4_all_the_way;
  constexpr const rounding_plan& nvidia = rounding_plans::nvidia_nvfp4;
  static_assert(count_stochastic(paper) == 3 && count_stochastic(nvidia) == 2);
  static_assert(paper.of(backward, gradient).stochastic && paper.of(update, gradient).stochastic);
  static_assert(paper.of(update, activation).stochastic && !nvidia.of(update, activation).stochastic);
  static_assert(nvidia.of(backward, gradient).stochastic && nvidia.of(update, gradient).stochastic);
  static_assert(nvidia.of(update, activation).hadamard && nvidia.of(update, gradient).hadamard);
  static_assert(!nvidia.of(backward, gradient).hadamard && !nvidia.of(forward, activation).hadamard);
  static_assert(nvidia.of(forward, weight) == nvidia.of(backward, weight));
  static_assert(nvidia.of(forward, weight).square_blocks && !paper.of(forward, weight).square_blocks);
  for (const rounding_plan* plan : {&paper, &nvidia}) {
    for (const auto& product : plan->operands) {
      int used = 0;
      for (const operand_plan& operand : product) {
        used += operand.used ? 1 : 0;
        CHECK((operand.used || operand == operand_plan{}));
      }
      CHECK(used == 2);
    }
    CHECK(!plan->of(forward, gradient).used);
    CHECK(!plan->of(backward, activation).used);
    CHECK(!plan->of(update, weight).used);
  }
}

}  // namespace
