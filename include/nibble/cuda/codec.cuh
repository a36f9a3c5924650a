// SPDX-License-Identifier: Apache-2.0
//
// encode and decode of whole spans in device memory: numbers to packed codes and back, as the scalar backend gives
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/block/codec.hpp>
#include <nibble/cuda/code_units.cuh>
#include <nibble/cuda/decode_chunk.cuh>
#include <nibble/cuda/launch.cuh>
#include <nibble/cuda/source.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// A call of encode, resolved. The format is known at run time, so that one kernel serves all.
struct encode_call {
  float_format format{};
  special_codes special{};
  rounding_choice rounding{};
  random_words random{};
  packed_layout layout{};
  std::uint8_t* codes = nullptr;
  std::size_t count = 0;
};

template <class T>
__global__ void __launch_bounds__(cuda_threads) encode_kernel(const T* x, const __grid_constant__ encode_call call) {
  const code_units units{call.layout};
  const std::size_t count = units.of(call.count);
  for (std::size_t u = thread_index(); u < count; u += thread_count()) {
    units.write(call.codes, 0, call.count, u, [&](std::size_t i) {
      const auto bits = source_bits(x[i]);
      using word = std::remove_const_t<decltype(bits)>;
      const std::uint32_t random = call.rounding.mode == rounding_mode::stochastic ? call.random.word(i) : 0U;
      return with_rounding(
          call.rounding.mode, call.rounding.variant, [&]<rounding_mode Mode, stochastic_variant Variant>() {
            return static_cast<std::uint32_t>(encode_lanes<Mode, Variant>(
                call.format, call.special, bits, static_cast<word>(random), call.rounding.random_bits));
          });
    });
  }
}

/// The direction of a rounding that draws nothing.
template <class Rounding>
inline constexpr rounding_mode direction_of = rounding_mode::nearest_even;
template <rounding_mode Mode>
inline constexpr rounding_mode direction_of<round_number<Mode>> = Mode;

/// Chunks of eight under the default policy.
template <float_format F, class Rounding, class T>
__global__ void __launch_bounds__(cuda_threads)
    encode_chunks_kernel(float_format, const T* __restrict__ x, std::size_t chunks, std::uint8_t* codes) {
  constexpr bool nibbles = F.bits() <= 4;
  constexpr special_codes special =
      make_special_codes(F, direction_of<Rounding>, overflow::saturate, policy::cuda, false);
  const random_eight<0> random({}, 0);
  for (std::size_t chunk = thread_index(); chunk < chunks; chunk += thread_count()) {
    raw_chunk<T> raw;
    raw.load(x + chunk * chunk_elements);
    std::uint32_t bits[chunk_elements];
    raw.widen(bits);
    store_packed_chunk<nibbles>(codes, chunk, pack_chunk<Rounding, F, nibbles>(bits, special, random));
  }
}

template <class T>
__global__ void __launch_bounds__(cuda_threads)
    decode_kernel(float_format f, packed_layout layout, const std::uint8_t* codes, std::size_t count, T* out) {
  for (std::size_t i = thread_index(); i < count; i += thread_count()) {
    const std::uint32_t code = load_code(layout, codes, i);
    if constexpr (std::is_same_v<T, float>) {
      out[i] = decode(f, code);
    } else if constexpr (std::is_same_v<T, double>) {
      out[i] = decode_double(f, code);
    } else if (constexpr float_format target = T::format; f.fits_binary32()) {
      out[i] =
          T::from_bits(encode_bits(target, decode_lanes<std::uint32_t>(f, code), {}, overflow::special, policy::cuda));
    } else {
      out[i] =
          T::from_bits(encode_bits(target, decode_lanes<std::uint64_t>(f, code), {}, overflow::special, policy::cuda));
    }
  }
}

template <float_format F, class T>
__global__ void __launch_bounds__(cuda_threads)
    decode_chunks_kernel(float_format, const std::uint8_t* codes, std::size_t chunks, T* out) {
  constexpr bool nibbles = F.bits() <= 4;
  for (std::size_t chunk = thread_index(); chunk < chunks; chunk += thread_count()) {
    std::uint32_t bits[chunk_elements];
    unpack_chunk<F, nibbles, true>(load_packed_chunk<nibbles>(codes, chunk), bits);
    store_chunk(out + chunk * chunk_elements, bits);
  }
}

/// Formats and types whose spans go by chunks: small floats of at most 4 or exactly 8 bits.
template <float_format F, class T, class Code>
inline constexpr bool has_chunk_codec = is_chunk_type<T>&& std::is_same_v<Code, std::uint8_t> &&
                                        (F.bits() == 4 || F.bits() == 8) && F.fits_binary32();

inline bool is_aligned(const void* p, std::size_t bytes) noexcept {
  return reinterpret_cast<std::uintptr_t>(p) % bytes == 0;
}

