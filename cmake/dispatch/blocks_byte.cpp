// SPDX-License-Identifier: Apache-2.0
//
// The named block formats with 8-bit elements.
#include "blocks.hpp"

namespace nibble {
inline namespace v0 {
namespace dispatch {

const block_kernels NIBBLE_DISPATCH_ISA::byte_kernels[3] = {kernels_for<mxfp8_e4m3>, kernels_for<mxfp8_e5m2>, kernels_for<mxint8>};

}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
