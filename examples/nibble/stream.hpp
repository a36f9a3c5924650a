// SPDX-License-Identifier: Apache-2.0
//
// Standard input in chunks of whole elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nibble::tool {

class element_stream {
 public:
  explicit element_stream(std::size_t element_size);

  /// The next elements, empty at the end. They stay valid until the next call. Throws data_error where the stream
  /// cannot be read or ends inside an element.
  std::span<const std::byte> next();

  /// The number of whole elements handed out before the last call of next().
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

 private:
  std::size_t element_size_;
  std::vector<std::byte> buffer_;
  std::size_t kept_ = 0;        // bytes of a split element at the front of the buffer
  std::size_t handed_out_ = 0;  // bytes that the last call returned
  std::uint64_t position_ = 0;
};

}  // namespace nibble::tool
