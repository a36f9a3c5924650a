// SPDX-License-Identifier: Apache-2.0
//
// encode and decode of cuda{} against the scalar backend: every float32 (or every 4099th, with "small"), to nearest
// even and toward zero, every binary16 and bfloat16, every code; and E4M3 and E5M2 against the device's own conversion.
#include "support.cuh"

using namespace nibble;
using namespace nibble_test;

namespace {

__global__ void every_float(float* x, std::uint32_t first, std::uint32_t step, std::size_t count) {
  for (std::size_t i = detail::thread_index(); i < count; i += detail::thread_count()) {
    x[i] = bit_cast<float>(first + static_cast<std::uint32_t>(i) * step);
  }
}

/// Inputs in slices that fit memory.
struct inputs {
  std::size_t slices, count;
  std::uint32_t step;
  device_array<float> x;
  std::vector<float> host;

  explicit inputs(bool small)
      : slices(small ? 1 : 16),
        count(small ? (std::size_t{1} << 32) / 4099 : std::size_t{1} << 28),
        step(small ? 4099 : 1),
        x(count),
        host(count) {}
  void slice(std::size_t s) {
    const auto first = static_cast<std::uint32_t>(s * count);
    every_float<<<4096, 256>>>(x.data(), first, step, count);
    constexpr std::size_t part = std::size_t{1} << 20;
    all_cores{}((count + part - 1) / part, [&](std::size_t p) {
      for (std::size_t i = p * part; i < std::min(count, (p + 1) * part); ++i) {
        host[i] = bit_cast<float>(first + static_cast<std::uint32_t>(i) * step);
      }
    });
  }
};

template <float_format F>
void compare_slice(const inputs& in, device_array<std::uint8_t>& codes, std::vector<std::uint8_t>& got,
                   const encode_options& o, const char* name) {
  const std::size_t bytes = packed_bytes(F, in.count);
  check(
      encode<F>(cuda{}, std::span<const float>(in.x.data(), in.count), std::span<std::uint8_t>(codes.data(), bytes), o),
      name);
  check(cudaMemcpy(got.data(), codes.data(), bytes, cudaMemcpyDeviceToHost), "copy");
  constexpr std::size_t part = std::size_t{1} << 20;
  std::atomic<std::size_t> different{0};
  all_cores{}((in.count + part - 1) / part, [&](std::size_t p) {
    const std::size_t first = p * part;
    const std::size_t n = std::min(part, in.count - first);
    std::vector<std::uint8_t> expected(packed_bytes(F, n));
    encode<F>(scalar{}, std::span<const float>(in.host.data() + first, n), expected, o);
    if (std::memcmp(expected.data(), got.data() + packed_bytes(F, first), expected.size()) != 0) ++different;
  });
  check(different == 0, std::string(name) + ": " + std::to_string(different.load()) +
                            " parts of 2^20 differ, rounding " +
                            std::to_string(static_cast<int>(o.rounding.choice(recipe{}).mode)));
}

/// Calls action<F>(name) for every named format of at most 16 bits.
template <class Action>
void each_format(Action&& action) {
  action.template operator()<formats::e2m1>("e2m1");
  action.template operator()<formats::e2m3>("e2m3");
  action.template operator()<formats::e3m2>("e3m2");
  action.template operator()<formats::e4m3>("e4m3");
  action.template operator()<formats::e5m2>("e5m2");
  action.template operator()<formats::e8m0>("e8m0");
  action.template operator()<formats::ue4m3>("ue4m3");
  action.template operator()<formats::e4m3fnuz>("e4m3fnuz");
  action.template operator()<formats::e5m2fnuz>("e5m2fnuz");
  action.template operator()<formats::e4m3b11fnuz>("e4m3b11fnuz");
  action.template operator()<formats::e3m4>("e3m4");
  action.template operator()<formats::e4m3ieee>("e4m3ieee");
  action.template operator()<formats::e3m0>("e3m0");
  action.template operator()<formats::bf16>("bf16");
  action.template operator()<formats::f16>("f16");
}

template <class Number>
void compare_narrow(const char* name) {
  std::vector<Number> x;
  for (std::uint32_t i = 0; i < 65536; ++i) x.push_back(Number::from_bits(static_cast<std::uint16_t>(i)));
  const device_array<Number> there(x);
  const auto one = [&]<float_format F>() {
    for (const rounding_mode mode : {rounding_mode::nearest_even, rounding_mode::toward_zero, rounding_mode::upward}) {
      const encode_options o{.rounding = mode};
      std::vector<std::uint8_t> expected(packed_bytes(F, x.size()));
      encode<F>(scalar{}, x, expected, o);
      device_array<std::uint8_t> codes(expected.size());
      check(encode<F>(cuda{}, std::span<const Number>(there.data(), x.size()),
                      std::span<std::uint8_t>(codes.data(), codes.size()), o),
            name);
      check(codes.get() == expected, std::string(name) + ": codes differ");
    }
  };
  each_format([&]<float_format F>(const char*) { one.template operator()<F>(); });
}

/// decode of every code, as float and bfloat16, aligned and not.
template <float_format F>
void compare_decode(const char* name) {
  const std::size_t count = std::size_t{1} << F.bits();
  std::vector<std::uint8_t> bytes(packed_bytes(F, count));
  for (std::size_t i = 0; i < count; ++i) store_code(default_layout(F), bytes.data(), i, static_cast<std::uint32_t>(i));
  const device_array<std::uint8_t> codes(bytes);
  const auto one = [&]<class T>(T, std::size_t shift) {
    std::vector<T> expected(count);
    decode<F>(scalar{}, bytes, expected);
    device_array<T> out(count + shift);
    out.fill(0);
    check(decode<F>(cuda{}, std::span<const std::uint8_t>(codes.data(), bytes.size()),
                    std::span<T>(out.data() + shift, count)),
          name);
    check(std::memcmp(out.get().data() + shift, expected.data(), count * sizeof(T)) == 0,
          std::string(name) + ": values differ");
  };
  for (const std::size_t shift : {0U, 1U}) {
    one(float{}, shift);
    one(double{}, shift);
    one(bf16{}, shift);
    one(f16{}, shift);
  }
}

/// Bytes to which codes of a layout must be aligned.
std::size_t sizeof_slot(const packed_layout& layout) { return layout.slot_bits == 16 ? 2 : 1; }

/// Every layout, rounding and policy on a short hostile span.
template <float_format F>
void compare_options(const char* name) {
  const std::vector<float> x = tensor(3001, content::mixed, 5);
  const device_array<float> there(x);
  device_array<float> unaligned(x.size() + 1);
  check(cudaMemcpy(unaligned.data() + 1, x.data(), x.size() * sizeof(float), cudaMemcpyHostToDevice), "copy");
  const packed_layout layouts_4[] = {layouts::nibbles_low_first,
                                     layouts::nibbles_high_first,
                                     layouts::ggml_mxfp4,
                                     layouts::ggml_nvfp4,
                                     layouts::dense6,
                                     layouts::bytes,
                                     layouts::words};
  for (const packed_layout& layout : layouts_4) {
    if (layout.slot_bits < F.bits()) continue;
    for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{63}, std::size_t{3001}}) {
      const encode_options all[] = {{.layout = layout},
                                    {.rounding = rounding_mode::to_odd,
                                     .overflow = overflow::special,
                                     .policy = policy::ml_dtypes,
                                     .layout = layout},
                                    {.rounding = stochastic{.seed = 3, .bits = 8, .first_element = 7},
                                     .policy = policy::onednn,
                                     .layout = layout},
                                    {.rounding = stochastic{.seed = 4, .variant = stochastic_variant::c},
                                     .overflow = overflow::p3109_none,
                                     .layout = layout}};
      for (const encode_options& o : all) {
        std::vector<std::uint8_t> expected(packed_bytes(layout, count));
        encode<F>(scalar{}, std::span<const float>(x.data(), count), expected, o);
        // Aligned memory, then numbers and codes that are not.
        for (const std::size_t shift : {std::size_t{0}, std::size_t{1}}) {
          const float* source = there.data();
          if (shift != 0) source = unaligned.data() + shift;
          device_array<std::uint8_t> codes(expected.size() + 2 * shift);
          codes.fill(0xa5);
          check(encode<F>(cuda{}, std::span<const float>(source, count),
                          std::span<std::uint8_t>(codes.data() + shift * sizeof_slot(layout), expected.size()), o),
                name);
          std::vector<std::uint8_t> got = codes.get();
          got.erase(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(shift * sizeof_slot(layout)));
          got.resize(expected.size());
          check(got == expected, std::string(name) + ": options, " + std::to_string(count) + " numbers differ");
        }
      }
    }
  }
}

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 890
template <float_format F>
__global__ void compare_hardware(std::uint32_t first, std::size_t count, unsigned long long* different) {
  for (std::size_t i = detail::thread_index(); i < count; i += detail::thread_count()) {
    const std::uint32_t bits = first + static_cast<std::uint32_t>(i);
    const std::uint32_t pair = F == formats::e4m3 ? detail::to_e4m3_pair(bits, bits) : detail::to_e5m2_pair(bits, bits);
    const std::uint32_t code = encode<F>(bit_cast<float>(bits));
    if ((pair & 0xffU) != code || (pair >> 8) != code) atomicAdd(different, 1ULL);
  }
}
#endif

