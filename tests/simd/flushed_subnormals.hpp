// SPDX-License-Identifier: Apache-2.0
//
// A floating-point environment that flushes subnormal numbers.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace simd_test {

/// Flushes subnormal results to zero and reads subnormal operands as zero while it lives.
class flushed_subnormals {
 public:
#if defined(__SSE2__)
  flushed_subnormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040U); }
  ~flushed_subnormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#else
  flushed_subnormals() {}
  ~flushed_subnormals() {}
#endif
 public:
  flushed_subnormals(const flushed_subnormals&) = delete;
  flushed_subnormals& operator=(const flushed_subnormals&) = delete;
};

}  // namespace simd_test
