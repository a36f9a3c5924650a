// SPDX-License-Identifier: Apache-2.0
//
// encode and decode of spans on simd{} against scalar{} for a format that nobody named: layouts, types of numbers,
// roundings with their randomness, overflows, policies (presets, and any fields), lengths and places, drawn at random,
// on numbers made for the format, with and without subnormals flushed, in slices, every byte around the results
// watched; options, layouts and spans that mean nothing, too, which both must refuse. Compiled with
// -DCODEC_FORMAT_SEED=K, the format is the K-th of those that drawn_format.hpp draws; it is printed in words where
// something differs. Arguments: how many calls.
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <nibble/simd.hpp>

#include <exhaustive/drawn_calls.hpp>
#include <exhaustive/drawn_format.hpp>
#include <exhaustive/report.hpp>
#include <simd/flushed_subnormals.hpp>

namespace {

using namespace nibble;
using exhaustive::backwards;
using exhaustive::print_difference;
using exhaustive::refusal;
using exhaustive::same_bytes;
using exhaustive::skipped;

constexpr float_format format = exhaustive::drawn_number(CODEC_FORMAT_SEED);
/// Another type of numbers that nobody named.
using other = minifloat<exhaustive::drawn_number(CODEC_FORMAT_SEED + 1'000'000)>;

constexpr special_policy presets[] = {policy::cuda,   policy::ml_dtypes,    policy::cutlass,
                                      policy::onednn, policy::p3109,        policy::transformer_engine_reference,
                                      policy::ggml,   policy::unsigned_zero};

class calls : public exhaustive::drawn_calls {
 public:
  using drawn_calls::drawn_calls;

  void next() {
    switch (below(8)) {
      case 0: return next_of<double>();
      case 1: return next_of<f16>();
      case 2: return next_of<bf16>();
      case 3: return next_of<other>();
      default: return next_of<float>();
    }
  }

 private:
  template <class T>
  void next_of() {
    if constexpr (format.bits() > 8) {
      if (one_in(2)) return one_in(3) ? compare_decode<T, std::uint16_t>() : compare_encode<T, std::uint16_t>();
    }
    one_in(3) ? compare_decode<T, std::uint8_t>() : compare_encode<T, std::uint8_t>();
  }