template <float_format F>
void test_hardware(const char* name) {
  device_array<unsigned long long> different(std::vector<unsigned long long>{0});
  for (std::uint64_t first = 0; first < std::uint64_t{1} << 32; first += std::uint64_t{1} << 30) {
    compare_hardware<F><<<8192, 256>>>(static_cast<std::uint32_t>(first), std::size_t{1} << 30, different.data());
  }
  check(different.get()[0] == 0, std::string(name) + ": cvt.rn.satfinite differs from encode");
}

/// The E2M1 of eight at a time against the rounding of one, on `slices` times `chunks` times eight numbers that are no
/// NaN: from `first` on, and so on each `step`.
template <class Rounding>
__global__ void compare_e2m1(std::uint32_t first, std::size_t chunks, std::size_t slices, std::uint32_t step,
                             unsigned long long* different) {
  for (std::size_t chunk = detail::thread_index(); chunk < chunks * slices; chunk += detail::thread_count()) {
    constexpr special_codes special = make_special_codes(
        formats::e2m1, Rounding::random_bits == 0 ? rounding_mode::nearest_even : rounding_mode::stochastic,
        overflow::saturate, recipe{}.policy, false);
    std::uint32_t bits[8];
    for (unsigned i = 0; i < 8; ++i) {
      bits[i] = first + static_cast<std::uint32_t>(chunk / chunks) * step +
                static_cast<std::uint32_t>(chunk % chunks * 8) + i;
      if ((bits[i] & 0x7fff'ffffU) > 0x7f80'0000U) bits[i] = i;
    }
    const detail::random_eight<Rounding::random_bits> random(detail::random_stream(first, 1, 7), chunk * 8);
    const std::uint32_t signs = detail::gather_signs(bits);
    const std::uint32_t packed = detail::pack_e2m1<Rounding>(bits, signs, 0x3f80'0000U, special, random);
    // The packing of products that are known to be small.
    std::uint32_t small = packed;
    const std::uint32_t largest = detail::chunk_amax(bits);
    if (Rounding::random_bits == 0 && largest < 0x4170'0000U) {
      small = detail::pack_e2m1_below_15(bits, signs, 0x3f80'0000U);
    }
    if (small != packed) atomicAdd(different, 1ULL);
    for (unsigned i = 0; i < 8; ++i) {
      constexpr rounding_mode mode =
          Rounding::random_bits == 0 ? rounding_mode::nearest_even : rounding_mode::stochastic;
      const std::uint32_t code = detail::encode_lanes<mode>(formats::e2m1, special, bits[i], random.of(i),
                                                            Rounding::random_bits == 0 ? 32 : Rounding::random_bits);
      if ((packed >> (4 * i) & 15U) != code) atomicAdd(different, 1ULL);
    }
  }
}

/// Codes that pack_e2m1_likely calls right against the rounding of one: of every bfloat16 and as many other numbers by
/// multipliers that bring them near E2M1's, with the words around the one from which on the code is the upper one.
__global__ void compare_likely(std::uint32_t multipliers, unsigned long long* different, unsigned long long* likely) {
  constexpr special_codes special =
      make_special_codes(formats::e2m1, rounding_mode::stochastic, overflow::saturate, recipe{}.policy, false);
  for (std::size_t at = detail::thread_index(); at < std::size_t{0x1'0000} * multipliers;
       at += detail::thread_count()) {
    const philox_block drawn = random_block(5, 6, at);
    std::uint32_t x = static_cast<std::uint32_t>(at & 0xffffU) << 16;
    if ((at & 0x8000U) != 0) x |= drawn.words[0] & 0xffffU;
    const std::uint32_t magnitude = x & 0x7fff'ffffU;
    if (magnitude >= 0x7f80'0000U) continue;
    // Products from 1/16 to before 16, but of very small and very large numbers.
    const int wanted = 254 - static_cast<int>(magnitude >> 23) + static_cast<int>(drawn.words[1] & 7U) - 4;
    const int exponent = wanted < 27 ? 27 : wanted > 226 ? 226 : wanted;
    const std::uint32_t multiplier = static_cast<std::uint32_t>(exponent) << 23 | (drawn.words[2] & 0x007f'ffffU);
    const auto right = [&](std::uint32_t word) {
      return detail::round_stochastically<32>::code<formats::e2m1>(detail::multiply_bits(x, multiplier), special, word);
    };
    std::uint32_t first = 0;  // word with the upper code
    const std::uint32_t upper = right(0xffff'ffffU);
    if (right(0) != upper) {
      for (int bit = 31; bit >= 0; --bit) first += right(first + (1U << bit) - 1U) == upper ? 0U : 1U << bit;
    }
    const std::uint32_t words[] = {
        first, first - 1U, first - 0x1'0000U, first - 0x1'2000U, first - 0x1'4000U, first + 0x1'0000U, drawn.words[3]};
    for (const std::uint32_t word : words) {
      std::uint32_t bits[8];
      detail::random_eight<32> random;
      for (unsigned i = 0; i < 8; ++i) {
        bits[i] = i % 2 == 0 ? x : x ^ 0x8000'0000U;
        random.words[i] = word;
      }
      std::uint32_t most = 0;
      const std::uint32_t packed =
          detail::pack_e2m1_likely(bits, detail::gather_signs(bits), detail::likely_factor(multiplier), random, most);
      if (most >= detail::likely_limit) continue;
      atomicAdd(likely, 1ULL);
      const std::uint32_t code = right(word);
      if (packed != (code * 0x1111'1111U ^ 0x8080'8080U)) atomicAdd(different, 1ULL);
    }
  }
}

void test_likely(bool small) {
  device_array<unsigned long long> counts(std::vector<unsigned long long>{0, 0});
  const std::uint32_t multipliers = small ? 8 : 2048;
  compare_likely<<<4096, 256>>>(multipliers, counts.data(), counts.data() + 1);
  check(counts.get()[0] == 0, "e2m1 of eight, likely: codes that are called right differ");
  // About four of seven words are none of those next to the first.
  check(counts.get()[1] > std::uint64_t{0x1'0000} * multipliers * 3, "e2m1 of eight, likely: too few are called right");
}

/// The reciprocals of the fast kernels against the rounded one, on all numbers that they are for.
__global__ void compare_reciprocals(std::uint32_t first, std::uint32_t count, std::uint32_t step,
                                    unsigned long long* different) {
  for (std::size_t i = detail::thread_index(); i < count; i += detail::thread_count()) {
    const std::uint32_t bits = first + static_cast<std::uint32_t>(i) * step;
    if (detail::normal_reciprocal(bits) != detail::reciprocal_bits(bits)) atomicAdd(different, 1ULL);
  }
}

void test_reciprocals(bool small) {
  device_array<unsigned long long> different(std::vector<unsigned long long>{0});
  for (std::uint32_t exponent = 1; exponent < 252; ++exponent) {
    if (small) {
      // The last significands, the largest of which no theorem covers, and some of all.
      compare_reciprocals<<<1, 256>>>((exponent << 23) + (1U << 23) - 256U, 256, 1, different.data());
      compare_reciprocals<<<1, 256>>>(exponent << 23, 1024, 8191, different.data());
    } else {
      compare_reciprocals<<<512, 256>>>(exponent << 23, 1U << 23, 1, different.data());
    }
  }
  check(different.get()[0] == 0, "reciprocals differ");
}

void test_e2m1(bool small) {
  const auto one = [&]<class Rounding>(const char* name) {
    device_array<unsigned long long> different(std::vector<unsigned long long>{0});
    if (small) {
      // Around each quarter of a binade, where all codes and all ties between two are.
      compare_e2m1<Rounding><<<256, 256>>>(0U - 64U, 16, 2048, 1U << 21, different.data());
      // All of [1, 2), which has sums that the lower half of a word decides.
      compare_e2m1<Rounding><<<4096, 256>>>(0x3f80'0000U, std::size_t{1} << 20, 1, 0, different.data());
    } else {
      for (std::uint64_t first = 0; first < std::uint64_t{1} << 32; first += std::uint64_t{1} << 30) {
        compare_e2m1<Rounding>
            <<<8192, 256>>>(static_cast<std::uint32_t>(first), std::size_t{1} << 27, 1, 0, different.data());
      }
    }
    check(different.get()[0] == 0, std::string("e2m1 of eight, ") + name + ": codes differ");
  };
  one.template operator()<detail::round_to_nearest>("nearest");
  one.template operator()<detail::round_stochastically<8>>("8 bits");
  one.template operator()<detail::round_stochastically<16>>("16 bits");
  one.template operator()<detail::round_stochastically<32>>("32 bits");
}

}  // namespace

int main(int argc, char** argv) {
  if (!has_device()) return 0;
  const bool small = argc > 1 && std::string(argv[1]) == "small";
  compare_narrow<f16>("f16");
  compare_narrow<bf16>("bf16");
  inputs in(small);
  device_array<std::uint8_t> codes(2 * in.count);
  std::vector<std::uint8_t> got(2 * in.count);
  for (std::size_t s = 0; s < in.slices; ++s) {
    in.slice(s);
    each_format([&]<float_format F>(const char* name) {
      for (const rounding_mode mode : {rounding_mode::nearest_even, rounding_mode::toward_zero}) {
        compare_slice<F>(in, codes, got, {.rounding = mode}, name);
      }
    });
  }
  each_format([&]<float_format F>(const char* name) {
    compare_decode<F>(name);
    if constexpr (F.bits() <= 8) compare_options<F>(name);
  });
  test_e2m1(small);
  test_likely(small);
  test_reciprocals(small);
  if (!small) {
    test_hardware<formats::e4m3>("e4m3");
    test_hardware<formats::e5m2>("e5m2");
  }
  return report("codec");
}
