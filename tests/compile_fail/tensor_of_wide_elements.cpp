// SPDX-License-Identifier: Apache-2.0
// A tensor of a format that no quantizer takes is refused where it is made, not where it is first used.
// expect: block_tensor<F>: F needs an element of at most 8 bits
#include <nibble/nibble.hpp>

#ifndef RIGHT_USE
constexpr nibble::float_format element = nibble::formats::f16;
#else
constexpr nibble::float_format element = nibble::formats::e4m3;
#endif
constexpr nibble::block_format format{.element = element, .scale = nibble::formats::e8m0, .block_size = 32};

nibble::block_tensor<format> empty() { return {}; }