  /// A number about the values of the format, their midpoints and what lies next to them, and any other.
  double real() {
    const std::uint64_t word = random.next();
    const auto sign = static_cast<double>(word & 1U) * -2 + 1;
    const std::uint64_t kind = word >> 1 & 15U;
    if (kind == 0) return bit_cast<double>(random.next());
    if (kind == 1) return 0.0 * sign;
    if (kind == 2) return sign * static_cast<double>(bit_cast<float>(static_cast<std::uint32_t>(word >> 33)));
    if (kind == 3)
      return sign * static_cast<double>(bit_cast<float>(static_cast<std::uint32_t>(word >> 41)));  // subnormal
    // One of the first numbers, one of the last, or any.
    const std::size_t codes = std::size_t{format.max_code()} + 1;
    const std::size_t few = codes < 4 ? codes : 4;
    std::size_t code = below(codes);
    if (kind == 4) code = below(few);
    if (kind == 5) code = codes - 1 - below(few);
    const double low = format.magnitude_value(static_cast<std::uint32_t>(code));
    const double high = code + 1 < codes ? format.magnitude_value(static_cast<std::uint32_t>(code) + 1) : 2 * low;
    switch (word >> 5 & 7U) {
      case 0: return sign * low;
      case 1: return sign * (low + (high - low) / 2);
      case 2: return sign * (low + (high - low) / 4 * static_cast<double>(below(4)));
      case 3: return sign * (low + (high - low) * static_cast<double>(below(257)) / 256);
      default: return sign * (low + (high - low) * static_cast<double>(word >> 11) * 0x1p-53);
    }
  }
  template <class T>
  T number(bool special) {
    for (;;) {
      const double x = real();
      const auto step = below(4) < 2 ? std::size_t{1} : below(3);
      T result{};
      if constexpr (std::is_same_v<T, double>) {
        // Next to it, or nearer than any float.
        const std::uint64_t near = one_in(2) ? step - 1 : below(std::size_t{1} << 30) - (std::size_t{1} << 29);
        result = bit_cast<double>(to_bits(x) + near);
      } else if constexpr (std::is_same_v<T, float>) {
        result = bit_cast<float>(to_bits(static_cast<float>(x)) + static_cast<std::uint32_t>(step) - 1U);
      } else {
        const T near(x, nearest_even{}, overflow::special);
        const auto bits = one_in(16) ? static_cast<std::uint32_t>(random.next())
                                     : near.bits() + static_cast<std::uint32_t>(step) - 1U;
        result = T::from_bits(bits & T::format.code_mask());
      }
      const auto value = static_cast<double>(result);
      if (special || (to_bits(value) & 0x7ff0'0000'0000'0000U) != 0x7ff0'0000'0000'0000U) return result;
      if constexpr (!std::is_same_v<T, float> && !std::is_same_v<T, double>) {
        if (!T::format.has_zero || T::format.bits() < 4) return result;  // there may be few others
      }
    }
  }

  std::size_t length() {
    switch (below(8)) {
      case 0: return below(3);
      case 1: return 64 * below(20) + below(3);
      case 2: return 256 * below(12) + below(3);
      case 3: return below(20);
      case 4: return one_in(8) ? 16'000 + below(20'000) : below(2'000);
      default: return below(700);
    }
  }

  packed_layout layout() {
    packed_layout p;
    const int bits = format.bits();
    do {
      constexpr int slots[] = {4, 4, 4, 6, 6, 8, 8, 16};
      p.slot_bits = slots[below(8)];
    } while (p.slot_bits < bits);
    if (p.slot_bits == 4 || one_in(4)) p.order = static_cast<nibble_order>(below(3));
    switch (below(6)) {
      case 0: p.group = 2 * static_cast<int>(1 + below(40)); break;
      case 1: p.group = 1 << (1 + below(11)); break;
      case 2: p.group = 16; break;
      default: break;
    }
    // What holds no codes of the format.
    if (one_in(40)) p.slot_bits = static_cast<int>(below(20));
    if (one_in(40)) p.group = static_cast<int>(below(7)) - 3;
    if (one_in(60)) p.order = static_cast<nibble_order>(below(5));
    return p;
  }
  template <class Code>
  std::optional<packed_layout> any_layout() {
    if (one_in(3)) return {};
    if (std::is_same_v<Code, std::uint16_t> && !one_in(20)) return layouts::words;
    return layout();
  }
  /// Elements that codes take, or too few.
  template <class Code>
  std::size_t room(const std::optional<packed_layout>& p, std::size_t count) {
    const packed_layout used = p.value_or(default_layout(format));
    std::size_t size = count;
    if (std::is_same_v<Code, std::uint8_t> && used.is_valid()) size = packed_bytes(used, count);
    if (one_in(50) && size > 0) return size - 1;
    return one_in(4) ? size + below(3) : size;
  }

  template <class Enum>
  Enum any(Enum last) {
    return static_cast<Enum>(below(static_cast<std::size_t>(last) + (one_in(60) ? 2 : 1)));
  }
  bool yes() { return one_in(2); }

  special_policy any_policy() {
    if (one_in(2)) return presets[below(std::size(presets))];
    return {.nan_code = any(nan_code_rule::quiet_payload),
            .nan_sign = any(nan_sign_rule::keep),
            .nan_from_double_keeps_payload = yes(),
            .absent_nan = any(absent_nan_rule::negated_zero),
            .infinity = any(infinity_rule::zero),
            .negative_zero = any(negative_zero_rule::drop),
            .negative_in_unsigned = any(unsigned_rule::nan),
            .absent_zero_is_nan = yes(),
            .subnormal_source_rounds_up = yes()};
  }

  element_rounding rounding(std::size_t count) {
    const auto variant = one_in(2) ? stochastic_variant::a : any(stochastic_variant::c);
    const int bits = one_in(60) ? static_cast<int>(below(34)) : 8 << below(3);
    switch (below(6)) {
      case 0:
      case 1:
        return stochastic{.seed = random.next(),
                          .stream = random.below(3),
                          .bits = bits,
                          .variant = variant,
                          .first_element = one_in(30) ? random.next() : random.below(99),
                          .rounds = one_in(60)  ? 8
                                    : one_in(2) ? 7
                                                : 10};
      case 2: {
        const auto each = static_cast<std::size_t>(bits > 0 ? bits : 1);
        words_.resize(count * each / 32 + 1);
        if (one_in(30)) words_.resize(words_.size() / 2);
        for (std::uint32_t& word : words_) {
          word = one_in(4) ? static_cast<std::uint32_t>(below(3)) - 1U : static_cast<std::uint32_t>(random.next());
        }
        return stochastic_words{.words = words_, .bits = bits, .variant = variant};
      }
      case 3: return one_in(60) ? static_cast<rounding_mode>(9) : nearest_even{}.choice().mode;
      default: return static_cast<rounding_mode>(below(7));
    }
  }

  template <class T, class Code>
  void compare_encode() {
    const std::size_t count = length();
    const std::size_t before = below(70);
    std::vector<T> storage(before + count);
    const bool special = one_in(2);
    for (T& value : storage) value = number<T>(special);
    const std::span<const T> x = std::span<const T>(storage).subspan(before);
    const encode_options o{.rounding = rounding(count),
                           .overflow = one_in(2) ? overflow::saturate : any(overflow::p3109_none),
                           .policy = any_policy(),
                           .layout = any_layout<Code>()};
    const std::size_t size = room<Code>(o.layout, count);
    const std::size_t at = below(70);
    std::vector<Code> wanted(at + size + 64, static_cast<Code>(0xa5a5));
    std::vector<Code> got = wanted;
    const std::string error = refusal([&] { encode<format>(scalar{}, x, std::span(wanted).subspan(at, size), o); });
    const bool sliced = one_in(4);
    bool flushed;
    const auto on_simd = [&] {
      const std::span<Code> to = std::span(got).subspan(at, size);
      if (sliced) return encode<format>(simd{}, x, to, o, backwards);
      encode<format>(simd{}, x, to, o);
    };
    const std::string got_error = on_vectors(on_simd, flushed);
    const rounding_choice choice = o.rounding.choice(recipe{});
    tell(error, got_error, wanted == got, [&] {
      std::printf(
          "encode of %zu numbers (%s, %zu before), mode %d variant %d bits %d, overflow %d, flushed %d, sliced %d\n",
          count, name_of<T>(), before, static_cast<int>(choice.mode), static_cast<int>(choice.variant),
          choice.random_bits, static_cast<int>(o.overflow), flushed ? 1 : 0, sliced ? 1 : 0);
      std::printf("  policy %d %d %d %d %d %d %d %d %d\n", static_cast<int>(o.policy.nan_code),
                  static_cast<int>(o.policy.nan_sign), o.policy.nan_from_double_keeps_payload ? 1 : 0,
                  static_cast<int>(o.policy.absent_nan), static_cast<int>(o.policy.infinity),
                  static_cast<int>(o.policy.negative_zero), static_cast<int>(o.policy.negative_in_unsigned),
                  o.policy.absent_zero_is_nan ? 1 : 0, o.policy.subnormal_source_rounds_up ? 1 : 0);
      tell_layout<Code>(o.layout);
      print_difference("code", wanted, got);
      for (std::size_t i = 0, told = 0; i < count && told < 3 && size >= count; ++i) {
        if (sizeof(Code) == 1 && packed_layout(o.layout.value_or(default_layout(format))).slot_bits != 8) break;
        if (wanted[at + i] == got[at + i]) continue;
        std::printf("  number %zu is %a\n", i, static_cast<double>(x[i]));
        ++told;
      }
    });
  }

  template <class T, class Code>
  void compare_decode() {
    if constexpr (nibble::detail::decode_target<T, format>) {
      const std::size_t count = length();
      const std::optional<packed_layout> layout = any_layout<Code>();
      const std::size_t before = below(70);
      std::vector<Code> storage(before + room<Code>(layout, count));
      for (Code& code : storage) code = static_cast<Code>(random.next());
      if (one_in(4)) {
        // Few codes that are no numbers.
        for (Code& code : storage) {
          if (!one_in(64)) code = static_cast<Code>(code & format.max_code());
        }
      }
      const std::span<const Code> codes = std::span<const Code>(storage).subspan(before);
      const std::size_t at = below(70);
      std::vector<T> wanted(at + count + 16, number<T>(false));
      std::vector<T> got = wanted;
      const std::string error =
          refusal([&] { decode<format>(scalar{}, codes, std::span(wanted).subspan(at, count), layout); });
      const bool sliced = one_in(4);
      bool flushed;
      const auto on_simd = [&] {
        const std::span<T> to = std::span(got).subspan(at, count);
        if (sliced) return decode<format>(simd{}, codes, to, layout, backwards);
        decode<format>(simd{}, codes, to, layout);
      };
      const std::string got_error = on_vectors(on_simd, flushed);
      tell(error, got_error, same_bytes(wanted, got), [&] {
        std::printf("decode of %zu codes to %s, flushed %d, sliced %d\n", count, name_of<T>(), flushed ? 1 : 0,
                    sliced ? 1 : 0);
        tell_layout<Code>(layout);
        print_difference("number", wanted, got);
      });
    }
  }

  template <class T>
  static const char* name_of() {
    if (std::is_same_v<T, float>) return "float";
    if (std::is_same_v<T, double>) return "double";
    return std::is_same_v<T, f16> ? "f16" : std::is_same_v<T, bf16> ? "bf16" : "the other format";
  }
  template <class Code>
  static void tell_layout(const std::optional<packed_layout>& p) {
    const packed_layout used = p.value_or(default_layout(format));
    std::printf("  codes of %zu bytes in slots of %d bits, order %d, group %d\n", sizeof(Code), used.slot_bits,
                static_cast<int>(used.order), used.group);
  }
  std::vector<std::uint32_t> words_;
};

}  // namespace

int main(int argc, char** argv) {
#if defined(__AVX2__)
  if (!exhaustive::has_avx2()) return skipped;
#endif
  const std::string_view number = argc == 2 ? argv[1] : "";
  std::uint64_t count = 0;
  std::from_chars(number.data(), number.data() + number.size(), count);
  if (count == 0) {
    std::printf("simd_codec_drawn: the argument is a positive number\n");
    return 2;
  }
  calls all(CODEC_FORMAT_SEED + count);
  for (std::uint64_t i = 0; i < count; ++i) all.next();
  const int status = all.status("format " + std::to_string(CODEC_FORMAT_SEED));
  if (status == 0) return 0;
  exhaustive::print("format", format);
  exhaustive::print("the other format", other::format);
  return 1;
}
