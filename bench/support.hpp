// SPDX-License-Identifier: Apache-2.0
//
// What every benchmark shares: data, the traffic limits that give each figure its denominator, and the reporter that
// prints the ratio of each operation to its limit in the same run.
#pragma once

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <nibble/simd.hpp>

namespace bench {

/// Elements of the two working sets: 64 KiB of float32, and 256 MiB, far beyond any cache.
inline constexpr std::int64_t cached = 1 << 14;
inline constexpr std::int64_t streamed = 1 << 26;

/// A buffer aligned to a page.
template <class T>
class buffer {
 public:
  explicit buffer(std::size_t count)
      : data_(static_cast<T*>(std::aligned_alloc(4096, (count * sizeof(T) + 4095) / 4096 * 4096))) {
    std::memset(static_cast<void*>(data_.get()), 1, count * sizeof(T));
  }
  [[nodiscard]] T* data() const { return data_.get(); }

 private:
  struct release {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, release> data_;
};

/// Normal numbers, or log-uniform ones over 28 binades with subnormal results among them.
inline buffer<float> data(std::int64_t count, bool log_uniform = false) {
  buffer<float> x(static_cast<std::size_t>(count));
  std::mt19937_64 random(1);
  std::normal_distribution<float> gaussian;
  std::uniform_real_distribution<float> exponent(-14.0F, 14.0F);
  constexpr std::int64_t period = 1 << 18;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i >= period) {
      x.data()[i] = x.data()[i - period];
    } else {
      x.data()[i] = log_uniform ? std::exp2(exponent(random)) * (random() % 2 != 0 ? 1.0F : -1.0F) : gaussian(random);
    }
  }
  return x;
}

inline void finish(benchmark::State& state, std::int64_t elements, double bytes_per_element) {
  state.SetItemsProcessed(state.iterations() * elements);
  state.SetBytesProcessed(static_cast<std::int64_t>(static_cast<double>(state.iterations() * elements) * bytes_per_element));
}

/// Reads float32 and writes one vector for `Ratio` read, with no arithmetic but the OR that keeps the reads.
template <int Ratio>
void limit_encode(benchmark::State& state) {
  using batch = xsimd::batch<std::uint32_t, xsimd::default_arch>;
  const std::int64_t count = state.range(0);
  const buffer<float> x = data(count);
  const buffer<std::uint32_t> y(static_cast<std::size_t>(count / Ratio) + 64);
  for (auto _ : state) {
    std::uint32_t* out = y.data();
    for (std::int64_t i = 0; i < count; i += Ratio * static_cast<std::int64_t>(batch::size)) {
      batch all(0U);
      for (int k = 0; k < Ratio; ++k) {
        all = all | batch::load_unaligned(reinterpret_cast<const std::uint32_t*>(x.data()) + i + k * static_cast<std::int64_t>(batch::size));
      }
      all.store_unaligned(out);
      out += batch::size;
    }
    benchmark::ClobberMemory();
  }
  finish(state, count, 4.0 + 4.0 / Ratio);
}

/// Reads one vector and writes `Ratio` vectors of float32.
template <int Ratio>
void limit_decode(benchmark::State& state) {
  using batch = xsimd::batch<std::uint32_t, xsimd::default_arch>;
  const std::int64_t count = state.range(0);
  const buffer<std::uint32_t> x(static_cast<std::size_t>(count / Ratio) + 64);
  const buffer<std::uint32_t> y(static_cast<std::size_t>(count));
  for (auto _ : state) {
    const std::uint32_t* in = x.data();
    for (std::int64_t i = 0; i < count; i += Ratio * static_cast<std::int64_t>(batch::size)) {
      const batch all = batch::load_unaligned(in);
      in += batch::size;
      for (int k = 0; k < Ratio; ++k) all.store_unaligned(y.data() + i + k * static_cast<std::int64_t>(batch::size));
    }
    benchmark::ClobberMemory();
  }
  finish(state, count, 4.0 + 4.0 / Ratio);
}

/// Registers an operation under "name/size" with the limit that it is compared with.
void add(const std::string& name, const std::string& limit, void (*run)(benchmark::State&));

}  // namespace bench
