// SPDX-License-Identifier: Apache-2.0
//
// encode of a span by the kernels for numbers without scales: which calls they serve, and in what portions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <nibble/simd/encode_span.hpp>
#include <nibble/simd/stream.hpp>
#include <nibble/simd/tile_random.hpp>
#include <nibble/simd/x86/encode_numbers.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

#if defined(__AVX2__)

/// Whether the kernels serve a format from a type of numbers.
template <float_format F, class Arch, class T>
consteval bool has_encode_kernel() noexcept {
  return has_avx2<Arch> && x86::rounds_by_addition(F) && x86::loads_as_vectors<T>();
}

/// One call of encode by kernels, for what they serve.
template <float_format F, class Arch, class T>
class kernel_encoder {
  using vector = x86::vector_of<Arch>;
  static constexpr std::size_t group = 8 * vector::lanes;
  static constexpr std::size_t tile = tile_capacity;
  static_assert(tile % group == 0);

 public:
  /// The arguments outlive this. `first` is the index of element 0 in the whole span.
  kernel_encoder(const encode_options& options, const rounding_choice& rounding, const special_codes& special,
                 std::uint64_t first) noexcept
      : rounding_(&options.rounding), choice_(rounding), special_(&special), first_(first),
        limits_(x86::limits_of<F>(special, options.policy, rounding.mode)) {
    if (rounding.mode != rounding_mode::stochastic) return;
    limits_.applies = limits_.applies && rounding.variant == stochastic_variant::a;
  }

  [[nodiscard]] bool applies() const noexcept { return limits_.applies; }

  /// Elements before the first whose codes are at an address for streaming.
  static std::size_t before_alignment(const std::uint8_t* bytes, const packed_layout& layout) noexcept {
    const auto past = static_cast<std::size_t>(std::bit_cast<std::uintptr_t>(bytes) % vector::bytes);
    return (vector::bytes - past) % vector::bytes * (layout.slot_bits == 4 ? 2U : 1U);
  }

  /// Encodes whole groups of elements from `from` on; returns how many elements that is. The layout is bytes or, for
  /// formats of at most 4 bits, nibbles with the even one low.
  std::size_t run(const T* x, std::size_t from, std::size_t count, std::uint8_t* bytes, const packed_layout& layout,
                  bool streamed) const noexcept {
    const std::size_t groups = (count - from) / group;
    const char* ahead = nullptr;
    if (count * sizeof(T) > fetched_from) ahead = reinterpret_cast<const char*>(x + from) + fetch_distance;
    const x86::destination to{bytes + packed_bytes(layout, from), streamed, ahead, sizeof(T)};
    if constexpr (F.bits() <= 4) {
      if (layout.slot_bits == 4) return by_rounding<true>(x + from, from, groups, to);
    }
    return by_rounding<false>(x + from, from, groups, to);
  }

 private:
  /// Sources that the second-level cache may not hold are fetched, so far ahead.
  static constexpr std::size_t fetched_from = std::size_t{1} << 18;
  static constexpr std::size_t fetch_distance = 4096;

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
      case stochastic:
        if (choice_.random_bits == 8) drawn<Nibbles, 8>(x, from, groups, to);
        else if (choice_.random_bits == 16) drawn<Nibbles, 16>(x, from, groups, to);
        else drawn<Nibbles, 32>(x, from, groups, to);
    }
    return groups * group;
  }

  template <bool Nibbles, rounding_mode Mode>
  void rounded(const T* x, std::size_t groups, const x86::destination& to) const noexcept {
    x86::encode_numbers<F, vector, Nibbles>(x, groups, to, x86::rounded_codes<F, vector, Mode>{limits_}, *special_);
  }

  template <bool Nibbles, int Bits>
  void drawn(const T* x, std::size_t from, std::size_t groups, x86::destination to) const noexcept {
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
  x86::code_limits limits_;
};

#endif

/// Codes of elements 0, ..., count - 1 of a slice of a span, whose first element is number `first` of the whole.
/// Everything has been checked.
template <float_format F, class Arch, class T, class Code>
void encode_slice(const T* x, std::size_t count, Code* codes, const packed_layout& layout, const encode_options& options,
                  std::uint64_t first) noexcept {
  span_encoder<F, Arch> generic(layout, options, sizeof(source_bits(*x)) == 8, first);
  std::size_t done = 0;
#if defined(__AVX2__)
  if constexpr (std::is_same_v<Code, std::uint8_t> && has_encode_kernel<F, Arch, T>()) {
    const bool in_place = layout == layouts::bytes || (F.bits() <= 4 && layout == layouts::nibbles_low_first);
    const kernel_encoder<F, Arch, T> kernel(options, generic.rounding(), generic.special(), first);
    if (in_place && kernel.applies()) {
      const std::size_t head = kernel.before_alignment(codes, layout);
      if (is_streamed<Arch>(packed_bytes(layout, count)) && head < count) {
        generic.run(x, 0, head, codes);
        done = head + kernel.run(x, head, count, codes, layout, true);
        finish_stream();
      } else {
        done = kernel.run(x, 0, count, codes, layout, false);
      }
    }
  }
#endif
  generic.run(x, done, count - done, codes);
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
