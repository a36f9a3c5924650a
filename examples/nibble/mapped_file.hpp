// SPDX-License-Identifier: Apache-2.0
//
// A whole regular file as read-only bytes. Pages that were read can be handed back, so that a pass over a file of any
// size keeps only a small part of it resident.
#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <string>

namespace nibble::tool {

class mapped_file {
 public:
  /// Maps the file. Throws data_error where it cannot be opened, is not a regular file or cannot be mapped.
  explicit mapped_file(const std::string& path);
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;
  ~mapped_file();

  /// The bytes of the file, empty for an empty file.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Lets go of the memory of `part`, which was read; any thread may call. The bytes stay readable: a later read
  /// fetches them again. The system gets memory back in pieces of megabytes, so a few parts stay for a while.
  void release(std::span<const std::byte> part) const noexcept;

 private:
  struct range {
    std::size_t first = 0, last = 0;
  };
  void drop(range bytes) const noexcept;

  std::string path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  mutable std::mutex mutex_;
  mutable range released_;  // not dropped yet; it may hold a part that another thread is reading
};

/// Ends the program with a message and status 1, instead of a crash, when a mapped file is shortened while it is read.
void install_truncation_handler();

}  // namespace nibble::tool
