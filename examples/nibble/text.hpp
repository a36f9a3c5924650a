// SPDX-License-Identifier: Apache-2.0
//
// Text for people: numbers, byte counts, shapes, aligned tables, and the writing of standard output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::tool {

/// `text` with every control byte and every backslash as \xNN, so that a name read from a file cannot steer a terminal.
std::string printable(std::string_view text);

/// A number with `digits` digits after the point ("20.43"); "nan", "inf" and "-inf" otherwise.
std::string fixed(double value, int digits);

/// A number with `digits` significant digits and an exponent where that is shorter ("1.3e-05").
std::string significant(double value, int digits = 4);

/// `base` with the exponent in superscript digits (UTF-8).
std::string power_text(int base, int exponent);

/// "17 B", "1.2 KiB", "2.0 GiB".
std::string byte_count(std::uint64_t bytes);

/// "1 tensor", "2 tensors".
std::string counted(std::uint64_t count, std::string_view noun);

/// "[]", "[7]", "[2, 3]".
std::string shape_text(std::span<const std::uint64_t> shape);

/// Rows of cells, padded to the widest cell of their column. Column 0 is aligned left, the others right unless said.
class text_table {
 public:
  explicit text_table(std::vector<std::string> header, std::vector<bool> align_left = {true});
  void add(std::vector<std::string> row);
  [[nodiscard]] std::string str() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> align_left_;
};

/// Writes all bytes to the file descriptor. Throws closed_output on EPIPE and data_error on any other failure.
void write_all(int descriptor, const void* data, std::size_t size, std::string_view name);

/// Writes text to standard output.
void print(std::string_view text);

}  // namespace nibble::tool
