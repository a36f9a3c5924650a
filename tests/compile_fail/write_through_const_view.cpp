// SPDX-License-Identifier: Apache-2.0
// A view of const bytes does not write.
// expect(gcc): as 'this' argument discards qualifiers
// expect(clang): no viable overloaded '='
#include <nibble/packed/packed_span.hpp>

#ifndef RIGHT_USE
using span = nibble::const_packed_span<nibble::formats::e2m1>;
#else
using span = nibble::packed_span<nibble::formats::e2m1>;
#endif

void clear(span x) { x[0] = nibble::e2m1{0.0F}; }
