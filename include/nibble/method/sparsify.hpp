// SPDX-License-Identifier: Apache-2.0
//
// N:M sparsity: of every M consecutive elements of a row at most N stay. By magnitude (least error, biased), or unbiased:
// with the least variance that any unbiased N:M rule can have, or by two draws in turn as was published for 2:4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <nibble/base/executor.hpp>
#include <nibble/block/options.hpp>
#include <nibble/method/sparse_block.hpp>

namespace nibble {
inline namespace v0 {

/// Keeps the N largest magnitudes; of equal ones the lower index. NaN counts as larger than Inf.
struct magnitude {};

/// Unbiased N:M of minimum variance: the k largest stay, element j of the others stays with probability
/// p_j = (N - k) |a_j| / R as sign(a_j) R / (N - k), where R is the sum of their magnitudes and k the least number for which
/// all p_j are below 1 (minimising sum a_i^2 / p_i under sum p_i <= N, p_i <= 1). Which ones is decided by one uniform a
/// block (systematic sampling): block b of the tensor takes bits [b * bits, (b + 1) * bits) of the Philox stream of
/// (seed, stream), read as one long little-endian bit string. A tensor in pieces of whole blocks, or in parts of any size
/// by sparsify_part, gives the bits of the whole. Magnitudes are fixed-point numbers of 56 bits below the largest that is
/// not certain to stay, 28 bits where `bits` is below 64; what lies below is cut off. E[result] = x within 2^-52 (64
/// bits), 2^-26 (32) or 2^-16 (16) of R / (N - k), and one rounding of R / (N - k). A zero is never picked and becomes
/// +0. A block with NaN or Inf is pruned by magnitude. R / (N - k) beyond float32 is Inf.
struct minimum_variance {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;         ///< separates tensors that share a seed
  std::uint64_t first_element = 0;  ///< of x in a larger tensor of whole blocks; a multiple of M below 2^63
  int rounds = 10;                  ///< of Philox4x32: 10 or 7
  int bits = 64;                    ///< random bits a block: 64, 32 or 16
};

/// Unbiased 2:4 by two draws without replacement: the first in proportion to the magnitudes, the second in proportion among
/// the other three, and each survivor divided by its probability to survive. Up to twice the least variance. Block b takes
/// words 2 b and 2 b + 1 of the Philox stream; a block with at most two nonzeros stays as it is. E[result] = x within
/// 1e-6 of x and 2^-30 of the largest. Values are IEEE float32. A block with NaN or Inf is pruned by magnitude.
struct sequential_draws {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::uint64_t first_element = 0;  ///< a multiple of 4 below 2^63
  int rounds = 10;
  /// Added to every magnitude before probabilities are formed. Published code adds 2^-23 (1.19209e-07), which makes the draw
  /// spend picks on zeros; 0 needs no such guard here.
  float epsilon = 0.0F;
};

namespace detail::inline NIBBLE_UNIT {

/// The uniforms of consecutive blocks, from `bits` bits each, at the upper end of 64.
class block_uniforms {
 public:
  constexpr block_uniforms(std::uint64_t seed, std::uint64_t stream, int rounds, int bits) noexcept
      : seed_(seed), stream_(stream), rounds_(rounds), bits_(bits) {}
  constexpr std::uint64_t operator()(std::uint64_t block) noexcept {
    const std::uint64_t per_word = bits_ == 16 ? 2U : 1U;
    const std::uint64_t index = bits_ == 64 ? 2 * block : block / per_word;
    if (!is_drawn_ || drawn_ != index / 4) {
      words_ = random_block(seed_, stream_, index / 4, rounds_);
      drawn_ = index / 4;
      is_drawn_ = true;
    }
    const std::uint64_t low = words_.words[index % 4];
    if (bits_ == 64) return low | std::uint64_t{words_.words[index % 4 + 1]} << 32;
    return bits_ == 32 ? low << 32 : low >> (block % 2 * 16) << 48;
  }

 private:
  std::uint64_t seed_, stream_;
  int rounds_, bits_;
  bool is_drawn_ = false;
  std::uint64_t drawn_ = 0;
  philox_block words_{};
};

/// Each method as a function of a block's number after the method's first element, and its bits.
template <std::size_t M>
class block_sparsifier {
 public:
  constexpr block_sparsifier(std::size_t n, const magnitude& /*method*/) noexcept : n_(n), uniforms_(0, 0, 10, 64) {}
  constexpr block_sparsifier(std::size_t n, const minimum_variance& m) noexcept
      : n_(n), kind_(kind::minimum_variance), first_block_(m.first_element / M), spare_(m.bits == 64 ? 32 : 4),
        uniforms_(m.seed, m.stream, m.rounds, m.bits) {}
  constexpr block_sparsifier(std::size_t n, const sequential_draws& m) noexcept
      : n_(n), kind_(kind::sequential_draws), first_block_(m.first_element / M), epsilon_(m.epsilon),
        uniforms_(m.seed, m.stream, m.rounds, 64) {}

  /// Returns the mask of kept positions.
  std::uint32_t operator()(std::uint64_t block, const std::uint32_t* bits, std::uint32_t* out) noexcept {
    if (kind_ == kind::magnitude) return keep_largest<M>(n_, bits, out);
    const std::uint64_t u = uniforms_(first_block_ + block);
    if constexpr (M == 4) {
      if (kind_ == kind::sequential_draws) {
        return sequential_block(bits, static_cast<std::uint32_t>(u), static_cast<std::uint32_t>(u >> 32), epsilon_, out);
      }
    }
    return minimum_variance_block<M>(n_, bits, u, spare_, out);
  }

 private:
  enum class kind : std::uint8_t { magnitude, minimum_variance, sequential_draws };
  std::size_t n_;
  kind kind_ = kind::magnitude;
  std::uint64_t first_block_ = 0;
  int spare_ = 0;
  binary32 epsilon_;
  block_uniforms uniforms_;
};

inline std::string pattern_text(std::size_t n, std::size_t m) { return std::to_string(n) + ":" + std::to_string(m); }

template <std::size_t N, std::size_t M>
void check_sparsify(std::span<const float> x, std::span<float> out) {
  static_assert(N >= 1 && N <= M && M >= 2 && M <= 16, "sparsify<N, M>: 1 <= N <= M and 2 <= M <= 16");
  if (out.size() != x.size()) {
    throw_argument("out has " + std::to_string(out.size()) + " elements; it must have " + std::to_string(x.size()));
  }
}

template <class Method>
void check_sparsify_method(std::size_t n, std::size_t m, const Method& method) {
  if constexpr (requires { method.rounds; }) {
    if (method.first_element % m != 0) {
      throw_argument("method.first_element is " + std::to_string(method.first_element) + "; it must be a multiple of " +
                     std::to_string(m));
    }
    check_random_words(method.rounds, method.first_element, "method");
  }
  if constexpr (requires { method.bits; }) {
    if (method.bits != 64 && method.bits != 32 && method.bits != 16) {
      throw_argument("method.bits is " + std::to_string(method.bits) + "; it must be 64, 32 or 16");
    }
  }
  if constexpr (requires { method.epsilon; }) {
    if (n != 2 || m != 4) throw_argument("the pattern is " + pattern_text(n, m) + "; sequential_draws are a rule of 2:4");
    check_number(method.epsilon, 0.0F, "method.epsilon");
  }
}

template <std::size_t N, std::size_t M, class Method>
void check_sparsify_part(std::size_t elements, std::size_t first, std::size_t count, const Method& method) {
  if (first > elements || count > elements - first) {
    throw_argument({"first is ", first, " and out has ", count, " elements; they must lie inside the ", elements,
                    " elements of x"});
  }
  check_sparsify<N, M>({}, {});
  check_sparsify_method(N, M, method);
}

/// The blocks of one run of elements, the first of them number `block` of the tensor; the last may be cut.
template <std::size_t M, class Load>
void sparsify_run(block_sparsifier<M>& sparsifier, std::uint64_t block, std::size_t count, const Load& load, float* out) {
  for (std::size_t first = 0; first < count; first += M, ++block) {
    const std::size_t size = count - first < M ? count - first : M;
    std::uint32_t bits[M] = {};
    std::uint32_t kept[M];
    for (std::size_t i = 0; i < size; ++i) bits[i] = load(first + i);
    sparsifier(block, bits, kept);
    for (std::size_t i = 0; i < size; ++i) out[first + i] = bit_cast<float>(kept[i]);
  }
}

template <std::size_t M, class Method>
void sparsify_span(std::size_t n, std::span<const float> x, std::span<float> out, const Method& method) {
  block_sparsifier<M> sparsifier(n, method);
  sparsify_run(sparsifier, 0, x.size(), [&](std::size_t i) { return to_bits(x[i]); }, out.data());
}

}  // namespace detail

/// Prunes every M consecutive elements of x; `Method` is magnitude, minimum_variance or sequential_draws. The last block may
/// be cut: it counts as padded with zeros. Pruned elements become +0. `out` may be `x`. Throws std::invalid_argument
/// where out has another size or a field of the method means nothing.
template <std::size_t N, std::size_t M, class Method>
void sparsify(std::span<const float> x, std::span<float> out, const Method& method) {
  detail::check_sparsify<N, M>(x, out);
  detail::check_sparsify_method(N, M, method);
  detail::sparsify_span<M>(N, x, out, method);
}
/// As above into a new vector.
template <std::size_t N, std::size_t M, class Method>
[[nodiscard]] std::vector<float> sparsify(std::span<const float> x, const Method& method) {
  std::vector<float> out(x.size());
  sparsify<N, M>(x, std::span<float>(out), method);
  return out;
}

/// Elements first, ..., first + out.size() - 1 of what sparsify makes of x, for parts that begin and end anywhere. A result
/// depends on its whole block, so that x is the whole tensor, or whole blocks of it. Throws std::invalid_argument where the
/// part is not inside x.
template <std::size_t N, std::size_t M, class Method>
void sparsify_part(std::span<const float> x, std::size_t first, std::span<float> out, const Method& method) {
  detail::check_sparsify_part<N, M>(x.size(), first, out.size(), method);
  detail::block_sparsifier<M> sparsifier(N, method);
  for (std::size_t i = 0; i < out.size();) {
    const std::size_t block = (first + i) / M;
    const std::size_t size = x.size() - block * M < M ? x.size() - block * M : M;
    std::uint32_t bits[M] = {};
    std::uint32_t kept[M];
    for (std::size_t k = 0; k < size; ++k) bits[k] = to_bits(x[block * M + k]);
    sparsifier(block, bits, kept);
    for (std::size_t k = (first + i) % M; k < M && i < out.size(); ++k, ++i) out[i] = bit_cast<float>(kept[k]);
  }
}

/// A pattern that is known when the program runs: n of every m consecutive elements, 1 <= n <= m and 2 <= m <= 16.
struct sparsity_pattern {
  std::size_t n = 2;
  std::size_t m = 4;
};

namespace detail::inline NIBBLE_UNIT {

/// Calls with_size(std::integral_constant) for the m of a pattern. Throws std::invalid_argument for one that is none.
template <std::size_t M = 2, class Function>
void with_pattern(const sparsity_pattern& p, const Function& with_size) {
  if constexpr (M <= 16) {
    if (p.m != M) return with_pattern<M + 1>(p, with_size);
    if (p.n >= 1 && p.n <= M) return with_size(std::integral_constant<std::size_t, M>{});
  }
  throw_argument("pattern is " + pattern_text(p.n, p.m) + "; it must be n:m with 1 <= n <= m and 2 <= m <= 16");
}

template <std::size_t N, std::size_t M, class T, class Method>
void check_sparsify_matrix(const matrix_view<T>& x, std::span<float> out, const Method& method) {
  check_view(x, "x");
  check_sparsify<N, M>({}, {});
  if (out.size() != x.size()) throw_argument({"out has ", out.size(), " elements; it must have ", x.size()});
  check_sparsify_method(N, M, method);
}

template <std::size_t M, class T, class Method, class Executor>
void sparsify_rows(std::size_t n, const matrix_view<T>& x, std::span<float> out, const Method& method, Executor& run) {
  const std::uint64_t row_blocks = x.cols / M + (x.cols % M != 0 ? 1U : 0U);
  run(x.rows, [&](std::size_t r) {
    block_sparsifier<M> sparsifier(n, method);
    sparsify_run(
        sparsifier, r * row_blocks, x.cols, [&](std::size_t c) { return element_bits(x(r, c)); }, out.data() + r * x.cols);
  });
}

}  // namespace detail

/// Prunes every m consecutive elements of each row of x into out, row-major without gaps. Blocks begin at the beginning of a
/// row, and the last of a row may be cut; they are numbered along rows, then down. A double is rounded to nearest even
/// first, other types are exact. With an executor, rows are its tasks. Throws as above, and for a pattern that is none.
template <class T, class Method, executor Executor = serial>
void sparsify(const sparsity_pattern& pattern, const matrix_view<T>& x, std::span<float> out, const Method& method,
              Executor&& run = {}) {
  detail::check_view(x, "x");
  if (out.size() != x.size()) {
    detail::throw_argument("out has " + std::to_string(out.size()) + " elements; it must have " + std::to_string(x.size()));
  }
  detail::with_pattern(pattern, [&](auto size) {
    detail::check_sparsify_method(pattern.n, pattern.m, method);
    if (x.size() != 0) detail::sparsify_rows<size>(pattern.n, x, out, method, run);
  });
}
/// As above with the pattern N:M known at compile time.
template <std::size_t N, std::size_t M, class T, class Method, executor Executor = serial>
void sparsify(const matrix_view<T>& x, std::span<float> out, const Method& method, Executor&& run = {}) {
  detail::check_sparsify_matrix<N, M>(x, out, method);
  if (x.size() != 0) detail::sparsify_rows<M>(N, x, out, method, run);
}
/// As above into a new vector, row-major without gaps.
template <std::size_t N, std::size_t M, class T, class Method>
[[nodiscard]] std::vector<float> sparsify(const matrix_view<T>& x, const Method& method) {
  detail::check_view(x, "x");
  std::vector<float> out(x.size());
  sparsify<N, M>(x, std::span<float>(out), method);
  return out;
}

/// The soft threshold of S-STE for 2:4: t is the second smallest magnitude, sign(a) (|a| - t) on the two largest, of equal
/// ones the lower index, and +0 elsewhere. IEEE float32. The last block may be cut: it counts as padded with zeros. NaN
/// counts as larger than Inf; a block with two NaN or three Inf gives NaN. `out` may be `x`. Throws std::invalid_argument
/// where out has another size.
inline void soft_threshold(std::span<const float> x, std::span<float> out) {
  detail::check_sparsify<2, 4>(x, out);
  for (std::size_t b = 0; b < x.size(); b += 4) {
    const std::size_t size = x.size() - b < 4 ? x.size() - b : 4;
    std::uint32_t bits[4] = {};
    std::size_t order[4] = {};
    binary32 kept[4];
    for (std::size_t i = 0; i < size; ++i) bits[i] = to_bits(x[b + i]);
    detail::order_of_magnitudes<4>(bits, order);
    const binary32 threshold = binary32::from_bits(bits[order[2]]).absolute();
    for (std::size_t i = 0; i < 2; ++i) {
      const auto a = binary32::from_bits(bits[order[i]]);
      const binary32 less = a.absolute() - threshold;
      kept[order[i]] = a.is_negative() ? -less : less;
    }
    for (std::size_t i = 0; i < size; ++i) out[b + i] = static_cast<float>(kept[i]);
  }
}

}  // namespace v0
}  // namespace nibble
