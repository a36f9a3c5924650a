// SPDX-License-Identifier: Apache-2.0
//
// The sums of error_measure.hpp over one row, compiled for each instruction set. Vectors of a fixed width in every one
// of them, and no contraction: the sums have the same bits everywhere.
#include "error_kernels.hpp"

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace nibble::tool {
namespace {

constexpr std::size_t lanes = 8;

typedef float floats __attribute__((vector_size(4 * lanes)));
typedef std::int32_t words __attribute__((vector_size(4 * lanes)));
typedef std::uint32_t unsigned_words __attribute__((vector_size(4 * lanes)));

// Elements whose squares are summed in float32, a lane 64 of them, before they join the sums in double.
constexpr std::size_t piece = 64 * lanes;

// Numbers from 2^-39 to 2^60, and 0: their squares, and those of differences of two of them, are normal float32
// numbers.
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

NIBBLE_KERNEL bool any(words mask) {
  std::int32_t found = 0;
  for (std::size_t i = 0; i < lanes; ++i) found |= mask[i];
  return found != 0;
}

// The sums of a piece of any numbers, by lanes; counts are negative.
struct piece_sums {
  floats signal{}, noise{}, error{};
  words largest{}, largest_error{}, zeroed{}, clipped{};
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

  NIBBLE_KERNEL void flush(error_sums& sums) const {
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

  // Whether float32 could hold all squares.
  [[nodiscard]] bool holds() const {
    return !any((larger(largest, largest_error) > static_cast<std::int32_t>(largest_squared)) |
                (least < least_squared - 1) | ((noise == 0.0F) & (largest_error != 0)));
  }
};

// Of numbers and what their codes stand for: y has the sign of x or is zero, as it is where x is. So magnitudes will
// do. Sixteen at a time, in as many lanes of sums, whatever the width of the machine's vectors.
#if defined(__AVX512F__) && defined(__AVX512DQ__)
constexpr std::size_t wide_lanes = 16;
#else
constexpr std::size_t wide_lanes = 8;
#endif
constexpr std::size_t step = 16;
constexpr std::size_t most_counted = std::size_t{1} << 30;  // elements: counts of a lane are 32 bits wide
constexpr std::size_t parts = step / wide_lanes;
constexpr std::size_t near = 128;  // elements between those that are added and those that the nearest cache gets

typedef float wide_floats __attribute__((vector_size(4 * wide_lanes)));
typedef std::int32_t wide_words __attribute__((vector_size(4 * wide_lanes)));
typedef std::uint32_t wide_unsigned __attribute__((vector_size(4 * wide_lanes)));

NIBBLE_KERNEL wide_floats load_wide(const float* x) {
  wide_floats v;
  std::memcpy(&v, x, sizeof v);
  return v;
}
NIBBLE_KERNEL wide_unsigned magnitudes_of(wide_floats x) { return reinterpret_cast<wide_unsigned>(x) & 0x7fffffffU; }

// What follows has a form for each width: counts - 1 where y is zero, and where m is above the limit; whether any lane
// of a mask is set; the magnitudes of the codes of 4 bits at `codes`, the first in the low half of a byte, in a table
// of 8.
#if defined(__AVX512F__) && defined(__AVX512DQ__)
NIBBLE_KERNEL wide_words count_zeros(wide_words counts, wide_floats y) {
  const __m512i n = reinterpret_cast<__m512i>(counts);
  const __mmask16 zero = _mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_EQ_OQ);
  return reinterpret_cast<wide_words>(_mm512_mask_add_epi32(n, zero, n, _mm512_set1_epi32(-1)));
}
NIBBLE_KERNEL wide_words count_above(wide_words counts, wide_unsigned m, std::int32_t limit) {
  const __m512i n = reinterpret_cast<__m512i>(counts);
  const __mmask16 above = _mm512_cmpgt_epi32_mask(reinterpret_cast<__m512i>(m), _mm512_set1_epi32(limit));
  return reinterpret_cast<wide_words>(_mm512_mask_add_epi32(n, above, n, _mm512_set1_epi32(-1)));
}
NIBBLE_KERNEL bool any_lane(wide_words mask) { return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask)) != 0; }
NIBBLE_KERNEL wide_floats looked_up(const float* table, const std::uint8_t* codes) {
  std::int64_t word;
  std::memcpy(&word, codes, sizeof word);
  const __m512i halves = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1),
                                                  _mm512_set1_epi64(word));
  const __m512i index =
      _mm512_srlv_epi32(halves, _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28));
  // The table twice: the fourth bit, which is the sign, does not matter.
  return _mm512_permutexvar_ps(index, _mm512_broadcast_f32x8(_mm256_loadu_ps(table)));
}
#else
NIBBLE_KERNEL wide_words count_zeros(wide_words counts, wide_floats y) { return counts + (y == 0.0F); }
NIBBLE_KERNEL wide_words count_above(wide_words counts, wide_unsigned m, std::int32_t limit) {
  return counts + (reinterpret_cast<wide_words>(m) > limit);
}
#if defined(__AVX2__)
NIBBLE_KERNEL bool any_lane(wide_words mask) { return _mm256_movemask_epi8(reinterpret_cast<__m256i>(mask)) != 0; }
NIBBLE_KERNEL wide_floats looked_up(const float* table, const std::uint8_t* codes) {
  std::int32_t word;
  std::memcpy(&word, codes, sizeof word);
  const __m256i index = _mm256_srlv_epi32(_mm256_set1_epi32(word), _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
  return _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), index);  // which reads the low 3 bits
}
#else
NIBBLE_KERNEL bool any_lane(wide_words mask) { return any(mask); }
NIBBLE_KERNEL wide_floats looked_up(const float* table, const std::uint8_t* codes) {
  wide_floats y;
  for (std::size_t i = 0; i < wide_lanes; ++i) y[i] = table[(codes[i / 2] >> (i % 2 * 4)) & 7];
  return y;
}
#endif
#endif

