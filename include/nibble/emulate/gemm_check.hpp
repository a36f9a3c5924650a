// SPDX-License-Identifier: Apache-2.0
//
// What the emulated GEMM rejects, before anything is written.
#pragma once

#include <cstddef>

#include <nibble/block/options.hpp>
#include <nibble/block/tensor.hpp>
#include <nibble/emulate/accumulation.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

using nibble::detail::throw_argument;

inline void check_range(int value, int least, int most, const char* name) {
  if (value >= least && value <= most) return;
  throw_argument({"options.accumulate.", name, " is ", value, "; it must be ", least, " to ", most});
}

/// A tensor core multiplies floating-point elements.
inline void check_element(const float_format& f, const char* name) {
  if (f.twos_complement || f.exponent_bits == 0) {
    throw_argument({name, " has fixed-point elements, which tensor-core units do not multiply"});
  }
}

inline void check_tensor_unit(const tensor_unit& u) {
  check_range(u.k, 1, 64, "unit.k");
  check_range(u.group, 1, u.k, "unit.group");
  check_range(u.rule.fraction_bits, 1, 36, "unit.rule.fraction_bits");
  if (u.grouping == sum_grouping::pairs && u.k != 2 * u.group) {
    throw_argument({"options.accumulate.unit.group is ", u.group, "; with pairs it must be half of k, ", u.k / 2});
  }
}

inline void check_scaled_unit(const scaled_unit& u, const block_format& a, const block_format& b) {
  check_range(u.k, 1, 64, "scaled.k");
  check_range(u.group, 1, u.k, "scaled.group");
  check_range(u.rule.fraction_bits, 1, 36, "scaled.rule.fraction_bits");
  if (u.rule.output == sum_output::f16) throw_argument({"options.accumulate.scaled.rule.output is f16; it must be f32"});
  if (!(a.scale == b.scale) || a.block_size != b.block_size || a.scale.bits() > 8) {
    throw_argument({"a block-scaled unit needs operands with one block size and one scale format of one byte"});
  }
  if (a.block_size < 1 || u.k % a.block_size != 0 || a.block_size % u.group != 0 || 64 % u.k != 0) {
    throw_argument({"block size ", a.block_size, " does not fit options.accumulate.scaled: k = ", u.k,
                    " must be a multiple of it and divide 64, group = ", u.group, " must divide it"});
  }
  if (u.group > 1 && (a.element.has_nan() || b.element.has_nan() || a.element.bits() > 6 || b.element.bits() > 6)) {
    throw_argument({"options.accumulate.scaled adds ", u.group, " products exactly, which needs FP4 or FP6 elements"});
  }
}

inline void check_accumulation(const accumulation& how, const block_format& a, const block_format& b) {
  nibble::detail::check_enumerator(how.kind, accumulation_kind::scaled_tensor_core, "options.accumulate.kind");
  if (how.kind != accumulation_kind::tensor_core && how.kind != accumulation_kind::scaled_tensor_core) return;
  check_element(a.element, "a");
  check_element(b.element, "b");
  if (how.kind == accumulation_kind::tensor_core) check_tensor_unit(how.unit);
  if (how.kind == accumulation_kind::scaled_tensor_core) check_scaled_unit(how.scaled, a, b);
}

template <block_format A, class ByteA, block_format B, class ByteB, class T>
void check_gemm(const block_view<A, ByteA>& a, const block_view<B, ByteB>& b, const matrix_view<T>& c, const T* d,
                const gemm_options& options) {
  nibble::detail::check_block_view(a, "a");
  nibble::detail::check_block_view(b, "b");
  if (a.cols != b.cols) {
    throw_argument({"a has ", a.cols, " columns and b ", b.cols, "; both are K of the product"});
  }
  check_accumulation(options.accumulate, A, B);
  if (a.rows == 0 || b.rows == 0) return;
  if (d == nullptr) throw_argument({"d is null"});
  if ((to_bits(options.beta) << 1) == 0U) return;
  nibble::detail::check_view(c, "c");
  if (c.rows != a.rows || c.cols != b.rows) {
    throw_argument({"c is ", c.rows, " x ", c.cols, "; D is ", a.rows, " x ", b.rows});
  }
}

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
