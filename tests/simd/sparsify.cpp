// SPDX-License-Identifier: Apache-2.0
//
// N:M sparsity on vectors against the scalar backend, bit for bit: all magnitudes of exponents, ties, zeros, special
// values, every length and offset.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include <nibble/simd/sparsify.hpp>
#include <simd/flushed_subnormals.hpp>

namespace {

using namespace nibble;

/// Gaussians, small integers that tie, numbers far apart, ties beside what is far below, and any bits, mixed by runs of
/// 64 so that whole vectors are plain.
std::vector<float> some_numbers(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = static_cast<std::uint32_t>(generator());
    switch (i / 64 % 11) {
      case 0: x[i] = normal(generator); break;
      case 1: x[i] = static_cast<float>(static_cast<int>(bits % 7) - 3); break;
      case 2: x[i] = bit_cast<float>((bits & 0x807f'ffffU) | (100 + bits % 40) << 23); break;
      case 3: x[i] = bit_cast<float>((bits & 0x807f'ffffU) | (30 + bits % 5) << 23); break;
      case 4: x[i] = bit_cast<float>((bits & 0x807f'ffffU) | (247 + bits % 8) << 23); break;
      case 5: x[i] = bits % 3 != 0 ? (bits % 2 != 0 ? 0.0F : -0.0F) : normal(generator); break;
      case 6:
        x[i] = bits % 16 == 0 ? bit_cast<float>(static_cast<std::uint32_t>(generator())) : normal(generator);
        break;
      case 7: x[i] = bit_cast<float>((bits & 0x807f'ffffU) | (bits % 4 == 0 ? 150 : 20 + bits % 15) << 23); break;
      case 8: x[i] = bits % 2 != 0 ? -1.5F : bit_cast<float>((bits & 0x807f'ffffU) | (70 + bits / 8 % 40) << 23); break;
      case 9: x[i] = std::ldexp(static_cast<float>(1 + bits % 3), bits / 8 % 2 != 0 ? -28 : 0); break;
      default: x[i] = bit_cast<float>(bits & 0x80ff'ffffU); break;
    }
  }
  return x;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) { return to_bits(x) == to_bits(y); });
}

template <std::size_t N, std::size_t M, class Method>
void check(const Method& method) {
  const std::vector<float> x = some_numbers(1 << 16, static_cast<unsigned>(N));
  const std::vector<float> expected = sparsify<N, M>(std::span<const float>(x), method);
  std::vector<float> out(x.size());
  sparsify<N, M>(simd{}, x, out, method);
  CHECK(same_bits(out, expected));
  out = x;
  sparsify<N, M>(simd{}, out, out, method);
  CHECK(same_bits(out, expected));
  bool right = true;
  for (std::size_t count = 0; count < 300; ++count) {
    const std::size_t first = count % 17 * M;
    const Method there = detail::later(method, first);
    std::vector<float> part(count + 1, -7.0F);
    sparsify<N, M>(simd{}, std::span(x).subspan(first, count), std::span(part).first(count), there);
    const auto whole = sparsify<N, M>(std::span<const float>(x).subspan(first, count), there);
    right = right && same_bits(std::span(part).first(count), whole) && part[count] == -7.0F;
  }
  CHECK(right);
}

TEST_CASE("sparsify on vectors") {
  check<2, 4>(magnitude{});
  check<1, 2>(magnitude{});
  check<4, 8>(magnitude{});
  for (const int bits : {64, 32, 16}) {
    check<2, 4>(minimum_variance{.seed = 3, .stream = 5, .bits = bits});
    check<1, 2>(minimum_variance{.seed = 4, .rounds = 7, .bits = bits});
  }
  check<2, 4>(minimum_variance{.seed = 3, .first_element = (std::uint64_t{1} << 34) - 80, .bits = 32});
  check<3, 7>(minimum_variance{.seed = 3, .bits = 32});
  check<2, 4>(sequential_draws{.seed = 9});
}

TEST_CASE("sparsify on vectors where subnormal numbers count and are flushed") {
  std::mt19937 generator(11);
  std::vector<float> x(1 << 15);
  // Blocks from 2^-95 up, half of whose elements are subnormal numbers.
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto bits = static_cast<std::uint32_t>(generator());
    const auto field = bits / 8 % 2 == 0 ? 0U : 32U + static_cast<std::uint32_t>(i / 64 % 32);
    x[i] = bit_cast<float>((bits & 0x807f'ffffU) | field << 23);
  }
  for (const int bits : {64, 32, 16}) {
    const minimum_variance method{.seed = 3, .bits = bits};
    const std::vector<float> two = sparsify<2, 4>(std::span<const float>(x), method);
    const std::vector<float> one = sparsify<1, 2>(std::span<const float>(x), method);
    std::vector<float> values(x.size() / 2);
    std::vector<std::uint16_t> words(x.size() / 16);
    compress_2_4(std::span<const float>(x), values, words, method);
    std::vector<float> got_two(x.size());
    std::vector<float> got_one(x.size());
    std::vector<float> got_values(values.size());
    std::vector<std::uint16_t> got_words(words.size());
    {
      const simd_test::flushed_subnormals flushed;
      sparsify<2, 4>(simd{}, x, got_two, method);
      sparsify<1, 2>(simd{}, x, got_one, method);
      compress_2_4(simd{}, x, got_values, got_words, method);
    }
    CHECK(same_bits(got_two, two));
    CHECK(same_bits(got_one, one));
    CHECK(same_bits(got_values, values));
    CHECK(got_words == words);
  }
}

/// Tasks on three threads, the last tasks first.
struct three_threads {
  template <class Task>
  void operator()(std::size_t count, const Task& task) const {
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = count; i-- > 0;) {
          if (i % 3 == t) task(i);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
};

template <std::size_t N, std::size_t M, class Method>
void check_pieces(const Method& method) {
  const std::vector<float> x = some_numbers((1 << 17) + 4321, static_cast<unsigned>(7 * N));
  const std::vector<float> expected = sparsify<N, M>(std::span<const float>(x), method);
  std::vector<float> out(x.size());
  sparsify<N, M>(simd{}, x, out, method, three_threads{});
  CHECK(same_bits(out, expected));
  // Parts that begin and end anywhere, among them inside one block, and nothing beside them is written.
  std::mt19937 generator(3);
  std::fill(out.begin(), out.end(), -7.0F);
  bool right = true;
  for (std::size_t first = 0; first < 20000;) {
    const std::size_t size = generator() % 4 == 0 ? generator() % 5 : generator() % 400;
    sparsify_part<N, M>(simd{}, x, first, std::span(out).subspan(first, size), method);
    first += size;
    right = right && out[first] == -7.0F && out[first + 1] == -7.0F &&
            same_bits(std::span(out).first(first), std::span(expected).first(first));
  }
  CHECK(right);
  const std::size_t first = x.size() - 1001;
  sparsify_part<N, M>(simd{}, x, first, std::span(out).subspan(first), method);
  CHECK(same_bits(std::span(out).subspan(first), std::span(expected).subspan(first)));
  // Rows that end inside a block, with gaps, transposed, whole blocks in one piece.
  for (const auto& view : {matrix_view<float>(x.data(), 37, 203), matrix_view<float>(x.data() + 1, 30, 333, 350),
                           matrix_view<float>(x.data(), 40, 64).transposed(), matrix_view<float>(x.data(), 9, 8400),
                           matrix_view<float>(x.data(), 1, 70001), matrix_view<float>(x.data(), 3, 0),
                           matrix_view<float>(x.data(), 30, 336, 350), matrix_view<float>(x.data(), 1, 300, 0, 3)}) {
    std::vector<float> wanted(view.size()), got(view.size());
    sparsify<N, M>(view, std::span<float>(wanted), method);
    sparsify<N, M>(simd{}, view, std::span<float>(got), method, three_threads{});
    CHECK(same_bits(got, wanted));
    std::fill(got.begin(), got.end(), 0.0F);
    sparsify(simd{}, sparsity_pattern{N, M}, view, std::span<float>(got), method);
    CHECK(same_bits(got, wanted));
  }
}

TEST_CASE("sparsify on vectors: threads, parts that begin anywhere, matrices") {
  check_pieces<2, 4>(magnitude{});
  check_pieces<2, 4>(minimum_variance{.seed = 3, .first_element = 4});
  check_pieces<1, 2>(minimum_variance{.seed = 4, .first_element = 6, .bits = 16});
  check_pieces<3, 7>(minimum_variance{.seed = 5, .bits = 32});
  const std::vector<float> x(12);
  std::vector<float> out(12);
  const matrix_view<float> view(x.data(), 3, 4);
  const auto rejects = [&](std::size_t first, std::size_t count, const minimum_variance& method) {
    CHECK_THROWS_AS((sparsify_part<2, 4>(simd{}, x, first, std::span(out).first(count), method)),
                    std::invalid_argument);
  };
  rejects(13, 0, {});
  rejects(12, 1, {});
  rejects(3, 10, {});
  rejects(0, 0, {.first_element = 2});
  CHECK_THROWS_AS((sparsify<2, 4>(simd{}, view, std::span(out).first(11), magnitude{})), std::invalid_argument);
  CHECK_THROWS_AS((sparsify<2, 4>(simd{}, view, std::span(out), minimum_variance{.bits = 8}, three_threads{})),
                  std::invalid_argument);
  CHECK_THROWS_AS(sparsify(simd{}, sparsity_pattern{5, 4}, view, std::span(out), magnitude{}), std::invalid_argument);
}

TEST_CASE("magnitude 2:4 on vectors: all patterns of ties") {
  std::vector<float> x;
  for (int code = 0; code < 4 * 4 * 4 * 4; ++code) {
    for (int i = 0; i < 4; ++i) {
      const int kind = code >> (2 * i) & 3;
      x.push_back(kind == 3 ? bit_cast<float>(0xffff'ffffU) : static_cast<float>(kind) * (i % 2 != 0 ? -1.0F : 1.0F));
    }
  }
  std::vector<float> out(x.size());
  sparsify<2, 4>(simd{}, x, out, magnitude{});
  CHECK(same_bits(out, sparsify<2, 4>(std::span<const float>(x), magnitude{})));
}

TEST_CASE("results past the caches") {
  const std::size_t count = std::max<std::size_t>(detail::last_level_cache<simd::arch>() / 8, 4096) + 5;
  if (count > (std::size_t{1} << 26)) return;
  const std::vector<float> x = some_numbers(count, 2);
  std::vector<float> out(count);
  sparsify<2, 4>(simd{}, x, out, magnitude{});
  CHECK(same_bits(out, sparsify<2, 4>(std::span<const float>(x), magnitude{})));
}

#if defined(__AVX2__)
/// The uniform at which a pick changes, times 2^64, and more or less: where that changes another pick, nothing is lost.
template <std::size_t M>
std::uint64_t uniform_at_a_change(const float* x, std::size_t which, std::mt19937_64& generator) {
  long double sizes[M];
  long double sum = 0;
  long double largest = 0;
  for (std::size_t i = 0; i < M; ++i) {
    sizes[i] = std::abs(static_cast<long double>(x[i]));
    sum += sizes[i];
    largest = std::max(largest, sizes[i]);
  }
  const bool is_certain = M == 4 && 2 * largest >= sum;
  long double reached = 0;
  for (std::size_t i = 0; i <= which; ++i) reached += is_certain && sizes[i] == largest ? 0 : sizes[i];
  if (is_certain) sum -= largest;
  if (!(sum > 0) || !(sum < 1e30L)) return generator();
  long double at = reached / sum * (M == 4 && !is_certain ? 2 : 1);
  at -= std::floor(at);
  const std::uint64_t near = static_cast<std::uint64_t>(at * 0x1p63L) * 2;
  const std::uint64_t distance = generator() >> (30 + generator() % 34);
  return generator() % 2 != 0 ? near + distance : near - distance;
}

template <std::size_t M, int Bits>
void check_changes() {
  using run = detail::vector_sparsifier<simd::arch>;
  constexpr std::size_t blocks = 1 << 13;
  std::mt19937_64 generator(M + Bits);
  const std::vector<float> x = some_numbers(M * blocks, 5);
  std::vector<unsigned char> bytes(blocks * Bits / 8);
  std::vector<float> expected(x.size());
  for (std::size_t b = 0; b < blocks; ++b) {
    const std::uint64_t u = uniform_at_a_change<M>(x.data() + M * b, b % M, generator) >> (64 - Bits);
    for (std::size_t i = 0; i < Bits / 8; ++i) bytes[b * Bits / 8 + i] = static_cast<unsigned char>(u >> (8 * i));
    std::uint32_t in[M];
    std::uint32_t kept[M];
    for (std::size_t i = 0; i < M; ++i) in[i] = to_bits(x[M * b + i]);
    detail::minimum_variance_block<M>(M / 2, in, u << (64 - Bits), Bits == 64 ? 32 : 4, kept);
    for (std::size_t i = 0; i < M; ++i) expected[M * b + i] = bit_cast<float>(kept[i]);
  }
  std::vector<float> out(x.size());
  if constexpr (M == 4) run::two_of_four(x.data(), detail::uniform_bits<Bits>{bytes.data()}, blocks, out.data());
  if constexpr (M == 2) run::one_of_two(x.data(), detail::uniform_bits<Bits>{bytes.data()}, blocks, out.data());
  CHECK(same_bits(out, expected));
}

TEST_CASE("minimum variance on vectors: random bits at which a pick changes") {
  check_changes<4, 64>();
  check_changes<4, 32>();
  check_changes<4, 16>();
  check_changes<2, 64>();
  check_changes<2, 32>();
  check_changes<2, 16>();
}
#endif

template <class Method>
void check_compressed(const Method& method) {
  const std::vector<float> x = some_numbers(200001, 8);
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{3}, std::size_t{64}, std::size_t{200}, std::size_t{1} << 16, x.size()}) {
    const std::size_t blocks = (count + 3) / 4;
    std::vector<float> values(2 * blocks), expected_values(2 * blocks);
    std::vector<std::uint16_t> metadata((blocks + 3) / 4), expected_metadata((blocks + 3) / 4);
    compress_2_4(simd{}, std::span(x).first(count), values, metadata, method);
    compress_2_4(std::span(x).first(count), expected_values, expected_metadata, method);
    CHECK(same_bits(values, expected_values));
    CHECK(metadata == expected_metadata);
    std::fill(values.begin(), values.end(), -1.0F);
    std::fill(metadata.begin(), metadata.end(), std::uint16_t{0});
    compress_2_4(simd{}, std::span(x).first(count), values, metadata, method, three_threads{});
    CHECK(same_bits(values, expected_values));
    CHECK(metadata == expected_metadata);
  }
}

TEST_CASE("pruned and compressed on vectors") {
  check_compressed(magnitude{});
  check_compressed(minimum_variance{.seed = 1});
  check_compressed(minimum_variance{.seed = 2, .bits = 32});
  check_compressed(minimum_variance{.seed = 3, .first_element = 20, .rounds = 7, .bits = 16});
  std::vector<float> values(3);
  std::vector<std::uint16_t> metadata(1);
  const std::vector<float> x(8);
  CHECK_THROWS_AS(compress_2_4(simd{}, x, values, metadata, magnitude{}), std::invalid_argument);
  CHECK_THROWS_AS((sparsify<2, 4>(simd{}, x, values, magnitude{})), std::invalid_argument);
}

}  // namespace
