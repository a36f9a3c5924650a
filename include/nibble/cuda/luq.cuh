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
  std::uint32_t limit = 0;        ///< of the codes, for pack_fixed
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

inline __device__ std::uint32_t luq_nibble(const luq_options& o, const luq_number& alpha, std::uint32_t bits,
                                           std::uint32_t word) noexcept {
  const auto code = static_cast<std::uint32_t>(luq_code(o, alpha, bits & 0x7fff'ffffU, word));
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

/// The alphas that luq_sum takes: below float32's normal numbers nothing has a chance to round up, and no sum is beyond
/// them.
NIBBLE_FUNCTION bool is_usual_alpha(std::uint32_t alpha) noexcept { return alpha >= 57U << 23 && alpha < 220U << 23; }

/// luq_code for the default underflow and inside and a usual alpha, on exponent fields: the same integers, no
/// subnormals.
inline __device__ std::uint32_t luq_magnitude(std::uint32_t alpha, int levels, std::uint32_t magnitude,
                                              std::uint32_t word) noexcept {
  const std::uint32_t unit = 0x0080'0000U;
  const std::uint32_t significand = (alpha & (unit - 1)) | unit;
  const std::uint32_t own = (magnitude & (unit - 1)) | unit;
  const int k = static_cast<int>(magnitude - alpha) >> 23;
  const std::uint32_t down = (alpha >> 23) - (magnitude >> 23);  // where that is not negative
  const std::uint32_t excess = own - significand + (own < significand ? own : 0U);
  const std::uint64_t rest = k < 0 ? shifted_right(std::uint64_t{own} << 32, down) : std::uint64_t{excess} << 32;
  const std::uint64_t sum = std::uint64_t{word} * significand + rest;
  const int code = (k < 0 ? 0 : k + 1) + (static_cast<std::uint32_t>(sum >> 32) >= significand ? 1 : 0);
  return static_cast<std::uint32_t>(code < levels ? code : levels);
}

/// The same on the bits of floats, but for rare sums.
class luq_sums {
 public:
  /// `alpha` as bits.
  __device__ explicit luq_sums(std::uint32_t alpha) noexcept
      : alpha_(alpha),
        significand_((alpha & 0x007f'ffffU) | 0x0080'0000U),
        step_((alpha & 0x7f80'0000U) - (23U << 23)) {}

  /// 2^23 (code - 1) or more, a negative number for code 0; not limited. The magnitude and a random part of the step of
  /// its binade are added toward zero, so that the sum reaches the next power exactly where the fraction and the word
  /// say so. The part is word * alpha / 2^32, cut off to alpha's last bit: only below alpha can what is cut off decide,
  /// and then is_open.
  [[nodiscard]] __device__ std::uint32_t sum(std::uint32_t magnitude, std::uint32_t word) const noexcept {
    const std::uint32_t part = to_bits(__uint2float_rn(__umulhi(word, significand_)));  // exact
    const auto above =
        static_cast<std::uint32_t>(__viaddmax_s32(static_cast<int>(magnitude), -static_cast<int>(alpha_), 0));
    const std::uint32_t step = (above & 0x7f80'0000U) + step_;
    return multiply_add_bits_down(part, step, magnitude) - alpha_;
  }
  /// Whether the largest of some sums, as unsigned numbers, is less than a last bit of alpha below 0: its last bits may
  /// be half of alpha's.
  [[nodiscard]] static __device__ bool is_open(std::uint32_t largest) noexcept { return largest >= 0xffff'fffeU; }

 private:
  std::uint32_t alpha_, significand_, step_;
};

/// The eight codes of a chunk, without signs.
inline __device__ std::uint32_t luq_magnitudes(std::uint32_t alpha, const luq_call& call,
                                               const std::uint32_t (&bits)[chunk_elements],
                                               const random_eight<32>& random) noexcept {
  const luq_sums sums(alpha);
  std::uint32_t fixed[chunk_elements];
  std::uint32_t largest = 0;
#pragma unroll
  for (unsigned i = 0; i < chunk_elements; ++i) {
    fixed[i] = sums.sum(bits[i] & 0x7fff'ffffU, random.of(i));
    if (i % 2 != 0) largest = __vimax3_u32(largest, fixed[i - 1], fixed[i]);
  }
  if (!luq_sums::is_open(largest)) return pack_fixed<23, 1>(fixed, call.limit) & 0x7777'7777U;
  std::uint32_t codes = 0;
#pragma unroll
  for (int i = 7; i >= 0; --i) {
    const std::uint32_t word = random.of(static_cast<unsigned>(i));
    codes = codes * 16 + luq_magnitude(alpha, call.options.levels, bits[i] & 0x7fff'ffffU, word);
  }
  return codes;
}

/// Whole chunks of eight for a usual alpha, by so many rounds of Philox; the next one is on its way while one is worked
/// on. A thread block takes `rounds` times its threads of them, side by side.
template <int Rounds, class T>
__device__ void luq_usual_chunks(const T* x, const luq_call& call, std::uint32_t alpha, std::size_t chunks,
                                 unsigned rounds, std::uint32_t* packed) noexcept {
  const std::size_t first = std::size_t{blockIdx.x} * rounds * cuda_threads + threadIdx.x;
  if (first >= chunks) return;
  const std::size_t after = (chunks - first - 1) / cuda_threads;
  unsigned left = after < rounds - 1 ? static_cast<unsigned>(after) : rounds - 1;
  std::uint64_t unit = call.options.random.first_element / chunk_elements + first;
  x += first * chunk_elements;
  packed += first;
  raw_chunk<T> raw;
  raw.load(x);
  while (true) {
    std::uint32_t bits[chunk_elements];
    raw.widen(bits);
    const std::uint32_t signs = raw.signs();
    if (left != 0) {
      x += cuda_threads * chunk_elements;
      raw.load(x);
    }
    philox_block blocks[2];
    call.stream.draw_rounds<Rounds>(unit * 2, blocks);
    random_eight<32> random;
#pragma unroll
    for (unsigned i = 0; i < chunk_elements; ++i) random.words[i] = blocks[i / 4].words[i % 4];
    const std::uint32_t codes = luq_magnitudes(alpha, call, bits, random);
    // 0 has no sign.
    __stcs(packed, with_signs(codes, signs & (codes + 0x7777'7777U)));
    if (left == 0) return;
    --left;
    packed += cuda_threads;
    unit += cuda_threads;
  }
}

/// Whole chunks of eight, aligned. Usual says that luq_sums serves, unless alpha turns out too small for it.
template <class T, bool Usual>
__global__ void __launch_bounds__(cuda_threads, sizeof(T) > 2 ? 4 : 5)
    luq_chunks_kernel(const T* __restrict__ x, const __grid_constant__ luq_call call, std::size_t chunks,
                      unsigned rounds, std::uint32_t* packed) {
  const std::uint32_t alpha_bits = alpha_of(call);
  if (Usual && is_usual_alpha(alpha_bits)) {
    // Rounds of Philox that are known leave no branch among its registers.
    if (call.stream.rounds == 7) {
      luq_usual_chunks<7>(x, call, alpha_bits, chunks, rounds, packed);
    } else {
      luq_usual_chunks<10>(x, call, alpha_bits, chunks, rounds, packed);
    }
    return;
  }
  const luq_number alpha = luq_split(alpha_bits == 0 ? 1U : alpha_bits);
  for (std::size_t chunk = thread_index(); chunk < chunks; chunk += thread_count()) {
    std::uint32_t codes = 0;
    for (unsigned i = 0; alpha_bits != 0 && i < chunk_elements; ++i) {
      codes |= luq_nibble(call.options, alpha, element_bits(x[chunk * chunk_elements + i]),
                          call.random.word(chunk * chunk_elements + i))
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
      word |= luq_nibble(call.options, alpha, element_bits(x[i]), call.random.word(i)) << (i % 2 * 4);
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
      const int code = luq_code(o, alpha, bits & 0x7fff'ffffU, random.word(i));
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
  call.random = random_words(element_rounding(o.random), 32);
  call.stream = random_stream(o.random.seed, o.random.stream, o.random.rounds);
  call.alpha = alpha;
  call.limit = fixed_limit<23>(static_cast<std::uint32_t>(o.levels < 7 ? o.levels : 7));
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
  cuda_status status = detail::prepare_luq(device, x, alpha, options, call);
  if (!status.ok()) return status;
  std::size_t done = 0;
  if (detail::is_aligned(x.data(), 16) && detail::is_aligned(packed.data(), 4) &&
      options.random.first_element % 8 == 0) {
    const std::size_t chunks = x.size() / detail::chunk_elements;
    const bool usual = options.underflow == luq_underflow::stochastic && options.inside == luq_inside::stochastic;
    done = chunks * 4;
    if (chunks != 0) {
      const std::size_t single = detail::pieces(chunks, std::size_t{detail::cuda_threads});
      const std::size_t rounds = detail::pieces(single, detail::strided_grid(chunks));
      status =
          detail::launch(device.stream, detail::pieces(single, rounds),
                         usual ? &detail::luq_chunks_kernel<T, true> : &detail::luq_chunks_kernel<T, false>, x.data(),
                         call, chunks, static_cast<unsigned>(rounds), reinterpret_cast<std::uint32_t*>(packed.data()));
      if (!status.ok() || done == packed.size()) return status;
    }
  }
  return detail::launch(device.stream, detail::pieces(packed.size() - done, detail::cuda_threads),
                        &detail::luq_kernel<T>, x.data(), call, done, packed.data());
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
