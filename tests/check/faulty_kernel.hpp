// SPDX-License-Identifier: Apache-2.0
//
// A quantizing kernel as somebody would write it, with one fault of choice. Plain float and double arithmetic that shares
// nothing with the library but the fault's name: without fault it is Transformer Engine's rule for NVFP4 (1x16 blocks) and
// for the MX formats (32 elements, scale rounded up).
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace faulty {

enum class fault {
  none,
  // elements
  ties_away, ties_toward_zero, truncation, round_up, round_to_odd, through_bfloat16, through_binary16, cut_to_bfloat16,
  division, division_by_scales, prescaled_division, multiplied_quotient, unrounded_scale, tensor_scale_forgotten,
  previous_scale, negative_zero_dropped, negative_zeros_dropped, nan_sign_kept, nan_to_zero, infinity_to_zero,
  infinity_to_nan, overflow_wraps, overflow_to_nan, clamp_at_4, clamp_at_240, sign_forgotten, subnormal_codes_flushed,
  last_of_block_left_out, zero_scale_gives_zeros, stochastic, approximate_reciprocal,
  // scales
  old_formula, reciprocal_first, divided_by_product, scale_truncated, scale_up, scale_ties_away, scale_through_bfloat16,
  amax_through_bfloat16, scale_at_least_2_6, scale_at_most_240, wrong_largest_element, half_window, window_without_last,
  double_window, even_window, shifted_window, no_absolute_value, subnormal_scales_flushed, zero_scale_is_one,
  signed_scale_byte, stored_plus_one, exponent_floor, exponent_ceil, exponent_even, exponent_even_down, exponent_plus_one,
  exponent_without_bias, inverse_scale, infinite_amax_is_nan, nan_in_amax,
  // the tensor scale
  tensor_inverse_stored, tensor_amax_without_last_row, tensor_without_448, tensor_256,
  // input and layout
  flush_to_zero, input_through_bfloat16, last_column_unread, last_row_unread, ragged_unread, input_transposed,
  nibbles_swapped, halves_split, row_split, words_reversed, codes_transposed, scales_tiled, scales_transposed,
  tiles_column_first, tiles_plain,
};

/// A number format by its fields; code by code, slowly.
struct numbers {
  int exponent_bits, mantissa_bits, bias, largest;  ///< `largest`: code of the largest number
  int nan = -1, infinity = -1;
  [[nodiscard]] int sign() const { return 1 << (exponent_bits + mantissa_bits); }
  [[nodiscard]] double value(int code) const {
    const int field = code >> mantissa_bits, rest = code & ((1 << mantissa_bits) - 1);
    if (field == 0) return std::ldexp(rest, 1 - bias - mantissa_bits);
    return std::ldexp(rest + (1 << mantissa_bits), field - bias - mantissa_bits);
  }
};
inline constexpr numbers e2m1{2, 1, 1, 7}, e4m3{4, 3, 7, 0x7e, 0x7f, -1}, e5m2{5, 2, 15, 0x7b, 0x7f, 0x7c};

enum class mode { even, away, toward_zero, truncate, up, odd };

/// The code of a magnitude that may lie beyond the largest number: codes go on as if the format did.
inline int round_magnitude(const numbers& n, double v, mode m, bool negative) {
  int low = 0;
  const int end = 4 * n.sign();
  while (low + 1 < end && n.value(low + 1) <= v) ++low;
  const double below = n.value(low), above = n.value(low + 1);
  if (v == below) return low;
  switch (m) {
    case mode::truncate: return low;
    case mode::up: return negative ? low : low + 1;
    case mode::odd: return low | 1;
    default: break;
  }
  const double middle = (below + above) / 2;
  if (v != middle) return v > middle ? low + 1 : low;
  if (m == mode::even) return low % 2 == 0 ? low : low + 1;
  return m == mode::away ? low + 1 : low;
}

inline std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
inline float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
inline float to_bfloat16(float x) {
  const std::uint32_t bits = bits_of(x);
  if (std::isnan(x)) return x;
  return float_of((bits + 0x7fffU + (bits >> 16 & 1U)) & 0xffff0000U);
}
inline float cut_to_bfloat16(float x) {
  if (!std::isfinite(x) || x == 0) return x;
  const int unit = std::ilogb(x) - 7;
  return static_cast<float>(std::ldexp(std::trunc(std::ldexp(static_cast<double>(x), -unit)), unit));
}
inline float to_binary16(float x) {
  if (!std::isfinite(x)) return x;
  const double v = std::abs(static_cast<double>(x));
  if (v >= 65520.0) return std::copysign(std::numeric_limits<float>::infinity(), x);
  const int exponent = v == 0 ? -24 : std::max(std::ilogb(v) - 10, -24);
  return std::copysign(static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(v, -exponent)), exponent)), x);
}
inline float flush(float x) { return std::abs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0F, x) : x; }

