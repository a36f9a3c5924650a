// SPDX-License-Identifier: Apache-2.0
//
// sparsify and compress_2_4 on the SIMD backend: the arguments, results and errors of the scalar one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <nibble/method/sparse_storage.hpp>
#include <nibble/method/sparsify.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/sparse_vectors.hpp>
#include <nibble/simd/stream.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether a method and pattern have a kernel.
template <class Arch, std::size_t N, std::size_t M, class Method>
inline constexpr bool has_sparse_kernel = has_avx2<Arch> &&
                                          ((N == 2 && M == 4 && std::is_same_v<Method, magnitude>) ||
                                           (2 * N == M && M <= 4 && std::is_same_v<Method, minimum_variance>));

#if defined(__AVX2__)
/// The elements that vectors take, whole blocks; returns how many. x is of a call for `total` elements.
template <class Arch, std::size_t M>
std::size_t sparsify_by_vectors(std::span<const float> x, std::span<float> out, const magnitude& /*method*/,
                                std::size_t total) noexcept {
  using run = vector_sparsifier<Arch>;
  const std::size_t count = x.size() / run::vector::lanes * run::vector::lanes;
  const bool is_aligned = reinterpret_cast<std::uintptr_t>(out.data()) % run::vector::bytes == 0;
  if (is_aligned && is_streamed<Arch>(4 * total)) {
    run::template keep_two<true>(x.data(), out.data(), count);
    finish_stream();
  } else {
    run::template keep_two<false>(x.data(), out.data(), count);
  }
  return count;
}
/// Calls run(first block, count, uniforms) for pieces of `blocks` blocks of M elements.
template <class Arch, std::size_t M, int Bits, class Run>
void with_uniforms(const minimum_variance& method, std::size_t blocks, const Run& run) noexcept {
  drawn_uniforms<Arch, Bits> uniforms(method);
  for (std::size_t b = 0; b < blocks; b += uniforms.capacity) {
    const std::size_t count = std::min(blocks - b, uniforms.capacity);
    run(b, count, uniforms.draw(method.first_element / M + b, count));
  }
}
template <class Arch, std::size_t M, class Run>
std::size_t run_blocks(const minimum_variance& method, std::size_t elements, const Run& run) noexcept {
  constexpr std::size_t step = 2 * vector_sparsifier<Arch>::vector::lanes;
  const std::size_t blocks = elements / M / step * step;
  if (method.bits == 64) {
    with_uniforms<Arch, M, 64>(method, blocks, run);
  } else if (method.bits == 32) {
    with_uniforms<Arch, M, 32>(method, blocks, run);
  } else {
    with_uniforms<Arch, M, 16>(method, blocks, run);
  }
  return blocks * M;
}

template <class Arch, std::size_t M>
std::size_t sparsify_by_vectors(std::span<const float> x, std::span<float> out, const minimum_variance& method,
                                std::size_t /*total*/) noexcept {
  return run_blocks<Arch, M>(method, x.size(), [&](std::size_t b, std::size_t count, auto uniforms) {
    using run = vector_sparsifier<Arch>;
    if constexpr (M == 4) run::two_of_four(x.data() + M * b, uniforms, count, out.data() + M * b);
    if constexpr (M == 2) run::one_of_two(x.data() + M * b, uniforms, count, out.data() + M * b);
  });
}
template <class Arch>
std::size_t compress_by_vectors(std::span<const float> x, float* values, std::uint16_t* metadata,
                                const minimum_variance& method) noexcept {
  return run_blocks<Arch, 4>(method, x.size(), [&](std::size_t b, std::size_t count, auto uniforms) {
    vector_sparsifier<Arch>::compress(x.data() + 4 * b, uniforms, count, values + 2 * b, metadata + b / 4);
  });
}
#endif

/// The same method for what comes `elements` elements later.
template <class Method>
Method later(Method method, std::size_t elements) noexcept {
  if constexpr (requires { method.first_element; }) method.first_element += elements;
  return method;
}

