// SPDX-License-Identifier: Apache-2.0
//
// encode and decode of whole spans with simd{}: the arguments, results and errors of the scalar backend, at the speed of
// vectors.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <nibble/block/codec.hpp>
#include <nibble/simd/avx2/encode.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/decode_span.hpp>
#include <nibble/simd/encode_span.hpp>
#include <nibble/simd/stream.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

#if defined(__AVX2__)
/// Encodes from the first number on as much as the AVX2 kernels take; returns how many numbers that is.
template <float_format F, class Arch, class T>
std::size_t encode_by_addition(span_encoder<F, Arch>& generic, const T* x, std::size_t count, std::uint8_t* bytes,
                               const packed_layout& layout) noexcept {
  const avx2::addition_domain domain = avx2::domain_of<F>(generic.special(), generic.rounding().mode);
  if (!domain.applies || !avx2::takes_span<F, T>(layout)) return 0;
  const auto past = static_cast<std::size_t>(std::bit_cast<std::uintptr_t>(bytes) % 32U);
  const std::size_t head = (32U - past) % 32U * (layout.slot_bits == 4 ? 2U : 1U);
  if (is_streamed<Arch>(packed_bytes(layout, count)) && head < count) {
    generic.run(x, 0, head, bytes);
    const std::size_t done = avx2::encode_whole_groups<F, Arch, true>(
        x + head, count - head, bytes + packed_bytes(layout, head), layout, generic.special(), domain.last);
    finish_stream();
    return head + done;
  }
  return avx2::encode_whole_groups<F, Arch, false>(x, count, bytes, layout, generic.special(), domain.last);
}
#endif

/// Codes of `count` numbers. Everything has been checked.
template <float_format F, class Arch, class T, class Code>
void encode_span(basic_simd<Arch> /*backend*/, const T* x, std::size_t count, Code* codes, const packed_layout& layout,
                 const encode_options& options) noexcept {
  span_encoder<F, Arch> generic(layout, options, sizeof(source_bits(*x)) == 8);
  std::size_t done = 0;
#if defined(__AVX2__)
  if constexpr (has_avx2<Arch> && std::is_same_v<Code, std::uint8_t> && avx2::encodes_by_addition(F) &&
                avx2::loads_by_eight<T>()) {
    done = encode_by_addition<F, Arch>(generic, x, count, codes, layout);
  }
#endif
  generic.run(x, done, count - done, codes);
}

}  // namespace detail

/// As encode<F>(scalar{}, x, codes, options), bit for bit.
template <float_format F, class Arch, detail::contiguous_range Source, detail::contiguous_range Codes>
void encode(basic_simd<Arch> backend, const Source& x, Codes&& codes, const encode_options& options = {}) {
  using number = std::remove_cv_t<detail::element_of<const Source>>;
  using code = detail::element_of<Codes>;
  detail::check_encode_types<F, number, code>();
  const packed_layout layout = detail::checked_encode<F, code>(std::size(x), std::size(codes), options);
  detail::encode_span<F>(backend, std::data(x), std::size(x), std::data(codes), layout, options);
}
/// encode with the format named by its type: encode<e4m3>(simd{}, x, codes).
template <minifloat_type T, class Arch, detail::contiguous_range Source, detail::contiguous_range Codes>
void encode(basic_simd<Arch> backend, const Source& x, Codes&& codes, const encode_options& options = {}) {
  encode<T::format>(backend, x, std::forward<Codes>(codes), options);
}

/// As decode<F>(scalar{}, codes, out, layout), bit for bit.
template <float_format F, class Arch, detail::contiguous_range Codes, detail::contiguous_range Target>
void decode(basic_simd<Arch> /*backend*/, const Codes& codes, Target&& out, std::optional<packed_layout> layout = {}) {
  using code = std::remove_cv_t<detail::element_of<const Codes>>;
  using number = detail::element_of<Target>;
  detail::check_decode_types<F, number, code>();
  const packed_layout checked = detail::checked_decode<F, code>(std::size(codes), std::size(out), layout);
  detail::decode_span<F, Arch>(std::data(codes), std::size(out), std::data(out), checked);
}
/// decode with the format named by its type.
template <minifloat_type T, class Arch, detail::contiguous_range Codes, detail::contiguous_range Target>
void decode(basic_simd<Arch> backend, const Codes& codes, Target&& out, std::optional<packed_layout> layout = {}) {
  decode<T::format>(backend, codes, std::forward<Target>(out), layout);
}

}  // namespace v0
}  // namespace nibble
