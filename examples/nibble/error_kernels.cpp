// SPDX-License-Identifier: Apache-2.0
//
// The sums of error_measure.hpp over one row, compiled for each instruction set. Vectors of a fixed width in every one of
// them, and no contraction: the sums have the same bits everywhere.
#include "error_kernels.hpp"

#include <cstdint>
#include <cstring>

namespace nibble::tool {
namespace {

constexpr std::size_t lanes = 8;

typedef float floats __attribute__((vector_size(4 * lanes)));
typedef std::int32_t words __attribute__((vector_size(4 * lanes)));
typedef std::uint32_t unsigned_words __attribute__((vector_size(4 * lanes)));

// Elements whose squares are summed in float32, a lane 64 of them, before they join the sums in double.
constexpr std::size_t piece = 64 * lanes;

// Numbers from 2^-39 to 2^60, and 0: their squares, and those of differences of two of them, are normal float32 numbers.
constexpr std::uint32_t least_squared = (127 - 39) << 23;
constexpr std::uint32_t largest_squared = (127 + 60) << 23;

#define NIBBLE_KERNEL __attribute__((always_inline)) inline

NIBBLE_KERNEL floats load(const float* x) {
  floats v;
  std::memcpy(&v, x, sizeof v);
  return v;
}
NIBBLE_KERNEL words magnitude(floats x) { return reinterpret_cast<words>(x) & 0x7fffffff; }
NIBBLE_KERNEL words larger(words a, words b) { return a > b ? a : b; }
NIBBLE_KERNEL unsigned_words smaller(unsigned_words a, unsigned_words b) { return a < b ? a : b; }

// A row of elements x, what became of them, y, and the largest numbers of their blocks.
struct row_view {
  const float* x;
  const float* y;
  const float* limits;
  const std::uint8_t* scales;
  int block_shift;
  NIBBLE_KERNEL float limit(std::size_t element) const { return limits[scales[element >> block_shift]]; }
};

// Adds the element at `i`, whatever it is.
void add_element(const row_view& row, std::size_t i, error_sums& sums) {
  const float x = row.x[i], y = row.y[i];
  std::uint32_t x_bits, y_bits;
  std::memcpy(&x_bits, &x, sizeof x);
  std::memcpy(&y_bits, &y, sizeof y);
  const std::uint32_t sign = x_bits >> 31;
  x_bits &= 0x7fffffffU;
  if (x_bits >= 0x7f800000U) {
    ++sums.nonfinite;
    return;
  }
  const double difference = double{y} - double{x};
  const double size = difference < 0 ? -difference : difference;
  sums.signal += double{x} * double{x};
  sums.noise += difference * difference;
  sums.error += sign != 0 ? -difference : difference;
  if (size > sums.largest) sums.largest = size;  // not a NaN
  if (x_bits != 0 && (y_bits & 0x7fffffffU) == 0) ++sums.zeroed;
  if ((x < 0 ? -x : x) > row.limit(i)) ++sums.clipped;
}

// The sums of a piece, by lanes; counts are negative.
struct piece_sums {
  floats signal{}, noise{}, error{};
  words largest_error{}, zeroed{}, clipped{};
  words largest{};
  unsigned_words least = ~unsigned_words{};

  NIBBLE_KERNEL void add(floats x, floats y, float limit) {
    const floats difference = y - x;
    const words m = magnitude(x);
    largest = larger(largest, m);
    least = smaller(least, reinterpret_cast<unsigned_words>(m - 1));  // a zero becomes the largest
    largest_error = larger(largest_error, magnitude(difference));
    signal += x * x;
    noise += difference * difference;
    error += reinterpret_cast<floats>(reinterpret_cast<words>(difference) ^ (reinterpret_cast<words>(x) ^ m));
    zeroed += (m != 0) & (y == 0.0F);
    clipped += reinterpret_cast<floats>(m) > limit;
  }

  // Whether float32 could hold all squares.
  [[nodiscard]] bool holds() const {
    const words outside = (larger(largest, largest_error) > static_cast<std::int32_t>(largest_squared)) |
                          (least < least_squared - 1) | ((noise == 0.0F) & (largest_error != 0));
    std::int32_t any = 0;
    for (std::size_t i = 0; i < lanes; ++i) any |= outside[i];
    return any == 0;
  }

  void flush(error_sums& sums) const {
    double s = 0, n = 0, e = 0;
    std::int32_t size = 0, zero = 0, clip = 0;
    for (std::size_t i = 0; i < lanes; ++i) {
      s += double{signal[i]};
      n += double{noise[i]};
      e += double{error[i]};
      size = largest_error[i] > size ? largest_error[i] : size;
      zero -= zeroed[i];
      clip -= clipped[i];
    }
    float largest_size;
    std::memcpy(&largest_size, &size, sizeof size);
    sums.signal += s;
    sums.noise += n;
    sums.error += e;
    if (double{largest_size} > sums.largest) sums.largest = double{largest_size};
    sums.zeroed += static_cast<std::uint64_t>(zero);
    sums.clipped += static_cast<std::uint64_t>(clip);
  }
};

}  // namespace

// Block sizes are powers of two, and multiples of the number of lanes.
void NIBBLE_DISPATCH_ISA::add_row_errors(const float* before, const float* after, const float* limits,
                                         const std::uint8_t* scales, std::size_t count, std::size_t block_size,
                                         error_sums& sums) {
  const row_view row{before, after, limits, scales, __builtin_ctzll(block_size)};
  const std::size_t vectors = count / lanes * lanes;
  std::size_t i = 0;
  while (i < vectors) {
    const std::size_t end = i + piece < vectors ? i + piece : vectors;
    piece_sums part;
    for (std::size_t k = i; k < end; k += lanes) part.add(load(before + k), load(after + k), row.limit(k));
    if (part.holds()) {
      part.flush(sums);
      i = end;
    } else {
      for (; i < end; ++i) add_element(row, i, sums);
    }
  }
  for (; i < count; ++i) add_element(row, i, sums);
  sums.elements += count;
}

}  // namespace nibble::tool
