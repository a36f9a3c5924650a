// SPDX-License-Identifier: Apache-2.0
//
// Presets of LUQ against the alphas of paper and codes, the ablation arms, and the hindsight recursion.
#include <doctest/doctest.h>

#include <vector>

#include <nibble/method/luq.hpp>

namespace {

using namespace nibble;

TEST_CASE("luq_options: presets are the readings of paper and codes") {
  const float x[] = {-128.0F, 16.0F};
  CHECK(luq_alpha(x, luq_options::paper()) == 8.0F);
  CHECK(luq_alpha(x, luq_options::authors_code()) == 0.125F);
  CHECK(luq_alpha(x, luq_options::log_domain_port()) == 0.5F);
  CHECK(luq_alpha(x) == 2.0F);
  const float y[] = {100.0F};
  CHECK(luq_alpha(y, {.power_of_two_alpha = true}) == 2.0F);
}

TEST_CASE("luq_options: the authors' code lets negative magnitudes beyond the maximum climb on") {
  const float x[] = {-128.0F, 16.0F, -512.0F};
  std::vector<float> values(3);
  luq_values(x, values, luq_options::authors_code());
  CHECK(values[0] == -16.0F);  // saturates
  luq_values(x, values, {.levels = 16, .known_maximum = 16.0F * 256});
  CHECK(values[0] == -128.0F);
  CHECK(values[2] == -512.0F);
  CHECK(luq_alpha(x, {.levels = 16, .known_maximum = 16.0F * 256}) == luq_alpha(x, luq_options::authors_code()));
}

/// The code of `x` with alpha 1, for the smallest and the largest random word.
std::vector<int> codes(const luq_options& o, float x) {
  const auto one = detail::luq_split(to_bits(1.0F));
  return {detail::luq_code(o, one, to_bits(x), 0), detail::luq_code(o, one, to_bits(x), 0xffffffffU)};
}

TEST_CASE("luq_options: ablation arms switch underflow and rounding one by one") {
  using pair = std::vector<int>;
  CHECK(codes(luq_options::plain(), 0.75F) == pair{0, 0});
  CHECK(codes(luq_options::plain(), 2.75F) == pair{2, 2});
  CHECK(codes(luq_options::plain(), 3.0F) == pair{3, 3});
  CHECK(codes(luq_options::stochastic_rounding_only(), 0.75F) == pair{0, 0});
  CHECK(codes(luq_options::stochastic_rounding_only(), 2.75F) == pair{2, 3});
  CHECK(codes(luq_options::stochastic_underflow_only(), 0.75F) == pair{0, 1});
  CHECK(codes(luq_options::stochastic_underflow_only(), 2.75F) == pair{2, 2});
  CHECK(codes({}, 0.75F) == pair{0, 1});
  CHECK(codes({}, 2.75F) == pair{2, 3});
}

TEST_CASE("luq_options: hindsight starts with the first maximum and then forgets slowly") {
  hindsight h(0.75F);
  CHECK(!h.next());
  h.observe(8.0F);
  CHECK(*h.next() == 8.0F);
  h.observe(4.0F);
  CHECK(*h.next() == 7.0F);  // 0.25 * 4 + 0.75 * 8
  h.observe(7.0F);
  CHECK(*h.next() == 7.0F);
}

}  // namespace