/// What a kernel leaves in memory.
struct result {
  std::vector<std::uint8_t> codes, scales;
  float tensor_scale = 1.0F;
};
struct shape {
  std::size_t rows, cols;
};

class kernel {
 public:
  kernel(const std::vector<float>& x, shape s, bool is_nvfp4, const numbers& element, fault f)
      : x_(x), s_(s), nv_(is_nvfp4), e_(element), f_(f), width_(is_nvfp4 ? 16 : 32) {}

  result run() {
    blocks_ = (s_.cols + width_ - 1) / width_;
    scale_bytes_.assign(s_.rows * blocks_, 0);
    codes_.assign(s_.rows * s_.cols, 0);
    if (nv_) tensor_scale();
    for (std::size_t r = 0; r < s_.rows; ++r) {
      for (std::size_t b = 0; b < blocks_; ++b) block(r, b);
    }
    result out;
    out.tensor_scale = is(fault::tensor_inverse_stored) ? encode_ : decode_;
    out.codes = packed();
    out.scales = laid_out();
    return out;
  }

 private:
  [[nodiscard]] bool is(fault f) const { return f_ == f; }
  /// The element that the kernel reads.
  [[nodiscard]] float at(std::size_t r, std::size_t c) const {
    if (is(fault::last_column_unread) && c + 1 == s_.cols) return 0.0F;
    if (is(fault::last_row_unread) && r + 1 == s_.rows) return 0.0F;
    if (is(fault::ragged_unread) && c >= s_.cols / width_ * width_) return 0.0F;
    const float v = is(fault::input_transposed) ? x_[c * s_.cols + r] : x_[r * s_.cols + c];
    if (is(fault::flush_to_zero)) return flush(v);
    return is(fault::input_through_bfloat16) ? to_bfloat16(v) : v;
  }
  /// float32 results, which the fault may flush.
  [[nodiscard]] float result_of(float v) const { return is(fault::flush_to_zero) ? flush(v) : v; }

  void tensor_scale() {
    float amax = 0;
    for (std::size_t r = 0; r < s_.rows; ++r) {
      if (is(fault::tensor_amax_without_last_row) && r + 1 == s_.rows) continue;
      for (std::size_t c = 0; c < s_.cols; ++c) amax = std::fmax(amax, std::fabs(at(r, c)));
    }
    float q = 448.0F * 6.0F;
    if (is(fault::tensor_without_448)) q = 6.0F;
    if (is(fault::tensor_256)) q = 256.0F * 6.0F;
    encode_ = result_of(std::fmin(q / amax, std::numeric_limits<float>::max()));
    if (amax == 0 || encode_ == 0) encode_ = 1.0F;
    decode_ = result_of(1.0F / encode_);
  }

  [[nodiscard]] float block_amax(std::size_t r, std::size_t first) const {
    std::size_t begin = first, end = std::min(first + width_, s_.cols), step = 1;
    if (is(fault::half_window)) end = std::min(end, first + width_ / 2);
    if (is(fault::window_without_last)) --end;
    if (is(fault::double_window)) {
      begin = first / (2 * width_) * (2 * width_);
      end = std::min(begin + 2 * width_, s_.cols);
    }
    if (is(fault::shifted_window)) {
      ++begin;
      end = std::min(first + width_ + 1, s_.cols);
    }
    if (is(fault::even_window)) step = 2;
    float amax = 0;
    for (std::size_t c = begin; c < end; c += step) {
      const float v = at(r, c);
      if (is(fault::nan_in_amax) && std::isnan(v)) return v;
      amax = std::fmax(amax, is(fault::no_absolute_value) ? v : std::fabs(v));
    }
    return is(fault::amax_through_bfloat16) ? to_bfloat16(amax) : amax;
  }

