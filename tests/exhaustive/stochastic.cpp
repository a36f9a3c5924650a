// SPDX-License-Identifier: Apache-2.0
//
// Stochastic rounding by complete enumeration: for each format of at most 8 bits, 1 to 12 random bits, IEEE P3109's
// variants A, B and C, every interval between two codes and a set of fractions in it, all 2^N random words are tried;
// the number that rounds up must equal the closed form, and they must be the highest words. Since a word is uniform,
// that is the exact expectation. For 13 to 32 bits the two words between which the answer changes are tried. Argument:
// a name of subjects.hpp, or "all".
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <nibble/format/encode.hpp>

#include <exhaustive/inputs.hpp>
#include <exhaustive/report.hpp>
#include <format/subjects.hpp>
#include <oracle/stochastic.hpp>

namespace {

using namespace exhaustive;

constexpr int largest_enumeration = 12;
constexpr double finest = 0x1p-20;

/// Fractions of a step for N random bits: the ends, the middle, multiples of 2^-N and of 2^-(N+1), where variants B and
/// C tie, each with its neighbours at distance 2^-20, and some at random. All are multiples of 2^-20.
std::vector<double> fractions(int bits, random_words& random) {
  std::vector<double> list{0, finest, 0.5 - finest, 0.5, 0.5 + finest, 1 - finest};
  const int depth = bits < 18 ? bits : 18;
  for (const double unit : {oracle::bits_double(std::uint64_t(1023 - depth) << 52),
                            oracle::bits_double(std::uint64_t(1022 - depth) << 52)}) {
    const double at = static_cast<double>(random.below(static_cast<std::uint64_t>(1 / unit))) * unit;
    for (const double near : {at - finest, at, at + finest}) {
      if (near >= 0 && near < 1) list.push_back(near);
    }
  }
  for (int i = 0; i < 3; ++i) list.push_back(static_cast<double>(random.below(1U << 20)) * finest);
  return list;
}

template <std::size_t Index>
class checker {
 public:
  explicit checker(report& out) : out_(out) {}

  void run() {
    const std::uint32_t last = oracle::max_code(subject.reference);
    for (std::uint32_t code = 0; code <= last; ++code) {
      for (int bits = 1; bits <= 32; ++bits) check_interval(code, bits);
    }
  }

 private:
  static constexpr subjects::subject subject = subjects::all[Index];
  static constexpr nibble::float_format format = subject.format;
  static constexpr nibble::special_policy policy = subjects::policy_of(subject);

  void check_interval(std::uint32_t code, int bits) {
    const long double lower = oracle::magnitude_value(subject.reference, code);
    const long double step = oracle::magnitude_value(subject.reference, code + 1) - lower;
    for (const double fraction : fractions(bits, random_)) {
      const double x = static_cast<double>(lower + step * static_cast<long double>(fraction));
      check_variant<nibble::stochastic_variant::a>(x, bits, oracle::stochastic_variant::a);
      check_variant<nibble::stochastic_variant::b>(x, bits, oracle::stochastic_variant::b);
      check_variant<nibble::stochastic_variant::c>(x, bits, oracle::stochastic_variant::c);
    }
  }

  template <nibble::stochastic_variant Variant>
  void check_variant(double x, int bits, oracle::stochastic_variant variant) {
    const oracle::stochastic_odds odds = oracle::odds(subject.reference, x, bits, variant);
    const auto narrow = static_cast<float>(x);
    const bool fits = static_cast<double>(narrow) == x;
    check_source<Variant>(x, false, bits, odds);
    if (fits) check_source<Variant>(narrow, false, bits, odds);
    if (!format.has_sign) return;
    // The largest number of random bits for the sign, which the magnitude does not depend on.
    if (bits == largest_enumeration) check_source<Variant>(-x, true, bits, odds);
    if (bits == largest_enumeration && fits) check_source<Variant>(-narrow, true, bits, odds);
  }

