// SPDX-License-Identifier: Apache-2.0
//
// luq and luq_values of cuda{} against the scalar ones: every option on finite tensors of each content, odd sizes,
// unaligned memory.
#include <cmath>
#include <iterator>
#include <limits>

#include "support.cuh"

using namespace nibble;
using namespace nibble_test;

namespace {

template <class T>
void compare(const std::vector<float>& values, const luq_options& o, std::size_t shift, const std::string& what) {
  std::vector<T> x;
  std::vector<float> exact;
  for (const float v : values) {
    x.push_back(T(v));
    exact.push_back(static_cast<float>(x.back()));
    if (!binary32(exact.back()).is_finite()) exact.back() = 1.0F, x.back() = T(1.0F);
  }
  device_array<T> there(x.size() + shift);
  check(cudaMemcpy(there.data() + shift, x.data(), x.size() * sizeof(T), cudaMemcpyHostToDevice), "copy");
  const std::span<const T> source(there.data() + shift, x.size());
  device_array<float> alpha(1);
  if (o.levels <= 7) {
    std::vector<std::uint8_t> expected((x.size() + 1) / 2);
    const float expected_alpha = luq(exact, expected, o);
    device_array<std::uint8_t> packed(expected.size() + 1);
    packed.fill(0xa5);
    check(luq(cuda{nullptr, workspace()}, source, std::span(packed.data(), expected.size()), alpha.data(), o), what);
    expected.push_back(0xa5);
    check(packed.get() == expected, what + ": codes differ");
    check(to_bits(alpha.get()[0]) == to_bits(expected_alpha), what + ": alpha differs");
  }
  std::vector<float> expected(x.size());
  const float expected_alpha = luq_values(exact, expected, o);
  device_array<float> out(x.size());
  check(luq_values(cuda{nullptr, workspace()}, source, std::span(out.data(), x.size()), alpha.data(), o), what);
  check(x.empty() || std::memcmp(out.get().data(), expected.data(), x.size() * sizeof(float)) == 0,
        what + ": values differ");
  check(to_bits(alpha.get()[0]) == to_bits(expected_alpha), what + ": alpha of values differs");
}

/// Numbers within two last bits of where their own random words decide, half of them below alpha.
std::vector<float> decided_by_words(const luq_options& o, std::size_t count) {
  const double alpha = double{luq_alpha({}, o)};
  const element_rounding rounding(o.random);
  detail::random_source random(rounding, o.random.bits);
  std::vector<float> x;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t word = 0;
    random.fill(i, 1, 1, &word);
    const double share =
        1.0 - std::ldexp(static_cast<double>(word), -o.random.bits);  // from which on the step is taken
    const double edge = i % 2 == 0 ? alpha * share : std::ldexp(alpha * (1.0 + share), static_cast<int>(i / 2 % 6));
    x.push_back(bit_cast<float>(to_bits(static_cast<float>(edge)) + static_cast<std::uint32_t>(i % 5) - 2U));
  }
  return x;
}

/// NaN and Inf, which the scalar function does not take, saturate.
void saturate(int bits) {
  std::vector<float> x(64, std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < x.size(); i += 3) x[i] = bit_cast<float>(0x7f80'0001U + static_cast<std::uint32_t>(i));
  for (std::size_t i = 0; i < x.size(); i += 2) x[i] = -x[i];
  device_array<float> there(x.size()), alpha(1);
  device_array<std::uint8_t> packed(x.size() / 2);
  check(cudaMemcpy(there.data(), x.data(), x.size() * sizeof(float), cudaMemcpyHostToDevice), "copy");
  const std::span<const float> source(there.data(), x.size());
  const luq_options o{.known_maximum = 3.0F, .random = {.seed = 5, .bits = bits}};
  check(luq(cuda{nullptr, workspace()}, source, std::span(packed.data(), x.size() / 2), alpha.data(), o), "saturate");
  std::vector<std::uint8_t> expected(x.size() / 2);
  for (std::size_t i = 0; i < x.size(); ++i) {
    expected[i / 2] = static_cast<std::uint8_t>(expected[i / 2] | (std::signbit(x[i]) ? 15 : 7) << (i % 2 * 4));
  }
  check(packed.get() == expected, "NaN and Inf, " + std::to_string(bits) + " bits: codes differ");
}

}  // namespace

