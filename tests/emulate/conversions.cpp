// SPDX-License-Identifier: Apache-2.0
//
// The CUDA backend's paths by the conversion instructions of sm_100 and later, run with the emulated instructions: eight
// codes at a time are those of encode, on every input that the paths are given. On all 2^32 numbers with
// NIBBLE_TEST_ALL_NUMBERS; otherwise around every boundary of a format, between which codes do not change, and on a sample.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <nibble/cuda/conversions.hpp>
#include <nibble/emulate.hpp>

namespace {

using namespace nibble;
namespace ptx = emulate::ptx;

struct emulated {
  template <float_format F>
  static std::uint32_t nearest(std::uint32_t a, std::uint32_t b) {
    const auto x = bit_cast<float>(a);
    const auto y = bit_cast<float>(b);
    if constexpr (F == formats::e2m1) return ptx::cvt_rn_satfinite_e2m1x2_f32(x, y);
    if constexpr (F == formats::e2m3) return ptx::cvt_rn_satfinite_e2m3x2_f32(x, y);
    return ptx::cvt_rn_satfinite_e3m2x2_f32(x, y);
  }
  template <bool Upward>
  static std::uint32_t scale(std::uint32_t a, std::uint32_t b) {
    const auto x = bit_cast<float>(a);
    const auto y = bit_cast<float>(b);
    return Upward ? ptx::cvt_rp_satfinite_ue8m0x2_f32(x, y) : ptx::cvt_rz_satfinite_ue8m0x2_f32(x, y);
  }
  template <float_format F>
  static std::uint32_t stochastic(std::uint32_t a, std::uint32_t b, std::uint32_t e, std::uint32_t f, std::uint32_t random) {
    const float x[4] = {bit_cast<float>(a), bit_cast<float>(b), bit_cast<float>(e), bit_cast<float>(f)};
    if constexpr (F == formats::e2m1) return ptx::cvt_rs_satfinite_e2m1x4_f32(x[0], x[1], x[2], x[3], random);
    if constexpr (F == formats::e4m3) return ptx::cvt_rs_satfinite_e4m3x4_f32(x[0], x[1], x[2], x[3], random);
    return ptx::cvt_rs_satfinite_e5m2x4_f32(x[0], x[1], x[2], x[3], random);
  }
};

/// Calls action with eight binary32 patterns at a time: all, or those around values and midpoints, and a sample.
template <float_format F, class Action>
void for_numbers(Action&& action) {
  std::uint32_t eight[8] = {};
  unsigned count = 0;
  const auto add = [&](std::uint32_t bits) {
    eight[count++] = bits;
    if (count == 8) action(eight), count = 0;
  };
#if defined(NIBBLE_TEST_ALL_NUMBERS)
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; ++bits) add(static_cast<std::uint32_t>(bits));
#else
  for (std::uint32_t code = 0; code < F.code_mask(); ++code) {
    const double low = decode_double(F, code);
    const double high = decode_double(F, code + 1);
    for (const double at : {low, (low + high) / 2, high}) {
      const std::uint32_t bits = to_bits(static_cast<float>(at));
      for (std::uint32_t step = 0; step < 7; ++step) add(bits + step - 3), add((bits + step - 3) ^ 0x8000'0000U);
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 300'000; ++i) add(static_cast<std::uint32_t>(random()));
  for (std::uint32_t i = 0; i < 65536; ++i) add(i << 16);
  for (int i = 0; i < 8; ++i) add(0x7f80'0001U);
#endif
}

std::uint32_t code_of(const detail::packed_chunk& c, int bits, unsigned i) {
  if (bits == 4) return c.low >> (4 * i) & 15U;
  return (i < 4 ? c.low : c.high) >> (8 * (i % 4)) & 0xffU;
}

template <float_format F>
int wrong_nearest() {
  int wrong = 0;
  for_numbers<F>([&](const std::uint32_t (&bits)[8]) {
    const detail::packed_chunk codes = detail::convert_to_nearest<F, emulated>(bits);
    for (unsigned i = 0; i < 8; ++i) wrong += code_of(codes, F.bits(), i) != encode<F>(bit_cast<float>(bits[i])) ? 1 : 0;
  });
  return wrong;
}

TEST_CASE("to nearest even: E2M1, E2M3, E3M2") {
  CHECK(wrong_nearest<formats::e2m1>() == 0);
  CHECK(wrong_nearest<formats::e2m3>() == 0);
  CHECK(wrong_nearest<formats::e3m2>() == 0);
}

TEST_CASE("UE8M0 toward zero and upward") {
  int wrong = 0;
  for_numbers<formats::e8m0>([&](const std::uint32_t (&bits)[8]) {
    const detail::packed_chunk down = detail::convert_to_scales<false, emulated>(bits);
    const detail::packed_chunk up = detail::convert_to_scales<true, emulated>(bits);
    for (unsigned i = 0; i < 8; ++i) {
      const auto x = bit_cast<float>(bits[i]);
      wrong += code_of(down, 8, i) != encode<formats::e8m0>(x, toward_zero{}, overflow::saturate) ? 1 : 0;
      wrong += code_of(up, 8, i) != encode<formats::e8m0>(x, upward{}, overflow::saturate) ? 1 : 0;
    }
  });
  CHECK(wrong == 0);
}

template <int Bits>
struct words_of_eight {
  std::uint32_t words[8];
  [[nodiscard]] std::uint32_t of(unsigned i) const { return words[i]; }
};

/// Every random word, each with numbers of every kind: near a boundary, of any exponent in reach, subnormal, huge, Inf.
template <float_format F, int Bits>
int wrong_stochastic() {
  std::mt19937_64 generator(F.bits() + Bits);
  const auto number = [&] {
    const std::uint64_t r = generator();
    const auto word = static_cast<std::uint32_t>(r >> 32);
    const std::uint32_t sign = word & 0x8000'0000U;
    const auto code = static_cast<std::uint32_t>(r >> 3) % (F.max_code() + 1);
    switch (r % 8) {
      case 0: return sign | to_bits(static_cast<float>(decode_double(F, code)));
      case 1: return (sign | to_bits(static_cast<float>(decode_double(F, code)))) + (word >> 8) % 65 - 32;
      case 2: return sign | (word & 0x007f'ffffU);
      case 3: return sign | (word % 2 == 0 ? 0x7f7f'ffffU : 0x7f80'0000U);
      case 4: return (word % 0x7f80'0000U) | sign;
      default: {
        const auto lowest = static_cast<std::uint32_t>(F.min_exponent() - F.mantissa_bits - 20 + 127);
        const auto spread = static_cast<std::uint32_t>(F.max_exponent() + 127) + 2 - lowest;
        return sign | (lowest + (word >> 23) % spread) << 23 | (word & 0x007f'ffffU);
      }
    }
  };
  int wrong = 0;
  for (std::uint32_t first = 0; first < (std::uint32_t{1} << Bits) + 7; ++first) {
    for (int repeat = 0; repeat < (Bits == 8 ? 64 : 1); ++repeat) {
      std::uint32_t bits[8];
      words_of_eight<Bits> random{};
      for (unsigned i = 0; i < 8; ++i) {
        bits[i] = number();
        if ((bits[i] & 0x7fff'ffffU) > 0x7f80'0000U) bits[i] &= 0xff80'0000U;
        random.words[i] = (first * (2 * i + 1) + i) & ((std::uint32_t{1} << Bits) - 1);
      }
      const detail::packed_chunk codes = detail::convert_stochastically<F, Bits, emulated>(bits, random);
      for (unsigned i = 0; i < 8; ++i) {
        const std::uint32_t expected = encode<F>(bit_cast<float>(bits[i]), stochastic_bits<Bits>{random.words[i]});
        wrong += code_of(codes, F.bits(), i) != expected ? 1 : 0;
      }
    }
  }
  return wrong;
}

TEST_CASE("stochastic with 8 and 16 bits: E2M1, E4M3, E5M2") {
  CHECK(wrong_stochastic<formats::e2m1, 8>() == 0);
  CHECK(wrong_stochastic<formats::e2m1, 16>() == 0);
  CHECK(wrong_stochastic<formats::e4m3, 8>() == 0);
  CHECK(wrong_stochastic<formats::e4m3, 16>() == 0);
  CHECK(wrong_stochastic<formats::e5m2, 8>() == 0);
  CHECK(wrong_stochastic<formats::e5m2, 16>() == 0);
}

}  // namespace
