// SPDX-License-Identifier: Apache-2.0
//
// Stochastic rounding: which random bits an element gets (against a second Philox and, where it is installed,
// Random123), and what they decide (against the oracle's odds).
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include <oracle/stochastic.hpp>
#include <oracle/tensors.hpp>

#include "support.hpp"

// Last, since it defines a macro named philox4x32.
#if __has_include(<Random123/philox.h>)
#include <Random123/philox.h>
#endif

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::matrix_view;
using nibble::quantize;
using oracle::matrix;
using oracle::tensor_mode;
using block = std::array<std::uint32_t, 4>;

/// Philox4x32-10 (Salmon et al., SC 2011, section 3.3), counter word 0 first.
block plain_philox(std::uint64_t key, std::uint64_t low, std::uint64_t high) {
  block c{static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32), static_cast<std::uint32_t>(high),
          static_cast<std::uint32_t>(high >> 32)};
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    if (round > 0) {
      k0 += 0x9E3779B9U;
      k1 += 0xBB67AE85U;
    }
    const std::uint64_t left = c[0] * std::uint64_t{0xD2511F53U};
    const std::uint64_t right = c[2] * std::uint64_t{0xCD9E8D57U};
    c = {static_cast<std::uint32_t>(right >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(right),
         static_cast<std::uint32_t>(left >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(left)};
  }
  return c;
}

/// The `bits` random bits of element i: bits [i * bits, (i + 1) * bits) of the words of (seed, stream).
std::uint32_t bits_of_element(const nibble::stochastic& s, std::uint64_t i) {
  const auto bits = static_cast<std::uint64_t>(s.bits);
  i += s.first_element;
  const std::uint64_t per_block = 128 / bits;
  const block words = plain_philox(s.seed, i / per_block, s.stream);
  const std::uint64_t bit = i % per_block * bits;
  const std::uint64_t word = words[bit / 32] >> bit % 32;
  return static_cast<std::uint32_t>(word & ((std::uint64_t{1} << bits) - 1));
}

/// Random bits of consecutive elements in the form of stochastic_words.
std::vector<std::uint32_t> packed(const std::vector<std::uint32_t>& of_elements, int bits) {
  const auto width = static_cast<std::size_t>(bits);
  std::vector<std::uint32_t> words((of_elements.size() * width + 31) / 32);
  for (std::size_t i = 0; i < of_elements.size(); ++i) words[i * width / 32] |= of_elements[i] << i * width % 32;
  return words;
}

std::vector<std::uint32_t> drawn(const nibble::stochastic& s, std::size_t elements) {
  std::vector<std::uint32_t> list;
  for (std::size_t i = 0; i < elements; ++i) list.push_back(bits_of_element(s, i));
  return list;
}

const nibble::stochastic draws[] = {{.seed = 0, .stream = 0, .bits = 32},
                                    {.seed = 0x0123456789ABCDEFU, .stream = 7, .bits = 32},
                                    {.seed = 42, .stream = 0x8000000000000001U, .bits = 16},
                                    {.seed = ~std::uint64_t{0}, .stream = 1, .bits = 8},
                                    {.seed = 5, .bits = 32, .first_element = 1000003},
                                    {.seed = 5, .bits = 16, .first_element = (std::uint64_t{1} << 40) + 5},
                                    {.seed = 6, .stream = 2, .bits = 8, .first_element = (std::uint64_t{1} << 62) + 3}};

template <block_format F>
void check_draws(differences& found, const std::string& name) {
  constexpr std::size_t rows = 7;
  constexpr std::size_t cols = 45;
  const source s(oracle::make_tensor(tensor_mode::gaussian, rows, cols, 1));
  for (const nibble::stochastic& draw : draws) {
    const auto words = packed(drawn(draw, rows * cols), draw.bits);
    const auto q = quantize<F>(s.view(), {.rounding = draw});
    found.expect(q == quantize<F>(s.view(), {.rounding = nibble::stochastic_words{words, draw.bits}}), name);
    found.expect(!(q == quantize<F>(s.view())), name + ": the bits decide nothing");
    // By columns an element keeps the bits of its place in the source.
    std::vector<float> transposed;
    std::vector<std::uint32_t> permuted;
    for (std::size_t c = 0; c < cols; ++c) {
      for (std::size_t r = 0; r < rows; ++r) {
        transposed.push_back(s.values()[r * cols + c]);
        permuted.push_back(bits_of_element(draw, r * cols + c));
      }
    }
    const auto permuted_words = packed(permuted, draw.bits);
    const auto by_columns = nibble::orientation::column_wise;
    found.expect(quantize<F>(s.view(), {.rounding = draw, .orientation = by_columns}) ==
                     quantize<F>(matrix_view{transposed.data(), cols, rows},
                                 {.rounding = nibble::stochastic_words{permuted_words, draw.bits}}),
                 name + " by columns");
    found.expect(quantize<F>(s.view(), {.rounding = nibble::stochastic_words{words, draw.bits},
                                        .orientation = by_columns}) ==
                     quantize<F>(s.view(), {.rounding = draw, .orientation = by_columns}),
                 name + " words by columns");
  }
}

