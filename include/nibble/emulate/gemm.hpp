// SPDX-License-Identifier: Apache-2.0
//
// Block-scaled GEMM by a chosen accumulation, one output after the other: D = alpha * A B^T + beta * C. This is the
// specification; gemm_native.hpp gives the same bits faster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <nibble/base/backend.hpp>
#include <nibble/base/counts.hpp>
#include <nibble/base/executor.hpp>
#include <nibble/emulate/accumulation.hpp>
#include <nibble/emulate/binary64.hpp>
#include <nibble/emulate/gemm_check.hpp>
#include <nibble/emulate/gemm_operand.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// Calls action(first, last, block of A, block of B) for the runs of k over which neither scale changes.
template <class Action>
NIBBLE_ALWAYS_INLINE void each_block(const gemm_operand& a, const gemm_operand& b, Action&& action) {
  std::size_t a_block = 0, b_block = 0, a_end = a.block, b_end = b.block;
  for (std::size_t first = 0, last = 0; first < a.k; first = last) {
    last = nibble::detail::smaller(a.k, nibble::detail::smaller(a_end, b_end));
    action(first, last, a_block, b_block);
    if (last == a_end) {
      ++a_block;
      a_end += a.block;
    }
    if (last == b_end) {
      ++b_block;
      b_end += b.block;
    }
  }
}

/// One instruction on products first, ..., last - 1 of a row each; what is missing up to unit.k is zero.
inline std::uint32_t one_instruction(const tensor_unit& u, const gemm_operand& a, const gemm_operand& b,
                                     const std::uint8_t* x, const std::uint8_t* y, std::size_t first, std::size_t last,
                                     std::uint32_t c) noexcept {
  std::uint8_t operands[2][64] = {};
  for (std::size_t k = first; k < last; ++k) {
    operands[0][k - first] = x[k];
    operands[1][k - first] = y[k];
  }
  return multiply_accumulate(u, a.element, b.element, operands[0], operands[1], c);
}

/// The sum of one block in float32, before its scale.
inline binary32 block_sum(const accumulation& how, const gemm_operand& a, const gemm_operand& b, std::size_t m,
                          std::size_t n, std::size_t first, std::size_t last) noexcept {
  const std::uint8_t* x = a.row(m);
  const std::uint8_t* y = b.row(n);
  if (how.kind == accumulation_kind::float32) {
    binary32 sum;
    for (std::size_t k = first; k < last; ++k) {
      sum = sum + binary32::from_bits(a.table.bits[x[k]]) * binary32::from_bits(b.table.bits[y[k]]);
    }
    return sum;
  }
  std::uint32_t c = 0;
  const auto step = static_cast<std::size_t>(how.unit.k);
  for (std::size_t k = first; k < last; k += step) {
    c = one_instruction(how.unit, a, b, x, y, k, nibble::detail::smaller(k + step, last), c);
  }
  return binary32::from_bits(how.unit.rule.output == sum_output::f16 ? to_bits(decode<formats::f16>(c)) : c);
}

/// The accumulator of one output where it is a float32.
inline binary32 accumulate_float32(const accumulation& how, const gemm_operand& a, const gemm_operand& b, std::size_t m,
                                   std::size_t n) noexcept {
  binary32 acc;
  if (how.kind == accumulation_kind::scaled_tensor_core) {
    for (std::size_t k = 0; k < a.k; k += static_cast<std::size_t>(how.scaled.k)) {
      const scale_operands scales{.format = a.scale,
                                  .block = static_cast<int>(a.block),
                                  .a = &a.scale_codes[m * a.scale_stride + k / a.block],
                                  .b = &b.scale_codes[n * b.scale_stride + k / b.block]};
      acc = binary32::from_bits(
          multiply_accumulate(how.scaled, a.element, b.element, a.row(m) + k, b.row(n) + k, scales, acc.bits()));
    }
    return acc;
  }
  each_block(a, b, [&](std::size_t first, std::size_t last, std::size_t a_block, std::size_t b_block) {
    const binary32 scale = binary32::from_bits(a.scale_of(m, a_block)) * binary32::from_bits(b.scale_of(n, b_block));
    const binary32 scaled = block_sum(how, a, b, m, n, first, last) * scale;
    acc = first == 0 ? scaled : acc + scaled;
  });
  return acc;
}

inline binary64 accumulate_float64(const gemm_operand& a, const gemm_operand& b, std::size_t m, std::size_t n) noexcept {
  binary64 acc;
  each_block(a, b, [&](std::size_t first, std::size_t last, std::size_t a_block, std::size_t b_block) {
    binary64 sum;
    for (std::size_t k = first; k < last; ++k) {
      sum = sum + binary64::from_float(a.table.bits[a.row(m)[k]]) * binary64::from_float(b.table.bits[b.row(n)[k]]);
    }
    const binary64 scaled =
        sum * (binary64::from_float(a.scale_of(m, a_block)) * binary64::from_float(b.scale_of(n, b_block)));
    acc = first == 0 ? scaled : acc + scaled;
  });
  return acc;
}

inline exact_sum accumulate_exact(const gemm_operand& a, const gemm_operand& b, std::size_t m, std::size_t n) noexcept {
  exact_sum acc;
  each_block(a, b, [&](std::size_t first, std::size_t last, std::size_t a_block, std::size_t b_block) {
    const real_parts s_parts = split_real(a.scale_of(m, a_block));
    const real_parts t_parts = split_real(b.scale_of(n, b_block));
    for (std::size_t k = first; k < last; ++k) {
      acc.add(multiply(multiply(a.table.parts[a.row(m)[k]], s_parts), multiply(b.table.parts[b.row(n)[k]], t_parts)));
    }
  });
  return acc;
}

