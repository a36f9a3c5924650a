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

constexpr std::size_t width = 4;    // elements of a vector
constexpr std::size_t vectors = 4;  // of a step, with sums of their own: additions wait for each other otherwise

// The sums of every fourth element.
struct lane_sums {
  doubles signal{}, noise{}, largest{};
  words nonfinite{}, zeroed{}, clipped{};

  __attribute__((always_inline)) void add(const float* before, const float* after, float limit) {
    floats x, y;
    std::memcpy(&x, before, sizeof x);
    std::memcpy(&y, after, sizeof y);
    const words magnitude = reinterpret_cast<words>(x) & 0x7fffffff;
    const words finite = magnitude < 0x7f800000;
    const words nonzero = magnitude != 0;
    const words now_zero = (reinterpret_cast<words>(y) & 0x7fffffff) == 0;
    nonfinite += ~finite;  // -1 for each
    zeroed += finite & nonzero & now_zero;
    clipped += finite & (reinterpret_cast<floats>(magnitude) > limit);
    const doubles kept = __builtin_convertvector(reinterpret_cast<floats>(reinterpret_cast<words>(x) & finite), doubles);
    const doubles error =
        __builtin_convertvector(reinterpret_cast<floats>(reinterpret_cast<words>(y) & finite), doubles) - kept;
    signal += kept * kept;
    noise += error * error;
    // A NaN is not larger than anything.
    largest = error > largest ? error : largest;
    largest = -error > largest ? -error : largest;
  }

  void flush(error_sums& sums) const {
    for (std::size_t i = 0; i < width; ++i) {
      sums.signal += signal[i];
      sums.noise += noise[i];
      sums.largest = largest[i] > sums.largest ? largest[i] : sums.largest;
      sums.nonfinite += static_cast<std::uint64_t>(-nonfinite[i]);
      sums.zeroed += static_cast<std::uint64_t>(-zeroed[i]);
      sums.clipped += static_cast<std::uint64_t>(-clipped[i]);
    }
  }
};

}  // namespace

void NIBBLE_DISPATCH_ISA::add_row_errors(const float* before, const float* after, const float* limits,
                                         const std::uint8_t* scales, std::size_t count, std::size_t block_size,
                                         error_sums& sums) {
  lane_sums lanes[vectors];
  constexpr std::size_t step = width * vectors;
  for (std::size_t first = 0; first < count; first += block_size) {
    const float limit = limits[scales[first / block_size]];
    const std::size_t end = count - first < block_size ? count : first + block_size;
    std::size_t i = first;
    for (; i + step <= end; i += step) {
      for (std::size_t v = 0; v < vectors; ++v) lanes[v].add(before + i + v * width, after + i + v * width, limit);
    }
    if (i == end) continue;
    float x[step] = {}, y[step] = {};
    std::memcpy(x, before + i, (end - i) * sizeof(float));
    std::memcpy(y, after + i, (end - i) * sizeof(float));
    for (std::size_t v = 0; v < vectors; ++v) lanes[v].add(x + v * width, y + v * width, limit);
  }
  for (const lane_sums& l : lanes) l.flush(sums);
  sums.elements += count;
}

}  // namespace nibble::tool
