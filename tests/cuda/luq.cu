// SPDX-License-Identifier: Apache-2.0
//
// luq and luq_values of cuda{} against the scalar ones: every option on finite tensors of each content, odd sizes,
// unaligned memory.
#include <iterator>

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

/// Numbers below alpha within two last bits of where their own random words decide.
std::vector<float> decided_by_words(const luq_options& o, std::size_t count) {
  const float alpha = luq_alpha({}, o);
  std::vector<float> x;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t word = random_block(o.random.seed, o.random.stream, i / 4, o.random.rounds).words[i % 4];
    const auto edge = static_cast<float>(alpha * (1.0 - word * 0x1p-32));
    x.push_back(bit_cast<float>(to_bits(edge) + static_cast<std::uint32_t>(i % 5) - 2U));
  }
  return x;
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
      {.levels = 1}};
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
  for (const float maximum : {48.0F, 64.0F, 77.7F}) {
    const luq_options o{.known_maximum = maximum, .random = {.seed = 9}};
    compare<float>(decided_by_words(o, 40000), o, 0, "decided by words, maximum " + std::to_string(maximum));
  }
  std::mt19937_64 random(7);
  for (int i = 0; i < (small ? 20 : 1000); ++i) {
    const std::size_t count = random() % 3000;
    luq_options o = all[random() % std::size(all)];
    o.random = {
        .seed = random(), .stream = random() % 3, .first_element = random() % 40, .rounds = random() % 2 != 0 ? 7 : 10};
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