/// What stands between accumulators and D.
template <class T>
struct epilogue {
  const gemm_operand& a;
  const gemm_operand& b;
  const gemm_options& options;
  matrix_view<T> c;

  [[nodiscard]] bool adds_c() const noexcept { return (to_bits(options.beta) << 1) != 0U; }
  [[nodiscard]] std::uint32_t c_bits(std::size_t m, std::size_t n) const noexcept {
    return nibble::detail::element_bits(c(m, n));
  }
  [[nodiscard]] binary32 factor() const noexcept {
    return binary32(options.alpha) * a.tensor_scale * b.tensor_scale;
  }

  [[nodiscard]] T finish(binary32 acc, std::size_t m, std::size_t n) const noexcept {
    binary32 d = factor() * acc;
    if (adds_c()) d = d + binary32(options.beta) * binary32::from_bits(c_bits(m, n));
    return output_of<T>(d);
  }
  [[nodiscard]] T finish(binary64 acc, std::size_t m, std::size_t n) const noexcept {
    binary64 d = binary64::from_float(to_bits(options.alpha)) * binary64::from_float(a.tensor_scale.bits());
    d = d * binary64::from_float(b.tensor_scale.bits()) * acc;
    if (adds_c()) d = d + binary64::from_float(to_bits(options.beta)) * binary64::from_float(c_bits(m, n));
    return output_from_code<T>(d.round_to(output_format<T>));
  }
  [[nodiscard]] T finish(exact_sum acc, std::size_t m, std::size_t n) const noexcept {
    acc.scale(split_real(to_bits(options.alpha)));
    acc.scale(split_real(a.tensor_scale.bits()));
    acc.scale(split_real(b.tensor_scale.bits()));
    if (adds_c()) acc.add(multiply(split_real(to_bits(options.beta)), split_real(c_bits(m, n))));
    return output_from_code<T>(acc.round_to(output_format<T>));
  }
};

/// Row m of D.
template <class T>
void gemm_row(const epilogue<T>& e, std::size_t m, T* d) noexcept {
  const accumulation& how = e.options.accumulate;
  for (std::size_t n = 0; n < e.b.rows; ++n) {
    switch (how.kind) {
      case accumulation_kind::exact: d[n] = e.finish(accumulate_exact(e.a, e.b, m, n), m, n); break;
      case accumulation_kind::float64: d[n] = e.finish(accumulate_float64(e.a, e.b, m, n), m, n); break;
      default: d[n] = e.finish(accumulate_float32(how, e.a, e.b, m, n), m, n);
    }
  }
}

}  // namespace detail

/// D = alpha * A B^T + beta * C. A is M x K, B is N x K, both quantized along K; C (read only if beta is not 0) and D, row-
/// major without gaps, are M x N of float or of a minifloat (f16, bf16, ...). The rows of D are tasks of `run`.
/// options.accumulate says how each output comes about; every bit pattern of codes and scales is valid, a NaN result is
/// 0x7fffffff (all ones but the sign in any format), and an overflow is Inf where D's type has it.
/// Throws std::invalid_argument for shapes that do not fit, null pointers, and an accumulation that cannot take these
/// formats.
// Inlined, as all that runs: an out-of-line copy would be shared by units for different instruction sets.
template <block_format A, class ByteA, block_format B, class ByteB, class T, executor Executor = serial>
NIBBLE_ALWAYS_INLINE void gemm(scalar /*backend*/, const block_view<A, ByteA>& a, const block_view<B, ByteB>& b,
                               const matrix_view<T>& c, T* d, const gemm_options& options = {}, Executor&& run = {}) {
  detail::check_gemm(a, b, c, d, options);
  if (a.rows == 0 || b.rows == 0) return;
  const detail::gemm_operand x = detail::make_operand(a);
  const detail::gemm_operand y = detail::make_operand(b);
  const detail::epilogue<T> e{x, y, options, c};
  run(a.rows, [&](std::size_t m) { detail::gemm_row(e, m, d + m * b.rows); });
}
/// As above on the scalar backend.
template <block_format A, class ByteA, block_format B, class ByteB, class T, executor Executor = serial>
NIBBLE_ALWAYS_INLINE void gemm(const block_view<A, ByteA>& a, const block_view<B, ByteB>& b, const matrix_view<T>& c,
                               T* d, const gemm_options& options = {}, Executor&& run = {}) {
  gemm(scalar{}, a, b, c, d, options, run);
}

/// The same without C, as a row-major vector of M * N.
template <class T = float, class Backend, block_format A, block_format B, executor Executor = serial>
[[nodiscard]] NIBBLE_ALWAYS_INLINE std::vector<T> gemm(Backend backend, const block_tensor<A>& a, const block_tensor<B>& b,
                                                       const gemm_options& options = {}, Executor&& run = {}) {
  std::vector<T> d(nibble::detail::checked_product(a.rows(), b.rows(), sizeof(T)));
  gemm(backend, a.view(), b.view(), matrix_view<T>{}, d.data(), options, run);
  return d;
}
/// As above on the scalar backend.
template <class T = float, block_format A, block_format B, executor Executor = serial>
[[nodiscard]] NIBBLE_ALWAYS_INLINE std::vector<T> gemm(const block_tensor<A>& a, const block_tensor<B>& b,
                                                       const gemm_options& options = {}, Executor&& run = {}) {
  return gemm<T>(scalar{}, a, b, options, run);
}

}  // namespace emulate
}  // namespace v0
}  // namespace nibble
