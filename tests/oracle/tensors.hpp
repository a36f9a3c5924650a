// SPDX-License-Identifier: Apache-2.0

// Deterministic test tensors. Gaussian data alone never shows a wrong order of operations, so each mode aims at one
// kind of trouble.
#pragma once

#include <oracle/blocks.hpp>

namespace oracle {

enum class tensor_mode {
  gaussian,      ///< sum of twelve uniform numbers less six
  ties,          ///< midpoints of the element format times a power of two or an E4M3 value, some moved by one ulp
  scale_ties,    ///< block maxima at midpoints of E4M3 relative to the tensor maximum, some moved by one ulp
  below_powers,  ///< block maxima on and just below powers of two, where a float32 log2 is rounded up
  subnormals,    ///< float32 subnormals and numbers just above them
  tiny,          ///< all magnitudes below a power of two from 2^-125 to 2^-100: 2688 / amax overflows in part of them
  huge,          ///< up to the largest float32
  zeros,         ///< whole blocks and rows of +0 or -0 among ordinary ones
  wide,          ///< exponents over the whole range
  specials       ///< Gaussian with infinities, and with NaN of both signs and several payloads if the seed is even
};

inline constexpr tensor_mode all_tensor_modes[] = {
    tensor_mode::gaussian,   tensor_mode::ties,    tensor_mode::scale_ties, tensor_mode::below_powers,
    tensor_mode::subnormals, tensor_mode::tiny,    tensor_mode::huge,       tensor_mode::zeros,
    tensor_mode::wide,       tensor_mode::specials};

/// splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
class generator {
 public:
  explicit generator(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>((next() >> 32) * n >> 32); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  double gaussian() {
    std::uint64_t sum = 0;
    for (int i = 0; i < 12; ++i) sum += next() >> 44;
    return std::ldexp(static_cast<double>(sum), -20) - 6.0;
  }

 private:
  std::uint64_t state_;
};

namespace tensors_detail {

inline std::uint32_t random_sign(generator& g) { return g.below(2) << 31; }

/// Moves one in four numbers by one ulp, up or down.
inline std::uint32_t jitter(generator& g, double value) {
  const std::uint32_t bits = bits_of_float(round_to_float(value));
  if (!g.one_in(4) || (bits << 1) == 0) return bits;
  return g.one_in(2) ? bits + 1 : bits - 1;
}

inline double random_midpoint(generator& g, const format& f) {
  const std::uint32_t code = g.below(max_code(f));
  return static_cast<double>((magnitude_value(f, code) + magnitude_value(f, code + 1)) / 2);
}

/// What one block needs: its maximum, relative to a tensor whose largest number is 2688, the unit of its elements, and
/// the seed of the tensor.
struct block_plan {
  std::uint64_t seed;
  double amax;
  double unit;
  std::uint32_t zero;
  bool all_zero;
};

inline block_plan plan_block(generator& g, tensor_mode mode, const format& element, std::uint64_t seed) {
  const double largest = static_cast<double>(max_value(element));
  const std::uint32_t code = 1 + g.below(max_code(e4m3) - 1);
  const double value = static_cast<double>(magnitude_value(e4m3, g.one_in(2) ? code & ~7U : code));
  block_plan plan{seed, largest * value, value, random_sign(g), g.one_in(3)};
  if (mode == tensor_mode::scale_ties) plan.amax = 6.0 * random_midpoint(g, e4m3);
  if (mode == tensor_mode::below_powers) {
    const int exponent = static_cast<int>(g.below(250)) - 124;
    plan.amax = std::ldexp(1.0 - std::ldexp(static_cast<double>(g.below(64)), -24), exponent);
  }
  return plan;
}

inline std::uint32_t special_bits(generator& g, bool with_nan) {
  static constexpr std::uint32_t list[] = {0x7F800000U, 0x7F800000U, 0x7FC00000U,
                                           0x7F800001U, 0x7FFFFFFFU, 0x7FA12345U};
  return list[g.below(with_nan ? 6 : 2)] | random_sign(g);
}

inline std::uint32_t element_bits(generator& g, tensor_mode mode, const format& element, const block_plan& plan) {
  const std::uint32_t sign = random_sign(g);
  switch (mode) {
    case tensor_mode::gaussian: break;
    case tensor_mode::ties: return jitter(g, random_midpoint(g, element) * plan.unit) | sign;
    case tensor_mode::scale_ties:
    case tensor_mode::below_powers:
      return bits_of_float(round_to_float(plan.amax * std::ldexp(static_cast<double>(g.below(1U << 20)), -20))) | sign;
    case tensor_mode::subnormals: return g.below(g.one_in(2) ? 0x01000000U : 0x01U << g.below(26)) | sign;
    case tensor_mode::tiny: return g.below((2U + static_cast<std::uint32_t>(plan.seed % 26)) << 23) | sign;
    case tensor_mode::huge: return (g.one_in(2) ? 0x7F7FFFFFU - g.below(0x400000U) : g.below(0x7F800000U)) | sign;
    case tensor_mode::zeros:
      if (plan.all_zero || g.one_in(4)) return plan.zero;
      break;
    case tensor_mode::wide: return g.below(0x7F800000U) | sign;
    case tensor_mode::specials:
      if (plan.all_zero && g.one_in(16)) return special_bits(g, plan.seed % 2 == 0);
      break;
  }
  return bits_of_float(round_to_float(g.gaussian()));
}

inline bool plants_maximum(tensor_mode mode) {
  return mode == tensor_mode::ties || mode == tensor_mode::scale_ties || mode == tensor_mode::below_powers;
}

}  // namespace tensors_detail

/// A tensor of `rows` x `columns` whose blocks have `block` columns. `element` matters to the mode `ties` alone. In the
/// modes `ties` and `scale_ties` the largest number of the tensor is 2688 2^k or above, so that NVFP4 scales are exact.
inline matrix make_tensor(tensor_mode mode, std::size_t rows, std::size_t columns, std::uint64_t seed,
                          std::size_t block = 16, const format& element = e2m1) {
  using namespace tensors_detail;
  generator g(seed * 64 + static_cast<std::uint64_t>(mode));
  matrix x{rows, columns, {}};
  x.bits.reserve(rows * columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t first = 0; first < columns; first += block) {
      const block_plan plan = plan_block(g, mode, element, seed);
      const std::size_t start = x.bits.size();
      for (std::size_t j = first; j < columns && j < first + block; ++j) {
        x.bits.push_back(element_bits(g, mode, element, plan));
      }
      const auto length = static_cast<std::uint32_t>(x.bits.size() - start);
      if (plants_maximum(mode)) {
        const std::uint32_t bits = mode == tensor_mode::scale_ties ? jitter(g, plan.amax) : bits_of_float(plan.amax);
        x.bits[start + g.below(length)] = bits | random_sign(g);
      }
    }
  }
  const bool exact_scales = mode == tensor_mode::ties || mode == tensor_mode::scale_ties;
  if (exact_scales && !x.bits.empty())
    x.bits[g.below(static_cast<std::uint32_t>(x.bits.size()))] = bits_of_float(2688.0);
  return x;
}

}  // namespace oracle
