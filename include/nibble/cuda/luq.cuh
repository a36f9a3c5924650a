// SPDX-License-Identifier: Apache-2.0
//
// luq(cuda{stream}, ...) and luq_values: logarithmic unbiased quantization on the device, bit for bit the scalar one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <nibble/base/counts.hpp>
#include <nibble/cuda/amax.cuh>
#include <nibble/cuda/chunk.cuh>
#include <nibble/cuda/codec.cuh>
#include <nibble/cuda/luq_chunk.cuh>
#include <nibble/method/luq.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// A call of luq, resolved.
struct luq_call {
  luq_options options{};
  random_words random{};
  random_stream stream{};         ///< the same
  float* alpha = nullptr;         ///< where it is, or goes
  std::uint32_t known_alpha = 0;  ///< its bits, where `is_known`
  bool is_known = false;
  std::size_t count = 0;
};

/// A source in which negative numbers count as zero.
template <class T>
struct positive_source {
  const T* data;
  std::size_t rows, cols;
  [[nodiscard]] __device__ std::uint32_t bits(std::size_t, std::size_t c) const noexcept {
    const std::uint32_t b = element_bits(data[c]);
    return b >> 31 != 0 ? 0U : b;
  }
};

inline __device__ std::uint32_t alpha_of(const luq_call& call) noexcept {
  if (call.is_known && thread_index() == 0) *call.alpha = bit_cast<float>(call.known_alpha);
  return call.is_known ? call.known_alpha : to_bits(*call.alpha);
}

/// The random word of an element as luq_code takes it.
inline __device__ std::uint32_t luq_word(const random_words& random, std::size_t element) noexcept {
  return random.word(element) << (32 - random.bits);
}

