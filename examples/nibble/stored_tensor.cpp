// SPDX-License-Identifier: Apache-2.0
//
// Implementation of stored_tensor.hpp.
#include "stored_tensor.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <nibble/dispatch.hpp>
#include <nibble/format/catalogue.hpp>
#include <nibble/format/decode.hpp>
#include <utility>

#include "error.hpp"
#include "text.hpp"

static_assert(std::endian::native == std::endian::little,
              "the file readers of the tool expect a little-endian machine");

namespace nibble::tool {

std::optional<unsigned> type_bits(std::string_view type) {
  // The types of the safetensors format 0.6, in bits: F4 and the F6 types count whole tensors in bytes.
  constexpr std::array<std::pair<std::string_view, unsigned>, 20> types{{
      {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},   {"I8", 8},    {"F8_E5M2", 8},
      {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16}, {"BF16", 16}, {"I32", 32},
      {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},    {"I64", 64}, {"U64", 64},
  }};
  for (const auto& [name, bits] : types) {
    if (name == type) return bits;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> shape) {
  // A zero anywhere makes the tensor empty, even beside dimensions whose product alone would overflow.
  std::uint64_t count = 1;
  for (const std::uint64_t extent : shape) {
    if (extent == 0) return 0;
  }
  for (const std::uint64_t extent : shape) {
    if (__builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return count;
}

bool is_floating(const stored_tensor& tensor) {
  return tensor.type == "F16" || tensor.type == "BF16" || tensor.type == "F32" || tensor.type == "F64";
}

matrix_shape fold(std::span<const std::uint64_t> shape) {
  if (shape.empty()) return {1, 1};
  const std::uint64_t cols = shape.back();
  const std::uint64_t count = element_count(shape).value_or(0);
  if (count == 0) return {0, cols};
  return {count / cols, cols};
}

namespace {

// Where element `index`, counted in row-major order, lies in a column-major tensor.
std::uint64_t column_major_position(std::span<const std::uint64_t> shape, std::uint64_t index) {
  std::uint64_t stride = element_count(shape).value_or(0);
  std::uint64_t position = 0;
  for (std::size_t d = shape.size(); d-- > 0;) {
    stride /= shape[d];
    position += index % shape[d] * stride;
    index /= shape[d];
  }
  return position;
}

template <class Stored, class Value, class Convert>
void load_as(const stored_tensor& tensor, std::uint64_t first, std::span<Value> out, Convert convert) {
  const std::byte* base = tensor.bytes.data();
  const auto element = [&](std::uint64_t position) {
    Stored stored;
    std::memcpy(&stored, base + position * sizeof(Stored), sizeof(Stored));
    return convert(stored);
  };
  if (tensor.column_major) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = element(column_major_position(tensor.shape, first + i));
  } else {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = element(first + i);
  }
}

// Float values of elements of a narrower type that lie side by side.
template <class T>
void widen(const stored_tensor& tensor, std::uint64_t first, std::span<float> out) {
  const matrix_view<T> view(reinterpret_cast<const T*>(tensor.bytes.data()) + first, 1, out.size());
  dispatch::kernels().sources->of<T>().widen(view, out.data());
}

template <class Value>
void load_floating(const stored_tensor& tensor, std::uint64_t first, std::span<Value> out) {
  if (tensor.type == "F32") {
    load_as<float>(tensor, first, out, [](float value) { return static_cast<Value>(value); });
  } else if (tensor.type == "F64") {
    load_as<double>(tensor, first, out, [](double value) { return static_cast<Value>(value); });
  } else if (tensor.type == "F16") {
    load_as<std::uint16_t>(tensor, first, out, [](std::uint16_t bits) { return Value{decode<formats::f16>(bits)}; });
  } else if (tensor.type == "BF16") {
    load_as<std::uint16_t>(tensor, first, out,
                           [](std::uint16_t bits) { return Value{std::bit_cast<float>(std::uint32_t{bits} << 16)}; });
  } else {
    throw data_error("tensor '" + printable(tensor.name) + "': elements of type " + printable(tensor.type) +
                     " are not floating-point numbers");
  }
}

}  // namespace

void load_elements(const stored_tensor& tensor, std::uint64_t first, std::span<float> out) {
  const bool side_by_side = !tensor.column_major && reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % 2 == 0;
  if (side_by_side && tensor.type == "F16") return widen<f16>(tensor, first, out);
  if (side_by_side && tensor.type == "BF16") return widen<bf16>(tensor, first, out);
  load_floating(tensor, first, out);
}

void load_elements(const stored_tensor& tensor, std::uint64_t first, std::span<double> out) {
  load_floating(tensor, first, out);
}

std::span<const std::byte> element_bytes(const stored_tensor& tensor, std::uint64_t first, std::uint64_t count) {
  if (tensor.column_major) return {};
  const std::uint64_t size = type_bits(tensor.type).value_or(0) / 8;
  return tensor.bytes.subspan(first * size, count * size);
}

}  // namespace nibble::tool
