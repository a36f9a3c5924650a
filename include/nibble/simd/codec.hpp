// SPDX-License-Identifier: Apache-2.0
//
// encode and decode of whole spans with simd{}: the arguments, results and errors of the scalar backend, at the speed of
// vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <nibble/block/codec.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/decode_span.hpp>
#include <nibble/simd/encode_kernels.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Codes of `count` numbers. Everything has been checked.
template <float_format F, class Arch, class T, class Code>
void encode_span(basic_simd<Arch> /*backend*/, const T* x, std::size_t count, Code* codes, const packed_layout& layout,
                 const encode_options& options) noexcept {
  encode_slice<F, Arch>(x, count, codes, layout, options, 0, count);
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
/// As above with the work spread over an executor: the same codes for any number of threads.
template <float_format F, class Arch, detail::contiguous_range Source, detail::contiguous_range Codes, executor Executor>
void encode(basic_simd<Arch> /*backend*/, const Source& x, Codes&& codes, const encode_options& options, Executor&& run) {
  using number = std::remove_cv_t<detail::element_of<const Source>>;
  using code = detail::element_of<Codes>;
  detail::check_encode_types<F, number, code>();
  const packed_layout layout = detail::checked_encode<F, code>(std::size(x), std::size(codes), options);
  detail::in_slices(layout, std::size(x), run, [&](std::size_t first, std::size_t count) {
    code* to = detail::codes_from(std::data(codes), layout, first);
    detail::encode_slice<F, Arch>(std::data(x) + first, count, to, layout, options, first, std::size(x));
  });
}
/// encode with the format named by its type: encode<e4m3>(simd{}, x, codes).
template <minifloat_type T, class Arch, detail::contiguous_range Source, detail::contiguous_range Codes, class... Executor>
  requires(sizeof...(Executor) <= 1)
void encode(basic_simd<Arch> backend, const Source& x, Codes&& codes, const encode_options& options = {},
            Executor&&... run) {
  encode<T::format>(backend, x, std::forward<Codes>(codes), options, run...);
}

/// As decode<F>(scalar{}, codes, out, layout), bit for bit.
template <float_format F, class Arch, detail::contiguous_range Codes, detail::contiguous_range Target>
void decode(basic_simd<Arch> /*backend*/, const Codes& codes, Target&& out, std::optional<packed_layout> layout = {}) {
  using code = std::remove_cv_t<detail::element_of<const Codes>>;
  using number = detail::element_of<Target>;
  detail::check_decode_types<F, number, code>();
  const packed_layout checked = detail::checked_decode<F, code>(std::size(codes), std::size(out), layout);
  detail::decode_span<F, Arch>(std::data(codes), std::size(out), std::data(out), checked, std::size(out));
}
/// As above with the work spread over an executor.
template <float_format F, class Arch, detail::contiguous_range Codes, detail::contiguous_range Target, executor Executor>
void decode(basic_simd<Arch> /*backend*/, const Codes& codes, Target&& out, std::optional<packed_layout> layout,
            Executor&& run) {
  using code = std::remove_cv_t<detail::element_of<const Codes>>;
  detail::check_decode_types<F, detail::element_of<Target>, code>();
  const packed_layout checked = detail::checked_decode<F, code>(std::size(codes), std::size(out), layout);
  detail::in_slices(checked, std::size(out), run, [&](std::size_t first, std::size_t count) {
    const code* from = detail::codes_from(std::data(codes), checked, first);
    detail::decode_span<F, Arch>(from, count, std::data(out) + first, checked, std::size(out));
  });
}
/// decode with the format named by its type.
template <minifloat_type T, class Arch, detail::contiguous_range Codes, detail::contiguous_range Target, class... Executor>
  requires(sizeof...(Executor) <= 1)
void decode(basic_simd<Arch> backend, const Codes& codes, Target&& out, std::optional<packed_layout> layout = {},
            Executor&&... run) {
  decode<T::format>(backend, codes, std::forward<Target>(out), layout, run...);
}

}  // namespace v0
}  // namespace nibble
