// SPDX-License-Identifier: Apache-2.0
//
// LUQ by vectors against the scalar function: values at every boundary of a code for boundary words, all exponents,
// sizes, offsets, options and errors.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <nibble/simd/luq.hpp>
#include <simd/flushed_subnormals.hpp>

namespace {

using namespace nibble;

/// Whether both give the same bytes and the same alpha.
bool same(std::span<const float> x, const luq_options& o) {
  std::vector<std::uint8_t> scalar_bytes((x.size() + 1) / 2, 0xaa);
  std::vector<std::uint8_t> simd_bytes((x.size() + 1) / 2, 0x55);
  const float a = luq(x, scalar_bytes, o);
  const float b = luq(simd{}, x, simd_bytes, o);
  return to_bits(a) == to_bits(b) && scalar_bytes == simd_bytes;
}

TEST_CASE("luq: all exponents, ties of the word, signs and zeros") {
  std::mt19937 generator(1);
  int wrong = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<float> x(512);
    const int spread = round % 4 == 0 ? 250 : round % 4 == 1 ? 12 : 40;
    const int top = round % 5 == 0 ? -60 : 60;
    for (float& v : x) {
      std::uint32_t bits = static_cast<std::uint32_t>(generator()) & 0x807f'ffffU;
      if (generator() % 3 == 0) bits &= 0x8000'0000U | ~((1U << generator() % 24) - 1U);  // few significant bits
      const int exponent = top - static_cast<int>(generator() % static_cast<unsigned>(spread));
      bits |= static_cast<std::uint32_t>(exponent + 127 < 0 ? 0 : exponent + 127) << 23;
      v = generator() % 50 == 0 ? bit_cast<float>(bits & 0x8000'0000U) : bit_cast<float>(bits);
    }
    const int bits = round % 8 < 4 ? 32 : round % 8 < 6 ? 16 : 8;
    const luq_options o{.levels = 1 + round % 7,
                        .power_of_two_alpha = round % 3 == 0,
                        .random = {.seed = generator(), .bits = bits}};
    wrong += same(x, o) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

#if defined(__AVX2__) && defined(__FMA__)
/// How many of the words near that where the code of x turns give another code than the scalar function.
template <int Bits>
int wrong_at_turn(std::uint32_t alpha, int levels, std::uint32_t x) {
  using vector = detail::x86::vector_of<simd::arch>;
  const luq_options o{.levels = levels};
  const auto code = [&](std::uint32_t word) {
    return detail::luq_code(o, detail::luq_split(alpha), x, word << (32 - Bits));
  };
  // The first word that goes up, by bisection of the scalar code.
  std::uint64_t first = 0;
  std::uint64_t last = std::uint64_t{1} << Bits;
  while (first < last) {
    const std::uint64_t middle = (first + last) / 2;
    if (code(static_cast<std::uint32_t>(middle)) > code(0)) last = middle; else first = middle + 1;
  }
  const detail::x86::luq_encoder<vector, Bits> encode(alpha, levels);
  int wrong = 0;
  for (std::uint32_t near = 0; near < 5; ++near) {
    const std::uint32_t word = (static_cast<std::uint32_t>(first) + near - 2U) & (~0U >> (32 - Bits));
    std::uint32_t lanes[vector::lanes];
    const auto codes = encode(vector::all(x | 0x8000'0000U), vector::all(word));
    vector::store(lanes, encode.nibbles(vector::pack_halves(vector::pack_words(codes, codes), codes)));
    const int wanted = code(word);
    wrong += static_cast<int>(lanes[0] & 15U) == (wanted == 0 ? 0 : wanted | 8) ? 0 : 1;
  }
  return wrong;
}

TEST_CASE("luq: the vector code at the words where a code turns") {
  std::mt19937 engine(2);
  const auto generator = [&] { return static_cast<std::uint32_t>(engine()); };
  int wrong = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::uint32_t alpha = (generator() & 0x007f'ffffU) | (43U + generator() % 180U) << 23;
    // Around alpha, down to 70 binades below it, where the word decides with its last bits.
    const int shift = round % 2 == 0 ? static_cast<int>(generator() % 9) : -static_cast<int>(generator() % 70);
    const int field = static_cast<int>(alpha >> 23) + shift;
    const std::uint32_t fraction = round % 3 == 0 ? (alpha & 0x007f'ffffU) + generator() % 3U - 1U : generator();
    const std::uint32_t x = (fraction & 0x007f'ffffU) | static_cast<std::uint32_t>(field < 0 ? 0 : field) << 23;
    wrong += wrong_at_turn<32>(alpha, 1 + round % 7, x);
    if (round % 4 < 2) wrong += wrong_at_turn<16>(alpha, 1 + round % 7, x) + wrong_at_turn<8>(alpha, 1 + round % 7, x);
  }
  CHECK(wrong == 0);
}
#endif

TEST_CASE("luq: sizes, offsets, and the options") {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::vector<float> x(1500);
  for (float& v : x) v = normal(generator);
  int wrong = 0;
  for (std::size_t size = 0; size < 700; size += size < 150 ? 1 : 37) {
    for (const std::uint64_t first : {0U, 1U, 2U, 3U, 4U, 1001U}) {
      for (const int bits : {8, 16, 32}) {
        const stochastic random{.seed = 5, .stream = 2, .bits = bits, .first_element = first};
        wrong += same(std::span(x).subspan(size % 7, size), {.random = random}) ? 0 : 1;
      }
    }
  }
  std::vector<float> huge;
  for (const float v : x) huge.push_back(std::ldexp(v, 120));
  wrong += same(x, {.maximum = luq_maximum::signed_value}) ? 0 : 1;
  wrong += same(x, {.known_maximum = 1.0F}) ? 0 : 1;
  for (const int bits : {8, 16, 32}) {
    wrong += same(x, {.known_maximum = 1e-35F, .random = {.bits = bits}}) ? 0 : 1;
    wrong += same(huge, {.levels = 4, .known_maximum = 1e-20F, .random = {.bits = bits}}) ? 0 : 1;  // all saturate
    wrong += same(x, {.known_maximum = 1e-20F, .random = {.bits = bits, .rounds = 7}}) ? 0 : 1;
  }
  wrong += same(x, {.known_maximum = 0.0F}) ? 0 : 1;
  wrong += same(x, {.known_maximum = 1e-38F}) ? 0 : 1;  // a subnormal alpha
  wrong += same(x, {.random = {.rounds = 7}}) ? 0 : 1;
  wrong += same(x, {.random = {.seed = ~std::uint64_t{0}, .first_element = (std::uint64_t{1} << 34) - 700}}) ? 0 : 1;
  for (const luq_options& o :
       {luq_options::plain(), luq_options::stochastic_rounding_only(), luq_options::stochastic_underflow_only(),
        luq_options{.inside = luq_inside::log_domain}}) {
    wrong += same(x, o) ? 0 : 1;
  }
  const std::vector<float> zeros(300);
  wrong += same(zeros, {}) ? 0 : 1;
  std::vector<float> negative(300, -1.0F);
  negative[299] = 0.25F;
  wrong += same(negative, {.maximum = luq_maximum::signed_value}) ? 0 : 1;
  CHECK(wrong == 0);
}

TEST_CASE("luq: a processor that flushes subnormals changes no bit") {
  std::mt19937 generator(8);
  for (const float maximum : {1e-20F, 3.4e-24F, 1e-24F, 1e-30F, 1e-37F}) {
    for (const int bits : {8, 16, 32}) {
      const luq_options o{.known_maximum = maximum, .random = {.seed = generator(), .bits = bits}};
      std::vector<float> x(1024);
      for (float& v : x) {
        const float eighths = maximum * static_cast<float>(8 + generator() % 8) / 8;
        v = std::ldexp(eighths, -static_cast<int>(generator() % 40));
        if (generator() % 5 == 0) v = bit_cast<float>(static_cast<std::uint32_t>(generator()) & 0x80ff'ffffU);
      }
      std::vector<std::uint8_t> scalar_bytes(512), simd_bytes(512);
      luq(x, scalar_bytes, o);
      {
        const simd_test::flushed_subnormals flushed;
        luq(simd{}, x, simd_bytes, o);
      }
      CHECK(scalar_bytes == simd_bytes);
    }
  }
}

TEST_CASE("luq: threads and slices change no bit") {
  // An executor that runs its tasks from the last to the first.
  const auto backwards = [](std::size_t count, auto&& task) {
    for (std::size_t i = count; i-- > 0;) task(i);
  };
  std::mt19937 generator(9);
  std::normal_distribution<float> normal;
  for (const std::size_t size : {0U, 5U, 32767U, 32768U, 32769U, 100001U}) {
    std::vector<float> x(size);
    for (float& v : x) v = normal(generator);
    const luq_options o{.random = {.seed = 3, .bits = size % 2 == 0 ? 32 : 8, .first_element = 11}};
    std::vector<std::uint8_t> bytes((size + 1) / 2), sliced(bytes.size(), 1), vectors(bytes.size(), 2);
    const float alpha = luq(x, bytes, o);
    CHECK(luq(x, sliced, o, backwards) == alpha);
    CHECK(luq(simd{}, x, vectors, o, backwards) == alpha);
    CHECK(sliced == bytes);
    CHECK(vectors == bytes);
  }
}

TEST_CASE("luq: NaN, Inf and wrong arguments are found before anything is written") {
  std::vector<float> x(200, 1.0F);
  std::vector<std::uint8_t> bytes(100, 0x77);
  for (const std::size_t place : {0U, 131U, 199U}) {
    std::vector<float> bad = x;
    bad[place] = place == 131 ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    std::string message;
    try {
      luq(simd{}, bad, bytes);
    } catch (const std::invalid_argument& error) {
      message = error.what();
    }
    CHECK(message.find("x[" + std::to_string(place) + "]") != std::string::npos);
    CHECK(bytes == std::vector<std::uint8_t>(100, 0x77));
  }
  CHECK_THROWS_AS(luq(simd{}, x, std::span(bytes).first(99)), std::invalid_argument);
  CHECK_THROWS_AS(luq(simd{}, x, bytes, {.levels = 8}), std::invalid_argument);
  CHECK_THROWS_AS(luq(simd{}, x, bytes, {.random = {.bits = 12}}), std::invalid_argument);
}

}  // namespace
