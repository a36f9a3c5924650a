// SPDX-License-Identifier: Apache-2.0
//
// Implementation of stream.hpp.
#include "stream.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "error.hpp"

namespace nibble::tool {

element_stream::element_stream(std::size_t element_size) : element_size_(element_size), buffer_(std::size_t{1} << 18) {}

std::span<const std::byte> element_stream::next() {
  position_ += handed_out_ / element_size_;
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(handed_out_), kept_, buffer_.begin());
  std::size_t filled = kept_;
  bool ended = false;
  while (!ended && filled < element_size_) {
    const ssize_t count = ::read(STDIN_FILENO, buffer_.data() + filled, buffer_.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_system_error("standard input", "cannot read");
    ended = count == 0;
    filled += static_cast<std::size_t>(count);
  }
  kept_ = filled % element_size_;
  handed_out_ = filled - kept_;
  if (ended && kept_ != 0) {
    throw data_error("standard input: ends inside an element (" + std::to_string(kept_) + " of " +
                     std::to_string(element_size_) + " bytes after " + std::to_string(position_) + " whole elements)");
  }
  return std::span<const std::byte>(buffer_).first(handed_out_);
}

}  // namespace nibble::tool