int main(int argc, char** argv) {
  if (!has_device()) return 0;
  const bool small = argc > 1 && std::string(argv[1]) == "small";
  const luq_options all[] = {
      {},
      luq_options::paper(),
      luq_options::authors_code(),
      luq_options::log_domain_port(),
      luq_options::plain(),
      {.known_maximum = 0.75F},
      {.power_of_two_alpha = true, .random = {.seed = 5, .stream = 2, .first_element = 16, .rounds = 7}},
      {.underflow = luq_underflow::zero, .random = {.first_element = 5}},
      {.maximum = luq_maximum::signed_value, .inside = luq_inside::nearest, .samples = 3},
      {.levels = 3, .inside = luq_inside::log_domain},
      {.levels = 1},
      {.random = {.seed = 3, .bits = 16}},
      {.random = {.seed = 4, .bits = 8}},
      {.random = {.first_element = 8}},
      {.levels = 5, .known_maximum = 0.3F, .random = {.bits = 16, .first_element = 24}, .samples = 2},
      {.known_maximum = 77.7F, .random = {.bits = 8, .first_element = 24, .rounds = 7}},
      {.inside = luq_inside::nearest, .random = {.bits = 8, .first_element = 3}}};
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{4099}, std::size_t{300007}}) {
    if (small && count > 5000) continue;
    for (const content kind : {content::gaussian, content::ties, content::subnormal, content::huge, content::zeros,
                               content::any_exponent, content::tiny}) {
      const std::vector<float> x = tensor(count, kind, count + 1);
      int index = 0;
      for (const luq_options& o : all) {
        const std::string what = "content " + std::to_string(static_cast<int>(kind)) + ", options " +
                                 std::to_string(index++) + ", " + std::to_string(count) + " elements";
        compare<float>(x, o, 0, what);
        if (count < 5000) compare<float>(x, o, 1, what + ", unaligned");
        if (count < 5000) compare<bf16>(x, o, 0, what + ", bf16");
      }
    }
  }
  for (const int bits : {8, 16, 32}) {
    saturate(bits);
    for (const float maximum : {48.0F, 64.0F, 77.7F, 3e-36F, 2.9e38F}) {
      const luq_options o{.known_maximum = maximum, .random = {.seed = 9, .bits = bits}};
      const std::string what =
          "decided by words, maximum " + std::to_string(maximum) + ", bits " + std::to_string(bits);
      const std::vector<float> x = decided_by_words(o, small ? 4000 : 400000);
      compare<float>(x, o, 0, what);
      compare<bf16>(x, o, 0, what + ", bf16");
    }
  }
  std::mt19937_64 random(7);
  for (int i = 0; i < (small ? 20 : 1000); ++i) {
    const std::size_t count = random() % 3000;
    luq_options o = all[random() % std::size(all)];
    o.random = {.seed = random(),
                .stream = random() % 3,
                .bits = 8 << random() % 3,
                .first_element = i % 2 == 0 ? random() % 40 : random() % 5 * 8,
                .rounds = random() % 2 != 0 ? 7 : 10};
    const std::vector<float> x = tensor(count, static_cast<content>(random() % contents), random());
    const std::string what = "size " + std::to_string(i) + ", " + std::to_string(count) + " elements";
    if (i % 3 == 0) compare<float>(x, o, random() % 4, what);
    if (i % 3 == 1) compare<bf16>(x, o, random() % 8, what);
    if (i % 3 == 2) compare<f16>(x, o, random() % 8, what);
  }
  if (!small) {
    const std::vector<float> x = tensor(std::size_t{1} << 26, content::mixed, 11);
    all_cores{}(std::size(all),
                [&](std::size_t k) { compare<float>(x, all[k], 0, "large, options " + std::to_string(k)); });
  }
  return report("luq");
}
