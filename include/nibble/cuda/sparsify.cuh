// SPDX-License-Identifier: Apache-2.0
//
// sparsify(cuda{stream}, ...) and compress_2_4: N:M pruning on the device, bit for bit the scalar one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/cuda/chunk.cuh>
#include <nibble/cuda/codec.cuh>
#include <nibble/cuda/launch.cuh>
#include <nibble/cuda/two_four.cuh>
#include <nibble/method/sparse_storage.hpp>
#include <nibble/method/sparsify.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// A method as kernels see it, with the members of block_sparsifier.
struct sparsify_call {
  enum class rule : std::uint8_t { magnitude, minimum_variance, sequential_draws };
  rule kind = rule::magnitude;
  random_stream stream{};
  std::uint64_t first_block = 0;
  int bits = 64, spare = 32;
  binary32 epsilon{};

  sparsify_call(const magnitude& /*method*/, std::size_t /*m*/) noexcept {}
  sparsify_call(const minimum_variance& v, std::size_t m) noexcept
      : kind(rule::minimum_variance),
        stream(v.seed, v.stream, v.rounds),
        first_block(v.first_element / m),
        bits(v.bits),
        spare(v.bits == 64 ? 32 : 4) {}
  sparsify_call(const sequential_draws& d, std::size_t m) noexcept
      : kind(rule::sequential_draws),
        stream(d.seed, d.stream, d.rounds),
        first_block(d.first_element / m),
        epsilon(d.epsilon) {}

  /// The first word that block `b` of the stream takes.
  [[nodiscard]] __device__ std::uint64_t word_of(std::uint64_t b) const noexcept {
    return bits == 64 ? 2 * b : bits == 32 ? b : b / 2;
  }
  /// The four words among which it is. An even block and the next one share them.
  [[nodiscard]] __device__ philox_block draw(std::uint64_t b) const noexcept { return stream.block(word_of(b) / 4); }
  /// The uniform of block `b` from them, at the upper end of 64 bits.
  [[nodiscard]] __device__ std::uint64_t uniform_of(const philox_block& drawn, std::uint64_t b) const noexcept {
    const auto place = static_cast<unsigned>(word_of(b) & 3U);
    const std::uint32_t even = place >= 2 ? drawn.words[2] : drawn.words[0];
    const std::uint32_t odd = place >= 2 ? drawn.words[3] : drawn.words[1];
    const std::uint64_t low = place % 2 == 0 ? even : odd;
    if (bits == 64) return low | std::uint64_t{odd} << 32;
    return bits == 32 ? low << 32 : low >> (b % 2 * 16) << 48;
  }
  /// The upper halves of the uniforms of an even block `b` and of the next one, which have 16 or 32 bits.
  __device__ void narrow_uniforms(std::uint64_t b, std::uint32_t (&u)[2]) const noexcept {
    const bool shares_word = bits == 16;
    const philox_block drawn = stream.block(b >> (shares_word ? 3 : 2));
    const auto low = static_cast<std::uint32_t>(b);
    const bool upper = (low >> (shares_word ? 2 : 1) & 1U) != 0;
    const std::uint32_t even = upper ? drawn.words[2] : drawn.words[0];
    const std::uint32_t odd = upper ? drawn.words[3] : drawn.words[1];
    const std::uint32_t shared = (low & 2U) != 0 ? odd : even;
    u[0] = shares_word ? shared << 16 : even;
    u[1] = shares_word ? shared & 0xffff'0000U : odd;
  }
  /// The uniform of block `block` of the call.
  [[nodiscard]] __noinline__ __device__ std::uint64_t uniform(std::uint64_t block) const noexcept {
    return uniform_of(draw(first_block + block), first_block + block);
  }
  template <std::size_t N, std::size_t M>
  __device__ std::uint32_t prune(std::uint64_t block, const std::uint32_t (&x)[M], std::uint32_t (&out)[M]) const {
    if (kind == rule::magnitude) return keep_largest<M>(N, x, out);
    const std::uint64_t u = uniform(block);
    if constexpr (M == 4) {
      if (kind == rule::sequential_draws) {
        return sequential_block(x, static_cast<std::uint32_t>(u), static_cast<std::uint32_t>(u >> 32), epsilon, out);
      }
    }
    return minimum_variance_block<M>(N, x, u, spare, out);
  }
};

