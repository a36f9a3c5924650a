// SPDX-License-Identifier: Apache-2.0
//
// Implementation of text.hpp and of the errno message of error.hpp.
#include "text.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include "error.hpp"

namespace nibble::tool {

void throw_system_error(std::string_view subject, std::string_view fault) {
  const int code = errno;
  throw data_error(printable(subject) + ": " + std::string(fault) + ": " + std::strerror(code));
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || byte == '\\') {
      std::array<char, 8> buffer{};
      std::snprintf(buffer.data(), buffer.size(), "\\x%02x", static_cast<unsigned>(byte));
      result += buffer.data();
    } else {
      result += c;
    }
  }
  return result;
}

namespace {

std::string formatted(const char* pattern, int digits, double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 400> buffer{};
  std::snprintf(buffer.data(), buffer.size(), pattern, digits, value);
  return buffer.data();
}

}  // namespace

std::string fixed(double value, int digits) { return formatted("%.*f", digits, value); }

std::string significant(double value, int digits) { return formatted("%.*g", digits, value); }

std::string power_text(int base, int exponent) {
  constexpr std::array<const char*, 10> digits{"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = std::to_string(base);
  for (const char c : std::to_string(exponent)) text += c == '-' ? "⁻" : digits[static_cast<std::size_t>(c - '0')];
  return text;
}

std::string byte_count(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024.0 && unit + 1 < units.size(); ++unit) value /= 1024.0;
  return fixed(value, unit == 0 ? 0 : 1) + " " + units[unit];
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  std::string result = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) result += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return result + "]";
}

text_table::text_table(std::vector<std::string> header, std::vector<bool> align_left)
    : align_left_(std::move(align_left)) {
  rows_.push_back(std::move(header));
}

void text_table::add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

std::string text_table::str() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string result;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - row[c].size(), ' ');
      const bool left = c < align_left_.size() && align_left_[c];
      line += (c == 0 ? "" : "  ") + (left ? row[c] + padding : padding + row[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  }
  return result;
}

void write_all(int descriptor, const void* data, std::size_t size, std::string_view name) {
  const auto* cursor = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor, cursor, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EPIPE) throw closed_output{};
      throw_system_error(name, "cannot write");
    }
    cursor += written;
    size -= static_cast<std::size_t>(written);
  }
}

void print(std::string_view text) { write_all(STDOUT_FILENO, text.data(), text.size(), "standard output"); }

}  // namespace nibble::tool
