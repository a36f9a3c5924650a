// SPDX-License-Identifier: Apache-2.0
//
// The run-time table of nibble::dispatch: plain functions, one set for each instruction set that the library was built for.
// Arguments have been checked, nothing is allocated and nothing thrown behind these pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/codec.hpp>
#include <nibble/block/options.hpp>
#include <nibble/block/tensor.hpp>
#include <nibble/format/catalogue.hpp>

namespace nibble {
inline namespace v0 {
namespace dispatch {

/// A block_view whose format is known at run time only. Byte is std::uint8_t to write, const of it to read.
template <class Byte>
struct code_matrix {
  Byte* codes;
  Byte* scales;  ///< the bytes of the scales, whatever their type
  float* tensor_scale;
  std::size_t rows, cols, code_stride, scale_stride;
};

/// One block format on one instruction set.
struct block_kernels {
  /// Bands of rows from `first` to before `last` of the stored matrix, as detail::quantizer::run.
  void (*quantize)(const matrix_view<float>& x, const code_matrix<std::uint8_t>& q, const quantize_options& options,
                   std::size_t first, std::size_t last);
  void (*dequantize)(const code_matrix<const std::uint8_t>& q, float* out);
};

/// One element format: codes in a packed layout, or for formats of more than 8 bits one std::uint16_t each.
struct element_kernels {
  void (*encode)(const float* x, std::size_t count, void* codes, const packed_layout& layout,
                 const encode_options& options);
  void (*decode)(const void* codes, std::size_t count, float* out, const packed_layout& layout);
};

/// The largest counted magnitude, as detail::rectangle_amax, and rows of numbers as float32 without gaps.
template <class T>
struct source_kernels {
  std::uint32_t (*amax)(const matrix_view<T>& x, amax_rule rule);
  void (*widen)(const matrix_view<T>& x, float* out);
};
struct all_source_kernels {
  source_kernels<float> floats;
  source_kernels<double> doubles;
  source_kernels<f16> halves;
  source_kernels<bf16> brains;

  template <class T>
  [[nodiscard]] NIBBLE_ALWAYS_INLINE constexpr const source_kernels<T>& of() const noexcept {
    if constexpr (std::is_same_v<T, float>) {
      return floats;
    } else if constexpr (std::is_same_v<T, double>) {
      return doubles;
    } else if constexpr (std::is_same_v<T, f16>) {
      return halves;
    } else {
      static_assert(std::is_same_v<T, bf16>, "dispatched{} reads float, double, f16 and bf16");
      return brains;
    }
  }
};

inline constexpr std::size_t block_format_count = sizeof named_block_formats / sizeof named_block_formats[0];
inline constexpr std::size_t format_count = sizeof named_formats / sizeof named_formats[0];

/// Everything for one instruction set; where a set has no kernel of its own, that of the next smaller one.
struct kernel_table {
  const char* name = "";                   ///< base, avx2, avx512 or avx512vbmi
  const block_kernels* blocks[block_format_count];  ///< by the place in named_block_formats
  const element_kernels* elements[format_count];    ///< by the place in named_formats
  const all_source_kernels* sources;
};

/// The table for this machine, chosen by its first caller; the environment variable NIBBLE_ISA (base, avx2, avx512 or
/// avx512vbmi) overrules the choice. Throws std::runtime_error where NIBBLE_ISA names nothing that this build and machine
/// have.
const kernel_table& kernels();

/// The table of that name; throws like kernels().
const kernel_table& kernels_of(const char* name);

/// The place of a format in named_block_formats or named_formats; the number of formats where it is not there.
NIBBLE_ALWAYS_INLINE constexpr std::size_t place_of(const block_format& f) noexcept {
  std::size_t i = 0;
  while (i < block_format_count && !(named_block_formats[i].format == f)) ++i;
  return i;
}
NIBBLE_ALWAYS_INLINE constexpr std::size_t place_of(const float_format& f) noexcept {
  std::size_t i = 0;
  while (i < format_count && !(named_formats[i].format == f)) ++i;
  return i;
}

}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
