// SPDX-License-Identifier: Apache-2.0
//
// What the tests of SIMD codecs share: numbers that look for trouble, buffers whose surroundings are watched, and options
// in all their combinations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <exhaustive/inputs.hpp>
#include <format/subjects.hpp>
#include <nibble/simd.hpp>
#include <simd/flushed_subnormals.hpp>

namespace codec_test {

using simd_test::flushed_subnormals;

/// `count` elements at a chosen distance from a multiple of 64 bytes, with a margin on either side that must stay.
template <class T>
class guarded {
 public:
  guarded(std::size_t count, std::size_t offset) : count_(count) {
    storage_.assign(count * sizeof(T) + 2 * margin + 128, guard);
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data()) + margin;
    first_ = margin + (64 - address % 64) % 64 + offset;
    for (std::size_t i = 0; i < count * sizeof(T); ++i) storage_[first_ + i] = static_cast<unsigned char>(0x5a);
  }
  /// The elements; T may be misaligned only where the caller means it.
  [[nodiscard]] std::span<T> elements() { return {reinterpret_cast<T*>(storage_.data() + first_), count_}; }

  /// Whether nothing but the first `used` elements has changed.
  [[nodiscard]] bool intact(std::size_t used) const {
    bool whole = true;
    for (std::size_t i = 0; i < first_; ++i) whole = whole && storage_[i] == guard;
    for (std::size_t i = first_ + used * sizeof(T); i < first_ + count_ * sizeof(T); ++i) {
      whole = whole && storage_[i] == 0x5a;
    }
    for (std::size_t i = first_ + count_ * sizeof(T); i < storage_.size(); ++i) whole = whole && storage_[i] == guard;
    return whole;
  }

 private:
  static constexpr std::size_t margin = 256;
  static constexpr unsigned char guard = 0xa5;
  std::vector<unsigned char> storage_;
  std::size_t count_;
  std::size_t first_ = 0;
};

/// Whether two ranges hold the same bytes.
template <class Range>
bool same_bytes(const Range& a, const Range& b) {
  const std::size_t bytes = std::size(a) * sizeof(*std::data(a));
  return std::size(a) == std::size(b) && (bytes == 0 || std::memcmp(std::data(a), std::data(b), bytes) == 0);
}

/// Numbers of type T made for `f`: values, midpoints, neighbours of both, subnormals, specials.
template <class T>
std::vector<T> numbers(const oracle::format& f, std::size_t count, std::uint64_t seed) {
  exhaustive::input_source source(f, seed);
  std::vector<T> x(count);
  for (T& value : x) {
    if constexpr (std::is_same_v<T, float>) {
      value = source.next_float();
    } else if constexpr (std::is_same_v<T, double>) {
      value = source.next_double();
    } else {
      // Any code one time in four, else the number next to a hostile one.
      const std::uint64_t word = source.next_word();
      value = word % 4 == 0 ? T::from_bits(static_cast<std::uint32_t>(word >> 32))
                            : T(source.next_float(), nibble::toward_zero{}, nibble::overflow::special);
    }
  }
  return x;
}

/// Differences found, the first few by name.
class findings {
 public:
  void expect(bool condition, const std::string& what) {
    ++checks_;
    if (condition) return;
    if (count_++ < 5) first_ += (first_.empty() ? "" : "; ") + what;
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t checks() const { return checks_; }
  [[nodiscard]] const std::string& first() const { return first_; }

 private:
  std::size_t count_ = 0;
  std::size_t checks_ = 0;
  std::string first_;
};

inline std::vector<nibble::element_rounding> deterministic_roundings() {
  using namespace nibble;
  return {nearest_even{}, nearest_away{}, nearest_toward_zero{}, toward_zero{}, upward{}, downward{}, to_odd{}};
}

/// Stochastic roundings of every variant and number of bits; `words` has one for every element.
inline std::vector<nibble::element_rounding> stochastic_roundings(std::span<const std::uint32_t> words) {
  using namespace nibble;
  using enum stochastic_variant;
  std::vector<element_rounding> list;
  for (const stochastic_variant variant : {a, b, c}) {
    for (const int bits : {8, 16, 32}) {
      list.push_back(stochastic{.seed = 0x9876'5432'1fed'cba9U, .stream = 3, .bits = bits, .variant = variant,
                                .first_element = 5});
      list.push_back(stochastic_words{words, bits, variant});
    }
  }
  return list;
}

struct named_policy {
  const char* name;
  nibble::special_policy policy;
};
inline constexpr named_policy policies[] = {
    {"cuda", nibble::policy::cuda},
    {"ml_dtypes", nibble::policy::ml_dtypes},
    {"cutlass", nibble::policy::cutlass},
    {"onednn", nibble::policy::onednn},
    {"p3109", nibble::policy::p3109},
    {"transformer_engine_reference", nibble::policy::transformer_engine_reference},
    {"ggml", nibble::policy::ggml},
    {"unsigned_zero", nibble::policy::unsigned_zero},
};
inline constexpr nibble::overflow overflows[] = {nibble::overflow::saturate, nibble::overflow::special,
                                                 nibble::overflow::p3109_finite, nibble::overflow::p3109_propagate,
                                                 nibble::overflow::p3109_none};

inline std::string text_of(const nibble::encode_options& o) {
  const nibble::rounding_choice choice = o.rounding.choice(nibble::recipe{});
  return " mode " + std::to_string(static_cast<int>(choice.mode)) + " variant " +
         std::to_string(static_cast<int>(choice.variant)) + " bits " + std::to_string(choice.random_bits) + " overflow " +
         std::to_string(static_cast<int>(o.overflow));
}

}  // namespace codec_test

/// One assertion for all checks of a test case.
#define NIBBLE_CHECK_FINDINGS(found, least) \
  do {                                      \
    INFO((found).first());                  \
    CHECK((found).count() == 0);            \
    CHECK((found).checks() >= (least));     \
  } while (false)
