// SPDX-License-Identifier: Apache-2.0
// nibble::dispatch brings its library, built for the instruction sets that this compiler has.
#include <cstring>
#include <vector>

#include <nibble/dispatch.hpp>
#include <nibble/nibble.hpp>

int main() {
  const std::vector<float> values(33, 3.0f);
  const nibble::matrix_view<float> x{values.data(), 1, values.size()};
  if (std::strlen(nibble::dispatch::isa_name()) == 0) return 1;
  return nibble::quantize<nibble::mxfp4>(nibble::dispatched{}, x) == nibble::quantize<nibble::mxfp4>(x) ? 0 : 1;
}
