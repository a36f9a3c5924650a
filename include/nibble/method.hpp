// SPDX-License-Identifier: Apache-2.0
//
// The front door of floor 5, whole: what papers do with the formats, and how they measure it. nibble.hpp has
// quantization with stochastic rounding, LUQ, N:M sparsity, transposable masks, Hadamard transforms and error measures;
// here are besides them
//   - 2:4 storage of sparse matrix units, counting and conversion of masks;
//   - the law of stochastic rounding (what is exact, what its variance is), the plan of roundings of FP4 training, the
//     ratio of gradient to noise;
//   - bias by deciles, dot-product noise, kurtosis, lognormal fits;
//   - clipping by ACIQ and EXAQ, quantizers by their number of steps, scales of smooth SwiGLU, L2 norms;
//   - SAWB, radix-4 rounding, products of INT4 and FP4.
// The contract is that of nibble.hpp. Statistics are double arithmetic in a fixed order of summation.
#pragma once

#include <nibble/nibble.hpp>

#include <nibble/method/bias_deciles.hpp>
#include <nibble/method/clipping.hpp>
#include <nibble/method/dot_product.hpp>
#include <nibble/method/gradient_noise.hpp>
#include <nibble/method/int4_fp4.hpp>
#include <nibble/method/kurtosis.hpp>
#include <nibble/method/lognormal.hpp>
#include <nibble/method/mask_conversion.hpp>
#include <nibble/method/mask_count.hpp>
#include <nibble/method/normalisation.hpp>
#include <nibble/method/radix4.hpp>
#include <nibble/method/rounding_plan.hpp>
#include <nibble/method/sawb.hpp>
#include <nibble/method/sparse_storage.hpp>
#include <nibble/method/stochastic_exactness.hpp>
#include <nibble/method/stochastic_noise.hpp>
