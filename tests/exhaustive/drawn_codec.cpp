// SPDX-License-Identifier: Apache-2.0
//
// The codec of formats that nobody named against the reference: formats drawn at random by drawn_format.hpp, every code
// decoded to double and to float, and numbers that look for trouble encoded in every rounding, overflow and published
// policy, from double and from float; stochastic rounding with 1 to 32 random bits. Arguments: the number of the first
// format, how many, and how many numbers for each.
#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

#include <exhaustive/drawn_format.hpp>
#include <exhaustive/inputs.hpp>
#include <exhaustive/report.hpp>
#include <format/subjects.hpp>
#include <oracle/encode.hpp>
#include <oracle/stochastic.hpp>

namespace {

using namespace exhaustive;

constexpr oracle::rounding reference_modes[] = {
    oracle::rounding::nearest_even, oracle::rounding::nearest_away, oracle::rounding::nearest_toward_zero,
    oracle::rounding::toward_zero,  oracle::rounding::upward,       oracle::rounding::downward,
    oracle::rounding::to_odd};
constexpr oracle::overflow reference_rules[] = {oracle::overflow::saturate, oracle::overflow::special,
                                                oracle::overflow::p3109_finite, oracle::overflow::p3109_propagate,
                                                oracle::overflow::p3109_none};
struct policy_pair {
  const char* name;
  nibble::special_policy policy;
  oracle::policy reference;
};
constexpr policy_pair policies[] = {
    {"cuda", nibble::policy::cuda, oracle::policy::cuda},
    {"ml_dtypes", nibble::policy::ml_dtypes, oracle::policy::ml_dtypes},
    {"cutlass", nibble::policy::cutlass, oracle::policy::cutlass},
    {"onednn", nibble::policy::onednn, oracle::policy::onednn},
    {"p3109", nibble::policy::p3109, oracle::policy::p3109},
    {"ggml", nibble::policy::ggml, oracle::policy::ggml},
};

class checker {
 public:
  checker(const nibble::float_format& f, report& out, std::uint64_t seed)
      : format_(f), reference_(subjects::reference_of(f)), out_(&out), inputs_(reference_, seed) {}

  void run(std::uint64_t count) {
    decode_all();
    for (std::uint64_t i = 0; i < count; ++i) {
      check(inputs_.next_double());
      check(inputs_.next_float());
    }
  }
  [[nodiscard]] std::uint64_t differences() const { return differences_; }

 private:
  void decode_all() {
    for (std::uint32_t code = 0; code < std::uint32_t{1} << format_.bits(); ++code) {
      const double wanted = oracle::decode(reference_, code);
      const double got = nibble::decode_double(format_, code);
      const bool same = oracle::double_bits(wanted) == oracle::double_bits(got);
      if (!same) differ("decode_double", code, code, 0, 0);
      // A float of the reference is the double that equals it.
      const bool fits = oracle::is_nan(wanted) || oracle::is_infinite(wanted) ||
                        oracle::double_bits(oracle::round_to_float(wanted)) == oracle::double_bits(wanted);
      if (!fits && format_.fits_binary32()) differ("fits_binary32", code, code, 0, 0);
      if (format_.fits_binary32() &&
          oracle::float_bits(nibble::decode(format_, code)) != oracle::bits_of_float(wanted)) {
        differ("decode", code, code, 0, 0);
      }
      if (format_.bits() <= 12 || code % 16 == 0) check_code(code, wanted);
    }
    out_->compared(std::uint64_t{1} << format_.bits());
  }

  /// A number of the format encodes to itself, but for what a policy makes of -0 and NaN.
  void check_code(std::uint32_t code, double value) {
    const oracle::meaning m = oracle::classify(reference_, code);
    if (m.kind != oracle::code_class::finite || m.magnitude > oracle::max_code(reference_)) return;
    if (!format_.has_zero && !format_.has_sign && value < 0) return;
    const std::uint32_t got = nibble::encode(format_, value);
    if (got != code) differ("round trip", oracle::double_bits(value), got, code, 0);
  }