struct code_sums {
  wide_floats signal[parts]{}, noise[parts]{}, error[parts]{}, largest_square{};
  wide_words zeroed{}, clipped{};
  wide_unsigned least = ~wide_unsigned{};

  template <std::size_t Part>
  NIBBLE_KERNEL void add(const float* x, const float* table, const std::uint8_t* codes, std::int32_t limit) {
    const wide_floats before = load_wide(x + Part * wide_lanes), y = looked_up(table, codes + Part * wide_lanes / 2);
    const wide_unsigned m = magnitudes_of(before);
    const wide_floats difference = y - reinterpret_cast<wide_floats>(m), square = difference * difference;
    least = least < m ? least : m;
    largest_square = largest_square > square ? largest_square : square;
    signal[Part] += before * before;
    noise[Part] += square;
    error[Part] += difference;
    zeroed = count_zeros(zeroed, y);
    clipped = count_above(clipped, m, limit);
  }

  // Counts a zero not as zeroed, nor as the least magnitude.
  void leave_out_zeros(const float* x, std::size_t count) {
    least = ~wide_unsigned{};
    for (std::size_t k = 0; k < count; k += wide_lanes) {
      const wide_unsigned m = magnitudes_of(load_wide(x + k));
      const auto is_zero = m == 0;
      zeroed -= is_zero;
      const wide_unsigned counted = m | reinterpret_cast<wide_unsigned>(is_zero);
      least = least < counted ? least : counted;
    }
  }

  [[nodiscard]] NIBBLE_KERNEL bool has_zeros() const { return any_lane(least == 0); }

  // Whether float32 could hold all squares. A sum of 64 squares of which one was too large is above 2^120, or a NaN; no
  // difference is too small, as a zero has none.
  [[nodiscard]] NIBBLE_KERNEL bool holds() const {
    constexpr float most = 0x1p120F;
    wide_words outside = least < least_squared;
    for (std::size_t i = 0; i < parts; ++i) outside |= ~((signal[i] <= most) & (noise[i] <= most));
    return !any_lane(outside);
  }
};

// Of many pieces, in sixteen lanes, which are added up when all is there: the same for vectors of any width.
struct coded_row_sums {
  double signal[step]{}, noise[step]{}, error[step]{};
  wide_floats largest_square{};
  wide_words zeroed{}, clipped{};

