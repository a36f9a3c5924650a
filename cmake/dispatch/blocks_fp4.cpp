// SPDX-License-Identifier: Apache-2.0
//
// The named block formats with 4-bit elements.
#include "blocks.hpp"

namespace nibble {
inline namespace v0 {
namespace dispatch {

const block_kernels NIBBLE_DISPATCH_ISA::fp4_kernels[3] = {kernels_for<nvfp4>, kernels_for<nvfp4_2d>, kernels_for<mxfp4>};

}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
