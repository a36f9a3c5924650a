// SPDX-License-Identifier: Apache-2.0
//
// What the exhaustive programs share: how they print differences and how they end.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>

namespace exhaustive {

/// A test that ends with this status counts as skipped.
inline constexpr int skipped = 77;

/// Whether functions with the attribute target("avx2") may be called.
inline bool has_avx2() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

/// Whether functions with the attribute target("avx512f,avx512bw,avx512dq,avx512vl") may be called.
inline bool has_avx512() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
#else
  return false;
#endif
}

/// Counts comparisons, prints the first differences and the verdict.
class report {
 public:
  explicit report(std::string name) : name_(std::move(name)) {}

  void compared(std::uint64_t inputs) { inputs_ += inputs; }

  void difference(const char* what, std::uint64_t input, std::uint32_t got, std::uint32_t wanted) {
    if (++differences_ > 10) return;
    std::printf("%s %s: input 0x%" PRIx64 " gives 0x%x, not 0x%x\n", name_.c_str(), what, input, got, wanted);
  }

  /// The status of the program. `least` is how many inputs must have been compared.
  [[nodiscard]] int verdict(std::uint64_t least) const {
    const double seconds = static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC;
    std::printf("%s: %" PRIu64 " inputs, %" PRIu64 " differences, %.1f s of processor time\n", name_.c_str(), inputs_,
                differences_, seconds);
    if (inputs_ < least) std::printf("%s: %" PRIu64 " inputs were promised\n", name_.c_str(), least);
    return differences_ == 0 && inputs_ >= least ? 0 : 1;
  }

 private:
  std::string name_;
  std::uint64_t inputs_ = 0;
  std::uint64_t differences_ = 0;
  std::clock_t start_ = std::clock();
};

}  // namespace exhaustive
