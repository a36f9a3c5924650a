// SPDX-License-Identifier: Apache-2.0
//
// gemm(native{}, ...): the bits of gemm(scalar{}, ...) by the vectors that the translation unit is compiled for. AVX2
// with FMA is used for float32 in order, for chains of FP8 units with one group (wgmma of Hopper, f8f6f4 and mxf8f6f4
// of Blackwell, FP8 of Ada), and for mxf4 and mxf4nvf4; everything else, and every other machine, runs the scalar code.
// It needs no library; this header is not part of emulate.hpp, because the compiler's intrinsics take long to parse.
#pragma once

#include <nibble/base/counts.hpp>
#include <nibble/emulate/gemm.hpp>
#include <nibble/emulate/native_chain.hpp>
#include <nibble/emulate/native_float32.hpp>
#include <nibble/emulate/native_float32_fp4.hpp>
#include <nibble/emulate/native_fp4.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// The tag; another type for each instruction set, so that programs with units of both keep both.
struct native_backend {};

/// Rows and columns of D that are one task.
inline constexpr std::size_t task_rows = 32;
inline constexpr std::size_t task_cols = 128;

/// Calls action(m, n, rows, columns) for the tasks of D.
template <class Executor, class Action>
void each_task(std::size_t rows, std::size_t cols, Executor& run, const Action& action) {
  const std::size_t across = (cols + task_cols - 1) / task_cols;
  run((rows + task_rows - 1) / task_rows * across, [&](std::size_t i) {
    const std::size_t m = i / across * task_rows;
    const std::size_t n = i % across * task_cols;
    action(m, n, nibble::detail::smaller(task_rows, rows - m), nibble::detail::smaller(task_cols, cols - n));
  });
}

#if defined(NIBBLE_EMULATE_AVX2)

/// The end of the epilogue by float32 instructions, in default_float_mode.
template <class T>
class native_finish {
 public:
  explicit native_finish(const epilogue<T>& e) noexcept : e_(e), factor_(static_cast<float>(e.factor())) {}

  NIBBLE_ALWAYS_INLINE T operator()(float acc, std::size_t m, std::size_t n) const noexcept {
    float d = opaque(factor_ * acc);
    if (e_.adds_c()) d = opaque(d + opaque(e_.options.beta * bit_cast<float>(e_.c_bits(m, n))));
    return output_of<T>(binary32(d));
  }

 private:
  const epilogue<T>& e_;
  float factor_;
};

/// float32 in order, by the kernel for Operands.
template <class Operands, class T, class Executor>
void gemm_float32(const epilogue<T>& e, T* d, Executor& run) {
  const Operands f(e.a, e.b);
  each_task(e.a.rows, e.b.rows, run, [&](std::size_t m0, std::size_t n0, std::size_t rows, std::size_t cols) {
    const default_float_mode mode;
    const native_finish<T> finish(e);
    float acc[tile_rows * tile_cols];
    for (std::size_t n = n0; n < n0 + cols; n += tile_cols) {
      for (std::size_t m = m0; m < m0 + rows; m += tile_rows) {
        const std::size_t count = nibble::detail::smaller(tile_rows, m0 + rows - m);
        if (count == tile_rows) {
          float32_tile<tile_rows>(f, e.a, e.b, m, n / tile_cols, acc);
        } else {
          for (std::size_t r = 0; r < count; ++r) {
            float32_tile<1>(f, e.a, e.b, m + r, n / tile_cols, acc + r * tile_cols);
          }
        }
        for (std::size_t i = 0; i < count * tile_cols; ++i) {
          const std::size_t at = n + i % tile_cols;
          if (at < n0 + cols) d[(m + i / tile_cols) * e.b.rows + at] = finish(acc[i], m + i / tile_cols, at);
        }
      }
    }
  });
}

