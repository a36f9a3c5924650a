// SPDX-License-Identifier: Apache-2.0
//
// The SIMD backend tag: simd{} for the instruction set that the translation unit is compiled for.
#pragma once

#include <nibble/simd/compat.hpp>

namespace nibble {
inline namespace v0 {

/// SIMD by the vectors of an xsimd architecture. Results equal those of scalar{}, bit for bit.
template <class Arch = xsimd::default_arch>
struct basic_simd {
  using arch = Arch;
};

/// The best instruction set that the compiler may use here.
using simd = basic_simd<>;

}  // namespace v0
}  // namespace nibble
