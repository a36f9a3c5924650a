// SPDX-License-Identifier: Apache-2.0
//
// What programs share that draw calls at random and compare two backends: what a call throws, executors, differences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <exhaustive/random_words.hpp>
#include <simd/flushed_subnormals.hpp>

namespace exhaustive {

/// What a call throws, empty if nothing.
template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

/// An executor that begins with the last task.
inline constexpr auto backwards = [](std::size_t count, const auto& task) {
  for (std::size_t i = count; i > 0; --i) task(i - 1);
};

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// Where two results begin to differ.
template <class T>
void print_difference(const char* what, const std::vector<T>& wanted, const std::vector<T>& got) {
  for (std::size_t i = 0; i < wanted.size() && i < got.size(); ++i) {
    if (std::memcmp(&wanted[i], &got[i], sizeof(T)) == 0) continue;
    if constexpr (std::is_integral_v<T>) {
      std::printf("  %s %zu is 0x%x, not 0x%x\n", what, i, static_cast<unsigned>(got[i]), static_cast<unsigned>(wanted[i]));
    } else {
      std::printf("  %s %zu is %a, not %a\n", what, i, static_cast<double>(got[i]), static_cast<double>(wanted[i]));
    }
    return;
  }
}

/// The random choices of such a program and what came of them.
class drawn_calls {
 public:
  explicit drawn_calls(std::uint64_t seed) : random(seed) {}

  /// The verdict, as the status of the program.
  [[nodiscard]] int status(const std::string& name) const {
    std::printf("%s: %llu calls, %llu refused, %llu differ\n", name.c_str(), static_cast<unsigned long long>(count_),
                static_cast<unsigned long long>(refused_), static_cast<unsigned long long>(different_));
    return different_ == 0 && refused_ < count_ / 2 ? 0 : 1;
  }

 protected:
  std::size_t below(std::size_t bound) { return random.below(bound); }
  bool one_in(std::size_t n) { return below(n) == 0; }

  /// What a call on vectors throws, at times with subnormals flushed, which it sets `flushed` to.
  template <class Call>
  std::string on_vectors(const Call& call, bool& flushed) {
    flushed = one_in(4);
    std::optional<simd_test::flushed_subnormals> environment;
    if (flushed) environment.emplace();
    return refusal(call);
  }
  template <class Call>
  std::string on_vectors(const Call& call) {
    bool flushed;
    return on_vectors(call, flushed);
  }

  /// Counts a call; the first that differ are explained. Both must refuse the same calls, but of two faults either may
  /// be named.
  template <class Explain>
  void tell(const std::string& error, const std::string& got_error, bool same, const Explain& explain) {
    ++count_;
    refused_ += error.empty() ? 0 : 1;
    if ((same && error.empty() == got_error.empty()) || different_++ >= 8) return;
    explain();
    if (error != got_error) std::printf("  throws \"%s\", not \"%s\"\n", got_error.c_str(), error.c_str());
  }

  random_words random;

 private:
  std::uint64_t count_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t different_ = 0;
};

}  // namespace exhaustive
