// SPDX-License-Identifier: Apache-2.0
//
// encode on all 2^32 float32 patterns against the reference: nearest even, nearest away and toward zero, saturating and
// to special values. Argument: a name of subjects.hpp.
//
// The number line is cut where an answer can change; inside a piece the loop compares with one constant, so that the
// compiler can vectorise the scalar codec.
#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include <nibble/format/encode.hpp>

#include <exhaustive/reference_table.hpp>
#include <exhaustive/report.hpp>
#include <format/subjects.hpp>

namespace {

using namespace exhaustive;
using nibble::float_format;
using nibble::overflow;

constexpr std::uint64_t all_patterns = std::uint64_t{1} << 32;

/// What a piece must give: saturating, and to special values.
struct pair_of_codes {
  std::uint32_t saturate;
  std::uint32_t special;
};

/// Any bit in which an answer for patterns first, ..., first + count - 1 differs from the wanted one.
template <std::size_t Index, class Rounding>
NIBBLE_ALWAYS_INLINE std::uint32_t wrong_bits(std::uint32_t first, std::uint32_t count, pair_of_codes wanted) {
  constexpr float_format f = subjects::all[Index].format;
  constexpr nibble::special_policy policy = subjects::policy_of(subjects::all[Index]);
  std::uint32_t wrong = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const float x = nibble::bit_cast<float>(first + i);
    wrong |= nibble::encode<f>(x, Rounding{}, overflow::saturate, policy) ^ wanted.saturate;
    wrong |= nibble::encode<f>(x, Rounding{}, overflow::special, policy) ^ wanted.special;
  }
  return wrong;
}

template <std::size_t Index, class Rounding>
std::uint32_t wrong_bits_baseline(std::uint32_t first, std::uint32_t count, pair_of_codes wanted) {
  return wrong_bits<Index, Rounding>(first, count, wanted);
}

#if defined(__x86_64__) && defined(__GNUC__)
template <std::size_t Index, class Rounding>
__attribute__((target("avx2"))) std::uint32_t wrong_bits_avx2(std::uint32_t first, std::uint32_t count,
                                                              pair_of_codes wanted) {
  return wrong_bits<Index, Rounding>(first, count, wanted);
}
template <std::size_t Index, class Rounding>
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512"))) std::uint32_t wrong_bits_avx512(
    std::uint32_t first, std::uint32_t count, pair_of_codes wanted) {
  return wrong_bits<Index, Rounding>(first, count, wanted);
}
#else
template <std::size_t Index, class Rounding>
constexpr auto wrong_bits_avx2 = wrong_bits_baseline<Index, Rounding>;
template <std::size_t Index, class Rounding>
constexpr auto wrong_bits_avx512 = wrong_bits_baseline<Index, Rounding>;
#endif

/// Names the differing inputs of a piece.
template <std::size_t Index, class Rounding>
void explain(report& out, const char* mode, std::uint32_t first, std::uint32_t count, pair_of_codes wanted) {
  constexpr float_format f = subjects::all[Index].format;
  constexpr nibble::special_policy policy = subjects::policy_of(subjects::all[Index]);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t bits = first + i;
    const float x = nibble::bit_cast<float>(bits);
    const std::uint32_t saturated = nibble::encode<f>(x, Rounding{}, overflow::saturate, policy);
    const std::uint32_t special = nibble::encode<f>(x, Rounding{}, overflow::special, policy);
    if (saturated != wanted.saturate) out.difference(mode, bits, saturated, wanted.saturate);
    if (special != wanted.special) out.difference(mode, bits, special, wanted.special);
  }
}

