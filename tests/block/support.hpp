// SPDX-License-Identifier: Apache-2.0
//
// What the tests of block quantization share: matrices of the oracle as views, results as plain bytes, and a comparison
// that names the first difference.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <nibble/nibble.hpp>
#include <oracle/blocks.hpp>

namespace block_test {

struct shape {
  std::size_t rows, columns;
};

/// The float32 numbers with these bit patterns, NaN payloads kept.
inline std::vector<float> floats_of(const std::vector<std::uint32_t>& bits) {
  std::vector<float> values(bits.size());
  if (!bits.empty()) std::memcpy(values.data(), bits.data(), bits.size() * sizeof(float));
  return values;
}

/// A matrix of the oracle as the library sees it.
class source {
 public:
  explicit source(const oracle::matrix& x) : rows_(x.rows), cols_(x.columns), values_(floats_of(x.bits)) {}
  [[nodiscard]] nibble::matrix_view<float> view() const { return {values_.data(), rows_, cols_}; }
  [[nodiscard]] const std::vector<float>& values() const { return values_; }

 private:
  std::size_t rows_;
  std::size_t cols_;
  std::vector<float> values_;
};

/// All codes, one a byte.
template <nibble::block_format F>
std::vector<std::uint8_t> codes_of(const nibble::block_tensor<F>& q) {
  std::vector<std::uint8_t> codes;
  codes.reserve(q.rows() * q.cols());
  const auto view = q.view();
  for (std::size_t r = 0; r < q.rows(); ++r) {
    for (std::size_t c = 0; c < q.cols(); ++c) codes.push_back(view.code(r, c));
  }
  return codes;
}

/// All stored scales.
template <nibble::block_format F>
auto scales_of(const nibble::block_tensor<F>& q) {
  return std::vector(q.scales().begin(), q.scales().end());
}

/// Bits of a float32, every NaN alike.
inline std::uint32_t comparable_bits(float x) {
  const std::uint32_t bits = oracle::float_bits(x);
  return (bits & 0x7FFFFFFFU) > 0x7F800000U ? 0x7FC00000U : bits;
}

/// Collects differences of many comparisons, so that a test case asserts once.
class differences {
 public:
  template <class T>
  void compare(const std::string& what, const std::vector<T>& got, const std::vector<T>& wanted) {
    ++comparisons_;
    if (got == wanted) return;
    if (got.size() != wanted.size()) return note(what + ": sizes differ");
    std::size_t i = 0;
    while (got[i] == wanted[i]) ++i;
    note(what + ": entry " + std::to_string(i) + " is " + std::to_string(got[i]) + ", not " + std::to_string(wanted[i]));
  }
  void expect(bool condition, const char* what) {
    ++comparisons_;
    if (!condition) note(what);
  }
  void expect(bool condition, const std::string& what) { expect(condition, what.c_str()); }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t comparisons() const { return comparisons_; }
  [[nodiscard]] const std::string& first() const { return first_; }

 private:
  void note(const std::string& what) {
    if (count_++ < 5) first_ += (first_.empty() ? "" : "; ") + what;
  }

  std::size_t count_ = 0;
  std::size_t comparisons_ = 0;
  std::string first_;
};

}  // namespace block_test

/// One assertion for all comparisons of a test case.
#define NIBBLE_CHECK_EQUAL(found, least)     \
  do {                                       \
    INFO((found).first());                   \
    CHECK((found).count() == 0);             \
    CHECK((found).comparisons() >= (least)); \
  } while (false)
