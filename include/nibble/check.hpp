// SPDX-License-Identifier: Apache-2.0
//
// Checking kernels: compare() says where two quantized tensors differ, explain() why the bytes of a kernel are not
// those of a recipe. Both work on the bytes alone, on any machine; what is called explained is verified on every byte.
#pragma once

#include <nibble/nibble.hpp>

#include <nibble/check/compare.hpp>
#include <nibble/check/explain.hpp>