/// One row of A against the columns n0, ..., n0 + cols - 1: the chain over products first, ..., last - 1 from `acc`.
template <bool Wide, class T>
void chain_row_step(const epilogue<T>& e, const chain_panels& p, const chain_rule& u, std::size_t m, std::size_t n0,
                    std::size_t cols, std::size_t first, std::size_t last, float* acc) noexcept {
  const accumulation& how = e.options.accumulate;
  const bool scaled = how.kind == accumulation_kind::scaled_tensor_core;
  const int spare = u.rule.fraction_bits - e.a.element.mantissa_bits - e.b.element.mantissa_bits;
  const auto by_scalar = [&](std::size_t n, std::size_t k, std::size_t end) {
    float& c = acc[n - n0];
    if (scaled) {
      const scale_operands s{e.a.scale, static_cast<int>(e.a.block),
                             &e.a.scale_codes[m * e.a.scale_stride + k / e.a.block],
                             &e.b.scale_codes[n * e.b.scale_stride + k / e.b.block]};
      c = bit_cast<float>(
          multiply_accumulate(how.scaled, e.a.element, e.b.element, e.a.row(m) + k, e.b.row(n) + k, s, to_bits(c)));
    } else {
      c = bit_cast<float>(one_instruction(how.unit, e.a, e.b, e.a.row(m), e.b.row(n), k, end, to_bits(c)));
    }
  };
  chain_row row;
  for (std::size_t k = first; k < last; k += u.k) {
    const std::size_t end = nibble::detail::smaller(k + u.k, last);
    row.load(p.table_a, e.a.row(m) + k, end - k);
    const std::uint32_t a_scale = scaled ? e.a.scale_codes[m * e.a.scale_stride + k / e.a.block] : 0U;
    const bool special = row.special || (scaled && a_scale == 255);
    for (std::size_t n = n0; n < n0 + cols; n += panel_cols) {
      const std::size_t panel = n / panel_cols;
      const std::size_t width = nibble::detail::smaller(panel_cols, n0 + cols - n);
      float before[panel_cols];
      std::uint32_t left = 0;
      if (special || p.special[panel] != 0) {
        left = 0xffffU;
      } else {
        std::int32_t offset[panel_cols];
        for (std::size_t i = 0; scaled && i < panel_cols; ++i) {
          offset[i] = static_cast<std::int32_t>(a_scale) - 127 +
                      p.scale_exponents[(panel * e.b.scale_stride + k / e.b.block) * panel_cols + i];
        }
        for (std::size_t i = 0; i < panel_cols; ++i) before[i] = acc[n - n0 + i];
        for (std::size_t g = k; g < end; g += u.group) {
          left |= fused_sums<Wide>(row, g - k, nibble::detail::smaller(u.group, end - g),
                                   &p.bytes[panel * p.stride + g * panel_bytes], scaled ? offset : nullptr,
                                   u.rule.fraction_bits, spare, acc + (n - n0));
        }
        for (std::size_t i = 0; left != 0 && i < panel_cols; ++i) {
          if ((left >> i & 1U) != 0) acc[n - n0 + i] = before[i];
        }
      }
      for (std::size_t i = 0; left != 0 && i < width; ++i) {
        if ((left >> i & 1U) != 0) by_scalar(n + i, k, end);
      }
    }
  }
}

template <class T, class Executor>
void gemm_chain(const epilogue<T>& e, const chain_rule& u, T* d, Executor& run) {
  const bool scaled = e.options.accumulate.kind == accumulation_kind::scaled_tensor_core;
  const chain_panels p(e.a, e.b, u.rule, scaled);
  const bool wide = u.rule.output == sum_output::f32;
  const auto step = wide ? chain_row_step<true, T> : chain_row_step<false, T>;
  each_task(e.a.rows, e.b.rows, run, [&](std::size_t m0, std::size_t n0, std::size_t rows, std::size_t cols) {
    const default_float_mode mode;
    const native_finish<T> finish(e);
    for (std::size_t m = m0; m < m0 + rows; ++m) {
      float total[task_cols] = {};
      const auto add_block = [&](std::size_t first, std::size_t last, std::size_t a_block, std::size_t b_block) {
        float acc[task_cols] = {};
        step(e, p, u, m, n0, cols, first, last, acc);
        for (std::size_t i = 0; i < cols; ++i) {
          if (scaled) {
            total[i] = acc[i];
            continue;
          }
          const auto t = bit_cast<float>(e.b.scale_of(n0 + i, b_block));
          const auto s = bit_cast<float>(e.a.scale_of(m, a_block));
          const float part = opaque(acc[i] * opaque(s * t));
          total[i] = first == 0 ? part : opaque(total[i] + part);
        }
      };
      if (scaled) {
        add_block(0, e.a.k, 0, 0);
      } else {
        each_block(e.a, e.b, add_block);
      }
      for (std::size_t i = 0; i < cols; ++i) d[m * e.b.rows + n0 + i] = finish(total[i], m, n0 + i);
    }
  });
}