/// Blocks in a row, by checked arguments.
template <class Arch, std::size_t N, std::size_t M, class Method>
void sparsify_blocks(std::span<const float> x, std::span<float> out, const Method& method,
                     [[maybe_unused]] std::size_t total) noexcept {
  std::size_t done = 0;
#if defined(__AVX2__)
  if constexpr (has_sparse_kernel<Arch, N, M, Method>) done = sparsify_by_vectors<Arch, M>(x, out, method, total);
#endif
  sparsify_span<M>(N, x.subspan(done), out.subspan(done), later(method, done));
}

/// 2:4 blocks in a row into values and metadata, by checked arguments.
template <class Arch, class Method>
void compress_blocks(std::span<const float> x, std::span<float> values, std::span<std::uint16_t> metadata,
                     const Method& method) noexcept {
  std::size_t done = 0;
#if defined(__AVX2__)
  if constexpr (has_sparse_kernel<Arch, 2, 4, Method> && std::is_same_v<Method, minimum_variance>) {
    done = compress_by_vectors<Arch>(x, values.data(), metadata.data(), method);
  }
#endif
  compress_pruned(x.subspan(done), values.subspan(done / 2), metadata.subspan(done / 16), later(method, done));
}

inline constexpr std::size_t sparse_task_elements = std::size_t{1} << 16;

/// Runs task(first, count) for `size` elements in pieces of `piece` on an executor.
template <class Executor, class Task>
void run_in_tasks(std::size_t size, std::size_t piece, Executor& run, const Task& task) {
  run(size / piece + (size % piece != 0 ? 1U : 0U),
      [&](std::size_t i) { task(i * piece, std::min(piece, size - i * piece)); });
}

template <class Arch, std::size_t N, std::size_t M, class Method, class Executor>
void sparsify_in_tasks(std::span<const float> x, std::span<float> out, const Method& method, Executor& run) {
  run_in_tasks(x.size(), sparse_task_elements / M * M, run, [&](std::size_t first, std::size_t count) {
    sparsify_blocks<Arch, N, M>(x.subspan(first, count), out.subspan(first, count), later(method, first), x.size());
  });
}

}  // namespace detail::inline NIBBLE_UNIT

/// As sparsify<N, M>(x, out, method), bit for bit. On vectors with AVX2 or AVX-512: magnitude 2:4, and minimum variance
/// 2:4 and 1:2. Other patterns and methods, and machines without AVX2 (SSE2, NEON), run the scalar code.
template <std::size_t N, std::size_t M, class Arch, class Method>
void sparsify(basic_simd<Arch> /*backend*/, std::span<const float> x, std::span<float> out, const Method& method) {
  detail::check_sparsify<N, M>(x, out);
  detail::check_sparsify_method(N, M, method);
  detail::sparsify_blocks<Arch, N, M>(x, out, method, x.size());
}
/// The same on threads: pieces of x are the tasks of an executor.
template <std::size_t N, std::size_t M, class Arch, class Method, executor Executor>
void sparsify(basic_simd<Arch> /*backend*/, std::span<const float> x, std::span<float> out, const Method& method,
              Executor&& run) {
  detail::check_sparsify<N, M>(x, out);
  detail::check_sparsify_method(N, M, method);
  detail::sparsify_in_tasks<Arch, N, M>(x, out, method, run);
}

