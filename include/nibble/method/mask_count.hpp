// SPDX-License-Identifier: Apache-2.0
//
// Mask diversity: how many masks a constraint leaves, counted exactly, as whole numbers of any size. The logarithm of the
// count measures how flexible a kind of sparsity is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nibble/block/matrix_view.hpp>

namespace nibble {
inline namespace v0 {

/// A whole number of any size.
class mask_count {
 public:
  mask_count(std::uint64_t value = 0) {
    for (; value != 0; value >>= 32) digits_.push_back(static_cast<std::uint32_t>(value));
  }

  mask_count& operator+=(const mask_count& other) {
    digits_.resize(std::max(digits_.size(), other.digits_.size()) + 1);
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < digits_.size(); ++i) {
      carry += std::uint64_t{digits_[i]} + (i < other.digits_.size() ? other.digits_[i] : 0U);
      digits_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    trim();
    return *this;
  }
  friend mask_count operator*(const mask_count& a, const mask_count& b) {
    mask_count result;
    result.digits_.assign(a.digits_.size() + b.digits_.size(), 0);
    for (std::size_t i = 0; i < a.digits_.size(); ++i) {
      std::uint64_t carry = 0;
      for (std::size_t j = 0; j < b.digits_.size() || carry != 0; ++j) {
        carry += result.digits_[i + j] + (j < b.digits_.size() ? std::uint64_t{a.digits_[i]} * b.digits_[j] : 0U);
        result.digits_[i + j] = static_cast<std::uint32_t>(carry);
        carry >>= 32;
      }
    }
    result.trim();
    return result;
  }
  /// Division by a small number that leaves no rest, or the rest of one that does.
  std::uint32_t divide(std::uint32_t divisor) {
    std::uint64_t rest = 0;
    for (std::size_t i = digits_.size(); i-- > 0;) {
      rest = rest << 32 | digits_[i];
      digits_[i] = static_cast<std::uint32_t>(rest / divisor);
      rest %= divisor;
    }
    trim();
    return static_cast<std::uint32_t>(rest);
  }
  [[nodiscard]] mask_count power(std::size_t exponent) const {
    mask_count result = 1;
    for (mask_count base = *this; exponent != 0; exponent >>= 1) {
      if ((exponent & 1) != 0) result = result * base;
      if (exponent > 1) base = base * base;
    }
    return result;
  }

  /// Decimal digits.
  [[nodiscard]] std::string text() const {
    std::string result;
    for (mask_count rest = *this; !rest.digits_.empty();) result += static_cast<char>('0' + rest.divide(10));
    std::reverse(result.begin(), result.end());
    return result.empty() ? "0" : result;
  }
  /// The logarithm to base 2, in double arithmetic; -Inf for zero.
  [[nodiscard]] double log2() const {
    double top = 0;
    const std::size_t used = digits_.size() < 3 ? digits_.size() : 3;
    for (std::size_t i = 0; i < used; ++i) top = top * 0x1p32 + digits_[digits_.size() - 1 - i];
    return std::log2(top) + 32.0 * static_cast<double>(digits_.size() - used);
  }
  friend bool operator==(const mask_count&, const mask_count&) = default;

 private:
  void trim() {
    while (!digits_.empty() && digits_.back() == 0) digits_.pop_back();
  }
  std::vector<std::uint32_t> digits_;  ///< to base 2^32, the lowest first, without leading zeros
};

/// The masks that keep `kept` of `elements` elements, wherever they are. Throws std::invalid_argument for kept > elements
/// or elements >= 2^32.
[[nodiscard]] inline mask_count unstructured_masks(std::uint64_t elements, std::uint64_t kept) {
  if (elements >> 32 != 0 || kept > elements) {
    detail::throw_argument("elements, kept are " + std::to_string(elements) + ", " + std::to_string(kept) +
                           "; they must be below 2^32 with kept at most elements");
  }
  mask_count result = 1;
  kept = kept < elements - kept ? kept : elements - kept;
  for (std::uint64_t i = 1; i <= kept; ++i) {
    result = result * mask_count(elements - kept + i);
    result.divide(static_cast<std::uint32_t>(i));
  }
  return result;
}

namespace detail::inline NIBBLE_UNIT {

/// Counts 0/1 matrices with N ones a row and given column sums, by the last row: columns of one sum are alike, so that only
/// how many columns have each sum matters (5 bits a sum), and a row takes some of each kind.
class column_sum_counter {
 public:
  column_sum_counter(std::size_t n, std::size_t m) : n_(n), m_(m) {
    for (std::size_t i = 0; i <= 16; ++i) {
      for (std::size_t k = 0; k <= i; ++k) choose_[i][k] = k == 0 || k == i ? 1 : choose_[i - 1][k - 1] + choose_[i - 1][k];
    }
  }

  /// All M x M matrices with row and column sums N: the upper and the lower half meet at the columns' sums.
  mask_count all() {
    const std::size_t half = m_ / 2;
    mask_count total;
    std::vector<std::size_t> kinds(n_ + 1, 0);
    meet(half, 0, m_, n_ * half, kinds, total);
    return total;
  }

 private:
  using kind_counts = std::vector<std::size_t>;

  std::uint64_t key(std::size_t rows, const kind_counts& kinds) const {
    std::uint64_t result = rows;
    // The columns with sum 0 follow from the others.
    for (std::size_t s = 1; s <= n_; ++s) result = result << 5 | kinds[s];
    return result;
  }

  /// Goes through the ways to share `columns` columns with a sum of `sum` out over the kinds from s on.
  void meet(std::size_t half, std::size_t s, std::size_t columns, std::size_t sum, kind_counts& kinds, mask_count& total) {
    if (s == n_) {
      if (columns * n_ != sum) return;
      kinds[s] = columns;
      mask_count orders = 1;
      std::size_t left = m_;
      for (const std::size_t count : kinds) {
        orders = orders * mask_count(choose_[left][count]);
        left -= count;
      }
      const kind_counts rest(kinds.rbegin(), kinds.rend());
      total += orders * ways(half, kinds) * ways(m_ - half, rest);
      return;
    }
    for (std::size_t count = 0; count <= columns && count * s <= sum; ++count) {
      kinds[s] = count;
      meet(half, s + 1, columns - count, sum - count * s, kinds, total);
    }
    kinds[s] = 0;
  }

  /// Matrices of `rows` rows whose columns, in one order, have these sums.
  const mask_count& ways(std::size_t rows, const kind_counts& kinds) {
    const std::uint64_t at = key(rows, kinds);
    const auto found = known_.find(at);
    if (found != known_.end()) return found->second;
    mask_count result;
    if (rows == 0) {
      result = kinds[0] == m_ ? 1 : 0;
    } else {
      kind_counts before = kinds;
      take(rows, 1, n_, kinds, before, 1, result);
    }
    return known_.emplace(at, result).first->second;
  }

  /// Lets the last row have ones in `ones` more columns, of the kinds from s on.
  void take(std::size_t rows, std::size_t s, std::size_t ones, const kind_counts& kinds, kind_counts& before,
            std::uint64_t factor, mask_count& result) {
    if (s > n_) {
      if (ones == 0) result += mask_count(factor) * ways(rows - 1, before);
      return;
    }
    for (std::size_t k = 0; k <= kinds[s] && k <= ones; ++k) {
      before[s] -= k;
      before[s - 1] += k;
      take(rows, s + 1, ones - k, kinds, before, factor * choose_[kinds[s]][k], result);
      before[s] += k;
      before[s - 1] -= k;
    }
  }

  std::size_t n_, m_;
  std::uint64_t choose_[17][17] = {};
  std::map<std::uint64_t, mask_count> known_;
};

inline void check_count_shape(std::size_t n, std::size_t m) {
  if (n < 1 || n > m || m < 2 || m > 16) {
    throw_argument("n, m are " + std::to_string(n) + ", " + std::to_string(m) +
                   "; they must have 1 <= n <= m and 2 <= m <= 16");
  }
}

}  // namespace detail

/// The masks of one block of m elements with n kept; of a tensor, the power of its number of blocks. Throws
/// std::invalid_argument unless 1 <= n <= m and 2 <= m <= 16, as the next two do.
[[nodiscard]] inline mask_count row_masks(std::size_t n, std::size_t m) {
  detail::check_count_shape(n, m);
  return unstructured_masks(m, n);
}

/// The masks of one m x m block with all row and column sums n, by dynamic programming. Up to m = 12 in milliseconds; 8:16,
/// the largest, takes seconds.
[[nodiscard]] inline mask_count transposable_masks(std::size_t n, std::size_t m) {
  detail::check_count_shape(n, m);
  // Kept and pruned elements change places: the smaller number has fewer kinds of columns.
  if (n == m) return 1;
  return detail::column_sum_counter(n <= m - n ? n : m - n, m).all();
}

/// m! (m - 1)! ... (m - n + 1)!: the published formula for the same block, which counts masks more than once, and some
/// that are none. For comparison with the paper's table.
[[nodiscard]] inline mask_count published_transposable_masks(std::size_t n, std::size_t m) {
  detail::check_count_shape(n, m);
  mask_count result = 1;
  for (std::size_t k = m - n + 1; k <= m; ++k) {
    for (std::size_t i = 2; i <= k; ++i) result = result * mask_count(i);
  }
  return result;
}

}  // namespace v0
}  // namespace nibble
