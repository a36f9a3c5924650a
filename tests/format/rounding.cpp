// SPDX-License-Identifier: Apache-2.0
//
// The rounding tags: each names its mode, and a choice made at run time does the same.
#include <doctest/doctest.h>

#include <cstdint>
#include <type_traits>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/encode.hpp>
#include <nibble/format/rounding.hpp>

namespace {

using namespace nibble;

/// Whether a tag and the choice with its mode give the same codes, from float and double.
template <class Tag>
bool same_as_choice(Tag tag, rounding_choice choice) {
  bool same = tag.choice().mode == choice.mode;
  for (const float x : {-7.0f, -5.0f, -0.75f, -0.25f, 0.0f, 0.2f, 0.25f, 0.3f, 2.5f, 2.6f, 3.5f, 5.0f, 5.9f}) {
    same = same && encode<formats::e2m1>(x, tag) == encode<formats::e2m1>(x, choice);
    same = same && encode<formats::e2m1>(double{x}, tag) == encode(formats::e2m1, double{x}, choice);
  }
  return same;
}

}  // namespace

TEST_CASE("each tag is its mode") {
  CHECK(same_as_choice(nearest_even{}, {rounding_mode::nearest_even}));
  CHECK(same_as_choice(nearest_away{}, {rounding_mode::nearest_away}));
  CHECK(same_as_choice(nearest_toward_zero{}, {rounding_mode::nearest_toward_zero}));
  CHECK(same_as_choice(toward_zero{}, {rounding_mode::toward_zero}));
  CHECK(same_as_choice(upward{}, {rounding_mode::upward}));
  CHECK(same_as_choice(downward{}, {rounding_mode::downward}));
  CHECK(same_as_choice(to_odd{}, {rounding_mode::to_odd}));
  for (std::uint32_t word = 0; word < 16; ++word) {
    CHECK(same_as_choice(stochastic_bits<4>{word}, {rounding_mode::stochastic, stochastic_variant::a, 4, word}));
    CHECK(same_as_choice(stochastic_bits<4, stochastic_variant::b>{word},
                         {rounding_mode::stochastic, stochastic_variant::b, 4, word}));
    CHECK(same_as_choice(stochastic_bits<4, stochastic_variant::c>{word},
                         {rounding_mode::stochastic, stochastic_variant::c, 4, word}));
  }
}

TEST_CASE("stochastic_bits says its variant, its number of bits and its word") {
  constexpr rounding_choice choice = stochastic_bits<13, stochastic_variant::c>{0xabcdU}.choice();
  static_assert(choice.mode == rounding_mode::stochastic && choice.variant == stochastic_variant::c);
  static_assert(choice.random_bits == 13 && choice.random_word == 0xabcdU);
  static_assert(stochastic_bits<32>{7}.choice().variant == stochastic_variant::a);
  CHECK(choice_of(choice).random_word == 0xabcdU);
  CHECK(choice_of(upward{}).mode == rounding_mode::upward);
}

TEST_CASE("the default is to nearest even, and only roundings are roundings") {
  static_assert(rounding_choice{}.mode == rounding_mode::nearest_even);
  static_assert(rounding<nearest_even> && rounding<stochastic_bits<1>> && rounding<rounding_choice>);
  static_assert(!rounding<int> && !rounding<rounding_mode>);
  CHECK(encode<formats::e2m1>(2.5f) == encode<formats::e2m1>(2.5f, nearest_even{}));
}
