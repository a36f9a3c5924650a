// SPDX-License-Identifier: Apache-2.0
//
// When results are written past the caches. Stores that bypass them save reading each line first, which pays for results
// that the caches could not keep, and costs much for those that they could.
#pragma once

#include <cstddef>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include <nibble/base/config.hpp>

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

/// Makes streamed results visible to other threads before whatever this one stores next.
NIBBLE_ALWAYS_INLINE void finish_stream() noexcept {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