  /// The float32 that becomes an NVFP4 scale.
  [[nodiscard]] float unrounded(float amax) const {
    const float m = is(fault::wrong_largest_element) ? 4.0F : 6.0F;
    if (is(fault::old_formula)) return (amax / m) * encode_;
    if (is(fault::reciprocal_first)) return (amax * (1.0F / m)) * encode_;
    if (is(fault::divided_by_product)) return amax / (m * decode_);
    const float factor = result_of(encode_ * (1.0F / m));
    return result_of(amax * factor);
  }

  [[nodiscard]] int nvfp4_scale(float amax) const {
    if (std::isnan(amax)) return 0x7f;
    float v = std::fmin(unrounded(amax), std::numeric_limits<float>::max());
    if (is(fault::scale_at_least_2_6)) v = std::fmax(v, 0x1p-6F);
    if (is(fault::scale_at_most_240)) v = std::fmin(v, 240.0F);
    if (is(fault::scale_through_bfloat16)) v = to_bfloat16(v);
    mode m = mode::even;
    if (is(fault::scale_truncated)) m = mode::truncate;
    if (is(fault::scale_up)) m = mode::up;
    if (is(fault::scale_ties_away)) m = mode::away;
    int code = v > 1e6F ? e4m3.largest : std::min(round_magnitude(e4m3, static_cast<double>(v), m, false), e4m3.largest);
    if (is(fault::subnormal_scales_flushed) && code < 8) code = 0;
    if (is(fault::zero_scale_is_one) && code == 0) code = 0x38;
    return code;
  }

  [[nodiscard]] int mx_scale(float amax) const {
    if (std::isnan(amax) || (std::isinf(amax) && is(fault::infinite_amax_is_nan))) return 0xff;
    if (std::isinf(amax)) return 0xfe;
    const int emax = std::ilogb(e_.value(e_.largest));
    if (amax == 0) return 0;
    int exponent = 0;
    if (is(fault::exponent_floor)) {
      exponent = std::ilogb(amax) - emax;
    } else if (is(fault::exponent_ceil)) {
      exponent = std::ilogb(amax) - emax + (std::ldexp(1.0F, std::ilogb(amax)) < amax ? 1 : 0);
    } else if (is(fault::exponent_even) || is(fault::exponent_even_down)) {
      // Half a unit of the last mantissa bit of an element, relative to the power of two below.
      const double relative = std::ldexp(static_cast<double>(amax), -std::ilogb(amax));
      const double limit = 2.0 - std::ldexp(1.0, -e_.mantissa_bits - 1);
      exponent = std::ilogb(amax) - emax + (relative > limit || (relative == limit && is(fault::exponent_even)) ? 1 : 0);
    } else {
      const float quotient = result_of(amax * (1.0F / static_cast<float>(e_.value(e_.largest))));
      if (quotient == 0) return 0;
      exponent = std::ilogb(quotient) + (std::ldexp(1.0, std::ilogb(quotient)) < static_cast<double>(quotient) ? 1 : 0);
    }
    if (is(fault::exponent_plus_one)) ++exponent;
    return std::clamp(exponent + 127, 0, 254);
  }

  /// The byte in memory of a block's scale.
  [[nodiscard]] std::uint8_t stored(int code, std::size_t r, std::size_t first) const {
    if (is(fault::stored_plus_one)) ++code;
    if (is(fault::exponent_without_bias)) code -= 127;
    if (is(fault::inverse_scale)) code = nv_ ? std::min(round_magnitude(e4m3, 1 / e4m3.value(code), mode::even, false), 0x7e)
                                             : 254 - code;
    if (is(fault::signed_scale_byte)) {
      float largest = 0;
      for (std::size_t c = first; c < std::min(first + width_, s_.cols); ++c) {
        if (std::fabs(at(r, c)) > std::fabs(largest)) largest = at(r, c);
      }
      if (largest < 0) code |= 0x80;
    }
    return static_cast<std::uint8_t>(code);
  }

