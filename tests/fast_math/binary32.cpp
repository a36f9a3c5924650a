// SPDX-License-Identifier: Apache-2.0
//
// binary32 under -ffast-math, with subnormals flushed by the processor: results equal those of integer arithmetic. The
// program makes no use of floats but to show that the flags are in force.
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <nibble/base/binary32.hpp>
#include <oracle/float_pairs.hpp>
#include <oracle/integer_float32.hpp>

namespace {

using nibble::binary32;
namespace reference = oracle::integer_float32;

std::uint32_t comparable(std::uint32_t bits) { return reference::is_nan(bits) ? reference::nan : bits; }

bool is_right(std::uint32_t a, std::uint32_t b) {
  const binary32 x = binary32::from_bits(a);
  const binary32 y = binary32::from_bits(b);
  const int order = reference::compare(a, b);
  return comparable((x * y).bits()) == comparable(reference::mul(a, b)) &&
         comparable((x / y).bits()) == comparable(reference::div(a, b)) &&
         comparable((x + y).bits()) == comparable(reference::add(a, b)) &&
         comparable((x - y).bits()) == comparable(reference::add(a, b ^ 0x80000000U)) && (x < y) == (order == -1) &&
         (x > y) == (order == 1) && (x == y) == (order == 0) && x.is_nan() == reference::is_nan(a);
}

/// Whether the processor flushes a subnormal product, as the flags of this program ask.
bool flushes() {
#if defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8040U);
  volatile float smallest = 0x1p-126F;
  volatile float product = smallest * 0.5F;
  return nibble::to_bits(product) == 0;
#else
  return true;
#endif
}

}  // namespace

int main() {
#if !defined(__FAST_MATH__)
  std::printf("compiled without -ffast-math\n");
  return 1;
#endif
  if (!flushes()) {
    std::printf("subnormals are not flushed\n");
    return 1;
  }
  std::uint64_t pairs = 0;
  std::uint64_t wrong = 0;
  const auto check = [&](std::uint32_t a, std::uint32_t b) {
    ++pairs;
    if (is_right(a, b) || wrong++ > 5) return;
    std::printf("wrong on 0x%08" PRIx32 " and 0x%08" PRIx32 "\n", a, b);
  };
  for (const std::uint32_t a : oracle::special_floats) {
    for (const std::uint32_t b : oracle::special_floats) {
      for (std::uint32_t signs = 0; signs < 4; ++signs) check(a | (signs & 1U) << 31, b | (signs & 2U) << 30);
    }
  }
  oracle::generator g(21);
  for (std::uint64_t i = 0; i < 2'000'000; ++i) {
    const oracle::float_pair p = oracle::make_pair(g);
    check(p.a, p.b);
  }
  std::printf("%" PRIu64 " pairs, %" PRIu64 " wrong\n", pairs, wrong);
  return wrong == 0 && pairs > 2'000'000 ? 0 : 1;
}
