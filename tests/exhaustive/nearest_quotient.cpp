// SPDX-License-Identifier: Apache-2.0
//
// nearest_quotient of simd/x86/quotient.hpp on every quotient that could be rounded wrongly. With significands X and D, of
// 24 bits, a quotient lies |k| / 2D units in the last place from a number M of 25 bits halfway between two float32, where
// M D - X 2^s = k, s being 24 or 25; only |k| below 5 is in doubt, and |k| up to 8 is tried for every D. Wanted are quotients of
// integers. Usage: exhaustive_nearest_quotient all.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <nibble/simd.hpp>

#include "report.hpp"

#if defined(__AVX2__) && defined(__FMA__)

namespace {

using vector = nibble::detail::x86::avx2_vector;

/// X / D to nearest, as the bits of a float32.
std::uint32_t wanted_quotient(std::uint64_t x, std::uint64_t d) {
  const int shift = x >= d ? 23 : 24;
  const std::uint64_t whole = (x << shift) / d;
  const std::uint64_t rest = (x << shift) % d;
  // No quotient lies halfway.
  const std::uint64_t rounded = whole + (2 * rest > d ? 1U : 0U);
  return (static_cast<std::uint32_t>(127 + 23 - shift - 1) << 23) + static_cast<std::uint32_t>(rounded);
}

class checker {
 public:
  explicit checker(exhaustive::report& report) : report_(&report) {}

  void add(std::uint32_t x, std::uint32_t d) {
    x_[count_] = static_cast<float>(x);
    d_[count_] = static_cast<float>(d);
    wanted_[count_] = wanted_quotient(x, d);
    if (++count_ == vector::lanes) flush();
  }
  void flush() {
    const vector::real x = _mm256_loadu_ps(x_.data());
    const vector::real d = _mm256_loadu_ps(d_.data());
    std::array<std::uint32_t, vector::lanes> got;
    const vector::real reciprocal = vector::divide(vector::all_real(1.0F), d);
    vector::store(got.data(), vector::as_word(nibble::detail::x86::nearest_quotient<vector>(x, d, reciprocal)));
    for (std::size_t i = 0; i < count_; ++i) {
      if (got[i] == wanted_[i]) continue;
      report_->difference("quotient", std::uint64_t{std::bit_cast<std::uint32_t>(x_[i])} << 32 | std::bit_cast<std::uint32_t>(d_[i]),
                          got[i], wanted_[i]);
    }
    report_->compared(count_);
    count_ = 0;
  }

 private:
  exhaustive::report* report_;
  std::array<float, vector::lanes> x_{};
  std::array<float, vector::lanes> d_{};
  std::array<std::uint32_t, vector::lanes> wanted_{};
  std::size_t count_ = 0;
};

/// All X for which k is that number; `twos` is how often 2 divides D, and `inverse` times the rest of D is 1 modulo 2^64.
void add_all(checker& check, std::uint32_t d, int twos, std::uint64_t inverse, int k) {
  constexpr std::uint64_t low = std::uint64_t{1} << 23;
  if (k % (1 << twos) != 0) return;
  for (const int s : {24, 25}) {
    const std::uint64_t period = std::uint64_t{1} << (s - twos);
    const auto quotient = static_cast<std::uint64_t>(std::int64_t{k} / (1 << twos));
    for (std::uint64_t m = quotient * inverse & (period - 1); m < 4 * low; m += period) {
      if (m < 2 * low || m % 2 == 0) continue;
      const std::uint64_t x = (m * d - static_cast<std::uint64_t>(std::int64_t{k})) >> s;
      if (x >= low && x < 2 * low) check.add(static_cast<std::uint32_t>(x), d);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || std::string_view(argv[1]) != "all") {
    std::fprintf(stderr, "usage: exhaustive_nearest_quotient all\n");
    return 2;
  }
  if (!exhaustive::has_avx2()) return exhaustive::skipped;
  exhaustive::report report("nearest_quotient");
  checker check(report);
  for (std::uint32_t d = 1U << 23; d < 1U << 24; ++d) {
    const int twos = std::countr_zero(d);
    if (twos > 3) continue;  // |k| is at least 16
    const std::uint64_t rest = d >> twos;
    std::uint64_t inverse = rest;  // modulo 8, and then twice as many bits each time
    for (int i = 0; i < 5; ++i) inverse *= 2 - rest * inverse;
    for (int k = 1; k <= 8; ++k) {
      add_all(check, d, twos, inverse, k);
      add_all(check, d, twos, inverse, -k);
    }
  }
  check.flush();
  return report.verdict(std::uint64_t{40'000'000});
}

#else

int main() { return exhaustive::skipped; }

#endif