  void block(std::size_t r, std::size_t b) {
    const std::size_t first = b * width_;
    const float amax = block_amax(r, first);
    const int code = nv_ ? nvfp4_scale(amax) : mx_scale(amax);
    scale_bytes_[r * blocks_ + b] = stored(code, r, first);
    const int used = is(fault::previous_scale) && b > 0 ? previous_ : code;
    previous_ = code;
    for (std::size_t c = first; c < std::min(first + width_, s_.cols); ++c) {
      const bool left_out = is(fault::last_of_block_left_out) && c + 1 == first + width_;
      codes_[r * s_.cols + c] = left_out ? std::uint8_t{0} : element(at(r, c), used, amax, r + b);
    }
  }

  /// The element before it is rounded.
  [[nodiscard]] float scaled(float x, int code, float amax, std::size_t index) const {
    if (!nv_) {
      if (code == 0xff) return std::numeric_limits<float>::quiet_NaN();
      if (is(fault::unrounded_scale)) return x / (amax * (1.0F / static_cast<float>(e_.value(e_.largest))));
      return result_of(static_cast<float>(std::ldexp(static_cast<double>(x), 127 - code)));
    }
    float d = code == e4m3.nan ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(e4m3.value(code));
    if (is(fault::unrounded_scale)) d = unrounded(amax);
    if (is(fault::division)) return x / (d * decode_);
    if (is(fault::division_by_scales)) return x / (d / encode_);
    if (is(fault::prescaled_division)) return (x * encode_) / d;
    if (is(fault::multiplied_quotient)) return x * (encode_ / d);
    if (is(fault::tensor_scale_forgotten)) return x / d;
    const float product = result_of(d * decode_);
    float inverse = result_of(1.0F / product);
    if (std::isinf(inverse)) inverse = std::numeric_limits<float>::max();
    if (is(fault::approximate_reciprocal)) inverse = std::nextafter(inverse, index % 2 == 0 ? 0.0F : 1e30F);
    return result_of(x * inverse);
  }

  [[nodiscard]] std::uint8_t element(float x, int code, float amax, std::size_t index) {
    if (is(fault::zero_scale_gives_zeros) && code == 0) return std::signbit(x) ? 0x8 : 0;
    if (std::isnan(x)) return nan_code(x);
    const bool negative = std::signbit(x);
    float v = scaled(x, code, amax, index);
    if (std::isnan(v)) return nan_code(std::fabs(v));
    if (is(fault::through_bfloat16)) v = to_bfloat16(v);
    if (is(fault::cut_to_bfloat16)) v = cut_to_bfloat16(v);
    if (is(fault::through_binary16)) v = to_binary16(v);
    if (is(fault::clamp_at_4)) v = std::clamp(v, -4.0F, 4.0F);
    if (is(fault::clamp_at_240)) v = std::clamp(v, -240.0F, 240.0F);
    if (std::isinf(x) && is(fault::infinity_to_zero)) return 0;
    if (std::isinf(x) && is(fault::infinity_to_nan)) return static_cast<std::uint8_t>(e_.nan | (negative ? e_.sign() : 0));
    const double magnitude = std::min(std::fabs(static_cast<double>(v)), 4 * e_.value(e_.largest));
    int result = is(fault::stochastic) ? drawn(magnitude) : round_magnitude(e_, magnitude, rounding(), negative);
    if (result > e_.largest) result = beyond(std::fabs(v));
    if (is(fault::subnormal_codes_flushed) && result >> e_.mantissa_bits == 0) result = 0;
    const bool signed_zero = is(fault::negative_zeros_dropped) ? result != 0 : !is(fault::negative_zero_dropped) || x != 0;
    if (negative && signed_zero && !is(fault::sign_forgotten)) result |= e_.sign();
    return static_cast<std::uint8_t>(result);
  }

  [[nodiscard]] int beyond(float v) const {
    if (is(fault::overflow_wraps) && !std::isinf(v)) {
      // As if the exponent field went on upward.
      const int exponent = std::ilogb(v);
      const double units = std::nearbyint(std::ldexp(static_cast<double>(v), e_.mantissa_bits - exponent));
      return (((exponent + e_.bias - 1) << e_.mantissa_bits) + static_cast<int>(units)) & (2 * e_.sign() - 1);
    }
    if (is(fault::overflow_to_nan)) return e_.infinity >= 0 ? e_.infinity : e_.nan;
    return e_.largest;
  }

