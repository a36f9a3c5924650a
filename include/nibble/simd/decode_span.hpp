// SPDX-License-Identifier: Apache-2.0
//
// decode of a whole span on vectors: chunks of codes through the codec of format/ on batches, or whole groups through
// the AVX2 kernels.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/block/codec.hpp>
#include <nibble/simd/avx2/decode.hpp>
#include <nibble/simd/convert.hpp>
#include <nibble/simd/encode_span.hpp>
#include <nibble/simd/pack.hpp>
#include <nibble/simd/store_numbers.hpp>
#include <nibble/simd/stream.hpp>
#include <nibble/simd/x86/wide_values.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

#if defined(__AVX2__)
/// Whether kernels decode a format to a type of numbers.
template <float_format F, class Arch, class T>
consteval bool has_decode_kernel() noexcept {
  if constexpr (!has_avx2<Arch> || !avx2::stores_by_eight<T>()) {
    return false;
  } else if constexpr (F == formats::bf16 || F == formats::f16) {
    return x86::loads_as_vectors<minifloat<F>>();
  } else {
    return avx2::has_values<F>();
  }
}

/// Whole groups of 64 codes from the first on, which lie as `Bytes` says, or in 16 bits each.
template <float_format F, class Arch, avx2::code_bytes Bytes, bool Streamed, class T>
void decode_whole_groups(const std::uint8_t* bytes, std::size_t groups, T* out) noexcept {
  constexpr bool is_wide = F.bits() > 8;
  const auto mend = [&](std::size_t g) NIBBLE_INLINE_LAMBDA {
    constexpr packed_layout layout = is_wide ? layouts::words : avx2::layout_of(Bytes);
    for (std::size_t i = 64 * g; i < 64 * g + 64; ++i) out[i] = decoded<F, T>(load_code(layout, bytes, i));
  };
  if constexpr (is_wide) {
    x86::decode_wide_groups<F, std::conditional_t<Streamed, x86::avx2_vector, x86::vector_of<Arch>>, Streamed>(
        bytes, groups, out, mend);
  } else {
    const auto as_it_is = [](std::size_t, std::size_t, __m256 v) NIBBLE_INLINE_LAMBDA { return v; };
    avx2::decode_groups<F, Bytes, Streamed, avx2::has_upper_values<F>()>(bytes, groups, out, as_it_is, mend);
  }
}
#endif

/// Values of `count` codes that lie one each in `codes`.
template <float_format F, class Arch, bool Streamed, class Code, class T>
void decode_codes(const Code* codes, std::size_t count, T* out) noexcept {
  std::size_t i = 0;
#if defined(__AVX2__)
  if constexpr (has_decode_kernel<F, Arch, T>() && (sizeof(Code) == 2) == (F.bits() > 8)) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(codes);
    decode_whole_groups<F, Arch, avx2::code_bytes::one_each, Streamed>(bytes, count / 64, out);
    i = count / 64 * 64;
  }
