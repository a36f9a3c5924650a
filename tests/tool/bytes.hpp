// SPDX-License-Identifier: Apache-2.0
//
// Helpers of the tool's tests: texts as bytes, and the message of what a call throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <error.hpp>
#include <span>
#include <string>
#include <string_view>

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

/// What the data_error of `call` says, "" where it throws none.
template <class Call>
std::string fault_of(Call&& call) {
  try {
    call();
  } catch (const nibble::tool::data_error& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