  [[nodiscard]] std::uint8_t nan_code(float x) const {
    const bool negative = std::signbit(x);
    if (e_.nan >= 0) return static_cast<std::uint8_t>(e_.nan | (is(fault::nan_sign_kept) && negative ? e_.sign() : 0));
    if (is(fault::nan_to_zero)) return 0;
    return static_cast<std::uint8_t>(e_.largest | (is(fault::nan_sign_kept) && negative ? e_.sign() : 0));
  }

  /// Up with the probability of the fraction, by a generator of its own.
  int drawn(double magnitude) {
    const int low = round_magnitude(e_, magnitude, mode::truncate, false);
    const double fraction = (magnitude - e_.value(low)) / (e_.value(low + 1) - e_.value(low));
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return low + (std::ldexp(static_cast<double>(state_ >> 40), -24) < fraction ? 1 : 0);
  }

  [[nodiscard]] mode rounding() const {
    if (is(fault::ties_away)) return mode::away;
    if (is(fault::ties_toward_zero)) return mode::toward_zero;
    if (is(fault::truncation)) return mode::truncate;
    if (is(fault::round_up)) return mode::up;
    return is(fault::round_to_odd) ? mode::odd : mode::even;
  }

  [[nodiscard]] std::vector<std::uint8_t> packed() const;
  [[nodiscard]] std::vector<std::uint8_t> laid_out() const;

  const std::vector<float>& x_;
  shape s_;
  bool nv_;
  numbers e_;
  fault f_;
  std::size_t width_, blocks_ = 0;
  float encode_ = 1, decode_ = 1;
  int previous_ = 0;
  std::uint64_t state_ = 1;
  std::vector<std::uint8_t> scale_bytes_, codes_;
};

inline std::vector<std::uint8_t> kernel::packed() const {
  const std::size_t rows = s_.rows, cols = s_.cols;
  std::vector<std::uint8_t> codes = codes_;
  if (is(fault::codes_transposed)) {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < cols; ++c) codes[c * rows + r] = codes_[r * cols + c];
    }
  }
  if (e_.sign() > 8) {
    if (is(fault::words_reversed)) {
      for (std::size_t i = 0; i + 3 < codes.size(); i += 4) std::reverse(&codes[i], &codes[i] + 4);
    }
    return codes;
  }
  std::vector<std::uint8_t> bytes(rows * ((cols + 1) / 2), 0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) {
      std::size_t byte = c / 2;
      bool high = c % 2 == 1;
      const std::size_t group = is(fault::row_split) ? cols : width_;
      if (is(fault::nibbles_swapped)) high = !high;
      if (is(fault::halves_split) || is(fault::row_split)) {
        byte = c / group * group / 2 + c % group % (group / 2);
        high = c % group >= group / 2;
      }
      if (is(fault::words_reversed)) {
        byte = c / 8 * 4 + 3 - c % 8 / 2;
        high = !high;
      }
      bytes[r * ((cols + 1) / 2) + byte] |= static_cast<std::uint8_t>(codes[r * cols + c] << (high ? 4 : 0));
    }
  }
  return bytes;
}

inline std::vector<std::uint8_t> kernel::laid_out() const {
  const std::size_t rows = s_.rows, cols = blocks_;
  const std::size_t tiles_down = (rows + 127) / 128, tiles_across = (cols + 3) / 4;
  const bool tiled = is(fault::scales_tiled) || is(fault::tiles_column_first) || is(fault::tiles_plain);
  std::vector<std::uint8_t> bytes(tiled ? tiles_down * tiles_across * 512 : rows * cols, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) {
      std::size_t place = r * cols + c;
      if (is(fault::scales_transposed)) place = c * rows + r;
      if (tiled) {
        const bool down = is(fault::tiles_column_first);
        const std::size_t tile = down ? c / 4 * tiles_down + r / 128 : r / 128 * tiles_across + c / 4;
        const std::size_t line = is(fault::tiles_plain) ? r % 128 * 4 : r % 32 * 16 + r % 128 / 32 * 4;
        place = tile * 512 + line + c % 4;
      }
      bytes[place] = scale_bytes_[r * cols + c];
    }
  }
  return bytes;
}

}  // namespace faulty
