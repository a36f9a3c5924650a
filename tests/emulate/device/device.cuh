// SPDX-License-Identifier: Apache-2.0
//
// What the device files of the capture program share.
#pragma once

#include <cuda_runtime.h>

#include <cstdio>

namespace capture {

inline bool ok(cudaError_t error, const char* what) {
  if (error != cudaSuccess) std::printf("CUDA: %s: %s\n", what, cudaGetErrorString(error));
  return error == cudaSuccess;
}

}  // namespace capture
