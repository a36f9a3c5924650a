// SPDX-License-Identifier: Apache-2.0
//
// sparsify and compress_2_4 of cuda{} against the scalar ones: every rule, patterns, sizes and contents, unaligned
// memory.
#include "support.cuh"

using namespace nibble;
using namespace nibble_test;

namespace {

template <std::size_t N, std::size_t M, class T, class Method>
void compare(const std::vector<float>& values, const Method& method, std::size_t shift, const std::string& what) {
  std::vector<T> x;
  std::vector<float> exact;
  for (const float v : values) {
    x.push_back(narrowed<T>(v));
    exact.push_back(bit_cast<float>(detail::element_bits(x.back())));
  }
  device_array<T> there(x.size() + shift);
  check(cudaMemcpy(there.data() + shift, x.data(), x.size() * sizeof(T), cudaMemcpyHostToDevice), "copy");
  const std::span<const T> source(there.data() + shift, x.size());
  const std::vector<float> expected = sparsify<N, M>(std::span<const float>(exact), method);
  device_array<float> out(x.size());
  check(sparsify<N, M>(cuda{}, source, std::span(out.data(), x.size()), method), what);
  const std::vector<float> got = out.get();
  check(x.empty() || std::memcmp(got.data(), expected.data(), x.size() * sizeof(float)) == 0, what + ": values differ");
  if constexpr (N == 2 && M == 4) {
    const std::size_t blocks = (x.size() + 3) / 4;
    std::vector<float> stored(2 * blocks);
    std::vector<std::uint16_t> metadata((blocks + 3) / 4);
    compress_2_4(exact, stored, metadata, method);
    device_array<float> device_stored(stored.size());
    device_array<std::uint16_t> device_metadata(metadata.size());
    check(compress_2_4(cuda{}, source, std::span(device_stored.data(), stored.size()),
                       std::span(device_metadata.data(), metadata.size()), method),
          what);
    const std::vector<float> there_stored = device_stored.get();
    check(x.empty() || std::memcmp(there_stored.data(), stored.data(), stored.size() * sizeof(float)) == 0,
          what + ": stored values differ");
    check(device_metadata.get() == metadata, what + ": metadata differ");
  }
}

template <class Method>
void compare_all(const std::vector<float>& x, const Method& method, const std::string& what) {
  compare<2, 4, float>(x, method, 0, what + ", 2:4");
  if (x.size() < 10000) {
    compare<2, 4, float>(x, method, 1, what + ", 2:4 unaligned");
    compare<2, 4, bf16>(x, method, 0, what + ", 2:4 bf16");
    compare<2, 4, f16>(x, method, 0, what + ", 2:4 f16");
    if constexpr (!requires { method.epsilon; }) {
      compare<1, 4, float>(x, method, 0, what + ", 1:4");
      compare<4, 8, float>(x, method, 0, what + ", 4:8");
      compare<2, 16, float>(x, method, 0, what + ", 2:16");
    }
  }
}

/// Blocks of four whose largest is within four last bits of the sum of the others.
std::vector<float> balanced_blocks(std::size_t blocks) {
  std::mt19937_64 random(8);
  std::vector<float> x;
  for (std::size_t b = 0; b < blocks; ++b) {
    float block[4] = {};
    double sum = 0;
    for (int i = 0; i < 3; ++i) {
      block[i] =
          std::ldexp(1.0F + static_cast<float>(random() % 0x80'0000U) * 0x1p-23F, -static_cast<int>(random() % 12));
      sum += block[i];
    }
    const float nearest = static_cast<float>(sum);
    block[3] = bit_cast<float>(to_bits(nearest) + static_cast<std::uint32_t>(random() % 9) - 4U);
    std::swap(block[3], block[random() % 4]);
    for (const float v : block) x.push_back(random() % 2 != 0 ? -v : v);
  }
  return x;
}

}  // namespace

int main(int argc, char** argv) {
  if (!has_device()) return 0;
  const bool small = argc > 1 && std::string(argv[1]) == "small";
  for (const std::size_t count : {std::size_t{0}, std::size_t{3}, std::size_t{16}, std::size_t{24}, std::size_t{77},
                                  std::size_t{4160}, std::size_t{1600016}}) {
    if (small && count > 5000) continue;
    for (int kind = 0; kind < contents; ++kind) {
      const std::vector<float> x = tensor(count, static_cast<content>(kind), count + 1);
      const std::string what = "content " + std::to_string(kind) + ", " + std::to_string(count) + " elements";
      compare_all(x, magnitude{}, what + ", magnitude");
      compare_all(x, minimum_variance{.seed = 3}, what + ", variance");
      compare_all(x, minimum_variance{.seed = 3, .stream = 1, .first_element = 16, .rounds = 7, .bits = 16},
                  what + ", variance of 16 bits");
      compare_all(x, minimum_variance{.seed = 4, .first_element = 48, .bits = 32}, what + ", variance of 32 bits");
      compare<2, 4, float>(x, minimum_variance{.seed = 5, .first_element = 12}, 0,
                           what + ", variance from an odd block");
      compare_all(x, sequential_draws{.seed = 6}, what + ", draws");
    }
  }
  for (const int bits : {16, 32, 64}) {
    compare<2, 4, float>(balanced_blocks(20000), minimum_variance{.seed = 3, .bits = bits}, 0,
                         "balanced, variance of " + std::to_string(bits) + " bits");
  }
  std::mt19937_64 random(7);
  for (int i = 0; i < (small ? 20 : 1000); ++i) {
    const std::size_t count = random() % 3000;
    const std::vector<float> x = tensor(count, static_cast<content>(random() % contents), random());
    const std::string what = "size " + std::to_string(i) + ", " + std::to_string(count) + " elements";
    const int bits[] = {16, 32, 64};
    const minimum_variance variance{.seed = random(),
                                    .stream = random() % 3,
                                    .first_element = 4 * (random() % 40),
                                    .rounds = random() % 2 != 0 ? 7 : 10,
                                    .bits = bits[random() % 3]};
    if (i % 3 == 0) compare<2, 4, float>(x, variance, random() % 4, what);
    if (i % 3 == 1) compare<2, 4, bf16>(x, magnitude{}, random() % 8, what);
    if (i % 3 == 2) compare<2, 4, f16>(x, variance, random() % 8, what);
  }
  if (!small) {
    const std::vector<float> x = tensor(std::size_t{1} << 26, content::mixed, 12);
    all_cores{}(4, [&](std::size_t k) {
      if (k == 0) compare<2, 4, float>(x, magnitude{}, 0, "large, magnitude");
      if (k == 1) compare<2, 4, float>(x, minimum_variance{.seed = 3}, 0, "large, variance");
      if (k == 2) compare<2, 4, float>(x, minimum_variance{.seed = 3, .bits = 16}, 0, "large, variance of 16 bits");
      if (k == 3) compare<2, 4, float>(x, sequential_draws{.seed = 6}, 0, "large, draws");
    });
  }
  return report("sparsify");
}
