// SPDX-License-Identifier: Apache-2.0
//
// In place of kernel.cu where there is no nvcc.
#include "quantize_kernel.hpp"

namespace example {

bool run_on_device(const task&) { return false; }

}  // namespace example