inline __device__ std::uint32_t luq_nibble(const luq_call& call, const luq_number& alpha, std::uint32_t bits,
                                           std::size_t element) noexcept {
  const std::uint32_t word = luq_word(call.random, element);
  const auto code = static_cast<std::uint32_t>(luq_code(call.options, alpha, bits & 0x7fff'ffffU, word));
  return code == 0 ? 0U : code | (bits >> 28 & 8U);
}

template <int Threads = cuda_threads>
__global__ void __launch_bounds__(Threads)
    luq_alpha_kernel(const std::uint32_t* partial, std::uint32_t count, float* alpha, int levels, bool power_of_two) {
  std::uint32_t best = 0;
  for (std::uint32_t i = threadIdx.x; i < count; i += Threads) best = partial[i] > best ? partial[i] : best;
  best = block_maximum(best);
  if (threadIdx.x == 0) *alpha = bit_cast<float>(best == 0 ? 0U : luq_alpha(best, levels, power_of_two));
}

/// Whole chunks for a usual alpha, Chunks of them side by side, by so many rounds of Philox; the next ones are on their
/// way while some are worked on. A thread block takes `rounds` times its threads of them.
template <int Bits, unsigned Chunks, int Rounds, class T>
__device__ void luq_usual_chunks(const T* x, const luq_call& call, std::uint32_t alpha, std::size_t runs,
                                 unsigned rounds, std::uint32_t* packed) noexcept {
  const std::size_t first = std::size_t{blockIdx.x} * rounds * cuda_threads + threadIdx.x;
  if (first >= runs) return;
  const std::size_t after = (runs - first - 1) / cuda_threads;
  unsigned left = after < rounds - 1 ? static_cast<unsigned>(after) : rounds - 1;
  std::uint64_t unit = call.options.random.first_element / chunk_elements + first * Chunks;
  x += first * (Chunks * chunk_elements);
  packed += first * Chunks;
  const bool pairs = reinterpret_cast<std::uintptr_t>(packed) % 8 == 0;
  const auto levels = static_cast<std::uint32_t>(call.options.levels);  // at most 7, as luq checks
  const luq_quotient quotient(alpha);
  raw_chunk<T> raw[Chunks];
  const auto load = [&] {
#pragma unroll
    for (unsigned c = 0; c < Chunks; ++c) raw[c].load(x + c * chunk_elements);
  };
  load();
  while (true) {
    std::uint32_t bits[Chunks][chunk_elements];
    std::uint32_t signs[Chunks];
#pragma unroll
    for (unsigned c = 0; c < Chunks; ++c) {
      raw[c].widen(bits[c]);
      signs[c] = raw[c].signs();
    }
    if (left != 0) {
      x += cuda_threads * (Chunks * chunk_elements);
      load();
    }
    random_eight<Bits> random[Chunks];
    luq_draw<Rounds>(call.stream, unit, random);
    std::uint32_t codes[Chunks];
#pragma unroll
    for (unsigned c = 0; c < Chunks; ++c) {
      codes[c] = luq_magnitudes(alpha, quotient, levels, bits[c], random[c]);
      codes[c] = with_signs(codes[c], signs[c] & (codes[c] + 0x7777'7777U));  // 0 has no sign
    }
    if (Chunks == 2 && pairs) {
      __stcs(reinterpret_cast<uint2*>(packed), make_uint2(codes[0], codes[1]));
    } else {
#pragma unroll
      for (unsigned c = 0; c < Chunks; ++c) __stcs(packed + c, codes[c]);
    }
    if (left == 0) return;
    --left;
    packed += cuda_threads * Chunks;
    unit += cuda_threads * Chunks;
  }
}

/// Chunks that a thread takes together: two of elements of 16 bits, so that enough memory is on its way, and 8 random
/// bits of all are one block of Philox.
template <class T, int Bits>
inline constexpr unsigned luq_chunks = sizeof(T) == 2 && Bits != 0 ? 2 : 1;
/// Thread blocks that a multiprocessor holds at least: what leaves the random words in registers, and was fastest on an
/// H200.
template <class T, int Bits>
inline constexpr unsigned luq_residents = Bits == 32 && sizeof(T) == 2   ? 3
                                          : Bits == 16 && sizeof(T) == 2 ? 5
                                                                         : 4;

/// Whole chunks of eight, aligned, in runs. Bits is that of the random words, and 0 where luq_quotient does
/// not serve, as it does not for some alphas.
template <class T, int Bits>
__global__ void __launch_bounds__(cuda_threads, luq_residents<T, Bits>)
    luq_chunks_kernel(const T* __restrict__ x, const __grid_constant__ luq_call call, std::size_t runs, unsigned rounds,
                      std::uint32_t* packed) {
  constexpr unsigned chunks_together = luq_chunks<T, Bits>;
  const std::uint32_t alpha_bits = alpha_of(call);
  if constexpr (Bits != 0) {
    if (is_usual_alpha(alpha_bits)) {
      // Rounds of Philox that are known leave no branch among its registers.
      if (call.stream.rounds == 7) {
        luq_usual_chunks<Bits, chunks_together, 7>(x, call, alpha_bits, runs, rounds, packed);
      } else {
        luq_usual_chunks<Bits, chunks_together, 10>(x, call, alpha_bits, runs, rounds, packed);
      }
      return;
    }
  }
  const luq_number alpha = luq_split(alpha_bits == 0 ? 1U : alpha_bits);
  for (std::size_t chunk = thread_index(); chunk < runs * chunks_together; chunk += thread_count()) {
    std::uint32_t codes = 0;
    for (unsigned i = 0; alpha_bits != 0 && i < chunk_elements; ++i) {
      codes |= luq_nibble(call, alpha, element_bits(x[chunk * chunk_elements + i]), chunk * chunk_elements + i)
               << (4 * i);
    }
    __stcs(packed + chunk, codes);
  }
}

/// A thread for each byte.
template <class T>
__global__ void __launch_bounds__(cuda_threads)
    luq_kernel(const T* x, const __grid_constant__ luq_call call, std::size_t first, std::uint8_t* packed) {
  const std::uint32_t alpha_bits = alpha_of(call);
  const luq_number alpha = luq_split(alpha_bits == 0 ? 1U : alpha_bits);
  for (std::size_t byte = first + thread_index(); byte < pieces(call.count, 2); byte += thread_count()) {
    std::uint32_t word = 0;
    for (std::size_t i = 2 * byte; alpha_bits != 0 && i < smaller(2 * byte + 2, call.count); ++i) {
      word |= luq_nibble(call, alpha, element_bits(x[i]), i) << (i % 2 * 4);
    }
    packed[byte] = static_cast<std::uint8_t>(word);
  }
}

template <class T>
__global__ void __launch_bounds__(cuda_threads)
    luq_values_kernel(const T* x, const __grid_constant__ luq_call call, float* out) {
  const std::uint32_t alpha_bits = alpha_of(call);
  const luq_number alpha = luq_split(alpha_bits == 0 ? 1U : alpha_bits);
  const luq_options& o = call.options;
  for (std::size_t i = thread_index(); i < call.count; i += thread_count()) {
    const std::uint32_t bits = element_bits(x[i]);
    random_words random = call.random;
    std::uint32_t sum = 0;
    for (int s = 0; alpha_bits != 0 && s < o.samples; ++s, ++random.stream) {
      const int code = luq_code(o, alpha, bits & 0x7fff'ffffU, luq_word(random, i));
      sum += code == 0 ? 0U : std::uint32_t{1} << (code - 1);
    }
    out[i] = luq_mean(alpha_bits, sum, o.samples, bits >> 31 != 0);
  }
}

template <class T>
void check_device_luq(const cuda& device, std::span<const T> x, const float* alpha, const luq_options& o,
                      int most_levels) {
  static_assert(is_chunk_type<T>, "luq: x has elements of float, f16 or bf16");
  check_luq_options(o, most_levels);
  if (x.size() != 0 && x.data() == nullptr) throw_argument("x is null");
  if (alpha == nullptr) throw_argument("alpha is null");
  check_workspace(device, o.known_maximum ? 0U : amax_workspace_bytes);
}

/// Resolves a checked call; queues the finding of alpha where that takes the data.
template <class T>
cuda_status prepare_luq(const cuda& device, std::span<const T> x, float* alpha, const luq_options& o, luq_call& call) {
  call.options = o;
  call.random = random_words(element_rounding(o.random), o.random.bits);
  call.stream = random_stream(o.random.seed, o.random.stream, o.random.rounds);
  call.alpha = alpha;
  call.count = x.size();
  call.is_known = o.known_maximum.has_value();
  if (call.is_known) {
    call.known_alpha = luq_alpha_of({}, o);
    return cuda_status{};
  }
  const amax_workspace space{device.workspace.data()};
  std::size_t blocks = 0;
  cuda_status status;
  if (o.maximum == luq_maximum::signed_value) {
    blocks = amax_blocks(x.size());
    status = launch(device.stream, blocks, &strided_amax_kernel<positive_source<T>>,
                    positive_source<T>{x.data(), 1, x.size()}, amax_rule::finite, space.partial());
  } else {
    status =
        queue_partial_amax(device, matrix_view<T>{x.data(), 1, x.size()}, hadamard_call{}, amax_rule::finite, blocks);
  }
  if (!status.ok()) return status;
  return launch(device.stream, 1, &luq_alpha_kernel<>, space.partial(), static_cast<std::uint32_t>(blocks), alpha,
                o.levels, o.power_of_two_alpha);
}

/// Queues the kernel of whole chunks for random words of `Bits`, or 0; returns the bytes that it fills.
template <int Bits, class T>
std::size_t queue_luq_chunks(const cuda& device, std::span<const T> x, std::uint8_t* packed, const luq_call& call,
                             cuda_status& status) {
  constexpr unsigned chunks = luq_chunks<T, Bits>;
  const std::size_t runs = x.size() / (chunks * chunk_elements);
  if (runs == 0) return 0;
  const std::size_t single = pieces(runs, std::size_t{cuda_threads});
  const std::size_t rounds = pieces(single, strided_grid(runs));
  status = launch(device.stream, pieces(single, rounds), &luq_chunks_kernel<T, Bits>, x.data(), call, runs,
                  static_cast<unsigned>(rounds), reinterpret_cast<std::uint32_t*>(packed));
  return runs * (chunks * chunk_elements / 2);
}

/// Queues a thread for each byte of some, which writes alpha even where there are none.
template <class T>
cuda_status queue_luq_bytes(const cuda& device, const T* x, const luq_call& call, std::size_t first, std::size_t last,
                            std::uint8_t* packed) {
  return launch(device.stream, pieces(last - first, cuda_threads), &luq_kernel<T>, x, call, first, packed);
}

/// Queues the kernels of a call.
template <class T>
cuda_status queue_luq(const cuda& device, std::span<const T> x, std::span<std::uint8_t> packed, luq_call call) {
  const luq_options& o = call.options;
  cuda_status status;
  const bool aligned =
      is_aligned(x.data(), 16) && is_aligned(packed.data(), 4) && o.random.first_element % chunk_elements == 0;
  const bool usual = o.underflow == luq_underflow::stochastic && o.inside == luq_inside::stochastic;
  if (aligned && usual && o.random.bits != 16 && luq_chunks<T, 8> == 2 && x.size() > chunk_elements &&
      o.random.first_element % (2 * chunk_elements) != 0) {
    // The chunk before those that draw together.
    luq_call chunk = call;
    chunk.count = chunk_elements;
    status = queue_luq_bytes(device, x.data(), chunk, 0, chunk_elements / 2, packed.data());
    if (!status.ok()) return status;
    x = x.subspan(chunk_elements);
    packed = packed.subspan(chunk_elements / 2);
    call.count -= chunk_elements;
    call.options.random.first_element += chunk_elements;
    call.random.first_element += chunk_elements;
  }
  std::size_t done = 0;
  if (aligned) {
    done = !usual                ? queue_luq_chunks<0>(device, x, packed.data(), call, status)
           : o.random.bits == 8  ? queue_luq_chunks<8>(device, x, packed.data(), call, status)
           : o.random.bits == 16 ? queue_luq_chunks<16>(device, x, packed.data(), call, status)
                                 : queue_luq_chunks<32>(device, x, packed.data(), call, status);
  }
  if (!status.ok() || (done != 0 && done == packed.size())) return status;
  return queue_luq_bytes(device, x.data(), call, done, packed.size(), packed.data());
}

}  // namespace detail::inline NIBBLE_UNIT

/// Queues luq(x, packed, options) on spans of device memory, and the writing of alpha to `alpha`, a device pointer.
/// Without options.known_maximum the workspace holds amax_workspace_bytes. The elements of x are not checked: NaN and
/// Inf, which the scalar backend rejects, do not count in the maximum and saturate. f16 and bf16 count as the float32
/// that they are. Throws std::invalid_argument for options and sizes as that does, for a null alpha and for a short
/// workspace.
template <class T>
cuda_status luq(const cuda& device, std::span<const T> x, std::span<std::uint8_t> packed, float* alpha,
                const luq_options& options = {}) {
  detail::check_device_luq(device, x, alpha, options, 7);
  if (packed.size() != (x.size() + 1) / 2) {
    detail::throw_argument("packed has " + std::to_string(packed.size()) + " bytes; it must have " +
                           std::to_string((x.size() + 1) / 2));
  }
  detail::luq_call call;
  const cuda_status status = detail::prepare_luq(device, x, alpha, options, call);
  if (!status.ok()) return status;
  return detail::queue_luq(device, x, packed, call);
}

/// Queues luq_values(x, out, options) on spans of device memory, and the writing of alpha; otherwise as luq.
template <class T>
cuda_status luq_values(const cuda& device, std::span<const T> x, std::span<float> out, float* alpha,
                       const luq_options& options = {}) {
  detail::check_device_luq(device, x, alpha, options, 16);
  if (out.size() != x.size()) {
    detail::throw_argument("out has " + std::to_string(out.size()) + " elements; it must have " +
                           std::to_string(x.size()));
  }
  detail::luq_call call;
  const cuda_status status = detail::prepare_luq(device, x, alpha, options, call);
  if (!status.ok()) return status;
  return detail::launch(device.stream, detail::pieces(x.size(), detail::cuda_threads), &detail::luq_values_kernel<T>,
                        x.data(), call, out.data());
}

}  // namespace v0
}  // namespace nibble