/// Rows quantized apart, each call told where it begins, are the rows of the whole.
template <block_format F>
void check_slices(differences& found, const std::string& name) {
  constexpr std::size_t rows = 12;
  constexpr std::size_t cols = 37;
  const source s(oracle::make_tensor(tensor_mode::gaussian, rows, cols, 2));
  const float amax = nibble::amax(s.view());
  for (nibble::stochastic draw : draws) {
    const auto whole = quantize<F>(s.view(), {.rounding = draw, .tensor_amax = amax});
    std::vector<std::uint8_t> codes;
    const std::uint64_t first = draw.first_element;
    for (const auto& [row, count] : {std::pair<std::size_t, std::size_t>{0, 1}, {1, 4}, {5, 7}}) {
      draw.first_element = first + row * cols;
      const auto q = quantize<F>(s.view().row_slice(row, count), {.rounding = draw, .tensor_amax = amax});
      codes.insert(codes.end(), q.codes().begin(), q.codes().end());
    }
    found.compare(name, codes, std::vector(whole.codes().begin(), whole.codes().end()));
  }
}

/// What the bits decide, for elements scaled by a power of two.
template <block_format F>
void check_odds(differences& found, const std::string& name, const oracle::format& element) {
  constexpr std::size_t rows = 8;
  constexpr std::size_t cols = 64;
  for (const auto variant : {oracle::stochastic_variant::a, oracle::stochastic_variant::b,
                             oracle::stochastic_variant::c}) {
    for (const int bits : {8, 16, 32}) {
      for (const tensor_mode mode : {tensor_mode::gaussian, tensor_mode::ties, tensor_mode::wide}) {
        const matrix x = oracle::make_tensor(mode, rows, cols, 3, 32, element);
        const source s(x);
        const auto random = drawn({.seed = 11, .bits = bits}, rows * cols);
        const auto words = packed(random, bits);
        const auto q = quantize<F>(
            s.view(), {.rounding = nibble::stochastic_words{words, bits, static_cast<nibble::stochastic_variant>(variant)}});
        std::vector<std::uint8_t> wanted;
        for (std::size_t i = 0; i < rows * cols; ++i) {
          const double value = oracle::float_value(x.bits[i]);
          const double y = oracle::magnitude(value) / static_cast<double>(q.view().scale(i / cols, i % cols));
          const oracle::stochastic_odds o = oracle::odds(element, y, bits, variant);
          const std::uint32_t code = o.lower + (oracle::stochastic_up(o, random[i]) ? 1U : 0U);
          const std::uint32_t kept = code > oracle::max_code(element) ? oracle::max_code(element) : code;
          wanted.push_back(static_cast<std::uint8_t>(
              oracle::finite_code(element, kept, oracle::is_negative(value), oracle::policy::cuda)));
        }
        found.compare(name + " variant " + std::to_string(static_cast<int>(variant)) + " bits " + std::to_string(bits),
                      codes_of(q), wanted);
      }
    }
  }
}

}  // namespace

TEST_CASE("stochastic: the second Philox of this test is Random123's") {
#if __has_include(<Random123/philox.h>)
  oracle::generator g(1);
  std::size_t wrong = 0;
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t key = g.next();
    const std::uint64_t low = g.next();
    const std::uint64_t high = g.next();
    const r123::Philox4x32::ctr_type counter = {{static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32),
                                                 static_cast<std::uint32_t>(high),
                                                 static_cast<std::uint32_t>(high >> 32)}};
    const r123::Philox4x32::key_type words = {{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)}};
    const auto expected = r123::Philox4x32()(counter, words);
    const block got = plain_philox(key, low, high);
    for (std::size_t k = 0; k < 4; ++k) {
      if (got[k] != expected[k]) ++wrong;
    }
  }
  CHECK(wrong == 0);
#else
  MESSAGE("Random123 is not installed");
#endif
  // kat_vectors of Random123, Philox4x32-10.
  CHECK(plain_philox(0, 0, 0) == block{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U});
  CHECK(plain_philox(0x299f31d0a4093822U, 0x85a308d3243f6a88U, 0x0370734413198a2eU) ==
        block{0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U});
}

TEST_CASE("stochastic: an element's bits follow from seed, stream and its place alone") {
  differences found;
  check_draws<nibble::nvfp4>(found, "nvfp4");
  check_draws<nibble::nvfp4_2d>(found, "nvfp4_2d");
  check_draws<nibble::mxfp4>(found, "mxfp4");
  check_draws<nibble::mxfp8_e5m2>(found, "mxfp8_e5m2");
  check_draws<nibble::fp8_per_row>(found, "fp8_per_row");
  NIBBLE_CHECK_EQUAL(found, 5 * 7 * 4);
}

TEST_CASE("stochastic: slices of a tensor draw the bits of the whole") {
  differences found;
  check_slices<nibble::nvfp4>(found, "nvfp4");
  check_slices<nibble::mxfp6_e3m2>(found, "mxfp6_e3m2");
  NIBBLE_CHECK_EQUAL(found, 2 * 7);
}

TEST_CASE("stochastic: what the bits decide, by 8, 16 and 32 bits and three variants") {
  differences found;
  check_odds<nibble::mxfp4>(found, "mxfp4", oracle::e2m1);
  check_odds<nibble::mxfp6_e2m3>(found, "mxfp6_e2m3", oracle::e2m3);
  check_odds<nibble::mxfp8_e5m2>(found, "mxfp8_e5m2", oracle::e5m2);
  check_odds<nibble::mxint8>(found, "mxint8", oracle::mxint8);
  NIBBLE_CHECK_EQUAL(found, 4 * 27);
}
