// SPDX-License-Identifier: Apache-2.0

// Closed form of stochastic rounding with finitely many random bits: how many of the 2^N random words send a magnitude
// to its upper neighbour (IEEE P3109 4.7, StochasticA, B and C).
#pragma once

#include <oracle/codec.hpp>

namespace oracle {

enum class stochastic_variant { a, b, c };

/// Of `words` equally likely words, `up` give code `lower + 1` (one beyond the last code is overflow), the others
/// `lower`.
struct stochastic_odds {
  std::uint32_t lower;
  std::uint64_t up;
  std::uint64_t words;
};

inline std::uint64_t round_half_even(long double x) {
  const long double whole = std::floor(x);
  const long double rest = x - whole;
  auto n = static_cast<std::uint64_t>(whole);
  if (rest > 0.5L || (rest == 0.5L && n % 2 != 0)) ++n;
  return n;
}

/// Odds for a magnitude between its neighbours and `random_bits` <= 32 bits. A magnitude at or beyond the next value
/// after the largest one overflows with certainty; a magnitude below the smallest value of a format without zero becomes
/// code 0.
inline stochastic_odds odds(const neighbours& n, double magnitude, int random_bits, stochastic_variant variant) {
  const std::uint64_t words = std::uint64_t{1} << random_bits;
  if (n.below_all) return {0, 0, words};
  if (static_cast<long double>(magnitude) >= n.upper_value) return {n.lower, words, words};
  const long double part = (static_cast<long double>(magnitude) - n.lower_value) / (n.upper_value - n.lower_value);
  const long double scaled = std::ldexp(part, random_bits);
  std::uint64_t up = 0;
  switch (variant) {
    case stochastic_variant::a: up = static_cast<std::uint64_t>(std::floor(scaled)); break;
    case stochastic_variant::b: up = (static_cast<std::uint64_t>(std::floor(2 * scaled)) + 1) / 2; break;
    case stochastic_variant::c: up = round_half_even(scaled); break;
  }
  return {n.lower, up, words};
}

inline stochastic_odds odds(const format& f, double magnitude, int random_bits, stochastic_variant variant) {
  return odds(find_neighbours(f, static_cast<long double>(magnitude)), magnitude, random_bits, variant);
}

/// The magnitude goes up for word R exactly if R >= words - up.
inline bool stochastic_up(const stochastic_odds& o, std::uint64_t word) { return word >= o.words - o.up; }

}  // namespace oracle
