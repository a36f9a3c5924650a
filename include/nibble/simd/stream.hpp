// SPDX-License-Identifier: Apache-2.0
//
// When results are written past the caches, and how what will be read is fetched into them. Stores that bypass the caches
// save reading each line first, which pays for results that they could not keep, and costs much for those that they could.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include <nibble/base/config.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Bytes of the last-level cache, read once; 8 MiB where the system does not say.
template <class Arch>
std::size_t last_level_cache() noexcept {
  static const std::size_t bytes = [] {
#if defined(_SC_LEVEL3_CACHE_SIZE)
    const long size = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (size > 0) return static_cast<std::size_t>(size);
#endif
    return std::size_t{8} << 20;
  }();
  return bytes;
}

/// Whether a result of so many bytes is written past the caches.
template <class Arch>
bool is_streamed(std::size_t bytes) noexcept {
  return bytes > last_level_cache<Arch>() / 3;
}

/// Bytes of a source that is likely to be in the caches of a core: fetching it there would cost a tenth of the time.
inline constexpr std::size_t nearest_caches = std::size_t{256} << 10;

/// Fetches so many bytes from `ahead` on, unless that is null, and returns what follows: into the second-level cache, as
/// few lines can be on their way to the first one.
template <std::size_t Bytes>
NIBBLE_ALWAYS_INLINE const char* fetch(const char* ahead) noexcept {
  if (ahead == nullptr) return nullptr;
  const auto line = [&](std::size_t i) NIBBLE_INLINE_LAMBDA { __builtin_prefetch(ahead + 64 * i, 0, 2); };
  if constexpr (Bytes <= 1024) {
    unrolled<Bytes / 64>(line);
  } else {
    for (std::size_t i = 0; i < Bytes / 64; ++i) line(i);
  }
  return ahead + Bytes;
}
/// Bytes that kernels of blocks fetch for each element that they read, in each of two passes: the maxima, the codes.
inline constexpr std::size_t fetched_bytes = 2;

/// Fetches a line of each of the next pages, four together, where a run of bytes from `from` to `to` comes to the next
/// four pages: what reads a page first waits until the processor has found where it lies, under a hypervisor as long as
/// for memory. So it finds four at the same time.
NIBBLE_ALWAYS_INLINE void find_pages(const char* from, const char* to) noexcept {
  constexpr std::uintptr_t page = 4096;
  constexpr std::uintptr_t together = 4;
  if (std::bit_cast<std::uintptr_t>(from) / (together * page) == std::bit_cast<std::uintptr_t>(to) / (together * page))
    return;
  unrolled<together>([&](auto i) NIBBLE_INLINE_LAMBDA { __builtin_prefetch(to + (i + 1) * page, 0, 2); });
}

/// Fetches what lies 2 KiB behind `source`, for kernels that stream four times what they read: beside such stores a
/// processor's own fetching falls behind. Into the first-level cache, as these sources are small.
NIBBLE_ALWAYS_INLINE void fetch_beside_stream(const void* source) noexcept {
  __builtin_prefetch(static_cast<const char*>(source) + 2048);
}

/// Makes streamed results visible to other threads before whatever this one stores next.
NIBBLE_ALWAYS_INLINE void finish_stream() noexcept {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
