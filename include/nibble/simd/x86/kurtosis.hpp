// SPDX-License-Identifier: Apache-2.0
//
// The sums of method/kurtosis.hpp over rows of float32, as measure.hpp does its own.
#pragma once

#include <nibble/simd/x86/wide_lanes.hpp>

#if defined(__AVX2__) && defined(__FMA__)

#include <nibble/method/kurtosis.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The sum of a row in registers.
template <class V>
class sum_state {
  using W = wide_lanes<V>;
  static constexpr std::size_t vectors = measure_lanes / W::size;

 public:
  NIBBLE_ALWAYS_INLINE sum_state() noexcept {
    for (std::size_t v = 0; v < vectors; ++v) sum_[v] = W::all(0);
  }
  NIBBLE_ALWAYS_INLINE void add(const float* x) noexcept {
    unrolled<vectors>([&](auto v) NIBBLE_INLINE_LAMBDA { sum_[v] = W::add(sum_[v], W::from_floats(x + v * W::size)); });
  }
  [[nodiscard]] NIBBLE_ALWAYS_INLINE bool is_finite() const noexcept { return all_finite<W, vectors>(sum_); }
  void load(const summed_row& row) noexcept {
    for (std::size_t v = 0; v < vectors; ++v) sum_[v] = W::load(row.sum.data() + v * W::size);
  }
  void store(summed_row& row) const noexcept {
    for (std::size_t v = 0; v < vectors; ++v) W::store(row.sum.data() + v * W::size, sum_[v]);
  }

 private:
  typename W::wide sum_[vectors];
};

/// The deviations of a row in registers.
template <class V>
class deviation_state {
  using W = wide_lanes<V>;
  static constexpr std::size_t vectors = measure_lanes / W::size;

 public:
  NIBBLE_ALWAYS_INLINE explicit deviation_state(double mean) noexcept : mean_(W::all(mean)) {
    for (std::size_t v = 0; v < vectors; ++v) second_[v] = fourth_[v] = W::all(0);
  }
  NIBBLE_ALWAYS_INLINE void add(const float* x) noexcept {
    unrolled<vectors>([&](auto v) NIBBLE_INLINE_LAMBDA {
      const auto deviation = W::shortened(W::subtract(W::from_floats(x + v * W::size), mean_));
      const auto square = W::shortened(W::multiply(deviation, deviation));
      second_[v] = W::multiply_add(deviation, deviation, second_[v]);
      fourth_[v] = W::multiply_add(square, square, fourth_[v]);
    });
  }
  /// Fourth powers of deviations of finite elements do not overflow.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE bool is_finite() const noexcept { return all_finite<W, vectors>(fourth_); }
  void load(const deviation_row& row) noexcept {
    for (std::size_t v = 0; v < vectors; ++v) {
      second_[v] = W::load(row.second.data() + v * W::size);
      fourth_[v] = W::load(row.fourth.data() + v * W::size);
    }
  }
  void store(deviation_row& row) const noexcept {
    for (std::size_t v = 0; v < vectors; ++v) {
      W::store(row.second.data() + v * W::size, second_[v]);
      W::store(row.fourth.data() + v * W::size, fourth_[v]);
    }
  }

 private:
  typename W::wide mean_;
  typename W::wide second_[vectors], fourth_[vectors];
};

/// The sums of one row, `add_one(row, column)` being the scalar way.
template <class State, class Row, class AddOne>
Row sum_columns(const float* x, std::size_t count, State state, const AddOne& add_one) noexcept {
  Row row;
  const std::size_t done = over_columns(
      count, state, {x}, [&](State& s, std::size_t i) NIBBLE_INLINE_LAMBDA { s.add(x + i); },
      [&](State& s, std::size_t i) {
        s.store(row);
        for (std::size_t k = 0; k < measure_lanes; ++k) add_one(row, i + k);
        s.load(row);
      });
  state.store(row);
  for (std::size_t i = done; i < count; ++i) add_one(row, i);
  return row;
}

template <class V>
summed_row sum_row(const float* x, std::size_t count) noexcept {
  return sum_columns<sum_state<V>, summed_row>(
      x, count, sum_state<V>(), [x](summed_row& row, std::size_t i) { row.add(i % measure_lanes, to_bits(x[i])); });
}
template <class V>
deviation_row sum_deviations(const float* x, std::size_t count, double mean) noexcept {
  return sum_columns<deviation_state<V>, deviation_row>(
      x, count, deviation_state<V>(mean),
      [x, mean](deviation_row& row, std::size_t i) { row.add(i % measure_lanes, mean, to_bits(x[i])); });
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif
