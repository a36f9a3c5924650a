// SPDX-License-Identifier: Apache-2.0
//
// encode of a whole span on vectors, in chunks: source bits and random words into buffers, the codec of format/ on
// batches, codes into their layout. Every format, rounding, overflow and policy goes through here unless a hand-tuned
// kernel takes the call first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/block/codec.hpp>
#include <nibble/simd/convert.hpp>
#include <nibble/simd/pack.hpp>
#include <nibble/simd/philox.hpp>
#include <nibble/simd/quick_codes.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether a double may pass through binary32 by rounding to odd on its way to `f`: binary32's step is then at most a
/// quarter of the format's, everywhere.
NIBBLE_FUNCTION bool narrows_by_odd(const float_format& f, rounding_mode mode) noexcept {
  return mode != rounding_mode::stochastic && f.mantissa_bits <= 20 && f.min_exponent() - f.mantissa_bits >= -147 &&
         f.max_exponent() <= 126;
}

/// Whether chunks begin at the first code of a byte or group.
NIBBLE_FUNCTION bool is_chunked(const packed_layout& layout) noexcept {
  return layout.slot_bits != 4 || layout.order != nibble_order::split_halves ||
         chunk_size % static_cast<std::size_t>(layout.group) == 0;
}

/// Random words of consecutive elements, right-aligned: drawn, or the caller's.
template <class Arch>
void random_words(const element_rounding& rounding, int bits, std::uint64_t first, std::size_t count,
                  std::uint32_t* out) noexcept {
  if (rounding.draws()) {
    draw_consecutive<Arch>(rounding.random(), first + rounding.random().first_element, bits, count, out);
    return;
  }
  spread_random<Arch>(rounding.words().data(), static_cast<std::size_t>(first), bits, count, out);
}

/// One call of encode: its constants and buffers.
template <float_format F, class Arch>
class span_encoder {
  using words = word_batch<Arch>;
  static constexpr std::size_t width = words::size;
  static_assert(chunk_size % width == 0);

 public:
  /// `from_double` as in make_special_codes. `o` outlives the encoder. Element 0 is number `start` of the whole span.
  span_encoder(const packed_layout& layout, const encode_options& o, bool from_double, std::uint64_t start = 0) noexcept
      : options_(&o), layout_(layout), start_(start), rounding_(o.rounding.choice(recipe{})),
        special_(called_special_codes(F, rounding_.mode, o.overflow, o.policy, from_double)), chunked_(is_chunked(layout)) {}

  [[nodiscard]] const special_codes& special() const noexcept { return special_; }
  [[nodiscard]] const rounding_choice& rounding() const noexcept { return rounding_; }

  /// Codes of elements first, ..., first + count - 1 of `x`; `first` is a multiple of chunk_size, or of 8 in layouts
  /// other than split halves.
  template <class T, class Code>
  void run(const T* x, std::size_t first, std::size_t count, Code* out) noexcept {
    if constexpr (std::is_same_v<Code, std::uint8_t>) {
      if (!chunked_ && first == 0) clear(out, count);
    }
    for (std::size_t i = first; i < first + count; i += chunk_size) {
      const std::size_t part = smaller(chunk_size, first + count - i);
      if (rounding_.mode == rounding_mode::stochastic) {
        random_words<Arch>(options_->rounding, rounding_.random_bits, start_ + i, part, random_);
      }
      encode(x + i, part);
      store(out, i, part);
    }
  }

 private:
  template <class T>
  void encode(const T* x, std::size_t count) noexcept {
    std::size_t i = 0;
    if constexpr (sizeof(source_bits(*x)) == 4) {
      for (; i + width <= count; i += width) source_lanes<Arch>(x + i).store_unaligned(bits_ + i);
      for (; i < count; ++i) bits_[i] = source_bits(x[i]);
    } else {
      if (!narrows_by_odd(F, rounding_.mode)) return encode_exactly(x, count);
      for (; i < count; ++i) bits_[i] = narrowed_to_odd(source_bits(x[i]));
    }
    for (; i % width != 0; ++i) bits_[i] = 0;
    encode_bits(count);
  }

  /// Codes of the numbers in bits_.
  void encode_bits(std::size_t count) noexcept {
    using quick = quick_codes<F, Arch>;
    const auto encode = [&]<rounding_mode Mode, stochastic_variant Variant>() NIBBLE_INLINE_LAMBDA {
      for (std::size_t i = 0; i < count; i += width) {
        const words word = Mode == rounding_mode::stochastic ? words::load_unaligned(random_ + i) : words(0U);
        const words code = encode_lanes<Mode, Variant>(F, special_, words::load_unaligned(bits_ + i), word,
                                                       rounding_.random_bits);
        store_narrowed<Arch>(codes_ + i, code);
      }
      return 0;
    };
    if constexpr (quick::serves) {
      if (quick::has(rounding_)) return quick(special_, rounding_).run(bits_, random_, count, codes_);
      with_stochastic_rounding(rounding_.variant, encode);
    } else {
      with_rounding(rounding_.mode, rounding_.variant, encode);
    }
  }

  /// As scalar code does, for sources that binary32 cannot stand for.
  template <class T>
  void encode_exactly(const T* x, std::size_t count) noexcept {
    using word = decltype(source_bits(*x));
    with_rounding(rounding_.mode, rounding_.variant, [&]<rounding_mode Mode, stochastic_variant Variant>() NIBBLE_INLINE_LAMBDA {
      for (std::size_t i = 0; i < count; ++i) {
        const auto random = static_cast<word>(Mode == rounding_mode::stochastic ? random_[i] : 0U);
        codes_[i] = static_cast<code_type<F>>(
            encode_lanes<Mode, Variant>(F, special_, source_bits(x[i]), random, rounding_.random_bits));
      }
      return 0;
    });
  }

  template <class Code>
  void store(Code* out, std::size_t first, std::size_t count) noexcept {
    if constexpr (std::is_same_v<Code, std::uint16_t>) {
      std::memcpy(out + first, codes_, count * sizeof(Code));
    } else if constexpr (F.bits() <= 8) {
      if (chunked_) {
        store_packed<Arch>(layout_, out, first, count, codes_);
        return;
      }
      for (std::size_t i = 0; i < count; ++i) store_code(layout_, out, first + i, codes_[i]);
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        out[2 * (first + i)] = static_cast<std::uint8_t>(codes_[i]);
        out[2 * (first + i) + 1] = static_cast<std::uint8_t>(codes_[i] >> 8);
      }
    }
  }

  void clear(std::uint8_t* bytes, std::size_t count) const noexcept {
    std::memset(bytes, 0, packed_bytes(layout_, count));
  }

  const encode_options* options_;
  packed_layout layout_;
  std::uint64_t start_;
  rounding_choice rounding_;
  special_codes special_;
  bool chunked_;
  alignas(64) std::uint32_t bits_[chunk_size];
  alignas(64) std::uint32_t random_[chunk_size] = {};
  alignas(64) code_type<F> codes_[chunk_size];
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
