// SPDX-License-Identifier: Apache-2.0
// nibble::cuda brings the CUDA runtime, header and library, to a program that the C++ compiler links.
#include <cuda_runtime_api.h>
#include <nibble/nibble.hpp>

int main() {
  int version = 0;
  return cudaRuntimeGetVersion(&version) == cudaSuccess && version == CUDART_VERSION &&
                 float(nibble::e2m1{3.0f}) == 3.0f
             ? 0
             : 1;
}