/// Any pattern and alignment, a thread for each block.
template <std::size_t N, std::size_t M, class T>
__global__ void __launch_bounds__(cuda_threads)
    sparsify_kernel(const T* x, std::size_t first, std::size_t count, sparsify_call call, float* out) {
  const std::size_t blocks = pieces(count, M);
  for (std::size_t b = first + thread_index(); b < blocks; b += thread_count()) {
    std::uint32_t bits[M] = {};
    std::uint32_t kept[M];
    for (std::size_t i = 0; i < M && b * M + i < count; ++i) bits[i] = element_bits(x[b * M + i]);
    call.prune<N, M>(b, bits, kept);
    for (std::size_t i = 0; i < M && b * M + i < count; ++i) out[b * M + i] = bit_cast<float>(kept[i]);
  }
}

/// What is kept of a block, and its mask.
struct pruned_block {
  std::uint32_t kept[4];
  std::uint32_t mask;
};

/// Any block of a chunk for minimum variance.
template <class T>
__noinline__ __device__ pruned_block prune_rare(const raw_chunk<T> raw, unsigned half, std::uint64_t u, int spare) {
  std::uint32_t bits[chunk_elements];
  std::uint32_t block[4];
  raw.widen_exactly(bits);
#pragma unroll
  for (unsigned i = 0; i < 4; ++i) block[i] = half == 0 ? bits[i] : bits[4 + i];
  pruned_block result;
  result.mask = two_four_variance(block, u, spare, result.kept);
  return result;
}

/// How a kernel chooses: by magnitude, for minimum variance with words of 64 bits, or of 16 or 32.
enum class two_four_rule : std::uint8_t { magnitude, variance, narrow_variance };

/// A block by one of the usual rules; false where its result is not known.
template <two_four_rule Rule>
__device__ bool prune_usual(const std::uint32_t (&block)[4], std::uint64_t u, pruned_block& result) noexcept {
  if constexpr (Rule != two_four_rule::magnitude && has_fast_doubles) {
    return float_two_four_variance<Rule == two_four_rule::narrow_variance>(block, static_cast<std::uint32_t>(u >> 32),
                                                                           result.kept, result.mask);
  } else if constexpr (Rule == two_four_rule::narrow_variance) {
    return usual_two_four_variance<std::uint32_t>(block, u, result.kept, result.mask);
  } else if constexpr (Rule == two_four_rule::variance) {
    return usual_two_four_variance<std::uint64_t>(block, u, result.kept, result.mask);
  } else {
    std::uint32_t magnitudes[4];
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) magnitudes[i] = block[i] & 0x7fff'ffffU;
    const block_wins order(magnitudes);
    result.mask = 0;
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      result.mask |= order.wins[i] >= 2 ? 1U << i : 0U;
      result.kept[i] = order.wins[i] >= 2 ? block[i] : 0U;
    }
    return true;
  }
}

/// Both blocks of a chunk, which share their random words; returns masks of which metadata_2_4 gives their metadata.
template <two_four_rule Rule, class T>
__device__ std::uint32_t prune_chunk(const sparsify_call& call, std::uint64_t chunk, const raw_chunk<T>& raw,
                                     std::uint32_t (&kept)[chunk_elements]) noexcept {
  std::uint32_t bits[chunk_elements];
  std::uint64_t u[2] = {};
  if constexpr (Rule == two_four_rule::magnitude) {
    raw.widen_exactly(bits);
  } else {
    raw.widen(bits);
    const std::uint64_t first = call.first_block + 2 * chunk;
    if constexpr (Rule == two_four_rule::variance) {
      const philox_block drawn = call.draw(first);
#pragma unroll
      for (unsigned half = 0; half < 2; ++half) {
        u[half] = drawn.words[2 * half] | std::uint64_t{drawn.words[2 * half + 1]} << 32;
      }
    } else {
      std::uint32_t upper[2];
      call.narrow_uniforms(first, upper);
#pragma unroll
      for (unsigned half = 0; half < 2; ++half) u[half] = std::uint64_t{upper[half]} << 32;
    }
  }
  std::uint32_t masks = 0;
#pragma unroll
  for (unsigned half = 0; half < 2; ++half) {
    std::uint32_t block[4];
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) block[i] = bits[4 * half + i];
    pruned_block result;
    if (!prune_usual<Rule>(block, u[half], result)) result = prune_rare<T>(raw, half, u[half], call.spare);
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) kept[4 * half + i] = result.kept[i];
    if constexpr (Rule != two_four_rule::magnitude) {
      // What is kept is not 0, but for one 0 beside an infinity or NaN, the first, where metadata have it anyway.
      result.mask = 0;
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) result.mask |= result.kept[i] != 0 ? 1U << i : 0U;
    }
    masks |= result.mask << (4 * half);
  }
  return masks;
}

