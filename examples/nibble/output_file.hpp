// SPDX-License-Identifier: Apache-2.0
//
// A file that appears under its name whole or not at all. Bytes go to an unnamed file in the same folder (a named
// temporary one where the file system has no unnamed files); commit() gives them the name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace nibble::tool {

class output_file {
 public:
  enum class temporary { unnamed_if_possible, named };

  /// Opens the temporary file beside `path`. Throws data_error where the folder cannot be written or `path` exists
  /// and is not a regular file.
  explicit output_file(const std::string& path, temporary kind = temporary::unnamed_if_possible);
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  /// Discards everything that was not committed.
  ~output_file();

  /// Gives the file its size before it is written: to write behind the end of a file takes the system much longer, and
  /// threads must take turns at that.
  void resize(std::uint64_t size);

  /// Writes at a byte offset; the file grows as needed.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);

  /// Puts the file under its name. An older one is replaced in one step, once the bytes are on the device.
  void commit();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  void open_unnamed();
  void open_named();
  void link_unnamed();

  std::string path_;
  std::string folder_;
  std::string temporary_path_;  // empty while the file has no name
  int descriptor_ = -1;
};

}  // namespace nibble::tool