#endif
  if constexpr (F.fits_binary32()) {
    using words = word_batch<Arch>;
    for (; i + words::size <= count; i += words::size) {
      if constexpr ((F == formats::bf16 || F == formats::f16) && std::is_same_v<Code, std::uint16_t>) {
        const words bits = source_lanes<Arch>(reinterpret_cast<const minifloat<F>*>(codes + i));
        const auto is_nan = (bits & words(0x7fff'ffffU)) > words(0x7f80'0000U);
        const words nan = (bits & words(0x8000'0000U)) | words(0x7fc0'0000U);
        store_numbers<Arch>(out + i, xsimd::select(is_nan, nan, bits));
      } else {
        store_numbers<Arch>(out + i, decode_lanes(F, load_widened<Arch>(codes + i)));
      }
    }
  }
  for (; i < count; ++i) out[i] = decoded<F, T>(codes[i]);
}

/// Values of the codes first, ..., first + count - 1; `first` as in span_encoder::run, or even where codes of 4 bits
/// are not in split halves.
template <float_format F, class Arch, bool Streamed, class Code, class T>
void decode_run(const Code* codes, std::size_t first, std::size_t count, T* out, const packed_layout& layout) noexcept {
  if constexpr (std::is_same_v<Code, std::uint16_t>) {
    decode_codes<F, Arch, Streamed>(codes + first, count, out + first);
  } else {
    if (layout.slot_bits == 8) {
      decode_codes<F, Arch, Streamed>(codes + first, count, out + first);
      return;
    }
    const std::size_t end = first + count;
#if defined(__AVX2__)
    if constexpr (F.bits() > 8 && has_decode_kernel<F, Arch, T>()) {
      using enum avx2::code_bytes;
      decode_whole_groups<F, Arch, one_each, Streamed>(codes + 2 * first, count / 64, out + first);
      first += count / 64 * 64;
    } else if constexpr (F.bits() <= 4 && has_decode_kernel<F, Arch, T>()) {
      if (avx2::reads_layout<F>(layout)) {
        using enum avx2::code_bytes;
        const std::uint8_t* bytes = codes + packed_bytes(layout, first);
        if (layout == layouts::nibbles_low_first) {
          decode_whole_groups<F, Arch, low_first, Streamed>(bytes, count / 64, out + first);
        } else {
          decode_whole_groups<F, Arch, high_first, Streamed>(bytes, count / 64, out + first);
        }
        first += count / 64 * 64;
      }
    }
#endif
    std::conditional_t<(F.bits() <= 8), std::uint8_t, std::uint16_t> part[chunk_size];
    for (std::size_t i = first; i < end; i += chunk_size) {
      const std::size_t n = smaller(chunk_size, end - i);
      if (F.bits() > 8 && std::endian::native == std::endian::little) {
        std::memcpy(part, codes + 2 * i, 2 * n);
      } else if (F.bits() > 8 || !is_chunked(layout)) {
        for (std::size_t k = 0; k < n; ++k) part[k] = static_cast<code_type<F>>(load_code(layout, codes, i + k));
      } else if constexpr (F.bits() <= 8) {
        load_packed<Arch>(layout, codes, i, n, part);
      }
      decode_codes<F, Arch, Streamed>(part, n, out + i);
    }
  }
}

/// How many numbers to take one by one before their addresses are multiples of 16 bytes, in steps of two where codes
/// share bytes; a number as large as `count` if that never happens.
template <class T>
NIBBLE_ALWAYS_INLINE std::size_t numbers_to_alignment(const T* out, std::size_t count, bool in_pairs) noexcept {
  const auto past = static_cast<std::size_t>(std::bit_cast<std::uintptr_t>(out) % 16U);
  const std::size_t numbers = (16U - past) % 16U / sizeof(T);
  const bool never = past % sizeof(T) != 0 || (in_pairs && numbers % 2 != 0);
  return never || numbers > count ? count : numbers;
}

/// All codes of a slice of a call for `whole` codes.
template <float_format F, class Arch, class Code, class T>
void decode_span(const Code* codes, std::size_t count, T* out, const packed_layout& layout,
                 [[maybe_unused]] std::size_t whole) noexcept {
  std::size_t done = 0;
#if defined(__AVX2__)
  if constexpr (has_decode_kernel<F, Arch, T>()) {
    if (is_streamed<Arch>(whole * sizeof(T))) {
      const std::size_t head = numbers_to_alignment(out, count, layout.slot_bits == 4);
      const bool in_pairs =
          layout.slot_bits != 6 && (layout.slot_bits != 4 || layout.order != nibble_order::split_halves);
      if (head == 0 || (in_pairs && head < count)) {
        decode_run<F, Arch, false>(codes, 0, head, out, layout);
        decode_run<F, Arch, true>(codes, head, count - head, out, layout);
        finish_stream();
        done = count;
      }
    }
  }
#endif
  decode_run<F, Arch, false>(codes, done, count - done, out, layout);
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