  /// The code of a magnitude that may be one beyond the last.
  static std::uint32_t code_of(std::uint32_t magnitude, bool negative) {
    constexpr auto who = subjects::reference_policy_of(subject);
    if (magnitude <= oracle::max_code(subject.reference)) {
      return oracle::finite_code(subject.reference, magnitude, negative, who);
    }
    return oracle::encode_overflow(subject.reference, negative, false, oracle::rounding::nearest_even,
                                   oracle::overflow::special, who);
  }

  template <nibble::stochastic_variant Variant, class Source>
  NIBBLE_ALWAYS_INLINE static std::uint32_t encode(Source x, int bits, std::uint32_t word) {
    const nibble::rounding_choice choice{nibble::rounding_mode::stochastic, Variant, bits, word};
    return nibble::encode<format>(x, choice, nibble::overflow::special, policy);
  }

  template <nibble::stochastic_variant Variant, class Source>
  void check_source(Source x, bool negative, int bits, const oracle::stochastic_odds& odds) {
    const std::uint32_t down = code_of(odds.lower, negative);
    const std::uint32_t up = code_of(odds.lower + 1, negative);
    const std::uint64_t first_up = odds.words - odds.up;
    // Whatever stands above the random bits must not matter.
    const auto noise = static_cast<std::uint32_t>(random_.next() & ~(odds.words - 1));
    if (bits > largest_enumeration) {
      if (odds.up > 0) expect<Variant>(x, bits, static_cast<std::uint32_t>(first_up) | noise, up);
      if (odds.up < odds.words) expect<Variant>(x, bits, static_cast<std::uint32_t>(first_up - 1) | noise, down);
      return;
    }
    const auto words = static_cast<std::uint32_t>(odds.words);
    std::uint32_t ups = 0;
    std::uint32_t neither = 0;
    for (std::uint32_t word = 0; word < words; ++word) {
      const std::uint32_t code = encode<Variant>(x, bits, word | noise);
      ups += code == up ? 1U : 0U;
      neither += code != up && code != down ? 1U : 0U;
    }
    out_.compared(words);
    const auto wanted = static_cast<std::uint32_t>(up == down ? odds.words : odds.up);
    if (ups != wanted)
      out_.difference(name<Variant>(bits, "words that round up").c_str(), nibble::to_bits(x), ups, wanted);
    if (neither != 0) out_.difference(name<Variant>(bits, "foreign codes").c_str(), nibble::to_bits(x), neither, 0);
    if (odds.up > 0) expect<Variant>(x, bits, static_cast<std::uint32_t>(first_up) | noise, up);
  }

  template <nibble::stochastic_variant Variant, class Source>
  void expect(Source x, int bits, std::uint32_t word, std::uint32_t wanted) {
    const std::uint32_t got = encode<Variant>(x, bits, word);
    if (got != wanted) out_.difference(name<Variant>(bits, "threshold").c_str(), nibble::to_bits(x), got, wanted);
    out_.compared(1);
  }

  template <nibble::stochastic_variant Variant>
  static std::string name(int bits, const char* what) {
    const char variant = static_cast<char>('A' + static_cast<int>(Variant));
    return std::string("variant ") + variant + ", " + std::to_string(bits) + " bits, " + what;
  }

  report& out_;
  random_words random_{3};
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc == 2 ? argv[1] : "";
  int status = 2;
  subjects::for_each([&]<std::size_t Index>() {
    if constexpr (subjects::all[Index].format.bits() <= 8) {
      if (name != "all" && subjects::all[Index].name != name) return;
      report out{std::string(subjects::all[Index].name)};
      checker<Index>(out).run();
      const int verdict = out.verdict(1'000'000);
      status = status == 2 ? verdict : status | verdict;
    }
  });
  if (status == 2) {
    std::printf("stochastic: the argument is a name of subjects.hpp, of at most 8 bits, or all, not \"%s\"\n",
                argv[argc - 1]);
  }
  return status;
}
