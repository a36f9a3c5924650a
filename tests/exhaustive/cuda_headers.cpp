// SPDX-License-Identifier: Apache-2.0
//
// encode under the `cuda` policy against the CUDA toolkit's headers on the host. Arguments:
//   float FORMAT      all 2^32 float32 patterns, in every rounding and saturation that the header offers
//   sampled FORMAT    of the same one block of 512 in 8, and every block in or beside which the code changes
//   double FORMAT     10^8 doubles that look for a second rounding, NaN payloads and edges
//   narrow FORMAT     all 65,536 binary16 and all 65,536 bfloat16 patterns
// FORMAT is e4m3, e5m2, e2m3, e3m2, e2m1 or e8m0.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <exhaustive/cuda_headers.hpp>
#include <exhaustive/inputs.hpp>
#include <exhaustive/report.hpp>
#include <format/subjects.hpp>

#if NIBBLE_TEST_HAS_CUDA_HEADERS

#include <nibble/number/minifloat.hpp>

namespace {

using namespace exhaustive;

constexpr std::size_t block_size = 512;

template <class Conversion, class Source>
NIBBLE_ALWAYS_INLINE std::uint32_t differing_bits(const Source* x, const std::uint8_t* theirs) {
  std::uint32_t wrong = 0;
  for (std::size_t i = 0; i < block_size; ++i) wrong |= std::uint32_t{ours<Conversion>(x[i])} ^ theirs[i];
  return wrong;
}

template <class Conversion, class Source>
std::uint32_t differing_bits_baseline(const Source* x, const std::uint8_t* theirs) {
  return differing_bits<Conversion>(x, theirs);
}

#if defined(__x86_64__) && defined(__GNUC__)
template <class Conversion, class Source>
__attribute__((target("avx2"))) std::uint32_t differing_bits_avx2(const Source* x, const std::uint8_t* theirs) {
  return differing_bits<Conversion>(x, theirs);
}
#else
template <class Conversion, class Source>
std::uint32_t differing_bits_avx2(const Source* x, const std::uint8_t* theirs) {
  return differing_bits<Conversion>(x, theirs);
}
#endif

/// Everything inlined: the header's function is long, and the compiler would rather call it.
template <class Conversion, class Source>
__attribute__((flatten)) void convert(const Source* x, std::uint8_t* theirs) {
  for (std::size_t i = 0; i < block_size; ++i) theirs[i] = Conversion::theirs(x[i]);
}

template <class Conversion, class Source>
void compare_block(report& out, const std::array<Source, block_size>& x) {
  static const bool wide = has_avx2();
  std::array<std::uint8_t, block_size> theirs;
  convert<Conversion>(x.data(), theirs.data());
  const std::uint32_t wrong = wide ? differing_bits_avx2<Conversion>(x.data(), theirs.data())
                                   : differing_bits_baseline<Conversion>(x.data(), theirs.data());
  if (wrong == 0) return;
  for (std::size_t i = 0; i < block_size; ++i) {
    const std::uint8_t got = ours<Conversion>(x[i]);
    if (got != theirs[i]) out.difference(Conversion::name, nibble::to_bits(x[i]), got, theirs[i]);
  }
}

template <class... Conversions>
void all_floats(report& out) {
  std::array<float, block_size> x;
  for (std::uint64_t first = 0; first < std::uint64_t{1} << 32; first += block_size) {
    for (std::size_t i = 0; i < block_size; ++i) x[i] = oracle::bits_float(static_cast<std::uint32_t>(first + i));
    (compare_block<Conversions>(out, x), ...);
    out.compared(block_size);
  }
}

/// Whether the code changes inside a block or beside it.
template <class Conversion>
bool changes(std::uint64_t first) {
  const auto code = [](std::uint64_t bits) {
    return ours<Conversion>(oracle::bits_float(static_cast<std::uint32_t>(bits)));
  };
  return code(first - 1) != code(first + block_size);
}

template <class... Conversions>
void sampled_floats(report& out) {
  std::array<float, block_size> x;
  for (std::uint64_t first = 0; first < std::uint64_t{1} << 32; first += block_size) {
    const bool chosen = first / block_size * 0x9E37'79B9U % 8 == 0;
    if (!chosen && !(changes<Conversions>(first) || ...)) continue;
    for (std::size_t i = 0; i < block_size; ++i) x[i] = oracle::bits_float(static_cast<std::uint32_t>(first + i));
    (compare_block<Conversions>(out, x), ...);
    out.compared(block_size);
  }
}

template <class... Conversions>
void many_doubles(report& out, const oracle::format& f, std::uint64_t least) {
  input_source inputs(f, 2024);
  std::array<double, block_size> x;
  for (std::uint64_t done = 0; done < least; done += block_size) {
    for (double& value : x) value = inputs.next_double();
    (compare_block<Conversions>(out, x), ...);
    out.compared(block_size);
  }
}

template <class Conversion>
void all_narrow(report& out) {
  using half = nibble::minifloat<nibble::formats::f16>;
  using bfloat16 = nibble::minifloat<nibble::formats::bf16>;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto raw = static_cast<std::uint16_t>(bits);
    if constexpr (requires { Conversion::theirs(__half_raw{}); }) {
      const std::uint8_t theirs = Conversion::theirs(__half_raw{raw});
      const std::uint8_t got = ours<Conversion>(half::from_bits(raw));
      if (got != theirs) out.difference("half", bits, got, theirs);
    }
    const std::uint8_t theirs = Conversion::theirs(__nv_bfloat16_raw{raw});
    const std::uint8_t got = ours<Conversion>(bfloat16::from_bits(raw));
    if (got != theirs) out.difference("bfloat16", bits, got, theirs);
    out.compared(1);
  }
}

const subjects::subject* find_subject(std::string_view name) {
  for (const subjects::subject& s : subjects::all) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

int usage() {
  std::printf("cuda_headers: the arguments are float, sampled, double or narrow, and e4m3, e5m2, e2m3, e3m2, e2m1 or e8m0\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return usage();
  const std::string_view source = argv[1];
  const std::string_view name = argv[2];
  report out{std::string(source) + " " + std::string(name)};
  std::uint64_t least = 0;
  const bool found = with_conversions(name, [&]<class... Conversions>() {
    if (source == "float") {
      least = std::uint64_t{1} << 32;
      all_floats<Conversions...>(out);
    } else if (source == "sampled") {
      least = std::uint64_t{1} << 29;
      sampled_floats<Conversions...>(out);
    } else if (source == "double") {
      least = 100'000'000;
      many_doubles<Conversions...>(out, find_subject(name)->reference, least);
    } else if (source == "narrow") {
      least = 65536 * sizeof...(Conversions);
      (all_narrow<Conversions>(out), ...);
    }
  });
  return found && least != 0 ? out.verdict(least) : usage();
}

#else

int main() {
  std::printf("skipped: cuda_fp4.h, cuda_fp6.h or cuda_fp8.h was not found\n");
  return exhaustive::skipped;
}

#endif
