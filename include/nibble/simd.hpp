// SPDX-License-Identifier: Apache-2.0
//
// The SIMD front door: nibble.hpp and the simd{} backend on xsimd. Every function takes the tag as its first argument
// and gives the bits of the scalar backend, on SSE2, SSE4.1, AVX2, AVX-512, NEON and whatever else xsimd has. The methods
// (luq, sparsify, transposable_mask, hadamard, measure, measure_moments) have vectors from AVX2 on and run the scalar code
// elsewhere.
#pragma once

#include <nibble/nibble.hpp>

#include <nibble/simd/amax.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/codec.hpp>
#include <nibble/simd/dequantize.hpp>
#include <nibble/simd/hadamard.hpp>
#include <nibble/simd/kurtosis.hpp>
#include <nibble/simd/luq.hpp>
#include <nibble/simd/measure.hpp>
#include <nibble/simd/quantize.hpp>
#include <nibble/simd/sparsify.hpp>
#include <nibble/simd/transposable_mask.hpp>
