// SPDX-License-Identifier: Apache-2.0
//
// Implementation of compare_tensors.hpp.
#include "compare_tensors.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <vector>

namespace nibble::tool {
namespace {

// Sums in long double: squares of doubles stay in its range.
struct tile_comparison {
  comparison counts;
  std::uint64_t finite = 0;     // elements that are finite in both
  std::uint64_t one_sided = 0;  // finite in one only
  long double signal = 0, noise = 0;
};

bool same_value(double x, double y) {
  return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y) || (std::isnan(x) && std::isnan(y));
}

void compare_values(const tile& part, std::uint64_t cols, const std::vector<double>& a, const std::vector<double>& b,
                    tile_comparison& result) {
  comparison& counts = result.counts;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (same_value(a[i], b[i])) {
      ++counts.equal;
    } else if (!counts.first_difference) {
      counts.first_difference = (part.row + i / part.cols) * cols + part.col + i % part.cols;
      counts.a_there = a[i];
      counts.b_there = b[i];
    }
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
      result.one_sided += std::isfinite(a[i]) || std::isfinite(b[i]) ? 1U : 0U;
      continue;
    }
    const long double error = static_cast<long double>(b[i]) - static_cast<long double>(a[i]);
    ++result.finite;
    result.signal += static_cast<long double>(a[i]) * static_cast<long double>(a[i]);
    result.noise += error * error;
    counts.largest_error = std::max(counts.largest_error, static_cast<double>(std::abs(error)));
  }
}

unsigned code_at(const block_format& f, const std::uint8_t* row, std::uint64_t col) {
  if (f.packing.slot_bits == 8) return row[col];
  return (row[col / 2] >> (4 * (col % 2))) & 15U;
}

void compare_codes(const tile& part, std::uint64_t cols, const tensor_reader& a, const tensor_reader& b,
                   comparison& counts) {
  const block_format& f = a.codec()->format;
  const auto in_a = a.codes_at(part), in_b = b.codes_at(part);
  const std::uint64_t scale_cols = a.codec()->stored_scales(part.cols);
  for (std::uint64_t r = 0; r < part.rows; ++r) {
    const std::uint8_t* row_a = in_a.codes + r * in_a.code_stride;
    const std::uint8_t* row_b = in_b.codes + r * in_b.code_stride;
    for (std::uint64_t c = 0; c < part.cols; ++c) {
      const unsigned code_a = code_at(f, row_a, c), code_b = code_at(f, row_b, c);
      counts.equal_codes += code_a == code_b ? 1U : 0U;
      if (code_a == code_b || counts.first_code_difference) continue;
      counts.first_code_difference = (part.row + r) * cols + part.col + c;
      counts.a_code = code_a;
      counts.b_code = code_b;
    }
    for (std::uint64_t s = 0; s < scale_cols; ++s) {
      counts.equal_scales += in_a.scales[r * in_a.scale_stride + s] == in_b.scales[r * in_b.scale_stride + s] ? 1U : 0U;
    }
  }
  counts.scales += part.rows * scale_cols;
}

void add(tile_comparison& total, const tile_comparison& part) {
  comparison& t = total.counts;
  const comparison& p = part.counts;
  t.equal += p.equal;
  t.equal_codes += p.equal_codes;
  t.scales += p.scales;
  t.equal_scales += p.equal_scales;
  t.largest_error = std::max(t.largest_error, p.largest_error);
  total.finite += part.finite;
  total.one_sided += part.one_sided;
  total.signal += part.signal;
  total.noise += part.noise;
  // Tiles of columns are not in the order of the elements.
  if (p.first_difference && (!t.first_difference || *p.first_difference < *t.first_difference)) {
    t.first_difference = p.first_difference;
    t.a_there = p.a_there;
    t.b_there = p.b_there;
  }
  const auto& code = p.first_code_difference;
  if (code && (!t.first_code_difference || *code < *t.first_code_difference)) {
    t.first_code_difference = code;
    t.a_code = p.a_code;
    t.b_code = p.b_code;
  }
}

}  // namespace

comparison compare_tensors(const tensor_reader& a, const tensor_reader& b, unsigned threads, progress& bar) {
  const matrix_shape shape = a.shape();
  const bool codes = a.codec() != nullptr && a.codec() == b.codec();
  const tiling tiles(shape, 1);
  std::vector<std::vector<double>> values_a(threads), values_b(threads);
  std::vector<tile_comparison> by_tile(tiles.count());
  std::mutex mutex;
  parallel_for(tiles.count(), threads, [&](std::uint64_t index, unsigned worker) {
    const tile part = tiles.at(index);
    if (codes) compare_codes(part, shape.cols, a, b, by_tile[index].counts);
    values_a[worker].resize(part.size());
    values_b[worker].resize(part.size());
    a.load(part, std::span<double>(values_a[worker]));
    b.load(part, std::span<double>(values_b[worker]));
    compare_values(part, shape.cols, values_a[worker], values_b[worker], by_tile[index]);
    const std::lock_guard lock(mutex);
    bar.advance(part.size() * a.bytes() / shape.size());
  });
  tile_comparison total;
  for (const tile_comparison& part : by_tile) add(total, part);
  comparison result = total.counts;
  result.elements = shape.size();
  result.has_values = true;
  result.has_codes = codes;
  result.mse = total.finite == 0 ? 0 : static_cast<double>(total.noise / static_cast<long double>(total.finite));
  result.sqnr_db = total.noise == 0 ? std::numeric_limits<double>::infinity()
                                    : static_cast<double>(10 * std::log10(total.signal / total.noise));
  // Where the rest agrees, or there is none, the figures must not say that nothing was lost.
  if (total.noise == 0 && total.one_sided > 0) result.sqnr_db = std::numeric_limits<double>::quiet_NaN();
  if (total.finite == 0 && total.one_sided > 0) result.mse = result.largest_error = result.sqnr_db;
  return result;
}

comparison compare_bytes(const stored_tensor& a, const stored_tensor& b, const input_file& file_a,
                         const input_file& file_b, progress& bar) {
  comparison result;
  result.elements = element_count(a.shape).value_or(0);
  const std::uint64_t bits = type_bits(a.type).value_or(8);
  const std::uint64_t size = bits % 8 == 0 ? bits / 8 : 1;
  if (bits % 8 != 0 || !type_bits(a.type)) result.elements = a.bytes.size();
  constexpr std::uint64_t piece = std::uint64_t{1} << 20;
  for (std::uint64_t begin = 0; begin < result.elements; begin += piece) {
    const std::uint64_t end = std::min(begin + piece, result.elements);
    for (std::uint64_t i = begin; i < end; ++i) {
      if (std::memcmp(a.bytes.data() + i * size, b.bytes.data() + i * size, size) == 0) {
        ++result.equal;
      } else if (!result.first_difference) {
        result.first_difference = i;
      }
    }
    file_a.release(a.bytes.subspan(begin * size, (end - begin) * size));
    file_b.release(b.bytes.subspan(begin * size, (end - begin) * size));
    bar.advance((end - begin) * size);
  }
  return result;
}

}  // namespace nibble::tool
