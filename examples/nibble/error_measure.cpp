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

namespace {

row_error_function& row_errors() {
#if NIBBLE_TOOL_HAS_AVX2
  const std::string_view isa = dispatch::isa_name();
  if (isa == "avx512") return avx512::add_row_errors;
  if (isa == "avx2") return avx2::add_row_errors;
#endif
  return base::add_row_errors;
}

}  // namespace

void add_errors(const matrix_view<float>& before, const float* after, const block_format& format,
                const clip_limits& limits, const std::uint8_t* scales, std::size_t scale_stride, error_sums& sums) {
  row_error_function& add_row = row_errors();
  const auto block_size = static_cast<std::size_t>(format.block_size);
  for (std::size_t r = 0; r < before.rows; ++r) {
    add_row(&before(r, 0), after + r * before.cols, limits.data(), scales + r * scale_stride, before.cols, block_size,
            sums);
  }
}

}  // namespace nibble::tool