template <class T, two_four_rule Rule>
__global__ void __launch_bounds__(cuda_threads, 4)
    two_four_kernel(const T* x, std::size_t chunks, const __grid_constant__ sparsify_call call, float* out) {
  const std::size_t step = thread_count();
  std::size_t chunk = thread_index();
  x += chunk * chunk_elements;
  out += chunk * chunk_elements;
  for (; chunk < chunks; chunk += step) {
    raw_chunk<T> raw;
    raw.load(x);
    std::uint32_t kept[chunk_elements];
    prune_chunk<Rule>(call, chunk, raw, kept);
    store_chunk(out, kept);
    x += step * chunk_elements;
    out += step * chunk_elements;
  }
}

/// The codes of metadata_2_4, that of mask m in bits 4 m and up.
inline constexpr std::uint64_t two_four_codes = [] {
  std::uint64_t codes = 0;
  for (std::uint32_t mask = 0; mask < 16; ++mask) codes |= std::uint64_t{metadata_2_4(mask)} << (4 * mask);
  return codes;
}();
/// metadata_2_4 of at most two positions.
inline __device__ std::uint32_t two_four_code(std::uint32_t mask) noexcept {
  return static_cast<std::uint32_t>(two_four_codes >> (4 * mask)) & 15U;
}

/// The two values that metadata_2_4's code of at most two positions names; what is not kept is 0. The second is the
/// last one kept, or the 0 at position 1; the first is the other one.
inline __device__ uint2 stored_values(std::uint32_t mask, const std::uint32_t* kept) noexcept {
  const std::uint32_t second = (mask & 8U) != 0 ? kept[3] : (mask & 4U) != 0 ? kept[2] : kept[1];
  return make_uint2(kept[0] ^ kept[1] ^ kept[2] ^ kept[3] ^ second, second);
}

/// Pairs of lanes share a word of metadata; `chunks` is even.
template <class T, two_four_rule Rule>
__global__ void __launch_bounds__(cuda_threads, 4)
    compress_kernel(const T* x, std::size_t chunks, const __grid_constant__ sparsify_call call, float* values,
                    std::uint16_t* metadata) {
  const std::size_t step = thread_count();
  std::size_t chunk = thread_index();
  x += chunk * chunk_elements;
  values += chunk * 4;
  metadata += chunk / 2;
  const unsigned pair = 3U << (threadIdx.x & 30U);
  for (; chunk < chunks; chunk += step) {
    raw_chunk<T> raw;
    raw.load(x);
    std::uint32_t kept[chunk_elements];
    const std::uint32_t masks = prune_chunk<Rule>(call, chunk, raw, kept);
    const uint2 a = stored_values(masks & 15U, kept);
    const uint2 b = stored_values(masks >> 4, kept + 4);
    __stcs(reinterpret_cast<uint4*>(values), make_uint4(a.x, a.y, b.x, b.y));
    const std::uint32_t codes = two_four_code(masks & 15U) | two_four_code(masks >> 4) << 4;
    const std::uint32_t other = __shfl_xor_sync(pair, codes, 1);
    if (threadIdx.x % 2 == 0) *metadata = static_cast<std::uint16_t>(codes | other << 8);
    x += step * chunk_elements;
    values += step * 4;
    metadata += step / 2;
  }
}

/// Any alignment and rule, a thread for each word of metadata from word `first` on.
template <class T>
__global__ void __launch_bounds__(cuda_threads)
    compress_words_kernel(const T* x, std::size_t first, std::size_t count, sparsify_call call, float* values,
                          std::uint16_t* metadata) {
  const std::size_t blocks = pieces(count, 4);
  for (std::size_t word = first + thread_index(); word < pieces(blocks, 4); word += thread_count()) {
    std::uint32_t codes = 0;
    for (std::size_t b = 4 * word; b < smaller(4 * word + 4, blocks); ++b) {
      std::uint32_t bits[4] = {};
      std::uint32_t kept[4];
      for (std::size_t i = 0; i < 4 && 4 * b + i < count; ++i) bits[i] = element_bits(x[4 * b + i]);
      const std::uint32_t code = metadata_2_4(call.prune<2, 4>(b, bits, kept));
      const auto at = [&](std::uint32_t i) { return i == 0 ? kept[0] : i == 1 ? kept[1] : i == 2 ? kept[2] : kept[3]; };
      values[2 * b] = bit_cast<float>(at(code & 3U));
      values[2 * b + 1] = bit_cast<float>(at(code >> 2));
      codes |= code << (b % 4 * 4);
    }
    metadata[word] = static_cast<std::uint16_t>(codes);
  }
}

template <class Method>
inline constexpr bool has_two_four_kernel =
    std::is_same_v<Method, magnitude> || std::is_same_v<Method, minimum_variance>;