/// Queues the kernel of whole chunks: to nearest even, and for UE8M0 as scales are rounded. False for other roundings.
template <float_format F, class T>
bool queue_encode_chunks(const cuda& device, const T* x, std::size_t chunks, rounding_mode mode, std::uint8_t* codes,
                         cuda_status& status) {
  const auto queue = [&](auto kernel) {
    status = launch(device.stream, pieces(chunks, cuda_threads), kernel, F, x, chunks, codes);
    return true;
  };
  if constexpr (F == formats::e8m0) {
    if (mode == rounding_mode::upward) return queue(&encode_chunks_kernel<F, round_number<rounding_mode::upward>, T>);
    if (mode == rounding_mode::toward_zero) {
      return queue(&encode_chunks_kernel<F, round_number<rounding_mode::toward_zero>, T>);
    }
  }
  if (mode != rounding_mode::nearest_even) return false;
  return queue(&encode_chunks_kernel<F, round_number_to_nearest, T>);
}

template <float_format F, class T>
cuda_status queue_encode(const cuda& device, const T* x, const encode_call& call) {
  return launch(device.stream, pieces(code_units{call.layout}.of(call.count), cuda_threads), &encode_kernel<T>, x,
                call);
}

}  // namespace detail::inline NIBBLE_UNIT

/// Queues encode<F>(scalar{}, x, codes, options), bit for bit; x, codes and the words of stochastic_words are spans of
/// device memory. Throws std::invalid_argument as the scalar backend does.
template <float_format F, detail::contiguous_range Source, detail::contiguous_range Codes>
cuda_status encode(const cuda& device, const Source& x, Codes&& codes, const encode_options& options = {}) {
  using number = std::remove_cv_t<detail::element_of<const Source>>;
  using code = detail::element_of<Codes>;
  detail::check_encode_types<F, number, code>();
  const packed_layout layout = detail::checked_encode<F, code>(std::size(x), std::size(codes), options);
  if (std::size(x) == 0) return cuda_status{};
  const number* source = std::data(x);
  detail::encode_call call;
  call.format = F;
  call.rounding = options.rounding.choice(recipe{});
  call.special = make_special_codes(F, call.rounding.mode, options.overflow, options.policy,
                                    sizeof(decltype(detail::source_bits(source[0]))) == 8);
  call.random = detail::random_words(options.rounding, call.rounding.random_bits);
  call.layout = layout;
  call.codes = reinterpret_cast<std::uint8_t*>(std::data(codes));
  call.count = std::size(x);
  if constexpr (detail::has_chunk_codec<F, number, code>) {
    constexpr std::size_t code_bytes = F.bits() == 4 ? 4 : 8;
    const bool plain = options.overflow == overflow::saturate && options.policy == policy::cuda &&
                       layout == default_layout(F) && detail::is_aligned(source, 16) &&
                       detail::is_aligned(call.codes, code_bytes);
    const std::size_t chunks = call.count / detail::chunk_elements;
    const std::size_t done = chunks * detail::chunk_elements;
    cuda_status status;
    if (plain && chunks != 0 &&
        detail::queue_encode_chunks<F>(device, source, chunks, call.rounding.mode, call.codes, status)) {
      if (!status.ok() || done == call.count) return status;
      call.codes += chunks * code_bytes;
      call.count -= done;
      return detail::queue_encode<F>(device, source + done, call);
    }
  }
  return detail::queue_encode<F>(device, source, call);
}
template <minifloat_type T, detail::contiguous_range Source, detail::contiguous_range Codes>
cuda_status encode(const cuda& device, const Source& x, Codes&& codes, const encode_options& options = {}) {
  return encode<T::format>(device, x, std::forward<Codes>(codes), options);
}

/// Queues decode<F>(scalar{}, codes, out, layout), bit for bit; codes and out are spans of device memory.
template <float_format F, detail::contiguous_range Codes, detail::contiguous_range Target>
cuda_status decode(const cuda& device, const Codes& codes, Target&& out, std::optional<packed_layout> layout = {}) {
  using code = std::remove_cv_t<detail::element_of<const Codes>>;
  using number = detail::element_of<Target>;
  detail::check_decode_types<F, number, code>();
  const packed_layout checked = detail::checked_decode<F, code>(std::size(codes), std::size(out), layout);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(std::data(codes));
  number* target = std::data(out);
  std::size_t count = std::size(out);
  if (count == 0) return cuda_status{};
  if constexpr (detail::has_chunk_codec<F, number, code>) {
    constexpr std::size_t code_bytes = F.bits() == 4 ? 4 : 8;
    const std::size_t chunks = count / detail::chunk_elements;
    if (chunks != 0 && checked == default_layout(F) && detail::is_aligned(target, 16) &&
        detail::is_aligned(bytes, code_bytes)) {
      const cuda_status status = detail::launch(device.stream, detail::pieces(chunks, detail::cuda_threads),
                                                &detail::decode_chunks_kernel<F, number>, F, bytes, chunks, target);
      count -= chunks * detail::chunk_elements;
      if (!status.ok() || count == 0) return status;
      bytes += chunks * code_bytes;
      target += chunks * detail::chunk_elements;
    }
  }
  return detail::launch(device.stream, detail::pieces(count, detail::cuda_threads), &detail::decode_kernel<number>, F,
                        checked, bytes, count, target);
}
template <minifloat_type T, detail::contiguous_range Codes, detail::contiguous_range Target>
cuda_status decode(const cuda& device, const Codes& codes, Target&& out, std::optional<packed_layout> layout = {}) {
  return decode<T::format>(device, codes, std::forward<Target>(out), layout);
}

}  // namespace v0
}  // namespace nibble
