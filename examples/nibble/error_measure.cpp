// SPDX-License-Identifier: Apache-2.0
//
// Implementation of error_measure.hpp.
#include "error_measure.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nibble/dispatch.hpp>
#include <nibble/format/decode.hpp>
#include <string_view>

#include "error_kernels.hpp"
#include "text.hpp"

namespace nibble::tool {

void error_sums::add(const error_sums& other) noexcept {
  signal += other.signal;
  noise += other.noise;
  error += other.error;
  largest = std::max(largest, other.largest);
  elements += other.elements;
  nonfinite += other.nonfinite;
  zeroed += other.zeroed;
  clipped += other.clipped;
}

double error_sums::relative_mse() const noexcept {
  if (noise == 0) return 0;
  return signal == 0 ? std::numeric_limits<double>::infinity() : noise / signal;
}

double error_sums::sqnr_db() const noexcept {
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

double error_sums::relative_bias() const noexcept {
  if (signal == 0) return 0;
  return error / std::sqrt(signal) / std::sqrt(static_cast<double>(elements - nonfinite));
}

double error_sums::bias_error() const noexcept {
  const auto n = static_cast<double>(elements - nonfinite);
  if (signal == 0 || n < 2) return 0;
  const double spread = noise - error * (error / n);
  return std::isnan(spread) ? spread : std::sqrt(std::max(spread, 0.0) / (n - 1) / signal);
}

double error_sums::bias_z() const noexcept { return error == 0 ? 0 : relative_bias() / bias_error(); }

double error_sums::zeroed_share() const noexcept {
  return elements == 0 ? 0 : static_cast<double>(zeroed) / static_cast<double>(elements);
}

double error_sums::clipped_share() const noexcept {
  return elements == 0 ? 0 : static_cast<double>(clipped) / static_cast<double>(elements);
}

std::string sqnr_text(const error_sums& sums) { return sums.noise == 0 ? "exact" : fixed(sums.sqnr_db(), 1); }

clip_limits::clip_limits(const block_format& format, float tensor_scale) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const double largest = decode_double(format.element, format.element.max_code());
  for (std::uint32_t code = 0; code < limits_.size(); ++code) {
    // Exact: the numbers have at most 8, 4 and 24 significant bits.
    const double limit = code > format.scale.code_mask()
                             ? 0
                             : largest * std::abs(decode_double(format.scale, code)) * double{tensor_scale};
    auto rounded = static_cast<float>(limit);
    if (double{rounded} > limit) rounded = std::nextafter(rounded, 0.0F);
    limits_[code] = limit > 0 ? rounded : infinity;
  }
}

bool code_magnitudes::serves(const block_codec& codec) noexcept {
  const block_format& f = codec.format;
  return f.packing == layouts::nibbles_low_first && f.element.bits() == 4 && f.element.has_sign &&
         f.block_size % 16 == 0;
}

code_magnitudes::code_magnitudes(const block_codec& codec, float tensor_scale) {
  // A row for each scale code: the codes 0 to 7 and those with the sign.
  std::array<std::uint8_t, 256 * 8> codes;
  std::array<std::uint8_t, 256> scales;
  std::array<float, 256 * 16> values;
  for (std::size_t scale = 0; scale < scales.size(); ++scale) {
    scales[scale] = static_cast<std::uint8_t>(scale);
    for (std::size_t i = 0; i < 8; ++i) codes[8 * scale + i] = static_cast<std::uint8_t>(0x10 + 0x22 * i);
  }
  codec.dequantize({codes.data(), 8, scales.data(), 1}, tensor_scale, scales.size(), 16, values.data());
  for (std::size_t scale = 0; scale < scales.size(); ++scale) {
    std::copy_n(values.data() + 16 * scale, 8, magnitudes_.data() + 8 * scale);
  }
}

namespace {

struct row_functions {
  row_error_function* plain;
  coded_row_error_function* coded;
};

row_functions functions() {
#if NIBBLE_TOOL_HAS_AVX2
  const std::string_view isa = dispatch::isa_name();
  if (isa.starts_with("avx512")) return {avx512::add_row_errors, avx512::add_coded_row_errors};
  if (isa == "avx2") return {avx2::add_row_errors, avx2::add_coded_row_errors};
#endif
  return {base::add_row_errors, base::add_coded_row_errors};
}

}  // namespace

void add_coded_errors(const matrix_view<float>& before, const code_area<const std::uint8_t>& after,
                      const block_format& format, const code_magnitudes& magnitudes, const clip_limits& limits,
                      std::size_t ahead, error_sums& sums) {
  coded_row_error_function* add_row = functions().coded;
  for (std::size_t r = 0; r < before.rows; ++r) {
    add_row(&before(r, 0), after.codes + r * after.code_stride, after.scales + r * after.scale_stride,
            magnitudes.data(), limits.data(), before.cols, static_cast<std::size_t>(format.block_size), ahead, sums);
  }
}

void add_errors(const matrix_view<float>& before, const float* after, const block_format& format,
                const clip_limits& limits, const std::uint8_t* scales, std::size_t scale_stride, error_sums& sums) {
  row_error_function* add_row = functions().plain;
  const auto block_size = static_cast<std::size_t>(format.block_size);
  for (std::size_t r = 0; r < before.rows; ++r) {
    add_row(&before(r, 0), after + r * before.cols, limits.data(), scales + r * scale_stride, before.cols, block_size,
            sums);
  }
}

}  // namespace nibble::tool
