// SPDX-License-Identifier: Apache-2.0
//
// What the device tests share: memory, counted checks, threads for the scalar side, hostile tensors. A program is a plain
// main() that returns the number of failed checks, or says that there is no device.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <nibble/cuda.cuh>

namespace nibble_test {

inline std::atomic<int> failures = 0;
inline std::atomic<int> checks = 0;

inline void check(bool holds, const std::string& what) {
  ++checks;
  if (holds) return;
  if (++failures <= 40) std::printf("FAILED: %s\n", what.c_str());
}
inline void check(nibble::cuda_status status, const std::string& what) {
  check(status.ok(), what + ": " + status.text());
}
inline void check(cudaError_t code, const std::string& what) { check(nibble::cuda_status(code), what); }
/// Checks that the call throws std::invalid_argument with `word` in its message.
template <class Call>
void check_throws(Call&& call, const char* word) {
  try {
    static_cast<void>(call());
    check(false, std::string("no exception that names ") + word);
  } catch (const std::invalid_argument& e) {
    check(std::string(e.what()).find(word) != std::string::npos, std::string(e.what()) + " does not name " + word);
  }
}

/// Ends the program: 0 if every check held.
inline int report(const char* name) {
  check(cudaDeviceSynchronize(), "the device at the end");
  std::printf("%s: %d checks, %d failed\n", name, checks.load(), failures.load());
  return failures == 0 ? 0 : 1;
}
inline bool has_device() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess && count > 0) return true;
  std::printf("skipped: no CUDA device\n");
  return false;
}

/// Device memory.
template <class T>
class device_array {
 public:
  explicit device_array(std::size_t count) : count_(count) {
    if (cudaMalloc(&data_, count * sizeof(T) + 16) != cudaSuccess) {
      std::printf("FAILED: cudaMalloc of %zu bytes\n", count * sizeof(T));
      std::exit(1);
    }
  }
  explicit device_array(const std::vector<T>& host) : device_array(host.size()) { set(host); }
  device_array(const device_array&) = delete;
  device_array& operator=(const device_array&) = delete;
  ~device_array() { static_cast<void>(cudaFree(data_)); }
  T* data() const { return static_cast<T*>(data_); }
  std::size_t size() const { return count_; }
  void set(const std::vector<T>& host) {
    check(cudaMemcpy(data_, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice), "copy to the device");
  }
  void fill(int byte) { check(cudaMemset(data_, byte, count_ * sizeof(T)), "memset"); }
  std::vector<T> get() const {
    std::vector<T> host(count_);
    check(cudaMemcpy(host.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost), "copy from the device");
    return host;
  }

 private:
  void* data_ = nullptr;
  std::size_t count_;
};

/// An executor on all cores.
struct all_cores {
  template <class Task>
  void operator()(std::size_t count, Task&& task) const {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i = next++; i < count; i = next++) task(i);
    };
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < cores && i < count; ++i) threads.emplace_back(work);
    work();
    for (std::thread& t : threads) t.join();
  }
};

/// What the elements of a tensor are made of.
enum class content { gaussian, ties, subnormal, huge, zeros, any_exponent, special, tiny, mixed };
inline constexpr int contents = 9;

inline float element(content kind, std::uint64_t bits) {
  const auto word = static_cast<std::uint32_t>(bits);
  const auto gauss = [&] {  // a sum of bytes is near enough
    int sum = -1020;
    for (int i = 0; i < 8; ++i) sum += static_cast<int>((bits >> (8 * i)) & 0xff);
    return static_cast<float>(sum) / 209.0F;
  };
  switch (kind) {
    case content::gaussian: return gauss();
    case content::ties: return std::ldexp(static_cast<float>(static_cast<int>(word % 97) - 48), -3);
    case content::subnormal: return nibble::bit_cast<float>(word & 0x807f'ffffU);
    case content::huge: return word % 3 == 0 ? 3.4e38F : nibble::bit_cast<float>((word & 0x80ff'ffffU) | 0x7e00'0000U);
    case content::zeros: return (word & 1U) != 0 ? 0.0F : -0.0F;
    case content::any_exponent: return nibble::bit_cast<float>((word & 0x8000'0000U) | ((word >> 4) % 0x7f80'0000U));
    case content::special:
      if (word % 137 == 0) return nibble::bit_cast<float>(word | 0x7f80'0000U);
      return word % 141 == 0 ? std::numeric_limits<float>::infinity() : gauss();
    case content::tiny: return gauss() * 1e-30F;
    case content::mixed: break;
  }
  return element(static_cast<content>(word % 8), (bits >> 5) * 0x9E37'79B9'7F4A'7C15U);
}

/// A tensor; `mixed` ones have blocks of 32 of one content among others of any.
inline std::vector<float> tensor(std::size_t count, content kind, std::uint64_t seed) {
  std::vector<float> x(count);
  constexpr std::size_t part = std::size_t{1} << 16;
  all_cores{}((count + part - 1) / part, [&](std::size_t p) {
    std::mt19937_64 random(seed * 1000003U + p);
    for (std::size_t i = p * part; i < std::min(count, (p + 1) * part);) {
      const auto inside = kind == content::mixed && random() % 4 != 0 ? static_cast<content>(random() % 8) : kind;
      for (std::size_t k = 0; k < 32 && i < std::min(count, (p + 1) * part); ++k, ++i) x[i] = element(inside, random());
    }
  });
  return x;
}

/// A number as an element of type T. NaN keeps a payload of its own where there is room for one.
template <class T>
T narrowed(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    const std::uint32_t bits = nibble::to_bits(x);
    const std::uint32_t nan = bits >> 16 | (T::format == nibble::formats::f16 ? 0x7c01U : 1U);
    return (bits & 0x7fff'ffffU) > 0x7f80'0000U ? T::from_bits(static_cast<std::uint16_t>(nan))
                                                : T(x, nibble::nearest_even{}, nibble::overflow::special);
  }
}
template <class T>
std::vector<T> all_narrowed(const std::vector<float>& x) {
  std::vector<T> y;
  y.reserve(x.size());
  for (const float value : x) y.push_back(narrowed<T>(value));
  return y;
}

/// Bytes of scratch on the device, for all calls of a thread.
inline std::span<std::byte> workspace() {
  static thread_local device_array<std::byte> memory(nibble::amax_workspace_bytes);
  return {memory.data(), memory.size()};
}

}  // namespace nibble_test
