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
#include <nibble/simd/stream.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Values of `count` codes that lie one each in `codes`.
template <float_format F, class Arch, class Code, class T>
void decode_codes(const Code* codes, std::size_t count, T* out) noexcept {
  std::size_t i = 0;
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

/// Values of the codes first, ..., first + count - 1; `first` as in span_encoder::run.
template <float_format F, class Arch, class Code, class T>
void decode_chunks(const Code* codes, std::size_t first, std::size_t count, T* out, const packed_layout& layout) noexcept {
  if constexpr (std::is_same_v<Code, std::uint16_t>) {
    decode_codes<F, Arch>(codes + first, count, out + first);
  } else {
    if (layout.slot_bits == 8) {
      decode_codes<F, Arch>(codes + first, count, out + first);
      return;
    }
    const bool by_slots = layout.slot_bits == 16 || !is_chunked(layout);
    std::conditional_t<(F.bits() <= 8), std::uint8_t, std::uint16_t> part[chunk_size];
    for (std::size_t i = first; i < first + count; i += chunk_size) {
      const std::size_t n = smaller(chunk_size, first + count - i);
      if (F.bits() > 8 && std::endian::native == std::endian::little) {
        std::memcpy(part, codes + 2 * i, 2 * n);
      } else if (by_slots) {
        for (std::size_t k = 0; k < n; ++k) part[k] = static_cast<code_type<F>>(load_code(layout, codes, i + k));
      } else if constexpr (F.bits() <= 8) {
        load_packed<Arch>(layout, codes, i, n, part);
      }
      decode_codes<F, Arch>(part, n, out + i);
    }
  }
}

#if defined(__AVX2__)
/// Whole groups of 64 codes from the first on.
template <float_format F, class Arch, avx2::code_bytes Bytes, bool Streamed, class T>
void decode_whole_groups(const std::uint8_t* bytes, std::size_t groups, T* out) noexcept {
  const auto as_it_is = [](std::size_t, std::size_t, __m256 v) NIBBLE_INLINE_LAMBDA { return v; };
  const auto mend = [&](std::size_t g) NIBBLE_INLINE_LAMBDA {
    for (std::size_t i = 64 * g; i < 64 * g + 64; ++i) out[i] = decoded<F, T>(bytes[i]);
  };
  avx2::decode_groups<F, Bytes, Streamed>(bytes, groups, out, as_it_is, mend);
}

/// As above for a layout known at run time only; returns how many codes were decoded.
template <float_format F, class Arch, bool Streamed, class T>
std::size_t decode_by_groups(const std::uint8_t* bytes, std::size_t count, T* out, const packed_layout& layout) noexcept {
  using enum avx2::code_bytes;
  const std::size_t groups = count / 64;
  if constexpr (F.bits() <= 4) {
    if (layout == layouts::nibbles_low_first) {
      decode_whole_groups<F, Arch, low_first, Streamed>(bytes, groups, out);
      return 64 * groups;
    }
    if (layout == layouts::nibbles_high_first) {
      decode_whole_groups<F, Arch, high_first, Streamed>(bytes, groups, out);
      return 64 * groups;
    }
  }
  decode_whole_groups<F, Arch, one_each, Streamed>(bytes, groups, out);
  return 64 * groups;
}
#endif

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
  if constexpr (has_avx2<Arch> && std::is_same_v<Code, std::uint8_t> && avx2::stores_by_eight<T>() &&
                (avx2::is_table_format<F>() || avx2::is_half_format(F))) {
    if (avx2::decodes_groups<F>(layout)) {
      const std::size_t head = numbers_to_alignment(out, count, layout.slot_bits == 4);
      if (is_streamed<Arch>(whole * sizeof(T)) && head < count) {
        decode_chunks<F, Arch>(codes, 0, head, out, layout);
        done = head + decode_by_groups<F, Arch, true>(codes + packed_bytes(layout, head), count - head, out + head, layout);
        finish_stream();
      } else {
        done = decode_by_groups<F, Arch, false>(codes, count, out, layout);
      }
    }
  }
#endif
  decode_chunks<F, Arch>(codes, done, count - done, out, layout);
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
