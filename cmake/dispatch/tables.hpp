// SPDX-License-Identifier: Apache-2.0
//
// The tables that the units of nibble::dispatch define, in a namespace for each instruction set.
#pragma once

#include <nibble/dispatch_kernels.hpp>

namespace nibble {
inline namespace v0 {
namespace dispatch {

/// Declares the tables of an instruction set.
#define NIBBLE_DISPATCH_TABLES(isa)                   \
  namespace isa {                                     \
  extern const block_kernels fp4_kernels[3];          \
  extern const block_kernels fp6_kernels[2];          \
  extern const block_kernels byte_kernels[3];         \
  extern const element_kernels elements[format_count]; \
  extern const all_source_kernels sources;            \
  }
NIBBLE_DISPATCH_TABLES(base)
NIBBLE_DISPATCH_TABLES(avx2)
NIBBLE_DISPATCH_TABLES(avx512)
NIBBLE_DISPATCH_TABLES(avx512vbmi)

}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