/// Whether the blocks of a chunk share their random words.
inline bool takes_two_four_kernel(const sparsify_call& call) noexcept { return call.first_block % 2 == 0; }

/// action<Rule>() for a method that has_two_four_kernel.
template <class Action>
cuda_status with_two_four_rule(const magnitude& /*method*/, Action&& action) {
  return action.template operator()<two_four_rule::magnitude>();
}
template <class Action>
cuda_status with_two_four_rule(const minimum_variance& method, Action&& action) {
  return method.bits == 64 ? action.template operator()<two_four_rule::variance>()
                           : action.template operator()<two_four_rule::narrow_variance>();
}

}  // namespace detail::inline NIBBLE_UNIT

/// Queues sparsify<N, M>(x, out, method) on spans of device memory; f16 and bf16 count as the float32 that they are.
/// `out` may be `x`. Memory aligned to 16 bytes and a method whose first_element is a multiple of 8 are fastest. Throws
/// std::invalid_argument as that does.
template <std::size_t N, std::size_t M, class T, class Method>
cuda_status sparsify(const cuda& device, std::span<const T> x, std::span<float> out, const Method& method) {
  static_assert(detail::is_chunk_type<T>, "sparsify: x has elements of float, f16 or bf16");
  static_assert(N >= 1 && N <= M && M >= 2 && M <= 16, "sparsify<N, M>: 1 <= N <= M and 2 <= M <= 16");
  if (out.size() != x.size()) {
    detail::throw_argument("out has " + std::to_string(out.size()) + " elements; it must have " +
                           std::to_string(x.size()));
  }
  detail::check_sparsify_method(N, M, method);
  if (x.empty()) return cuda_status{};
  const detail::sparsify_call call(method, M);
  std::size_t done = 0;
  if constexpr (N == 2 && M == 4 && detail::has_two_four_kernel<Method>) {
    const std::size_t chunks = x.size() / detail::chunk_elements;
    if (chunks != 0 && detail::takes_two_four_kernel(call) && detail::is_aligned(x.data(), 16) &&
        detail::is_aligned(out.data(), 16)) {
      // Strides pay where there is more to a chunk than its traffic.
      const std::size_t grid = std::is_same_v<Method, magnitude> ? detail::pieces(chunks, detail::cuda_threads)
                                                                 : detail::strided_grid(chunks);
      const cuda_status status = detail::with_two_four_rule(method, [&]<detail::two_four_rule Rule>() {
        return detail::launch(device.stream, grid, &detail::two_four_kernel<T, Rule>, x.data(), chunks, call,
                              out.data());
      });
      done = 2 * chunks;
      if (!status.ok() || chunks * detail::chunk_elements == x.size()) return status;
    }
  }
  return detail::launch(device.stream, detail::pieces(detail::pieces(x.size(), M) - done, detail::cuda_threads),
                        &detail::sparsify_kernel<N, M, T>, x.data(), done, x.size(), call, out.data());
}

/// Queues compress_2_4(x, values, metadata, method), pruning and compression in one pass, on spans of device memory.
/// The same is fastest. Throws std::invalid_argument as that does.
template <class T, class Method>
cuda_status compress_2_4(const cuda& device, std::span<const T> x, std::span<float> values,
                         std::span<std::uint16_t> metadata, const Method& method) {
  static_assert(detail::is_chunk_type<T>, "compress_2_4: x has elements of float, f16 or bf16");
  detail::check_storage(x.size(), values.size(), metadata.size());
  detail::check_sparsify_method(2, 4, method);
  if (x.empty()) return cuda_status{};
  const detail::sparsify_call call(method, 4);
  std::size_t done = 0;
  if constexpr (detail::has_two_four_kernel<Method>) {
    const std::size_t words = x.size() / 16;
    if (words != 0 && detail::takes_two_four_kernel(call) && detail::is_aligned(x.data(), 16) &&
        detail::is_aligned(values.data(), 16)) {
      const cuda_status status = detail::with_two_four_rule(method, [&]<detail::two_four_rule Rule>() {
        return detail::launch(device.stream, detail::strided_grid(2 * words), &detail::compress_kernel<T, Rule>,
                              x.data(), 2 * words, call, values.data(), metadata.data());
      });
      done = words;
      if (!status.ok() || words * 16 == x.size()) return status;
    }
  }
  return detail::launch(device.stream, detail::pieces(metadata.size() - done, detail::cuda_threads),
                        &detail::compress_words_kernel<T>, x.data(), done, x.size(), call, values.data(),
                        metadata.data());
}

}  // namespace v0
}  // namespace nibble
