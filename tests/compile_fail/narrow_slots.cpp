// SPDX-License-Identifier: Apache-2.0
// Codes need slots that hold them.
// expect: Layout needs slots of 4, 6, 8 or 16 bits that hold a code of F
#include <nibble/packed/packed_span.hpp>

#ifndef RIGHT_USE
using span = nibble::packed_span<nibble::formats::e4m3, nibble::layouts::nibbles_low_first>;
#else
using span = nibble::packed_span<nibble::formats::e2m1, nibble::layouts::nibbles_low_first>;
#endif

std::size_t size(span x) { return x.size(); }
