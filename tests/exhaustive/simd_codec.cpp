// SPDX-License-Identifier: Apache-2.0
//
// encode(simd{}) against encode(scalar{}) on float32 patterns: nearest even and toward zero, saturating, and stochastic
// rounding. Arguments: a name of subjects.hpp, how many of the 2^20 blocks of 4096 patterns are compared, 1 (all) or one in
// so many (blocks in which the answer changes are always compared), and the like for stochastic rounding.
// `simd_codec e4m3 1 1` is the whole proof.
//
// In a deterministic rounding the scalar codec's answer rises with the magnitude, which encode_float.cpp proves for
// every pattern; so the scalar codec tells by bisection where the answer changes, and each stretch between is compared
// with one code. Stochastic rounding is compared number by number: 2^28 / sampling patterns for each of four seeds.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

#include <nibble/simd.hpp>

#include <exhaustive/report.hpp>
#include <format/subjects.hpp>

namespace {

using namespace exhaustive;
using nibble::float_format;

constexpr std::uint32_t block_size = 4096;
constexpr std::uint64_t blocks = (std::uint64_t{1} << 32) / block_size;

/// What holds one code of a format.
template <float_format F>
using code_of = std::conditional_t<(F.bits() > 8), std::uint16_t, std::uint8_t>;

/// Codes as the front door writes them: packed bytes, or 16-bit words.
template <float_format F>
struct written {
  static constexpr bool packed = F.bits() <= 4;
  std::array<code_of<F>, packed ? block_size / 2 : block_size> codes;
};

/// A stretch of patterns with one code, up to the next stretch.
struct stretch {
  std::uint64_t first;
  std::uint32_t code;
};

/// The stretches of [first, end), in which the code rises or falls with the pattern.
template <float_format F, class Rounding>
void add_stretches(std::vector<stretch>& list, std::uint64_t first, std::uint64_t end, const nibble::special_policy& p) {
  const auto code = [&](std::uint64_t bits) -> std::uint32_t {
    const float x = nibble::bit_cast<float>(static_cast<std::uint32_t>(bits));
    return nibble::encode<F>(x, Rounding{}, nibble::overflow::saturate, p);
  };
  while (first < end) {
    const std::uint32_t here = code(first);
    list.push_back({first, here});
    // The last pattern with the same code.
    std::uint64_t same = first;
    std::uint64_t other = end;
    while (other - same > 1) {
      const std::uint64_t middle = same + (other - same) / 2;
      (code(middle) == here ? same : other) = middle;
    }
    first = other;
  }
}

template <float_format F, class Rounding>
std::vector<stretch> all_stretches(const nibble::special_policy& p) {
  std::vector<stretch> list;
  for (const std::uint64_t sign : {std::uint64_t{0}, std::uint64_t{1} << 31}) {
    add_stretches<F, Rounding>(list, sign, sign + 1, p);
    add_stretches<F, Rounding>(list, sign + 1, sign + 0x7f80'0000U, p);
    add_stretches<F, Rounding>(list, sign + 0x7f80'0000U, sign + 0x7f80'0001U, p);
    add_stretches<F, Rounding>(list, sign + 0x7f80'0001U, sign + 0x8000'0000U, p);
  }
  list.push_back({std::uint64_t{1} << 32, 0});
  return list;
}

/// Names the patterns of a block whose codes differ.
template <float_format F>
void explain(report& out, const char* mode, std::uint32_t first, const written<F>& got, const written<F>& wanted) {
  for (std::uint32_t i = 0; i < block_size; ++i) {
    const auto code = [&](const written<F>& w) -> std::uint32_t {
      return written<F>::packed ? w.codes[i / 2] >> (i % 2 * 4) & 15U : w.codes[i];
    };
    if (code(got) != code(wanted)) out.difference(mode, first + i, code(got), code(wanted));
  }
}

/// The code of each pattern of a block, from the stretch that holds the block's first pattern on.
template <float_format F>
void fill(written<F>& wanted, std::uint64_t first, const stretch* s) {
  std::array<code_of<F>, block_size> codes;
  for (std::uint64_t i = 0; i < block_size; ++s) {
    const std::uint64_t end = std::min<std::uint64_t>(block_size, s[1].first - first);
    std::fill(codes.data() + i, codes.data() + end, static_cast<code_of<F>>(s->code));
    i = end;
  }
  if constexpr (written<F>::packed) {
    for (std::uint32_t i = 0; i < block_size / 2; ++i) {
      wanted.codes[i] = static_cast<std::uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
    }
  } else {
    wanted.codes = codes;
  }
}

void fill_patterns(std::array<float, block_size>& x, std::uint32_t first) {
  for (std::uint32_t i = 0; i < block_size; ++i) x[i] = nibble::bit_cast<float>(first + i);
}

template <float_format F, class Rounding>
void sweep(report& out, const char* mode, const nibble::special_policy& p, std::uint64_t sampling) {
  const std::vector<stretch> list = all_stretches<F, Rounding>(p);
  const nibble::encode_options options{.rounding = Rounding{}, .policy = p};
  static std::array<float, block_size> x;
  static written<F> got;
  static written<F> wanted;
  std::size_t at = 0;
  for (std::uint64_t b = 0; b < blocks; ++b) {
    const std::uint64_t first = b * block_size;
    while (list[at + 1].first <= first) ++at;
    if (b % sampling != 0 && list[at + 1].first >= first + block_size) continue;
    fill_patterns(x, static_cast<std::uint32_t>(first));
    nibble::encode<F>(nibble::simd{}, x, got.codes, options);
    fill<F>(wanted, first, &list[at]);
    if (std::memcmp(&got, &wanted, sizeof(got)) != 0) explain<F>(out, mode, static_cast<std::uint32_t>(first), got, wanted);
    out.compared(block_size);
  }
}

/// Consecutive patterns from places spread over the number line, by random bits of all kinds.
template <float_format F>
void sweep_stochastic(report& out, const nibble::special_policy& p, std::uint64_t sampling) {
  static std::array<float, block_size> x;
  static written<F> got;
  static written<F> wanted;
  const std::uint64_t count = std::max<std::uint64_t>((std::uint64_t{1} << 28) / sampling / block_size, 1);
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    for (std::uint64_t b = 0; b < count; ++b) {
      const auto first = static_cast<std::uint32_t>((b * count + seed) * 0x9E37'79B9U + b * block_size);
      fill_patterns(x, first);
      const nibble::stochastic random{.seed = seed * 0x1234'5678'9abc'def1U,
                                      .stream = seed,
                                      .bits = 8 << b % 3,
                                      .variant = static_cast<nibble::stochastic_variant>(b / 3 % 3),
                                      .first_element = b * block_size};
      const nibble::encode_options options{.rounding = random, .policy = p};
      nibble::encode<F>(nibble::simd{}, x, got.codes, options);
      nibble::encode<F>(nibble::scalar{}, x, wanted.codes, options);
      if (std::memcmp(&got, &wanted, sizeof(got)) != 0) explain<F>(out, "stochastic", first, got, wanted);
      out.compared(block_size);
    }
  }
}

template <std::size_t Index>
int compare(std::uint64_t sampling, std::uint64_t stochastic_sampling) {
  constexpr subjects::subject s = subjects::all[Index];
  constexpr nibble::special_policy p = subjects::policy_of(s);
  report out{std::string(s.name)};
  sweep<s.format, nibble::nearest_even>(out, "nearest even", p, sampling);
  sweep<s.format, nibble::toward_zero>(out, "toward zero", p, sampling);
  sweep_stochastic<s.format>(out, p, stochastic_sampling);
  return out.verdict(2 * (std::uint64_t{1} << 32) / sampling + 4 * (std::uint64_t{1} << 28) / stochastic_sampling);
}

}  // namespace

int main(int argc, char** argv) {
#if defined(__AVX2__)
  if (!has_avx2()) return skipped;
#endif
  const std::string_view name = argc == 4 ? argv[1] : "";
  std::uint64_t sampling[2] = {};
  for (int i = 0; i < 2 && argc == 4; ++i) {
    const std::string_view number = argv[i + 2];
    std::from_chars(number.data(), number.data() + number.size(), sampling[i]);
  }
  int status = 2;
  subjects::for_each([&]<std::size_t Index>() {
    if (subjects::all[Index].name == name && sampling[0] > 0 && sampling[1] > 0) {
      status = compare<Index>(sampling[0], sampling[1]);
    }
  });
  if (status == 2) std::printf("simd_codec: the arguments are a name of subjects.hpp and two positive numbers\n");
  return status;
}