template <class T>
void fp4_row(const epilogue<T>& e, const fp4_operands& f, std::size_t m, std::size_t n0, std::size_t cols,
             float* acc) noexcept {
  const gemm_operand& a = e.a;
  const gemm_operand& b = e.b;
  for (std::size_t k = 0; k < a.k; k += fp4_k) {
    fp4_scale scales[4];
    bool special = false;
    for (std::size_t g = 0; g < 4; ++g) {
      scales[g] = f.table[a.scale_codes[m * a.scale_stride + (k + g * fp4_group) / a.block]];
      special = special || scales[g].nan;
    }
    for (std::size_t n = n0; n < n0 + cols; n += 8) {
      const std::size_t panel = n / panel_cols;
      const std::size_t lane = n % panel_cols;
      std::uint32_t left = 0xffU;
      if (!special && f.special[panel] == 0) {
        const std::size_t at = (panel * f.groups + k / fp4_group) * panel_cols + lane;
        left = fp4_step(scales, &f.a[(m * a.stride + k) / 4],
                        &f.b[panel * panel_cols * b.stride + k * panel_cols + 4 * lane], &f.correction[at],
                        &f.b_scales[at], &f.b_exponents[at], acc + (n - n0));
      }
      for (std::size_t i = n; left != 0 && i < n + 8 && i < n0 + cols; ++i, left >>= 1) {
        if ((left & 1U) == 0) continue;
        const scale_operands s{a.scale, static_cast<int>(a.block), &a.scale_codes[m * a.scale_stride + k / a.block],
                               &b.scale_codes[i * b.scale_stride + k / b.block]};
        float& c = acc[i - n0];
        c = bit_cast<float>(multiply_accumulate(e.options.accumulate.scaled, a.element, b.element, a.row(m) + k,
                                                b.row(i) + k, s, to_bits(c)));
      }
    }
  }
}

template <class T, class Executor>
void gemm_fp4(const epilogue<T>& e, T* d, Executor& run) {
  const fp4_operands f(e.a, e.b);
  each_task(e.a.rows, e.b.rows, run, [&](std::size_t m0, std::size_t n0, std::size_t rows, std::size_t cols) {
    const default_float_mode mode;
    const native_finish<T> finish(e);
    for (std::size_t m = m0; m < m0 + rows; ++m) {
      float acc[task_cols] = {};
      fp4_row(e, f, m, n0, cols, acc);
      for (std::size_t i = 0; i < cols; ++i) d[m * e.b.rows + n0 + i] = finish(acc[i], m, n0 + i);
    }
  });
}

/// Whether a kernel ran.
template <class T, class Executor>
bool gemm_by_vectors(const epilogue<T>& e, T* d, Executor& run) {
  const accumulation& how = e.options.accumulate;
  if (e.a.k == 0) return false;
  if (how.kind == accumulation_kind::float32 && has_exact_products(e.a.element, e.b.element)) {
    if (has_exact_block_sums(e.a, e.b)) {
      gemm_float32<float32_fp4_operands>(e, d, run);
    } else {
      gemm_float32<float32_operands>(e, d, run);
    }
    return true;
  }
  if (how.kind == accumulation_kind::tensor_core) {
    const tensor_unit& u = how.unit;
    const chain_rule rule{static_cast<std::size_t>(u.k), static_cast<std::size_t>(u.group), u.rule};
    const bool simple = u.grouping == sum_grouping::contiguous && !u.operands_as_f16 && !u.accumulator_last;
    if (!simple || !fits_lanes(rule, e.a.element, e.b.element)) return false;
    gemm_chain(e, rule, d, run);
    return true;
  }
  if (how.kind != accumulation_kind::scaled_tensor_core) return false;
  if (is_fp4_unit(how.scaled, e.a, e.b)) {
    gemm_fp4(e, d, run);
    return true;
  }
  const chain_rule rule{static_cast<std::size_t>(how.scaled.k), static_cast<std::size_t>(how.scaled.k),
                        how.scaled.rule};
  const bool simple = how.scaled.group == 1 && e.a.scale == formats::e8m0 && e.a.block == rule.k &&
                      rule.rule.zeros != zero_exponent::none;
  if (!simple || !fits_lanes(rule, e.a.element, e.b.element)) return false;
  gemm_chain(e, rule, d, run);
  return true;
}

#endif

}  // namespace detail

/// The backend of the vectors that a unit is compiled for.
using native = detail::native_backend;

/// As gemm(scalar{}, ...), with the same bits and the same errors. Tasks are tiles of 32 x 128 outputs. Where a vector
/// kernel runs, it allocates both operands once more in its own layout.
template <block_format A, class ByteA, block_format B, class ByteB, class T, executor Executor = serial>
NIBBLE_ALWAYS_INLINE void gemm(native /*backend*/, const block_view<A, ByteA>& a, const block_view<B, ByteB>& b,
                               const matrix_view<T>& c, T* d, const gemm_options& options = {}, Executor&& run = {}) {
#if defined(NIBBLE_EMULATE_AVX2)
  detail::check_gemm(a, b, c, d, options);
  if (a.rows == 0 || b.rows == 0) return;
  const detail::gemm_operand x = detail::make_operand(a);
  const detail::gemm_operand y = detail::make_operand(b);
  if (detail::gemm_by_vectors(detail::epilogue<T>{x, y, options, c}, d, run)) return;
#endif
  gemm(scalar{}, a, b, c, d, options, run);
}

}  // namespace emulate
}  // namespace v0
}  // namespace nibble