/// As sparsify_part<N, M>(x, first, out, method), bit for bit: vectors take the whole blocks between the ends.
template <std::size_t N, std::size_t M, class Arch, class Method>
void sparsify_part(basic_simd<Arch> /*backend*/, std::span<const float> x, std::size_t first, std::span<float> out,
                   const Method& method) {
  detail::check_sparsify_part<N, M>(x.size(), first, out.size(), method);
  const std::size_t head = std::min(out.size(), (M - first % M) % M);
  sparsify_part<N, M>(x, first, out.first(head), method);
  if (head == out.size()) return;
  const std::size_t begin = first + head;
  const bool is_to_end = first + out.size() == x.size();
  const std::size_t whole = is_to_end ? out.size() - head : (out.size() - head) / M * M;
  detail::sparsify_blocks<Arch, N, M>(x.subspan(begin, whole), out.subspan(head, whole), detail::later(method, begin),
                                      whole);
  sparsify_part<N, M>(x, begin + whole, out.subspan(head + whole), method);
}

/// As sparsify<N, M>(x, out, method, run) of a matrix, bit for bit. Rows are the tasks, or pieces of the matrix where
/// its rows are whole blocks without gaps. Elements that are not float or not side by side take the scalar way.
template <std::size_t N, std::size_t M, class Arch, class T, class Method, executor Executor = serial>
void sparsify(basic_simd<Arch> /*backend*/, const matrix_view<T>& x, std::span<float> out, const Method& method,
              Executor&& run = {}) {
  detail::check_sparsify_matrix<N, M>(x, out, method);
  if (x.size() == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    const bool is_dense = x.rows == 1 || x.row_stride == static_cast<std::ptrdiff_t>(x.cols);
    if (x.col_stride == 1 && is_dense && (x.rows == 1 || x.cols % M == 0)) {
      detail::sparsify_in_tasks<Arch, N, M>({x.data, x.size()}, out, method, run);
      return;
    }
    if (x.col_stride == 1) {
      const std::size_t padded_cols = x.cols + (M - x.cols % M) % M;
      run(x.rows, [&](std::size_t r) {
        detail::sparsify_blocks<Arch, N, M>({&x(r, 0), x.cols}, out.subspan(r * x.cols, x.cols),
                                            detail::later(method, r * padded_cols), x.size());
      });
      return;
    }
  }
  detail::sparsify_rows<M>(N, x, out, method, run);
}
/// The same for a pattern that is known when the program runs; 2:4 and 1:2 have vectors.
template <class Arch, class T, class Method, executor Executor = serial>
void sparsify(basic_simd<Arch> backend, const sparsity_pattern& pattern, const matrix_view<T>& x, std::span<float> out,
              const Method& method, Executor&& run = {}) {
  if (pattern.n == 2 && pattern.m == 4) return sparsify<2, 4>(backend, x, out, method, run);
  if (pattern.n == 1 && pattern.m == 2) return sparsify<1, 2>(backend, x, out, method, run);
  sparsify(pattern, x, out, method, run);
}

/// As compress_2_4(x, values, metadata, method), bit for bit; minimum variance runs on vectors.
template <class Arch, class Method>
void compress_2_4(basic_simd<Arch> /*backend*/, std::span<const float> x, std::span<float> values,
                  std::span<std::uint16_t> metadata, const Method& method) {
  detail::check_storage(x.size(), values.size(), metadata.size());
  detail::check_sparsify_method(2, 4, method);
  detail::compress_blocks<Arch>(x, values, metadata, method);
}
/// The same on threads: pieces of x are the tasks of an executor.
template <class Arch, class Method, executor Executor>
void compress_2_4(basic_simd<Arch> /*backend*/, std::span<const float> x, std::span<float> values,
                  std::span<std::uint16_t> metadata, const Method& method, Executor&& run) {
  detail::check_storage(x.size(), values.size(), metadata.size());
  detail::check_sparsify_method(2, 4, method);
  detail::run_in_tasks(x.size(), detail::sparse_task_elements, run, [&](std::size_t first, std::size_t count) {
    const std::size_t kept = count / 4 * 2 + (count % 4 != 0 ? 2U : 0U);
    detail::compress_blocks<Arch>(x.subspan(first, count), values.subspan(first / 2, kept),
                                  metadata.subspan(first / 16), detail::later(method, first));
  });
}

}  // namespace v0
}  // namespace nibble
