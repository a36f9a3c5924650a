// SPDX-License-Identifier: Apache-2.0
//
// The sums of error_measure.hpp over one row, compiled for each instruction set. Vectors of a fixed width in every one of
// them, and no contraction: the sums have the same bits everywhere.
#include "error_kernels.hpp"

#include <cstdint>
#include <cstring>

namespace nibble::tool {
namespace {

typedef float floats __attribute__((vector_size(16)));
typedef std::int32_t words __attribute__((vector_size(16)));
typedef double doubles __attribute__((vector_size(32)));

constexpr std::size_t width = 4;  // elements of a vector
constexpr std::size_t step = 2 * width;

// What the elements of a step are, counted as -1.
struct step_counts {
  words nonfinite{}, zeroed{}, clipped{};

  __attribute__((always_inline)) void add(floats x, floats y, float limit) {
    const words magnitude = reinterpret_cast<words>(x) & 0x7fffffff;
    const words finite = magnitude < 0x7f800000;
    nonfinite += ~finite;
    zeroed += finite & (magnitude != 0) & ((reinterpret_cast<words>(y) & 0x7fffffff) == 0);
    clipped += finite & (reinterpret_cast<floats>(magnitude) > limit);
  }

  __attribute__((always_inline)) void flush(error_sums& sums) const {
    for (std::size_t i = 0; i < width; ++i) {
      sums.nonfinite += static_cast<std::uint64_t>(-nonfinite[i]);
      sums.zeroed += static_cast<std::uint64_t>(-zeroed[i]);
      sums.clipped += static_cast<std::uint64_t>(-clipped[i]);
    }
  }
};

// The sums of every eighth element.
struct step_sums {
  doubles signal{}, noise{}, largest{};

  __attribute__((always_inline)) void add(floats x, floats y) {
    const words finite = (reinterpret_cast<words>(x) & 0x7fffffff) < 0x7f800000;
    const doubles kept = __builtin_convertvector(reinterpret_cast<floats>(reinterpret_cast<words>(x) & finite), doubles);
    const doubles error =
        __builtin_convertvector(reinterpret_cast<floats>(reinterpret_cast<words>(y) & finite), doubles) - kept;
    signal += kept * kept;
    noise += error * error;
    // A NaN is not larger than anything.
    const doubles size = error < 0 ? -error : error;
    largest = size > largest ? size : largest;
  }

  __attribute__((always_inline)) void flush(error_sums& sums) const {
    for (std::size_t i = 0; i < width; ++i) {
      sums.signal += signal[i];
      sums.noise += noise[i];
      sums.largest = largest[i] > sums.largest ? largest[i] : sums.largest;
    }
  }
};

// Calls add(x, y, x, y) with the two vectors of every step; zeros follow the last element.
template <class Add>
__attribute__((always_inline)) inline void for_steps(const float* x, const float* y, std::size_t count, const Add& add) {
  std::size_t i = 0;
  const auto step_at = [&](const float* px, const float* py) __attribute__((always_inline)) {
    floats x0, x1, y0, y1;
    std::memcpy(&x0, px, sizeof x0);
    std::memcpy(&x1, px + width, sizeof x1);
    std::memcpy(&y0, py, sizeof y0);
    std::memcpy(&y1, py + width, sizeof y1);
    add(x0, y0, x1, y1);
  };
  for (; i + step <= count; i += step) step_at(x + i, y + i);
  if (i == count) return;
  float rest_x[step] = {}, rest_y[step] = {};
  std::memcpy(rest_x, x + i, (count - i) * sizeof(float));
  std::memcpy(rest_y, y + i, (count - i) * sizeof(float));
  step_at(rest_x, rest_y);
}

}  // namespace

void NIBBLE_DISPATCH_ISA::add_row_errors(const float* before, const float* after, const float* limits,
                                         const std::uint8_t* scales, std::size_t count, std::size_t block_size,
                                         error_sums& sums) {
  step_counts counts;
  for (std::size_t first = 0; first < count; first += block_size) {
    const float limit = limits[scales[first / block_size]];
    const std::size_t size = count - first < block_size ? count - first : block_size;
    for_steps(before + first, after + first, size, [&](floats x0, floats y0, floats x1, floats y1) __attribute__((always_inline)) {
      counts.add(x0, y0, limit);
      counts.add(x1, y1, limit);
    });
  }
  step_sums even, odd;
  for_steps(before, after, count, [&](floats x0, floats y0, floats x1, floats y1) __attribute__((always_inline)) {
    even.add(x0, y0);
    odd.add(x1, y1);
  });
  counts.flush(sums);
  even.flush(sums);
  odd.flush(sums);
  sums.elements += count;
}

}  // namespace nibble::tool
