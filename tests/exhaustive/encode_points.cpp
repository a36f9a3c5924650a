// SPDX-License-Identifier: Apache-2.0
//
// encode in every rounding and overflow where a sweep of all inputs is out of reach: doubles, and the roundings that
// the sweep of float32 leaves out. Inputs: every value and midpoint with its neighbours, 10^7 float32 and 3 * 10^6
// doubles that look for trouble, and all binary16 and bfloat16 patterns. Arguments: a name of subjects.hpp, and by what the
// numbers of float32 and doubles are divided.
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nibble/format/encode.hpp>
#include <nibble/number/minifloat.hpp>

#include <exhaustive/inputs.hpp>
#include <exhaustive/reference_table.hpp>
#include <exhaustive/report.hpp>
#include <format/subjects.hpp>
#include <oracle/stochastic.hpp>

namespace {

using namespace exhaustive;

constexpr std::uint64_t float_count = 10'000'000;
constexpr std::uint64_t double_count = 3'000'000;

using modes = std::tuple<nibble::nearest_even, nibble::nearest_away, nibble::nearest_toward_zero, nibble::toward_zero,
                         nibble::upward, nibble::downward, nibble::to_odd>;
constexpr oracle::rounding reference_modes[] = {
    oracle::rounding::nearest_even, oracle::rounding::nearest_away, oracle::rounding::nearest_toward_zero,
    oracle::rounding::toward_zero,  oracle::rounding::upward,       oracle::rounding::downward,
    oracle::rounding::to_odd};
constexpr nibble::rounding_mode library_modes[] = {nibble::rounding_mode::nearest_even,
                                                   nibble::rounding_mode::nearest_away,
                                                   nibble::rounding_mode::nearest_toward_zero,
                                                   nibble::rounding_mode::toward_zero,
                                                   nibble::rounding_mode::upward,
                                                   nibble::rounding_mode::downward,
                                                   nibble::rounding_mode::to_odd};
constexpr nibble::overflow rules[] = {nibble::overflow::saturate, nibble::overflow::special,
                                      nibble::overflow::p3109_finite, nibble::overflow::p3109_propagate,
                                      nibble::overflow::p3109_none};
constexpr oracle::overflow reference_rules[] = {oracle::overflow::saturate, oracle::overflow::special,
                                                oracle::overflow::p3109_finite, oracle::overflow::p3109_propagate,
                                                oracle::overflow::p3109_none};
constexpr nibble::stochastic_variant variants[] = {nibble::stochastic_variant::a, nibble::stochastic_variant::b,
                                                   nibble::stochastic_variant::c};
constexpr oracle::stochastic_variant reference_variants[] = {
    oracle::stochastic_variant::a, oracle::stochastic_variant::b, oracle::stochastic_variant::c};

/// All modes and rules; column 5 * mode + rule.
std::vector<conversion> all_columns() {
  std::vector<conversion> columns;
  for (const auto mode : reference_modes) {
    for (const auto rule : reference_rules) columns.push_back({mode, rule});
  }
  return columns;
}

template <std::size_t Index>
class checker {
 public:
  explicit checker(report& out)
      : out_(out),
        from_float_(subject.reference, subjects::reference_policy_of(subject), all_columns(), false),
        from_double_(subject.reference, subjects::reference_policy_of(subject), all_columns(), true) {}

  /// How many inputs are compared at least, with so many float32 and doubles less.
  static constexpr std::uint64_t inputs_of(std::uint64_t divisor) {
    return float_count / divisor + double_count / divisor + 2 * 65536;
  }

  void run(std::uint64_t divisor) {
    input_source inputs(subject.reference, 7);
    for (const double mark : from_float_.marks()) check_around(mark, inputs);
    for (std::uint64_t i = 0; i < float_count / divisor; ++i) {
      const float x = inputs.next_float();
      check_modes(x, from_float_);
      check_stochastic(x, inputs);
    }
    for (std::uint64_t i = 0; i < double_count / divisor; ++i) {
      const double x = inputs.next_double();
      check_modes(x, from_double_);
      check_stochastic(x, inputs);
    }
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
      check_narrow(nibble::minifloat<nibble::formats::f16>::from_bits(static_cast<std::uint16_t>(bits)));
      check_narrow(nibble::minifloat<nibble::formats::bf16>::from_bits(static_cast<std::uint16_t>(bits)));
    }
  }

 private:
  static constexpr subjects::subject subject = subjects::all[Index];
  static constexpr nibble::float_format format = subject.format;
  static constexpr nibble::special_policy policy = subjects::policy_of(subject);

