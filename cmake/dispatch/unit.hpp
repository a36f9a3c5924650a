// SPDX-License-Identifier: Apache-2.0
//
// What every unit of nibble::dispatch shares: NIBBLE_DISPATCH_ISA is the instruction set that it is compiled for, and its
// tables live in a namespace of that name. Only kernels are instantiated here; checks and allocation stay with the caller.
#pragma once

#include "tables.hpp"

#if NIBBLE_DISPATCH_SCALAR
#include <nibble/block/dequantize.hpp>
#include <nibble/block/quantize.hpp>
#else
#include <nibble/simd.hpp>
#endif

namespace nibble {
inline namespace v0 {
namespace dispatch {

#if NIBBLE_DISPATCH_SCALAR
template <block_format F>
using unit_quantizer = detail::quantizer<F, float, detail::scalar_kernels>;
using unit_kernels = detail::scalar_kernels;
#else
using unit_arch = xsimd::default_arch;
template <block_format F>
using unit_quantizer = detail::simd_quantizer<F, float, unit_arch>;
using unit_kernels = detail::simd_kernels<unit_arch>;
#endif

}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
