// SPDX-License-Identifier: Apache-2.0
//
// Any block format, recipe, rounding and orientation on the device: one kernel, to which all of them are data. It walks
// the blocks as block/quantize.hpp does, on the same functions, with a group of threads for each block. A block that is
// a large tensor takes three kernels, which have the whole device.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/block/block_scale.hpp>
#include <nibble/block/encode_chunk.hpp>
#include <nibble/block/four_over_six.hpp>
#include <nibble/block/options.hpp>
#include <nibble/block/scale_layout.hpp>
#include <nibble/cuda/amax.cuh>
#include <nibble/cuda/code_units.cuh>
#include <nibble/cuda/launch.cuh>
#include <nibble/cuda/random_chunk.cuh>
#include <nibble/cuda/source.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// A call of quantize, resolved: everything but the source.
struct quantize_call {
  block_format format{};
  recipe rules{};
  rounding_choice rounding{};
  special_codes special{};
  random_words random{};
  random_stream stream{};  ///< the same where it draws
  scale_constants constants{nvfp4};
  tensor_scaling scaling{};
  const tensor_scaling* device_scaling = nullptr;  ///< instead of `scaling` where it is found on the device
  std::uint8_t* codes = nullptr;
  void* scales = nullptr;
  float* tensor_scale = nullptr;
  std::size_t rows = 0, cols = 0, code_stride = 0, scale_stride = 0;
  quantize_counts* counts = nullptr;
  bool transposed = false;
  bool tiled_scales = false;  ///< scales go to the 128x4 tiles of scale_layout.hpp
  hadamard_call hadamard{};   ///< of the rows as they are stored, before everything else
  unsigned lanes = 8;         ///< threads for a block: a power of two up to 32, or cuda_threads
};

/// Whether a recipe measures which of two scales is better.
NIBBLE_FUNCTION bool chooses_scale(const quantize_call& call) noexcept {
  return call.rules.choice != four_over_six::off && !call.format.power_of_two_scale();
}

/// One block of the stored matrix.
struct block_rectangle {
  std::size_t row, rows, col, cols;
};

/// The work of one thread of a group on one block.
template <class Source>
class block_worker {
 public:
  /// The thread number `lane` of `lanes` that share a block.
  __device__ block_worker(const Source& x, const quantize_call& call, const tensor_scaling& scaling, std::size_t lane,
                          std::size_t lanes) noexcept
      : x_(x), call_(call), scaling_(scaling), lane_(lane), lanes_(lanes) {}

  __device__ void run(const block_rectangle& b) {
    const auto amax = binary32::from_bits(block_amax(b));
    std::uint32_t code = scale_code(amax);
    if (chooses_scale(call_)) code = better_scale(b, amax, code);
    const element_scaling e = scaling_of(code);
    store_scale(b, code);
    encode_block(b, e);
  }

  [[nodiscard]] __device__ std::uint32_t scale_code(binary32 amax) const {
    return block_scale_code(call_.format, call_.rules, call_.constants, scaling_, amax);
  }
  /// The recipe may replace the code.
  __device__ element_scaling scaling_of(std::uint32_t& code) const {
    return make_element_scaling(call_.format, call_.rules, scaling_, code);
  }

  /// This thread's share of a block's codes.
  __device__ void encode_block(const block_rectangle& b, const element_scaling& e) {
    const recipe& r = call_.rules;
    const code_units units{call_.format.packing};
    const std::size_t per_row = units.of(b.cols);
    for (std::size_t i = lane_; i < per_row * b.rows; i += lanes_) {
      const std::size_t row = b.rows == 1 ? b.row : b.row + i / per_row;
      const std::size_t unit = b.rows == 1 ? i : i % per_row;
      units.write(call_.codes + row * call_.code_stride, b.col, b.cols, unit, [&](std::size_t k) {
        const std::uint32_t bits = x_.bits(row, b.col + k);
        const std::uint8_t c = encode(row, b.col + k, bits, e);
        if (call_.counts != nullptr) count_chunk(call_.format.element, r, e, &bits, &c, 1, counts_);
        return c;
      });
    }
  }