  /// A mark and two neighbours on each side, of both signs, among the doubles and among the float32.
  void check_around(double mark, input_source& inputs) {
    const std::uint32_t near = oracle::float_bits(static_cast<float>(mark));
    for (std::uint32_t i = 0; i < 5; ++i) {
      for (const std::uint32_t sign : {0U, 0x8000'0000U}) {
        if (near + i < 2) continue;
        const float x = oracle::bits_float((near + i - 2) | sign);
        check_modes(x, from_float_);
        check_stochastic(x, inputs);
        const std::uint64_t bits = oracle::double_bits(mark) + i;
        if (bits < 2) continue;
        const double y = oracle::bits_double((bits - 2) | (std::uint64_t{sign} << 32));
        check_modes(y, from_double_);
        check_stochastic(y, inputs);
      }
    }
  }

  /// The answers for a number, column by column.
  const std::uint32_t* answers(double x, const reference_table& table) {
    if (!oracle::is_nan(x) && !oracle::is_infinite(x)) {
      return table.codes(table.place_of(oracle::magnitude(x)), oracle::is_negative(x));
    }
    for (std::size_t column = 0; column < asked_.size(); ++column) asked_[column] = table.ask(x, column);
    return asked_.data();
  }

  template <class Source>
  void check_modes(Source x, const reference_table& table) {
    const std::uint32_t* wanted = answers(static_cast<double>(x), table);
    [&]<std::size_t... Mode>(std::index_sequence<Mode...>) {
      (check_rules(x, std::tuple_element_t<Mode, modes>{}, wanted + 5 * Mode), ...);
    }
    (std::make_index_sequence<7>{});
    out_.compared(1);
  }

  /// A binary16 or bfloat16 number, by the function for formats known at run time.
  template <nibble::float_format F>
  void check_narrow(nibble::minifloat<F> x) {
    const std::uint32_t* wanted = answers(static_cast<double>(x), from_float_);
    for (std::size_t mode = 0; mode < 7; ++mode) {
      for (std::size_t rule = 0; rule < 5; ++rule) {
        const nibble::rounding_choice choice{library_modes[mode]};
        const std::uint32_t got = nibble::encode(format, x, choice, rules[rule], policy);
        if (got != wanted[5 * mode + rule]) differ(x.bits(), mode, rule, got, wanted[5 * mode + rule]);
      }
    }
    out_.compared(1);
  }

  void differ(std::uint64_t input, std::size_t mode, std::size_t rule, std::uint32_t got, std::uint32_t wanted) {
    const std::string what = "mode " + std::to_string(mode) + " overflow " + std::to_string(rule);
    out_.difference(what.c_str(), input, got, wanted);
  }

  template <class Source, class Rounding>
  void check_rules(Source x, Rounding mode, const std::uint32_t* wanted) {
    for (std::size_t rule = 0; rule < 5; ++rule) {
      const std::uint32_t got = nibble::encode<format>(x, mode, rules[rule], policy);
      if (got != wanted[rule]) {
        differ(nibble::to_bits(x), static_cast<std::size_t>(mode.choice().mode), rule, got, wanted[rule]);
      }
    }
  }

  /// A finite number under all three variants, with some number of random bits and some word, or the two words between
  /// which the answer changes.
  template <class Source>
  void check_stochastic(Source x, input_source& inputs) {
    const auto value = static_cast<double>(x);
    if (oracle::is_nan(value) || oracle::is_infinite(value)) return;
    if (oracle::is_negative(value) && !format.has_sign) return;
    const std::uint64_t random = inputs.next_word();
    const int bits = 1 + static_cast<int>(random % 32);
    const oracle::neighbours& n = from_float_.neighbours(from_float_.place_of(oracle::magnitude(value)));
    for (std::size_t v = 0; v < 3; ++v) {
      const oracle::stochastic_odds odds = oracle::odds(n, oracle::magnitude(value), bits, reference_variants[v]);
      std::uint64_t word = random >> 32 & (odds.words - 1);
      if ((random >> 8 & 3) == 0 && odds.up > 0) word = odds.words - odds.up;
      if ((random >> 8 & 3) == 1 && odds.up < odds.words) word = odds.words - odds.up - 1;
      const std::uint32_t magnitude = odds.lower + (oracle::stochastic_up(odds, word) ? 1U : 0U);
      const bool over = magnitude > oracle::max_code(subject.reference);
      const auto who = subjects::reference_policy_of(subject);
      const bool negative = oracle::is_negative(value);
      const std::uint32_t wanted =
          over ? oracle::encode_overflow(subject.reference, negative, false, oracle::rounding::nearest_even,
                                         oracle::overflow::special, who)
               : oracle::finite_code(subject.reference, magnitude, negative, who);
      // Bits above the random ones must not matter.
      const auto noise = static_cast<std::uint32_t>((random >> 10) & ~(odds.words - 1));
      const nibble::rounding_choice choice{nibble::rounding_mode::stochastic, variants[v], bits,
                                           static_cast<std::uint32_t>(word) | noise};
      const std::uint32_t got = nibble::encode<format>(x, choice, nibble::overflow::special, policy);
      if (got != wanted) {
        const std::string what = "stochastic variant " + std::to_string(v) + " bits " + std::to_string(bits) +
                                 " word " + std::to_string(word);
        out_.difference(what.c_str(), nibble::to_bits(x), got, wanted);
      }
    }
  }

  report& out_;
  reference_table from_float_;
  reference_table from_double_;
  std::array<std::uint32_t, 35> asked_{};
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc == 3 ? argv[1] : "";
  const std::string_view number = argc == 3 ? argv[2] : "";
  std::uint64_t divisor = 0;
  std::from_chars(number.data(), number.data() + number.size(), divisor);
  int status = 2;
  subjects::for_each([&]<std::size_t Index>() {
    if (subjects::all[Index].name != name || divisor == 0) return;
    report out{std::string(name)};
    checker<Index>(out).run(divisor);
    status = out.verdict(checker<Index>::inputs_of(divisor));
  });
  if (status == 2) std::printf("encode_points: the arguments are a name of subjects.hpp and a positive number\n");
  return status;
}
