// SPDX-License-Identifier: Apache-2.0
//
// The named block formats with 6-bit elements.
#include "blocks.hpp"

namespace nibble {
inline namespace v0 {
namespace dispatch {

const block_kernels NIBBLE_DISPATCH_ISA::fp6_kernels[2] = {kernels_for<mxfp6_e2m3>, kernels_for<mxfp6_e3m2>};

}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
