// SPDX-License-Identifier: Apache-2.0
//
// The CUDA backend: encode, decode, amax, quantize, dequantize, luq, sparsify and transposable_mask of cuda{stream}, bit
// for bit what the scalar backend gives, under any compiler flag. The codecs and Philox of nibble.hpp are device functions
// too, and quantize_block quantizes a block in registers inside another kernel.
#pragma once

#include <nibble/cuda.hpp>
#include <nibble/cuda/amax.cuh>
#include <nibble/cuda/codec.cuh>
#include <nibble/cuda/dequantize.cuh>
#include <nibble/cuda/luq.cuh>
#include <nibble/cuda/quantize.cuh>
#include <nibble/cuda/register_block.cuh>
#include <nibble/cuda/scale_layout.cuh>
#include <nibble/cuda/sparsify.cuh>
#include <nibble/cuda/transposable.cuh>
