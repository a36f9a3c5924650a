// SPDX-License-Identifier: Apache-2.0
//
// nibble: low-precision number formats and block quantization. The front door of floors 0 to 4 and of what most programs
// use of floor 5 (method.hpp is the door of all of it): the standard library only, no SIMD, no Eigen, no CUDA.
//
// What holds for everything behind this door:
//   - A format is a value (float_format, block_format) used as a template argument; masks, limits, names and codecs
//     follow from it. Storage types store: minifloat<F> converts and compares, and has no arithmetic.
//   - Rounding, overflow, NaN, nibble order, the meaning of a scale and its layout are said in a call or a type.
//     A scale is always the decode multiplier: value = element * scale * tensor_scale.
//   - Results belong to the input. No compiler flag, control register, instruction set, thread count or tile changes a
//     bit: decisions are made on integers, and the float operations that define a recipe are carried out in integers.
//   - Codecs take every bit pattern, never throw and never allocate; they are constexpr and callable from device code.
//   - quantize and dequantize check shapes, strides, sizes and options before they write, and throw
//     std::invalid_argument; only block_tensor and the functions that return a vector allocate.
#pragma once

#include <nibble/base/version.hpp>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>
#include <nibble/format/float_format.hpp>
#include <nibble/format/p3109.hpp>
#include <nibble/format/policy.hpp>
#include <nibble/format/rounding.hpp>
#include <nibble/format/value_table.hpp>

#include <nibble/number/hash.hpp>
#include <nibble/number/limits.hpp>
#include <nibble/number/literals.hpp>
#include <nibble/number/minifloat.hpp>
#include <nibble/number/text.hpp>

#include <nibble/packed/pack4.hpp>
#include <nibble/packed/pack6.hpp>
#include <nibble/packed/packed_span.hpp>

#include <nibble/block/amax.hpp>
#include <nibble/block/block_format.hpp>
#include <nibble/block/codec.hpp>
#include <nibble/block/dequantize.hpp>
#include <nibble/block/options.hpp>
#include <nibble/block/quantize.hpp>
#include <nibble/block/recipe.hpp>
#include <nibble/block/recipe_presets.hpp>
#include <nibble/block/scale_layout.hpp>
#include <nibble/block/tensor.hpp>

#include <nibble/method/hadamard.hpp>
#include <nibble/method/luq.hpp>
#include <nibble/method/measure.hpp>
#include <nibble/method/sparsify.hpp>
#include <nibble/method/sparsity_mask.hpp>
#include <nibble/method/transposable_mask.hpp>