  template <class Source>
  void check(Source x) {
    constexpr bool from_double = sizeof(Source) == 8;
    const auto value = from_double ? static_cast<double>(x) : wide(x);
    const std::uint64_t random = inputs_.next_word();
    // Every mode of one overflow and policy; inputs are many.
    const std::size_t rule = random % 5;
    const policy_pair& p = policies[(random >> 8) % std::size(policies)];
    for (std::size_t mode = 0; mode < std::size(reference_modes); ++mode) {
      const std::uint32_t wanted =
          oracle::encode(reference_, value, reference_modes[mode], reference_rules[rule], p.reference, from_double);
      const std::uint32_t got =
          nibble::encode(format_, x, nibble::rounding_choice{static_cast<nibble::rounding_mode>(mode)},
                         static_cast<nibble::overflow>(rule), p.policy);
      if (got != wanted) {
        differ((std::string(p.name) + " mode " + std::to_string(mode) + " overflow " + std::to_string(rule)).c_str(),
               nibble::to_bits(x), got, wanted, from_double);
      }
    }
    check_stochastic(x, value, random);
    out_->compared(1);
  }

  static double wide(double x) { return x; }
  static double wide(float x) { return oracle::float_value(oracle::float_bits(x)); }

  template <class Source>
  void check_stochastic(Source x, double value, std::uint64_t random) {
    if (oracle::is_nan(value) || oracle::is_infinite(value)) return;
    if (oracle::is_negative(value) && !format_.has_sign) return;
    if (oracle::is_zero(value) && !format_.has_zero) value = 0;
    const int bits = 1 + static_cast<int>((random >> 16) % 32);
    const auto variant = static_cast<int>((random >> 24) % 3);
    const oracle::stochastic_odds odds =
        oracle::odds(reference_, oracle::magnitude(value), bits, static_cast<oracle::stochastic_variant>(variant));
    std::uint64_t word = random >> 32 & (odds.words - 1);
    if ((random >> 28 & 3) == 0 && odds.up > 0) word = odds.words - odds.up;
    if ((random >> 28 & 3) == 1 && odds.up < odds.words) word = odds.words - odds.up - 1;
    const std::uint32_t magnitude = odds.lower + (oracle::stochastic_up(odds, word) ? 1U : 0U);
    const bool negative = oracle::is_negative(value);
    constexpr auto who = oracle::policy::cuda;
    const std::uint32_t wanted =
        magnitude > oracle::max_code(reference_)
            ? oracle::encode_overflow(reference_, negative, false, oracle::rounding::nearest_even,
                                      oracle::overflow::special, who)
            : oracle::finite_code(reference_, magnitude, negative, who);
    const nibble::rounding_choice choice{nibble::rounding_mode::stochastic,
                                         static_cast<nibble::stochastic_variant>(variant), bits,
                                         static_cast<std::uint32_t>(word | (random & ~(odds.words - 1)))};
    const std::uint32_t got = nibble::encode(format_, x, choice, nibble::overflow::special, nibble::policy::cuda);
    if (got == wanted) return;
    differ(("stochastic variant " + std::to_string(variant) + " bits " + std::to_string(bits) + " word " +
            std::to_string(word))
               .c_str(),
           nibble::to_bits(x), got, wanted, sizeof(Source) == 8);
  }

  void differ(const char* what, std::uint64_t input, std::uint32_t got, std::uint32_t wanted, bool from_double) {
    if (differences_++ == 0) print("format", format_);
    if (differences_ > 4) return out_->difference(what, input, got, wanted);
    std::printf("  %s %s: input 0x%" PRIx64 " gives 0x%x, not 0x%x\n", what, from_double ? "double" : "float", input,
                got, wanted);
    out_->difference(what, input, got, wanted);
  }

  nibble::float_format format_;
  oracle::format reference_;
  report* out_;
  input_source inputs_;
  std::uint64_t differences_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t numbers[3] = {};
  for (int i = 0; i < 3 && argc == 4; ++i) {
    const std::string_view text = argv[i + 1];
    std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
  }
  const auto [first, formats, count] = numbers;
  if (formats == 0 || count == 0) {
    std::printf("drawn_codec: the arguments are the first format, how many formats, and how many numbers for each\n");
    return 2;
  }
  report out("drawn formats");
  std::uint64_t wrong = 0;
  for (std::uint64_t seed = first; seed < first + formats; ++seed) {
    checker one(drawn_number(seed), out, seed);
    one.run(count);
    if (one.differences() != 0) std::printf("  (format %" PRIu64 ": %" PRIu64 ")\n", seed, one.differences());
    wrong += one.differences() != 0 ? 1U : 0U;
  }
  std::printf("%" PRIu64 " of %" PRIu64 " formats differ\n", wrong, formats);
  return out.verdict(formats * count * 2);
}