  /// Adds what this thread has counted.
  __device__ void add_counts() const {
    if (call_.counts == nullptr) return;
    const auto add = [](std::uint64_t& to, std::uint64_t value) {
      if (value != 0) atomicAdd(reinterpret_cast<unsigned long long*>(&to), static_cast<unsigned long long>(value));
    };
    add(call_.counts->elements, counts_.elements);
    add(call_.counts->clipped, counts_.clipped);
    add(call_.counts->zeroed, counts_.zeroed);
    add(call_.counts->nonfinite, counts_.nonfinite);
  }

  /// The largest counted magnitude in this thread's share of a block.
  [[nodiscard]] __device__ std::uint32_t own_amax(const block_rectangle& b) const {
    const amax_rule rule = call_.rules.amax == amax_rule::finite ? amax_rule::propagate : call_.rules.amax;
    std::uint32_t best = 0;
    for (std::size_t i = lane_; i < b.rows * b.cols; i += lanes_) {
      const std::size_t row = b.rows == 1 ? 0 : i / b.cols;
      const std::size_t col = b.rows == 1 ? i : i % b.cols;
      const std::uint32_t m = counted_magnitude(x_.bits(b.row + row, b.col + col), rule);
      best = m > best ? m : best;
    }
    return best;
  }

 private:
  __device__ std::uint32_t block_amax(const block_rectangle& b) const {
    std::uint32_t best = own_amax(b);
    if (call_.lanes == cuda_threads) return block_maximum(best);
    const unsigned first = threadIdx.x % 32 / call_.lanes * call_.lanes;
    const unsigned group = (call_.lanes == 32 ? 0xffff'ffffU : (1U << call_.lanes) - 1U) << first;
    for (unsigned distance = call_.lanes / 2; distance > 0; distance /= 2) {
      const std::uint32_t other = __shfl_xor_sync(group, best, static_cast<int>(distance));
      best = other > best ? other : best;
    }
    return best;
  }

  /// The code of an element that is scaled as `e` says. One copy: it holds every rounding.
  __noinline__ __device__ std::uint8_t encode(std::size_t r, std::size_t c, std::uint32_t bits,
                                              const element_scaling& e) const {
    std::uint32_t word = 0;
    if (call_.rounding.mode == rounding_mode::stochastic) {
      word = call_.random.word(call_.transposed ? c * call_.rows + r : r * call_.cols + c);
    }
    const float_format& f = call_.format.element;
    std::uint8_t code = 0;
    if (e.how == element_scaling::kind::exact) {
      code = rounded(f, exact_quotient(binary32::from_bits(bits), e.divisor), std::uint64_t{word});
    } else {
      std::uint32_t scaled = 0;
      scale_elements(call_.rules, e, &bits, 1, &scaled);
      if (call_.rules.half_added_in_float) add_half_in_float(f, &scaled, 1);
      code = rounded(f, scaled, word);
    }
    if (call_.rules.searches_in_float) search_in_float(f, e, &bits, 1, &code);
    return code;
  }

  template <class Word>
  __device__ std::uint8_t rounded(const float_format& f, Word bits, Word word) const {
    return with_rounding(call_.rounding.mode, call_.rounding.variant,
                         [&]<rounding_mode Mode, stochastic_variant Variant>() {
                           return static_cast<std::uint8_t>(
                               encode_lanes<Mode, Variant>(f, call_.special, bits, word, call_.rounding.random_bits));
                         });
  }

  /// As quantizer::better_scale: every thread of the group adds all errors in the order of the rows.
  __device__ std::uint32_t better_scale(const block_rectangle& b, binary32 amax, std::uint32_t six) const {
    const std::uint32_t four =
        block_scale_code(call_.format, call_.rules, call_.constants, scaling_, amax, binary32(1.5F));
    return error_of(b, four) < error_of(b, six) ? four : six;
  }

  __device__ binary32 error_of(const block_rectangle& b, std::uint32_t code) const {
    const choice_error error(call_.format, call_.rules, scaling_);
    const element_scaling e = make_element_scaling(call_.format, call_.rules, scaling_, code);
    const binary32 d(decode(call_.format.scale, code));
    binary32 rows[16] = {};
    binary32 sum(0.0F);
    const auto add = [&](std::size_t r, binary32 row) {
      if (r < 16) rows[r] = row;
      sum = sum + row;
    };
    if (call_.lanes == cuda_threads && b.rows > 1) {
      // A thread block: a row for each thread at a time.
      __shared__ std::uint32_t errors[cuda_threads];
      for (std::size_t first = 0; first < b.rows; first += cuda_threads) {
        __syncthreads();
        if (first + lane_ < b.rows) errors[lane_] = error_of_row(b, first + lane_, error, e, d).bits();
        __syncthreads();
        for (std::size_t r = first; r < smaller(first + cuda_threads, b.rows); ++r) {
          add(r, binary32::from_bits(errors[r - first]));
        }
      }
    } else {
      for (std::size_t r = 0; r < b.rows; ++r) add(r, error_of_row(b, r, error, e, d));
    }
    return b.rows > 1 && b.rows <= 16 ? tree_sum(rows, 16) : sum;
  }

  __device__ binary32 error_of_row(const block_rectangle& b, std::size_t r, const choice_error& error,
                                   const element_scaling& e, binary32 d) const {
    binary32 row(0.0F);
    for (std::size_t c = 0; c < b.cols; c += chunk_size) {
      binary32 chunk(0.0F);
      for (std::size_t i = c; i < smaller(b.cols, c + chunk_size); ++i) {
        const std::uint32_t bits = x_.bits(b.row + r, b.col + i);
        const std::uint8_t element = encode(b.row + r, b.col + i, bits, e);
        chunk = chunk + error.of(call_.format.element, d, &bits, &element, 1);
      }
      row = row + chunk;
    }
    return row;
  }

  __device__ void store_scale(const block_rectangle& b, std::uint32_t code) const {
    const block_format& f = call_.format;
    const std::size_t col = b.col / f.block_cols(call_.cols);
    const std::size_t first = f.replicate_scales ? b.row : b.row / f.rows_per_block(call_.rows);
    const std::size_t count = f.replicate_scales ? b.rows : 1U;
    for (std::size_t i = lane_; i < count; i += lanes_) {
      const std::size_t at = call_.tiled_scales ? tiled_scale_offset(first + i, col, f.scale_cols(call_.cols))
                                                : (first + i) * call_.scale_stride + col;
      if (f.scale_bytes() == 1) static_cast<std::uint8_t*>(call_.scales)[at] = static_cast<std::uint8_t>(code);
      if (f.scale_bytes() == 2) static_cast<std::uint16_t*>(call_.scales)[at] = static_cast<std::uint16_t>(code);
      if (f.scale_bytes() == 4) static_cast<std::uint32_t*>(call_.scales)[at] = code;
    }
  }

  const Source& x_;
  const quantize_call& call_;
  const tensor_scaling& scaling_;
  std::size_t lane_, lanes_;
  quantize_counts counts_{};
};

/// All blocks of a call.
template <class Source>
__global__ void __launch_bounds__(cuda_threads)
    quantize_kernel(const __grid_constant__ Source x, const __grid_constant__ quantize_call call) {
  const block_format& f = call.format;
  const tensor_scaling scaling = call.device_scaling != nullptr ? *call.device_scaling : call.scaling;
  if (thread_index() == 0 && call.tensor_scale != nullptr) *call.tensor_scale = static_cast<float>(scaling.decode);
  if (call.rows == 0 || call.cols == 0) return;
  const std::size_t width = f.block_cols(call.cols);
  const std::size_t band = f.rows_per_block(call.rows);
  const std::size_t across = pieces(call.cols, width);
  const std::size_t blocks = across * pieces(call.rows, band);
  block_worker<Source> worker(x, call, scaling, threadIdx.x % call.lanes, call.lanes);
  for (std::size_t i = thread_index() / call.lanes; i < blocks; i += thread_count() / call.lanes) {
    const std::size_t row = i / across * band;
    const std::size_t col = i % across * width;
    worker.run({row, smaller(band, call.rows - row), col, smaller(width, call.cols - col)});
  }
  worker.add_counts();
}

// A tensor that is one block, whose scale of 32 bits holds the amax until the codes are written.

template <class Source>
__global__ void __launch_bounds__(cuda_threads)
    tensor_block_amax_kernel(const __grid_constant__ Source x, const __grid_constant__ quantize_call call,
                             std::uint32_t* amax) {
  const block_worker<Source> worker(x, call, call.scaling, thread_index(), thread_count());
  const std::uint32_t best = block_maximum(worker.own_amax({0, call.rows, 0, call.cols}));
  if (threadIdx.x == 0) atomicMax(amax, best);
}
template <class Source>
__global__ void __launch_bounds__(cuda_threads)
    tensor_block_codes_kernel(const __grid_constant__ Source x, const __grid_constant__ quantize_call call,
                              const std::uint32_t* amax) {
  block_worker<Source> worker(x, call, call.scaling, thread_index(), thread_count());
  std::uint32_t code = worker.scale_code(binary32::from_bits(*amax));
  worker.encode_block({0, call.rows, 0, call.cols}, worker.scaling_of(code));
  worker.add_counts();
}
template <class Source>
__global__ void __launch_bounds__(1)
    tensor_block_scale_kernel(const __grid_constant__ Source x, const __grid_constant__ quantize_call call,
                              std::uint32_t* amax) {
  const block_worker<Source> worker(x, call, call.scaling, 0, 1);
  std::uint32_t code = worker.scale_code(binary32::from_bits(*amax));
  worker.scaling_of(code);
  *amax = code;
  if (call.tensor_scale != nullptr) *call.tensor_scale = static_cast<float>(call.scaling.decode);
}

/// Elements from which a tensor that is one block takes those kernels; a smaller one takes one launch.
inline constexpr std::size_t large_tensor_block = std::size_t{1} << 14;

template <class Source>
cuda_status queue_tensor_block(const cuda& device, const Source& source, const quantize_call& call) {
  auto* amax = static_cast<std::uint32_t*>(call.scales);
  const cudaError_t code = cudaMemsetAsync(amax, 0, sizeof(*amax), device.stream);
  if (code != cudaSuccess) return cuda_status(code);
  const std::size_t grid = smaller(pieces(call.rows * call.cols, std::size_t{cuda_threads} * 8), 4096);
  cuda_status status = launch(device.stream, grid, &tensor_block_amax_kernel<Source>, source, call, amax);
  if (!status.ok()) return status;
  status = launch(device.stream, grid, &tensor_block_codes_kernel<Source>, source, call, amax);
  if (!status.ok()) return status;
  return launch_grid(device.stream, dim3(1), 1, &tensor_block_scale_kernel<Source>, source, call, amax);
}

/// Threads for a block of `elements`, so that small blocks fill a warp and large ones a thread block.
inline unsigned lanes_of_block(std::size_t elements) noexcept {
  if (elements <= 64) return 8;
  return elements <= 1024 ? 32 : cuda_threads;
}

/// The call without its source, from what quantize was given; `stored` is the source as it is stored.
template <block_format F, class T>
quantize_call make_quantize_call(const matrix_view<T>& stored, const block_view<F>& q, const quantize_options& o) {
  quantize_call call;
  call.format = F;
  call.rules = o.recipe;
  call.rounding = o.rounding.choice(o.recipe);
  call.special = make_special_codes(F.element, call.rounding.mode, overflow::saturate, o.recipe.policy, false);
  call.random = random_words(o.rounding, call.rounding.random_bits);
  call.stream = random_stream(call.random.seed, call.random.stream, call.random.rounds);
  call.constants = scale_constants(F);
  call.scaling = make_tensor_scaling(F, o.recipe, binary32(o.tensor_amax.value_or(0.0F)));
  call.codes = q.codes;
  call.scales = q.scales;
  call.tensor_scale = q.tensor_scale;
  call.rows = stored.rows;
  call.cols = stored.cols;
  call.code_stride = q.code_stride;
  call.scale_stride = q.scale_stride;
  call.counts = o.counts;
  call.transposed = o.orientation == orientation::column_wise;
  call.lanes = lanes_of_block(smaller(F.block_cols(stored.cols), stored.cols) *
                              smaller(F.rows_per_block(stored.rows), stored.rows));
  return call;
}

/// Queues the generic kernel.
template <class T>
cuda_status queue_generic_quantize(const cuda& device, const matrix_view<T>& stored, const quantize_call& call) {
  const std::size_t blocks =
      pieces(call.cols, call.format.block_cols(call.cols)) * pieces(call.rows, call.format.rows_per_block(call.rows));
  const auto source = kernel_source(stored, call.hadamard);
  using source_type = std::remove_const_t<decltype(source)>;
  if (blocks == 1 && call.rows * call.cols >= large_tensor_block && call.format.scale_bytes() == 4 &&
      !call.format.replicate_scales && !call.format.tensor_scale && !call.tiled_scales && !chooses_scale(call)) {
    return queue_tensor_block(device, source, call);
  }
  return launch(device.stream, pieces(blocks, cuda_threads / call.lanes), &quantize_kernel<source_type>, source, call);
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
