// SPDX-License-Identifier: Apache-2.0
//
// Implementation of safetensors_reader.hpp: the ranges of the header against the bytes of the file.
#include "safetensors_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "error.hpp"
#include "safetensors_header.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

constexpr std::uint64_t max_header_size = 100'000'000;

[[noreturn]] void fail(std::string_view path, const std::string& fault) {
  throw data_error(printable(path) + ": " + fault);
}

std::string_view header_text(std::span<const std::byte> file, std::string_view path) {
  if (file.size() < 8) fail(path, "not a .safetensors file (shorter than 8 bytes)");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  if (length > max_header_size) {
    fail(path, "its header claims " + std::to_string(length) + " bytes, more than the format allows");
  }
  if (length > file.size() - 8) {
    fail(path, "its header claims " + std::to_string(length) + " bytes, the file holds " +
                   std::to_string(file.size() - 8) + " after the length");
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + 8, static_cast<std::size_t>(length));
  if (!text.starts_with('{')) fail(path, "its header does not begin with '{'");
  return text;
}

void check_entry(const safetensors_entry& entry, std::uint64_t data_size, std::string_view path) {
  const std::string who = "tensor '" + printable(entry.name) + "': ";
  if (entry.begin > entry.end || entry.end > data_size) {
    fail(path, who + "bytes [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) +
                   ") are not inside the " + std::to_string(data_size) + " bytes of data");
  }
  const auto count = element_count(entry.shape);
  if (!count) fail(path, who + "the shape " + shape_text(entry.shape) + " does not fit 64 bits");
  const auto bits = type_bits(entry.type);
  if (!bits) return;
  std::uint64_t total_bits = 0;
  if (__builtin_mul_overflow(*count, std::uint64_t{*bits}, &total_bits)) {
    fail(path, who + "the shape " + shape_text(entry.shape) + " does not fit 64 bits");
  }
  if (total_bits % 8 != 0) fail(path, who + "its elements do not fill a whole number of bytes");
  if (total_bits / 8 != entry.end - entry.begin) {
    fail(path, who + "shape " + shape_text(entry.shape) + " of " + entry.type + " takes " +
                   std::to_string(total_bits / 8) + " bytes, its range holds " +
                   std::to_string(entry.end - entry.begin));
  }
}

// The format asks for ranges that cover the data without overlap and without gaps.
void check_coverage(const std::vector<safetensors_entry>& sorted, std::uint64_t data_size, std::string_view path) {
  std::uint64_t reached = 0;
  for (const safetensors_entry& entry : sorted) {
    if (entry.begin != reached) {
      fail(path, "tensor '" + printable(entry.name) + "' begins at byte " + std::to_string(entry.begin) +
                     " of the data, " + (entry.begin < reached ? "inside" : "after a gap behind") +
                     " the one before it, which ends at " + std::to_string(reached));
    }
    reached = entry.end;
  }
  if (reached != data_size) {
    fail(path, std::to_string(data_size - reached) + " bytes at its end belong to no tensor");
  }
}

}  // namespace

safetensors_contents parse_safetensors(std::span<const std::byte> file, std::string_view path) {
  const std::string_view text = header_text(file, path);
  safetensors_header header = parse_safetensors_header(text, path);
  const std::span<const std::byte> data = file.subspan(8 + text.size());
  for (const safetensors_entry& entry : header.entries) check_entry(entry, data.size(), path);
  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const auto& a, const auto& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  check_coverage(header.entries, data.size(), path);

  safetensors_contents result;
  result.metadata = std::move(header.metadata);
  for (safetensors_entry& entry : header.entries) {
    stored_tensor tensor;
    tensor.name = std::move(entry.name);
    tensor.type = std::move(entry.type);
    tensor.shape = std::move(entry.shape);
    tensor.bytes = data.subspan(entry.begin, entry.end - entry.begin);
    result.tensors.push_back(std::move(tensor));
  }
  return result;
}

}  // namespace nibble::tool
