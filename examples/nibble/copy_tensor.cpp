// SPDX-License-Identifier: Apache-2.0
//
// Implementation of copy_tensor.hpp.
#include "copy_tensor.hpp"

#include <algorithm>

namespace nibble::tool {

void copy_tensor(const input_file& input, const stored_tensor& tensor, safetensors_writer& writer, std::size_t index,
                 progress& bar) {
  constexpr std::size_t piece = std::size_t{8} << 20;
  for (std::size_t offset = 0; offset < tensor.bytes.size(); offset += piece) {
    const auto bytes = tensor.bytes.subspan(offset, std::min(piece, tensor.bytes.size() - offset));
    writer.write(index, offset, bytes);
    input.release(bytes);
    bar.advance(bytes.size());
  }
}

}  // namespace nibble::tool
