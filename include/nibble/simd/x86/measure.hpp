// SPDX-License-Identifier: Apache-2.0
//
// The sums of method/measure.hpp over rows of float32: 16 columns a step, each lane of a vector of doubles one of the
// 16 lanes of summation. Squares and products are exact, so that the fused forms round as a product and a sum do.
#pragma once

#include <nibble/simd/x86/wide_lanes.hpp>

#if defined(__AVX2__) && defined(__FMA__)

#include <nibble/method/measure.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// 16 pairs with those that do not count as zeros, which add nothing.
struct cleaned_pairs {
  float x[measure_lanes], y[measure_lanes];
  cleaned_pairs(const float* from_x, const float* from_y, measured_row& row) noexcept {
    for (std::size_t i = 0; i < measure_lanes; ++i) {
      const bool bad_x = !binary32(from_x[i]).is_finite();
      const bool bad_y = !binary32(from_y[i]).is_finite();
      row.nonfinite += bad_x ? 1U : 0U;
      row.broken += !bad_x && bad_y ? 1U : 0U;
      x[i] = bad_x || bad_y ? 0.0F : from_x[i];
      y[i] = bad_x || bad_y ? 0.0F : from_y[i];
    }
  }
};

/// The sums of a row in registers.
template <class V>
class measure_state {
  using W = wide_lanes<V>;
  using wide = typename W::wide;
  static constexpr std::size_t vectors = measure_lanes / W::size;

 public:
  NIBBLE_ALWAYS_INLINE measure_state() noexcept : largest_(W::all(0)) {
    for (std::size_t v = 0; v < vectors; ++v) {
      signal_[v] = output_[v] = product_[v] = error_[v] = outward_[v] = noise_[v] = W::all(0);
    }
  }
  /// Adds 16 pairs.
  NIBBLE_ALWAYS_INLINE void add(const float* x, const float* y) noexcept {
    const wide sign = W::all(-0.0);
    const wide magnitude = W::all(bit_cast<double>(ieee_layout<std::uint64_t>::magnitude_mask));
    unrolled<vectors>([&](auto v) NIBBLE_INLINE_LAMBDA {
      const wide a = W::from_floats(x + v * W::size);
      const wide b = W::from_floats(y + v * W::size);
      const wide e = W::shortened(W::subtract(b, a));
      signal_[v] = W::multiply_add(a, a, signal_[v]);
      output_[v] = W::multiply_add(b, b, output_[v]);
      product_[v] = W::multiply_add(a, b, product_[v]);
      noise_[v] = W::multiply_add(e, e, noise_[v]);
      error_[v] = W::add(error_[v], e);
      outward_[v] = W::add(outward_[v], W::differ(e, W::both(a, sign)));
      largest_ = W::largest(largest_, W::both(e, magnitude));
    });
  }
  /// Whether only finite pairs were added: of others the squared error is NaN or Inf, which stays; of finite ones it
  /// does not overflow.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE bool is_finite() const noexcept { return all_finite<W, vectors>(noise_); }
  void store(measured_row& row) const noexcept {
    for (std::size_t v = 0; v < vectors; ++v) {
      W::store(row.signal.data() + v * W::size, signal_[v]);
      W::store(row.output.data() + v * W::size, output_[v]);
      W::store(row.product.data() + v * W::size, product_[v]);
      W::store(row.error.data() + v * W::size, error_[v]);
      W::store(row.outward.data() + v * W::size, outward_[v]);
      W::store(row.noise.data() + v * W::size, noise_[v]);
    }
    double sizes[W::size];
    W::store(sizes, largest_);
    for (const double size : sizes) row.largest = size > row.largest ? size : row.largest;
  }

 private:
  wide signal_[vectors], output_[vectors], product_[vectors], error_[vectors], outward_[vectors], noise_[vectors];
  wide largest_;
};

/// The sums of one row.
template <class V>
measured_row measure_row(const float* x, const float* y, std::size_t count) noexcept {
  measured_row row;
  measure_state<V> state;
  const std::size_t done = over_columns(
      count, state, {x, y}, [&](measure_state<V>& s, std::size_t i) NIBBLE_INLINE_LAMBDA { s.add(x + i, y + i); },
      [&](measure_state<V>& s, std::size_t i) {
        const cleaned_pairs pairs(x + i, y + i, row);
        s.add(pairs.x, pairs.y);
      });
  state.store(row);
  for (std::size_t i = done; i < count; ++i) row.add(i % measure_lanes, to_bits(x[i]), to_bits(y[i]));
  return row;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif
