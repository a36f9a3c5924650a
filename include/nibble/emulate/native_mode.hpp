// SPDX-License-Identifier: Apache-2.0
//
// What the vector kernels of emulation share: the floating-point mode that they need, and values that a compiler must not
// look through.
#pragma once

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define NIBBLE_EMULATE_AVX2 1

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// Nearest even, subnormals kept, no traps, whatever the caller has set; the caller's mode comes back at the end. Between
/// the two, operands come from memory and results go to memory, which keeps the arithmetic in between.
class default_float_mode {
 public:
  NIBBLE_ALWAYS_INLINE default_float_mode() noexcept : saved_(_mm_getcsr()) { set(0x1f80U); }
  NIBBLE_ALWAYS_INLINE ~default_float_mode() { set(saved_); }
  default_float_mode(const default_float_mode&) = delete;
  default_float_mode& operator=(const default_float_mode&) = delete;

 private:
  static NIBBLE_ALWAYS_INLINE void set(unsigned mode) noexcept { asm volatile("ldmxcsr %0" : : "m"(mode) : "memory"); }
  unsigned saved_;
};

/// The same vector or number, behind an empty statement: no operation is merged with or moved across the one that made it.
template <class Vector>
NIBBLE_ALWAYS_INLINE Vector opaque(Vector x) noexcept {
  asm("" : "+x"(x));
  return x;
}

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
#endif