/// The pattern of the smallest float32 magnitude that is at least (or above) `mark`; 0x7f800000 if there is none.
std::uint32_t first_float(double mark, bool above) {
  const auto reached = [&](std::uint32_t bits) {
    const double x = oracle::float_value(bits);
    return above ? x > mark : x >= mark;
  };
  std::uint32_t low = 0;
  std::uint32_t high = 0x7f80'0000U;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (reached(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/// The float32 patterns of each place of the table: place p is [starts[p], starts[p + 1]), perhaps empty.
std::vector<std::uint32_t> place_starts(const reference_table& table) {
  std::vector<std::uint32_t> starts;
  for (const double mark : table.marks()) {
    starts.push_back(first_float(mark, false));
    starts.push_back(first_float(mark, true));
  }
  starts.push_back(0x7f80'0000U);
  return starts;
}

using loop = std::uint32_t (*)(std::uint32_t, std::uint32_t, pair_of_codes);

/// One piece of one sign, in all three roundings.
template <std::size_t Index>
void compare_piece(report& out, std::uint32_t first, std::uint32_t count, const std::array<pair_of_codes, 3>& wanted) {
  using nibble::nearest_away;
  using nibble::nearest_even;
  using nibble::toward_zero;
  static constexpr loop baseline[] = {wrong_bits_baseline<Index, nearest_even>,
                                      wrong_bits_baseline<Index, nearest_away>,
                                      wrong_bits_baseline<Index, toward_zero>};
  static constexpr loop avx2[] = {wrong_bits_avx2<Index, nearest_even>, wrong_bits_avx2<Index, nearest_away>,
                                  wrong_bits_avx2<Index, toward_zero>};
  static constexpr loop avx512[] = {wrong_bits_avx512<Index, nearest_even>, wrong_bits_avx512<Index, nearest_away>,
                                    wrong_bits_avx512<Index, toward_zero>};
  static const loop* const loops = has_avx512() ? avx512 : has_avx2() ? avx2 : baseline;
  if (loops[0](first, count, wanted[0]) != 0)
    explain<Index, nearest_even>(out, "nearest even", first, count, wanted[0]);
  if (loops[1](first, count, wanted[1]) != 0)
    explain<Index, nearest_away>(out, "nearest away", first, count, wanted[1]);
  if (loops[2](first, count, wanted[2]) != 0) explain<Index, toward_zero>(out, "toward zero", first, count, wanted[2]);
  out.compared(count);
}

/// Asks the reference at one input of a piece too: it is monotonic, so that two ends with one answer prove the piece.
void confirm(report& out, const reference_table& table, std::uint32_t bits, const std::uint32_t* codes) {
  for (std::size_t column = 0; column < 6; ++column) {
    const std::uint32_t code = table.ask(oracle::float_value(bits), column);
    if (code != codes[column]) out.difference("the reference within a piece", bits, codes[column], code);
  }
}

std::array<pair_of_codes, 3> pairs(const std::uint32_t* codes) {
  return {pair_of_codes{codes[0], codes[1]}, pair_of_codes{codes[2], codes[3]}, pair_of_codes{codes[4], codes[5]}};
}

template <std::size_t Index>
int sweep() {
  using enum oracle::rounding;
  using o = oracle::overflow;
  constexpr subjects::subject subject = subjects::all[Index];
  report out{std::string(subject.name)};
  const reference_table table(subject.reference, subjects::reference_policy_of(subject),
                              {{nearest_even, o::saturate},
                               {nearest_even, o::special},
                               {nearest_away, o::saturate},
                               {nearest_away, o::special},
                               {toward_zero, o::saturate},
                               {toward_zero, o::special}},
                              false);
  const std::vector<std::uint32_t> starts = place_starts(table);
  for (const std::uint32_t sign : {0U, 0x8000'0000U}) {
    for (std::size_t place = 0; place < table.places(); ++place) {
      const std::uint32_t count = starts[place + 1] - starts[place];
      if (count == 0) continue;
      const std::uint32_t first = starts[place] | sign;
      const std::uint32_t* codes = table.codes(place, sign != 0);
      confirm(out, table, first, codes);
      if (count > 1) confirm(out, table, first + count - 1, codes);
      compare_piece<Index>(out, first, count, pairs(codes));
    }
    // Inf, then every NaN: from float32 they all give one code of a sign.
    for (const auto& [bits, count] : {std::pair{0x7f80'0000U, 1U}, std::pair{0x7f80'0001U, 0x007f'ffffU}}) {
      const double x = oracle::float_value(bits | sign);
      std::array<std::uint32_t, 6> codes{};
      for (std::size_t column = 0; column < 6; ++column) codes[column] = table.ask(x, column);
      compare_piece<Index>(out, bits | sign, count, pairs(codes.data()));
    }
  }
  return out.verdict(all_patterns);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc == 2 ? argv[1] : "";
  int status = 2;
  subjects::for_each([&]<std::size_t Index>() {
    if (subjects::all[Index].name == name) status = sweep<Index>();
  });
  if (status == 2) std::printf("encode_float: the argument is a name of subjects.hpp, not \"%s\"\n", argv[argc - 1]);
  return status;
}