  NIBBLE_KERNEL void add(const code_sums& part) {
    widen(signal, part.signal);
    widen(noise, part.noise);
    widen(error, part.error);
    largest_square = largest_square > part.largest_square ? largest_square : part.largest_square;
    zeroed += part.zeroed;
    clipped += part.clipped;
  }

  void flush(error_sums& sums) const {
    float square = 0;
    for (std::size_t i = 0; i < step; ++i) {
      sums.signal += signal[i];
      sums.noise += noise[i];
      sums.error += error[i];
    }
    for (std::size_t i = 0; i < wide_lanes; ++i) {
      square = largest_square[i] > square ? largest_square[i] : square;
      sums.zeroed -= static_cast<std::uint64_t>(std::int64_t{zeroed[i]});
      sums.clipped -= static_cast<std::uint64_t>(std::int64_t{clipped[i]});
    }
    // The root of the rounded square of a float is the float, where the square neither overflows nor underflows.
    const auto largest = double{__builtin_sqrtf(square)};
    if (largest > sums.largest) sums.largest = largest;
  }

 private:
  NIBBLE_KERNEL static void widen(double (&total)[step], const wide_floats (&part)[parts]) {
    float values[step];
    std::memcpy(values, part, sizeof values);
    for (std::size_t i = 0; i < step; ++i) total[i] += double{values[i]};
  }
};

// A row of elements x, their codes, and the magnitudes and limits that scales give.
struct coded_row {
  const float* x;
  const std::uint8_t* codes;
  const std::uint8_t* scales;
  const float* magnitudes;
  const float* limits;
  int block_shift;
  std::size_t ahead;

  // Elements first, ..., first + count - 1, a multiple of 16; false, and no change, where float32 cannot hold
  // their squares.
  [[nodiscard]] NIBBLE_KERNEL bool add(std::size_t first, std::size_t count, coded_row_sums& sums) const {
    code_sums part;
    for (std::size_t k = first; k < first + count; k += step) {
      const std::size_t scale = scales[k >> block_shift];
      std::int32_t limit;
      std::memcpy(&limit, limits + scale, sizeof limit);
      const float* table = magnitudes + 8 * scale;
      __builtin_prefetch(x + k + ahead, 0, 2);
      // Loads that miss the first-level cache wait behind the fetches from memory: so they are made early, too.
      __builtin_prefetch(x + k + near, 0, 3);
      part.add<0>(x + k, table, codes + k / 2, limit);
      if constexpr (parts == 2) part.add<parts - 1>(x + k, table, codes + k / 2, limit);
    }
    if (part.has_zeros()) part.leave_out_zeros(x + first, count);
    if (!part.holds()) return false;
    sums.add(part);
    return true;
  }

  // What elements first, ..., first + count - 1 became.
  void decode(std::size_t first, std::size_t count, float* y) const {
    for (std::size_t i = first; i < first + count; ++i) {
      const unsigned code = codes[i / 2] >> (i % 2 * 4);
      const float m = magnitudes[8 * scales[i >> block_shift] + (code & 7)];
      y[i - first] = (code & 8) != 0 ? -m : m;
    }
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

// Block sizes are powers of two, and multiples of 16.
void NIBBLE_DISPATCH_ISA::add_coded_row_errors(const float* before, const std::uint8_t* codes,
                                               const std::uint8_t* scales, const float* magnitudes, const float* limits,
                                               std::size_t count, std::size_t block_size, std::size_t ahead,
                                               error_sums& sums) {
  const coded_row row{before, codes, scales, magnitudes, limits, __builtin_ctzll(block_size), ahead};
  coded_row_sums total;
  float after[2 * piece];
  std::size_t summed = 0;
  for (std::size_t i = 0; i < count;) {
    const std::size_t left = count - i;
    std::size_t part = left < 2 * piece ? left : 2 * piece;
    if (part >= step) part = part / step * step;
    if (part < step || !row.add(i, part, total)) {
      // Pieces begin at the beginning of a block, or within one that is longer than a piece.
      row.decode(i, part, after);
      add_row_errors(before + i, after, limits, scales + i / block_size, part, block_size, sums);
    } else {
      sums.elements += part;
      summed += part;
    }
    i += part;
    if (summed < most_counted && i < count) continue;
    total.flush(sums);
    total = coded_row_sums();
    summed = 0;
  }
}

}  // namespace nibble::tool
