// SPDX-License-Identifier: Apache-2.0
//
// encode and decode of whole spans: numbers to packed codes and back, without scales. This is the scalar backend, the
// specification of the others.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <nibble/base/backend.hpp>
#include <nibble/base/executor.hpp>
#include <nibble/block/code_row.hpp>
#include <nibble/block/encode_chunk.hpp>
#include <nibble/block/options.hpp>
#include <nibble/number/minifloat.hpp>
#include <nibble/packed/layout.hpp>

namespace nibble {
inline namespace v0 {

/// Options of the codecs of whole spans; every field has a default.
struct encode_options {
  element_rounding rounding{};  ///< nearest even; random bits go by the index in the span, plus `first_element`
  nibble::overflow overflow = nibble::overflow::saturate;
  special_policy policy = nibble::policy::cuda;
  std::optional<packed_layout> layout{};  ///< how codes lie in bytes; default_layout(F) unless told otherwise
};

namespace detail::inline NIBBLE_UNIT {

/// std::span's argument, an array or a vector: something with elements side by side.
template <class Range>
concept contiguous_range = requires(Range& r) {
  { std::size(r) } -> std::convertible_to<std::size_t>;
  { *std::data(r) };
};
template <contiguous_range Range>
using element_of = std::remove_reference_t<decltype(*std::data(std::declval<Range&>()))>;

/// Numbers that spans of codes are made from and decoded to.
template <class T>
concept codec_number = encode_source<T> || minifloat_type<T> || extended_float<T>;

/// What holds codes of `F`: bytes in a packed layout, or one std::uint16_t a code.
template <class Code, float_format F>
concept holds_codes = std::same_as<Code, std::uint8_t> || (std::same_as<Code, std::uint16_t> && F.bits() > 8);

/// The layout of a call; throws where it cannot hold codes of `F`.
template <float_format F, class Code>
packed_layout checked_layout(const std::optional<packed_layout>& layout, const char* name) {
  if constexpr (std::same_as<Code, std::uint16_t>) {
    if (layout.value_or(layouts::words) == layouts::words) return layouts::words;
    throw_argument(std::string(name) + " is for bytes; a span of std::uint16_t holds one code each");
  } else {
    const packed_layout result = layout.value_or(default_layout(F));
    if (result.is_valid() && result.slot_bits >= F.bits()) return result;
    throw_argument({name, " has slots of ", result.slot_bits, " bits; it must be a valid layout whose slots hold ", F.bits(),
                    " bits"});
  }
}

/// Rejects a span of codes that is shorter than `count` codes.
template <class Code>
void check_codes(const packed_layout& layout, std::size_t size, std::size_t count) {
  if constexpr (std::same_as<Code, std::uint16_t>) {
    if (size >= count) return;
    throw_argument({"codes has ", size, " elements; ", count, " numbers need as many"});
  } else {
    check_bytes("codes", size, packed_bytes(layout, count), count);
  }
}

/// Rejects a policy with a field that means nothing.
inline void check_codec_policy(const special_policy& p) {
  check_enumerator(p.nan_code, nan_code_rule::quiet_payload, "options.policy.nan_code");
  check_enumerator(p.nan_sign, nan_sign_rule::keep, "options.policy.nan_sign");
  check_enumerator(p.absent_nan, absent_nan_rule::negated_zero, "options.policy.absent_nan");
  check_enumerator(p.infinity, infinity_rule::zero, "options.policy.infinity");
  check_enumerator(p.negative_zero, negative_zero_rule::drop, "options.policy.negative_zero");
  check_enumerator(p.negative_in_unsigned, unsigned_rule::nan, "options.policy.negative_in_unsigned");
}

/// Checks everything that a call of encode is given, and returns the layout of its codes.
template <float_format F, class Code>
packed_layout checked_encode(std::size_t count, std::size_t size, const encode_options& o) {
  check_options(quantize_options{.rounding = o.rounding}, count);
  check_codec_policy(o.policy);
  check_enumerator(o.overflow, overflow::p3109_none, "options.overflow");
  const packed_layout layout = checked_layout<F, Code>(o.layout, "options.layout");
  check_codes<Code>(layout, size, count);
  return layout;
}

/// Writes zero to all bits of `count` codes in slots that share bytes.
NIBBLE_FUNCTION void clear_shared_slots(const packed_layout& layout, std::uint8_t* bytes, std::size_t count) noexcept {
  if (layout.slot_bits % 8 == 0) return;
  for (std::size_t i = 0; i < packed_bytes(layout, count); ++i) bytes[i] = 0;
}

/// Codes of `count` numbers, the first of which is number `first` of a whole span. Everything has been checked.
template <float_format F, class T, class Code>
void encode_span(const T* x, std::size_t count, Code* codes, const packed_layout& layout, const encode_options& o,
                 std::uint64_t first = 0) {
  const rounding_choice rounding = o.rounding.choice(recipe{});
  using word = decltype(source_bits(x[0]));
  const special_codes s = called_special_codes(F, rounding.mode, o.overflow, o.policy, sizeof(word) == 8);
  random_source random(o.rounding, rounding.random_bits);
  if constexpr (std::same_as<Code, std::uint8_t>) clear_shared_slots(layout, codes, count);
  with_rounding(rounding.mode, rounding.variant, [&]<rounding_mode Mode, stochastic_variant Variant>() {
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t random_word = 0;
      if constexpr (Mode == rounding_mode::stochastic) random.fill(first + i, 1, 1, &random_word);
      const auto code = static_cast<std::uint32_t>(encode_lanes<Mode, Variant>(
          F, s, source_bits(x[i]), static_cast<word>(random_word), rounding.random_bits));
      if constexpr (std::same_as<Code, std::uint16_t>) {
        codes[i] = static_cast<std::uint16_t>(code);
      } else {
        store_code(layout, codes, i, code);
      }
    }
    return 0;
  });
}

/// Where the codes from number `first` on begin; `first` as in_slices gives it.
template <class Code>
Code* codes_from(Code* codes, const packed_layout& layout, std::size_t first) noexcept {
  return codes + (std::same_as<std::remove_const_t<Code>, std::uint16_t> ? first : packed_bytes(layout, first));
}

/// Calls action(first, count) for slices of a span of `count` numbers, as tasks of an executor. The codes of every slice
/// begin at a byte, or group of bytes, of their own.
template <class Executor, class Action>
void in_slices(const packed_layout& layout, std::size_t count, Executor& run, const Action& action) {
  constexpr std::size_t wanted = std::size_t{1} << 14;
  const bool grouped = layout.slot_bits == 4 && layout.order == nibble_order::split_halves;
  const std::size_t unit = grouped ? static_cast<std::size_t>(layout.group) : 8U;
  const std::size_t slice = unit >= wanted ? unit : wanted / unit * unit;
  run(count / slice + (count % slice != 0 ? 1U : 0U), [&](std::size_t i) {
    const std::size_t rest = count - i * slice;
    action(i * slice, rest < slice ? rest : slice);
  });
}

/// The value of a code as T: exact as float or double, rounded to nearest even (Inf kept) as a minifloat.
template <float_format F, class T>
NIBBLE_FUNCTION T decoded(std::uint32_t code) noexcept {
  if constexpr (std::same_as<T, float>) {
    return decode<F>(code);
  } else if constexpr (std::same_as<T, double>) {
    return decode_double<F>(code);
  } else {
    using word = std::conditional_t<F.fits_binary32(), std::uint32_t, std::uint64_t>;
    const word bits = decode_lanes<word>(F, static_cast<word>(code));
    constexpr float_format format = T::format;  // device code cannot name a static member's address
    return T::from_bits(encode_bits(format, bits, rounding_choice{}, overflow::special, policy::cuda));
  }
}

/// Values of `count` codes.
template <float_format F, class T, class Code>
void decode_span(const Code* codes, std::size_t count, T* out, const packed_layout& layout) {
  for (std::size_t i = 0; i < count; ++i) {
    if constexpr (std::same_as<Code, std::uint16_t>) {
      out[i] = decoded<F, T>(codes[i]);
    } else {
      out[i] = decoded<F, T>(load_code(layout, codes, i));
    }
  }
}

/// Checks everything that a call of decode is given, and returns the layout of its codes.
template <float_format F, class Code>
packed_layout checked_decode(std::size_t size, std::size_t count, const std::optional<packed_layout>& layout) {
  const packed_layout result = checked_layout<F, Code>(layout, "layout");
  check_codes<Code>(result, size, count);
  return result;
}

/// What may be decoded to.
template <class T, float_format F>
concept decode_target = (std::same_as<T, float> && F.fits_binary32()) || std::same_as<T, double> || minifloat_type<T>;

/// The static part of the checks, with messages that say what to write.
template <float_format F, class T, class Code>
consteval void check_encode_types() {
  static_assert(F.is_valid() && F.bits() <= 16, "encode<F>: F must have 2 to 16 bits");
  static_assert(codec_number<T>, "encode<F>(backend, x, codes): x holds float, double, or minifloats such as f16 and bf16");
  static_assert(holds_codes<Code, F>,
                "encode<F>(backend, x, codes): codes is std::uint8_t (packed), or std::uint16_t if F has more than 8 bits");
}
template <float_format F, class T, class Code>
consteval void check_decode_types() {
  static_assert(F.is_valid() && F.bits() <= 16, "decode<F>: F must have 2 to 16 bits");
  static_assert(holds_codes<Code, F>,
                "decode<F>(backend, codes, out): codes is std::uint8_t (packed), or std::uint16_t if F has more than 8 bits");
  static_assert(decode_target<T, F>,
                "decode<F>(backend, codes, out): out holds float (if every number of F is one), double, or minifloats");
}

}  // namespace detail

/// Encodes every number of `x`: code i is encode<F>(x[i], rounding, overflow, policy). x and codes are spans, arrays or
/// vectors that do not overlap; x holds float, double, or minifloats such as f16 and bf16. `codes` is bytes
/// (std::uint8_t), of which packed_bytes(layout, size of x) are written, unused bits zero; for formats of more than 8
/// bits it may be std::uint16_t, one a code. Throws std::invalid_argument for short spans and meaningless options
/// before anything is written.
template <float_format F, detail::contiguous_range Source, detail::contiguous_range Codes>
void encode(scalar /*backend*/, const Source& x, Codes&& codes, const encode_options& options = {}) {
  using number = std::remove_cv_t<detail::element_of<const Source>>;
  using code = detail::element_of<Codes>;
  detail::check_encode_types<F, number, code>();
  const packed_layout layout = detail::checked_encode<F, code>(std::size(x), std::size(codes), options);
  detail::encode_span<F>(std::data(x), std::size(x), std::data(codes), layout, options);
}
/// As above with the work spread over an executor: the same codes for any number of threads.
template <float_format F, detail::contiguous_range Source, detail::contiguous_range Codes, executor Executor>
void encode(scalar /*backend*/, const Source& x, Codes&& codes, const encode_options& options, Executor&& run) {
  using number = std::remove_cv_t<detail::element_of<const Source>>;
  using code = detail::element_of<Codes>;
  detail::check_encode_types<F, number, code>();
  const packed_layout layout = detail::checked_encode<F, code>(std::size(x), std::size(codes), options);
  detail::in_slices(layout, std::size(x), run, [&](std::size_t first, std::size_t count) {
    code* to = detail::codes_from(std::data(codes), layout, first);
    detail::encode_span<F>(std::data(x) + first, count, to, layout, options, first);
  });
}
/// encode with the format named by its type: encode<e4m3>(scalar{}, x, codes).
template <minifloat_type T, detail::contiguous_range Source, detail::contiguous_range Codes, class... Executor>
  requires(sizeof...(Executor) <= 1)
void encode(scalar backend, const Source& x, Codes&& codes, const encode_options& options = {},
            Executor&&... run) {
  encode<T::format>(backend, x, std::forward<Codes>(codes), options, run...);
}

/// Decodes as many codes as `out` has elements: float, double (exact) or minifloats (rounded to nearest even, Inf
/// kept; NaN is the one that encode gives). Bits beyond a code's are ignored. Throws std::invalid_argument where
/// `codes` is too short or the layout cannot hold codes of F. The spans must not overlap.
template <float_format F, detail::contiguous_range Codes, detail::contiguous_range Target>
void decode(scalar /*backend*/, const Codes& codes, Target&& out, std::optional<packed_layout> layout = {}) {
  using code = std::remove_cv_t<detail::element_of<const Codes>>;
  using number = detail::element_of<Target>;
  detail::check_decode_types<F, number, code>();
  const packed_layout checked = detail::checked_decode<F, code>(std::size(codes), std::size(out), layout);
  detail::decode_span<F>(std::data(codes), std::size(out), std::data(out), checked);
}
/// As above with the work spread over an executor.
template <float_format F, detail::contiguous_range Codes, detail::contiguous_range Target, executor Executor>
void decode(scalar /*backend*/, const Codes& codes, Target&& out, std::optional<packed_layout> layout, Executor&& run) {
  using code = std::remove_cv_t<detail::element_of<const Codes>>;
  detail::check_decode_types<F, detail::element_of<Target>, code>();
  const packed_layout checked = detail::checked_decode<F, code>(std::size(codes), std::size(out), layout);
  detail::in_slices(checked, std::size(out), run, [&](std::size_t first, std::size_t count) {
    detail::decode_span<F>(detail::codes_from(std::data(codes), checked, first), count, std::data(out) + first, checked);
  });
}
/// decode with the format named by its type.
template <minifloat_type T, detail::contiguous_range Codes, detail::contiguous_range Target, class... Executor>
  requires(sizeof...(Executor) <= 1)
void decode(scalar backend, const Codes& codes, Target&& out, std::optional<packed_layout> layout = {},
            Executor&&... run) {
  decode<T::format>(backend, codes, std::forward<Target>(out), layout, run...);
}

}  // namespace v0
}  // namespace nibble
