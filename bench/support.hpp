// SPDX-License-Identifier: Apache-2.0
//
// What every benchmark shares: data, the traffic limits that give each figure its denominator, and the reporter that
// prints the ratio of each operation to its limit in the same run.
#pragma once

#include <benchmark/benchmark.h>
#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nibble/simd.hpp>

namespace bench {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Elements of the two working sets: 64 KiB of float32, and 256 MiB, far beyond any cache.
inline constexpr std::int64_t cached = 1 << 14;
inline constexpr std::int64_t streamed = 1 << 26;

/// Whether memory is asked for in large pages (--large-pages), whose addresses a processor finds at once.
inline bool large_pages = false;

/// A buffer aligned to a page. Copies share it.
template <class T>
class buffer {
 public:
  explicit buffer(std::size_t count) {
    constexpr std::size_t small_page = 4096, large_page = std::size_t{2} << 20;
    const std::size_t page = large_pages && count * sizeof(T) >= large_page ? large_page : small_page;
    const std::size_t bytes = (count * sizeof(T) + page - 1) / page * page;
    data_.reset(static_cast<T*>(std::aligned_alloc(page, bytes)), std::free);
#if defined(MADV_HUGEPAGE)
    if (page == large_page) madvise(data_.get(), bytes, MADV_HUGEPAGE);
#endif
    std::memset(static_cast<void*>(data_.get()), 1, count * sizeof(T));
  }
  [[nodiscard]] T* data() const { return data_.get(); }

 private:
  std::shared_ptr<T> data_;
};

/// Normal numbers, or log-uniform ones over 28 binades with subnormal results among them.
inline buffer<float> make_data(std::int64_t count, bool log_uniform) {
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
/// The same, made once.
inline buffer<float> data(std::int64_t count, bool log_uniform = false) {
  static std::map<std::pair<std::int64_t, bool>, buffer<float>> made;
  const auto found = made.find({count, log_uniform});
  if (found != made.end()) return found->second;
  return made.emplace(std::pair(count, log_uniform), make_data(count, log_uniform)).first->second;
}
/// Numbers of another type, made of the same ones.
template <class T>
buffer<T> data_of(std::int64_t count) {
  const buffer<float> x = data(count);
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    static std::map<std::int64_t, buffer<T>> made;
    const auto found = made.find(count);
    if (found != made.end()) return found->second;
    buffer<T> y(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) y.data()[i] = T(x.data()[i]);
    return made.emplace(count, y).first->second;
  }
}

/// Memory for results, shared by all operations: no page of it is new to the second one.
template <class T>
T* results(std::size_t count) {
  static std::map<std::size_t, buffer<unsigned char>> made;
  const std::size_t bytes = count * sizeof(T);
  const auto found = made.find(bytes);
  const auto& result =
      found != made.end() ? found->second : made.emplace(bytes, buffer<unsigned char>(bytes)).first->second;
  return reinterpret_cast<T*>(result.data());
}

inline void finish(benchmark::State& state, std::int64_t elements, double bytes_per_element) {
  state.SetItemsProcessed(state.iterations() * elements);
  state.SetBytesProcessed(
      static_cast<std::int64_t>(static_cast<double>(state.iterations() * elements) * bytes_per_element));
}

using words = xsimd::batch<std::uint32_t, xsimd::default_arch>;

/// Stores a vector, past the caches where the library would do so. A template argument, not a choice at run time: Clang
/// merges the two stores of a branch into one ordinary store.
template <bool PastCaches>
void put(std::uint32_t* out, const words& x) {
  if constexpr (!PastCaches) {
    x.store_aligned(out);
  } else {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(out), x);
#elif defined(__AVX2__)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(out), x);
#elif defined(__SSE2__)
    _mm_stream_si128(reinterpret_cast<__m128i*>(out), x);
#else
    x.store_aligned(out);
#endif
  }
}

/// Copies `written` words, each vector an OR of `Ratio` vectors.
template <int Ratio, bool PastCaches>
void gather(const std::uint32_t* in, std::size_t written, std::uint32_t* out) {
  for (std::size_t i = 0; i < written; i += words::size) {
    words all(0U);
    for (std::size_t k = 0; k < Ratio; ++k) all = all | words::load_aligned(in + Ratio * i + k * words::size);
    put<PastCaches>(out + i, all);
  }
}

/// Writes each vector of `read` words `Ratio` times.
template <int Ratio, bool PastCaches>
void spread(const std::uint32_t* in, std::size_t read, std::uint32_t* out) {
  for (std::size_t i = 0; i < read; i += words::size) {
    const words all = words::load_aligned(in + i);
    for (std::size_t k = 0; k < Ratio; ++k) put<PastCaches>(out + Ratio * i + k * words::size, all);
  }
}

/// Reads elements of `Size` bytes and writes one vector for `Ratio` read, with no arithmetic but the OR that keeps the
/// reads.
template <int Ratio, int Size = 4>
void limit_encode(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  const auto read = static_cast<std::size_t>(count * Size / 4);
  const auto* in = reinterpret_cast<const std::uint32_t*>(data(count).data());
  auto* y = results<std::uint32_t>(read / Ratio);
  const bool past_caches = nibble::detail::is_streamed<xsimd::default_arch>(read * 4 / Ratio);
  for (auto _ : state) {
    past_caches ? gather<Ratio, true>(in, read / Ratio, y) : gather<Ratio, false>(in, read / Ratio, y);
    benchmark::ClobberMemory();
  }
  finish(state, count, Size + static_cast<double>(Size) / Ratio);
}

/// Reads one vector and writes `Ratio` vectors of elements of `Size` bytes.
template <int Ratio, int Size = 4>
void limit_decode(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  const auto written = static_cast<std::size_t>(count * Size / 4);
  const auto* x = reinterpret_cast<const std::uint32_t*>(data(count).data());
  auto* y = results<std::uint32_t>(written);
  const bool past_caches = nibble::detail::is_streamed<xsimd::default_arch>(written * 4);
  for (auto _ : state) {
    past_caches ? spread<Ratio, true>(x, written / Ratio, y) : spread<Ratio, false>(x, written / Ratio, y);
    benchmark::ClobberMemory();
  }
  finish(state, count, Size + static_cast<double>(Size) / Ratio);
}

/// Registers an operation under "name/size" with the limit that it is compared with.
void add(const std::string& name, const std::string& limit, void (*run)(benchmark::State&));
/// The same for one size.
void add_sized(const std::string& name, const std::string& limit, std::int64_t count, void (*run)(benchmark::State&));

}  // namespace bench
