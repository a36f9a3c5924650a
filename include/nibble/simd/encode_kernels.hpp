// SPDX-License-Identifier: Apache-2.0
//
// encode of a span by the kernels for numbers without scales: which calls they serve, and in what portions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/simd/encode_span.hpp>
#include <nibble/simd/stream.hpp>
#include <nibble/simd/tile_random.hpp>
#include <nibble/simd/x86/wide_codes.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

#if defined(__AVX2__)

/// Whether the kernels serve a format from a type of numbers.
template <float_format F, class Arch, class T>
consteval bool has_encode_kernel() noexcept {
  const bool wide = x86::is_upper_part(F) || x86::rounds_wide_by_addition(F);
  return has_avx2<Arch> && x86::loads_as_vectors<T>() && (wide || x86::rounds_by_addition(F) || x86::is_exponent_field(F));
}

/// One call of encode by kernels, for what they serve.
template <float_format F, class Arch, class T>
class kernel_encoder {
  using vector = x86::vector_of<Arch>;
  static constexpr std::size_t group = 8 * vector::lanes;
  static constexpr std::size_t tile = tile_capacity;
  static_assert(tile % group == 0 && tile % chunk_size == 0 && chunk_size % group == 0);
  static constexpr bool narrow = x86::rounds_by_addition(F);

 public:
  /// The arguments outlive this. Element 0 is number `first` of `whole` ones.
  kernel_encoder(const encode_options& options, const rounding_choice& rounding, const special_codes& special,
                 std::uint64_t first, std::size_t whole) noexcept
      : rounding_(&options.rounding), choice_(rounding), special_(&special), first_(first),
        fetched_(whole * sizeof(T) > nearest_caches),
        limits_(x86::limits_of<F>(special, options.policy,
                                  !x86::is_upper_part(F) && F.has_zero && rounding.mode != rounding_mode::stochastic)) {
    using enum rounding_mode;
    bool serves = rounding.mode != stochastic || (narrow && rounding.variant == stochastic_variant::a);
    if (!F.has_zero) {
      const bool by_magnitude = rounding.mode != upward && rounding.mode != downward && rounding.mode != to_odd;
      serves = serves && by_magnitude && special.drop_sign && special.zero[0] == 0 && !special.subnormal_source_rounds_up;
    }
    if (F == formats::e2m1 && rounding.mode == nearest_even) {
      // The kernel saturates without looking.
      for (const std::uint32_t negative : {0U, 1U}) {
        const std::uint32_t last = saturated_code(F, negative != 0);
        serves = serves && special.overflow[negative] == last && special.infinity[negative] == last;
      }
    }
    limits_.applies = limits_.applies && serves;
  }

  [[nodiscard]] bool applies() const noexcept { return limits_.applies; }

  /// Whether run() writes a layout as it is.
  static bool in_place(const packed_layout& layout) noexcept {
    if (F.bits() > 8) return layout == layouts::words;
    return layout == layouts::bytes || (F.bits() <= 4 && layout == layouts::nibbles_low_first);
  }

  /// Elements before the first whose codes are at an address for streaming; `count` where there is none.
  static std::size_t before_alignment(const std::uint8_t* bytes, const packed_layout& layout, std::size_t count) noexcept {
    const auto past = static_cast<std::size_t>(std::bit_cast<std::uintptr_t>(bytes) % vector::bytes);
    const std::size_t missing = (vector::bytes - past) % vector::bytes;
    if (layout.slot_bits == 16) return missing % 2 == 0 ? missing / 2 : count;
    return missing * (layout.slot_bits == 4 ? 2U : 1U);
  }

  /// Encodes whole groups of elements from `from` to before `count`, in_place(layout); returns how many.
  std::size_t run(const T* x, std::size_t from, std::size_t count, std::uint8_t* bytes, const packed_layout& layout,
                  bool streamed) const noexcept {
    const std::size_t groups = (count - from) / group;
    const char* ahead = nullptr;
    if (fetched_) ahead = reinterpret_cast<const char*>(x + from) + fetch_distance;
    const x86::destination to{bytes + packed_bytes(layout, from), streamed, ahead};
    if constexpr (F.bits() <= 4) {
      if (layout.slot_bits == 4) return by_rounding<true>(x + from, from, groups, to);
    }
    return by_rounding<false>(x + from, from, groups, to);
  }

  /// Encodes whole chunks of elements into any layout that is_chunked(); returns how many elements.
  std::size_t run_packed(const T* x, std::size_t count, std::uint8_t* bytes, const packed_layout& layout) const noexcept {
    std::uint8_t codes[tile];
    const std::size_t whole = count / chunk_size * chunk_size;
    for (std::size_t i = 0; i < whole; i += tile) {
      const std::size_t part = smaller(tile, whole - i);
      const char* ahead = fetched_ ? reinterpret_cast<const char*>(x + i) + fetch_distance : nullptr;
      by_rounding<false>(x + i, i, part / group, {codes, false, ahead});
      store_packed<Arch>(layout, bytes, i, part, codes);
    }
    return whole;
  }

 private:
  /// How far ahead sources are fetched: 2 KiB or, by wide vectors, 4 KiB, what suits machines that differ.
  static constexpr std::size_t fetch_distance = 64 * vector::bytes;

