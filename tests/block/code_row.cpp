// SPDX-License-Identifier: Apache-2.0
//
// Where codes lie: every packing against a bit-by-bit layout written down here, for rows of 1 to 70 elements; bits
// past the last element are zero, and bytes outside the rows and scales of the caller's storage are not touched.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <oracle/tensors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::float_format;
using nibble::matrix_view;

constexpr std::uint8_t guard = 0xA5;

/// MX-like formats that differ in packing alone.
constexpr block_format packed_as(const float_format& element, const nibble::packed_layout& packing, int block_size) {
  return {.element = element, .scale = nibble::formats::e8m0, .block_size = block_size, .packing = packing};
}

/// The first bit of element `c`, and the bits that a row takes, as the OCP, CUDA, ggml and PTX documents draw them.
struct layout {
  std::size_t (*first_bit)(std::size_t c, std::size_t block);
  std::size_t (*row_bytes)(std::size_t cols, std::size_t block);
};
const layout bytes{[](std::size_t c, std::size_t) { return 8 * c; }, [](std::size_t n, std::size_t) { return n; }};
const layout low_first{[](std::size_t c, std::size_t) { return 4 * c; },
                       [](std::size_t n, std::size_t) { return (n + 1) / 2; }};
const layout high_first{[](std::size_t c, std::size_t) { return c % 2 == 0 ? 4 * c + 4 : 4 * c - 4; },
                        [](std::size_t n, std::size_t) { return (n + 1) / 2; }};
const layout split_halves{[](std::size_t c, std::size_t block) {
                            const std::size_t j = c % block;
                            const std::size_t byte = c / block * (block / 2) + j % (block / 2);
                            return 8 * byte + (j < block / 2 ? 0U : 4U);
                          },
                          [](std::size_t n, std::size_t block) { return (n + block - 1) / block * (block / 2); }};
const layout dense_6bit{[](std::size_t c, std::size_t) { return 6 * c; },
                        [](std::size_t n, std::size_t) { return (6 * n + 7) / 8; }};

/// The bytes of a row whose codes are `codes`.
std::vector<std::uint8_t> laid_out(const layout& l, const std::uint8_t* codes, std::size_t cols, std::size_t block,
                                   int code_bits) {
  std::vector<std::uint8_t> row(l.row_bytes(cols, block));
  for (std::size_t c = 0; c < cols; ++c) {
    for (int bit = 0; bit < code_bits; ++bit) {
      const std::size_t place = l.first_bit(c, block) + static_cast<std::size_t>(bit);
      if ((codes[c] >> bit & 1) != 0) row[place / 8] = static_cast<std::uint8_t>(row[place / 8] | 1U << place % 8);
    }
  }
  return row;
}

/// Quantizes into storage with gaps that is full of guard bytes, and compares all of it with what should be there.
template <block_format F, class Plain>
void check_storage(differences& found, const std::string& name, const layout& l, const Plain& plain,
                   const matrix_view<float>& x) {
  const auto block = static_cast<std::size_t>(F.block_size);
  const std::size_t bytes_used = l.row_bytes(x.cols, block);
  const std::size_t scales_used = (x.cols + block - 1) / block;
  const std::size_t code_stride = bytes_used + 3;
  const std::size_t scale_stride = scales_used + 2;
  std::vector<std::uint8_t> codes(x.rows * code_stride, guard);
  std::vector<std::uint8_t> scales(x.rows * scale_stride, guard);
  const nibble::block_view<F> q{codes.data(), scales.data(), nullptr, x.rows, x.cols, code_stride, scale_stride};
  quantize(x, q);
  auto wanted_codes = std::vector<std::uint8_t>(codes.size(), guard);
  auto wanted_scales = std::vector<std::uint8_t>(scales.size(), guard);
  const auto all = codes_of(plain);
  for (std::size_t r = 0; r < x.rows; ++r) {
    const auto row = laid_out(l, &all[r * x.cols], x.cols, block, F.element.bits());
    std::copy(row.begin(), row.end(), wanted_codes.begin() + static_cast<std::ptrdiff_t>(r * code_stride));
    const auto first = plain.scales().begin() + static_cast<std::ptrdiff_t>(r * scales_used);
    std::copy(first, first + static_cast<std::ptrdiff_t>(scales_used),
              wanted_scales.begin() + static_cast<std::ptrdiff_t>(r * scale_stride));
  }
  found.compare(name + " bytes", codes, wanted_codes);
  found.compare(name + " scales", scales, wanted_scales);
}

/// `Packed` against the same format with a byte for each code.
template <block_format Packed>
void check_packing(const std::string& name, const layout& l) {
  constexpr block_format plain_format = packed_as(Packed.element, nibble::layouts::bytes, Packed.block_size);
  static_assert(Packed.is_valid());
  differences found;
  for (const std::size_t rows : {std::size_t{1}, std::size_t{3}}) {
    for (std::size_t cols = 1; cols <= 70; ++cols) {
      const source s(oracle::make_tensor(oracle::tensor_mode::gaussian, rows, cols, cols));
      const auto plain = nibble::quantize<plain_format>(s.view());
      const std::string where = name + " " + std::to_string(cols);
      check_storage<Packed>(found, where, l, plain, s.view());
      const auto packed = nibble::quantize<Packed>(s.view());
      found.compare(where + " codes", codes_of(packed), codes_of(plain));
      found.expect(packed.codes().size() == rows * l.row_bytes(cols, static_cast<std::size_t>(Packed.block_size)),
                   where + " size");
      const auto values = dequantize(packed);
      found.expect(values == dequantize(plain), where + " values");
    }
  }
  NIBBLE_CHECK_EQUAL(found, 2 * 70 * 5);
}

}  // namespace

TEST_CASE("packing: bytes") {
  check_packing<packed_as(nibble::formats::e4m3, nibble::layouts::bytes, 32)>("e4m3 in bytes", bytes);
  check_packing<packed_as(nibble::formats::e2m3, nibble::layouts::bytes, 32)>("e2m3 in bytes", bytes);
  check_packing<packed_as(nibble::formats::e2m1, nibble::layouts::bytes, 16)>("e2m1 in bytes", bytes);
}

TEST_CASE("packing: two codes a byte") {
  using nibble::formats::e2m1;
  check_packing<packed_as(e2m1, nibble::layouts::nibbles_low_first, 16)>("low first", low_first);
  check_packing<packed_as(e2m1, nibble::layouts::nibbles_high_first, 16)>("high first", high_first);
  check_packing<packed_as(nibble::formats::e3m0, nibble::layouts::nibbles_low_first, 10)>("e3m0, blocks of ten",
                                                                                         low_first);
  check_packing<packed_as(e2m1, nibble::layouts::ggml_mxfp4, 32)>("split halves of 32", split_halves);
  check_packing<packed_as(e2m1, nibble::layouts::ggml_nvfp4, 16)>("split halves of 16", split_halves);
}

TEST_CASE("packing: six bits without gaps") {
  check_packing<packed_as(nibble::formats::e2m3, nibble::layouts::dense6, 32)>("e2m3", dense_6bit);
  check_packing<packed_as(nibble::formats::e3m2, nibble::layouts::dense6, 16)>("e3m2", dense_6bit);
}