  template <bool Nibbles>
  std::size_t by_rounding(const T* x, std::size_t from, std::size_t groups, const x86::destination& to) const noexcept {
    if (groups == 0) return 0;
    using enum rounding_mode;
    switch (choice_.mode) {
      case nearest_even: rounded<Nibbles, nearest_even>(x, groups, to); break;
      case nearest_away: rounded<Nibbles, nearest_away>(x, groups, to); break;
      case nearest_toward_zero: rounded<Nibbles, nearest_toward_zero>(x, groups, to); break;
      case toward_zero: rounded<Nibbles, toward_zero>(x, groups, to); break;
      case upward: rounded<Nibbles, upward>(x, groups, to); break;
      case downward: rounded<Nibbles, downward>(x, groups, to); break;
      case to_odd: rounded<Nibbles, to_odd>(x, groups, to); break;
      case stochastic: drawn<Nibbles>(x, from, groups, to); break;
    }
    return groups * group;
  }

  template <bool Nibbles, rounding_mode Mode>
  void rounded(const T* x, std::size_t groups, const x86::destination& to) const noexcept {
    if constexpr (F == formats::e2m1 && Mode == rounding_mode::nearest_even) {
      x86::encode_numbers<F, vector, Nibbles>(x, groups, to, x86::nearest_e2m1_codes<vector>{limits_}, *special_);
    } else if constexpr (narrow) {
      x86::encode_numbers<F, vector, Nibbles>(x, groups, to, x86::rounded_codes<F, vector, Mode>{limits_}, *special_);
    } else if constexpr (F.has_zero) {
      x86::encode_wide_numbers<F, vector>(x, groups, to, x86::wide_codes<F, vector, Mode>{limits_}, *special_);
    } else if constexpr (Mode <= rounding_mode::toward_zero) {
      x86::encode_numbers<F, vector, false>(x, groups, to, x86::exponent_codes<F, vector, Mode>{limits_}, *special_);
    }
  }

  template <bool Nibbles>
  void drawn(const T* x, std::size_t from, std::size_t groups, const x86::destination& to) const noexcept {
    if constexpr (narrow) {
      if (choice_.random_bits == 8) return drawn_of<Nibbles, 8>(x, from, groups, to);
      if (choice_.random_bits == 16) return drawn_of<Nibbles, 16>(x, from, groups, to);
      drawn_of<Nibbles, 32>(x, from, groups, to);
    }
  }

  template <bool Nibbles, int Bits>
  void drawn_of(const T* x, std::size_t from, std::size_t groups, x86::destination to) const noexcept {
    tile_random<Arch> random(*rounding_, choice_);
    constexpr std::size_t tile_bytes = tile / (Nibbles ? 2 : 1);
    for (std::size_t done = 0; done < groups * group; done += tile) {
      const std::size_t count = smaller(tile, groups * group - done);
      random.draw(first_ + from + done, count);
      const x86::drawn_codes<F, vector, Bits> codes{limits_, random.at(0)};
      x86::encode_numbers<F, vector, Nibbles>(x + done, count / group, to, codes, *special_);
      to.bytes += tile_bytes;
      if (to.ahead != nullptr) to.ahead += tile * sizeof(T);
    }
  }

  const element_rounding* rounding_;
  rounding_choice choice_;
  const special_codes* special_;
  std::uint64_t first_;
  bool fetched_;
  x86::code_limits limits_;
};

/// As much of a slice as kernels take; returns how many elements that is.
template <float_format F, class Arch, class T>
std::size_t encode_by_kernel(span_encoder<F, Arch>& generic, const T* x, std::size_t count, std::uint8_t* bytes,
                             const packed_layout& layout, const encode_options& options, std::uint64_t first,
                             std::size_t whole) noexcept {
  const kernel_encoder<F, Arch, T> kernel(options, generic.rounding(), generic.special(), first, whole);
  if (!kernel.applies()) return 0;
  if (!kernel.in_place(layout)) {
    return is_chunked(layout) && F.bits() <= 8 ? kernel.run_packed(x, count, bytes, layout) : 0;
  }
  const std::size_t head = kernel.before_alignment(bytes, layout, count);
  if (!is_streamed<Arch>(packed_bytes(layout, whole)) || head >= count) return kernel.run(x, 0, count, bytes, layout, false);
  generic.run(x, 0, head, bytes);
  const std::size_t done = head + kernel.run(x, head, count, bytes, layout, true);
  finish_stream();
  return done;
}

#endif

/// Codes of the `count` elements of a slice of a span, whose first element is number `first` of `whole`. Everything has
/// been checked.
template <float_format F, class Arch, class T, class Code>
void encode_slice(const T* x, std::size_t count, Code* codes, const packed_layout& layout, const encode_options& options,
                  std::uint64_t first, [[maybe_unused]] std::size_t whole) noexcept {
  span_encoder<F, Arch> generic(layout, options, sizeof(source_bits(*x)) == 8, first);
  std::size_t done = 0;
#if defined(__AVX2__)
  if constexpr (has_encode_kernel<F, Arch, T>()) {
    // Codes in 16 bits lie in memory as the layout of words says.
    auto* bytes = reinterpret_cast<std::uint8_t*>(codes);
    done = encode_by_kernel<F, Arch>(generic, x, count, bytes, layout, options, first, whole);
  }
#endif
  generic.run(x, done, count - done, codes);
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
