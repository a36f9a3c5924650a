// SPDX-License-Identifier: Apache-2.0
//
// What explain() finds, and its text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nibble/check/difference.hpp>

namespace nibble {
inline namespace v0 {
namespace check {

/// What explain() found out about bytes.
enum class verdict : std::uint8_t {
  nothing_differs,  ///< the bytes are those of the recipe
  explained,        ///< the differences, together, predict every byte
  not_explained,    ///< they are the closest that was found
};

/// From which tensor scale blocks were predicted.
enum class tensor_scale_source : std::uint8_t {
  recipe,   ///< that of the recipe under the differences
  memory,   ///< the one in memory, which is not explained
  neither,  ///< it is not explained, and less than half of the scales and of the codes follow from one of the two
};

/// Bytes compared, and how many of them are as predicted.
struct match_count {
  std::uint64_t total = 0;
  std::uint64_t matched = 0;
  [[nodiscard]] constexpr double share() const noexcept {
    return total == 0 ? 1.0 : static_cast<double>(matched) / static_cast<double>(total);
  }
};

/// A place where a byte is not the predicted one.
struct failing_place {
  enum class kind : std::uint8_t { tensor_scale, scale, code };
  kind what = kind::code;
  std::size_t row = 0, col = 0;   ///< of the element; of a scale: of the first element that uses it
  std::size_t block = 0;          ///< column of the block in its row
  std::uint32_t expected = 0;     ///< code, or bits of the tensor scale
  std::uint32_t found = 0;
  float input = 0.0F;             ///< the element; of a tensor scale 0
};

/// The result of explain().
struct diagnosis {
  check::verdict verdict = verdict::not_explained;
  std::string_view recipe;                    ///< the recipe that differences are counted from
  std::vector<difference> differences;        ///< the smallest set, in the order of the steps
  std::vector<std::vector<difference>> alternatives;  ///< for one step each: other differences, as few, that predict
                                                      ///< the same bytes on this matrix
  std::vector<std::string_view> same_as;      ///< presets that predict every byte without any difference
  bool by_neighbours = false;  ///< a difference only allows the codes that are there (check::evidence::neighbours)

  bool tensor_scale_matched = true;  ///< under the differences
  tensor_scale_source scaled_by = tensor_scale_source::recipe;  ///< for the counts and differences of blocks
  match_count scales, codes;         ///< under the differences; codes given the scales that are stored
  match_count scales_before, codes_before;  ///< the same under the recipe alone
  std::optional<failing_place> first_failure{};  ///< under the differences
};

namespace detail::inline NIBBLE_UNIT {

inline std::string hexadecimal(std::uint32_t x) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (; x != 0 || text.empty(); x >>= 4) text.insert(text.begin(), digits[x & 15U]);
  return "0x" + text;
}

/// "12 of 345 (3.478 %)", the share with three decimals, rounded down.
inline std::string share_text(std::uint64_t part, std::uint64_t whole) {
  std::string text = std::to_string(part) + " of " + std::to_string(whole);
  if (whole == 0) return text;
  const auto thousandths = static_cast<std::uint64_t>(static_cast<double>(part) / static_cast<double>(whole) * 1e5);
  const std::string decimals = std::to_string(1000 + thousandths % 1000).substr(1);
  return text + " (" + std::to_string(thousandths / 1000) + "." + decimals + " %)";
}

inline std::string place_text(const failing_place& p) {
  if (p.what == failing_place::kind::tensor_scale) {
    return "tensor scale: bits " + hexadecimal(p.found) + ", predicted " + hexadecimal(p.expected);
  }
  const std::string place = "row " + std::to_string(p.row) + ", column " + std::to_string(p.col) + ", block " +
                            std::to_string(p.block);
  const std::string bytes = " " + hexadecimal(p.found) + ", predicted " + hexadecimal(p.expected);
  return place + (p.what == failing_place::kind::scale ? ": scale" : ": code") + bytes + ", input bits " +
         hexadecimal(to_bits(p.input));
}

inline std::string differences_text(const std::vector<difference>& set, std::string_view indent) {
  std::string text;
  for (const difference& d : set) {
    text += std::string(indent).append(d.name).append("\n");
    text += std::string(indent).append("  ").append(d.description).append("\n");
  }
  return text;
}

/// "1 difference", "2 differences".
inline std::string count_text(const std::vector<difference>& set) {
  return std::to_string(set.size()) + (set.size() == 1 ? " difference" : " differences");
}

/// What is found about blocks where the tensor scale is not explained.
inline std::string blocks_text(const diagnosis& d) {
  std::string text = "not explained: the tensor scale";
  if (d.scaled_by == tensor_scale_source::neither) {
    return text + "; scales and codes follow neither from the one in memory nor from the predicted one\n";
  }
  const bool follow = d.scales.matched == d.scales.total && d.codes.matched == d.codes.total;
  text += std::string(follow ? "; all scales and codes follow" : "; scales and codes, as far as they follow, do so") +
          " from the " + (d.scaled_by == tensor_scale_source::memory ? "one in memory" : "predicted one");
  return text + (d.differences.empty() ? "" : " with " + count_text(d.differences)) +
         (d.differences.empty() ? "\n" : ":\n") + differences_text(d.differences, "  ");
}

}  // namespace detail

/// The diagnosis as lines of text for people.
[[nodiscard]] inline std::string to_text(const diagnosis& d) {
  const std::string recipe(d.recipe);
  std::string text;
  if (d.verdict == verdict::nothing_differs) {
    text = "nothing differs: the bytes are those of recipe " + recipe + "\n";
  } else {
    text = "differs from recipe " + recipe + " in " + (d.tensor_scale_matched ? "" : "the tensor scale, ") +
           detail::share_text(d.scales_before.total - d.scales_before.matched, d.scales_before.total) + " scales and " +
           detail::share_text(d.codes_before.total - d.codes_before.matched, d.codes_before.total) + " codes\n";
    const bool explained = d.verdict == verdict::explained;
    if (!d.tensor_scale_matched) {
      text += detail::blocks_text(d);
    } else if (!explained && d.differences.empty()) {
      text += "not explained by any set of differences\n";
    } else {
      text += (explained ? "explained by " : "not explained; closest with ") + detail::count_text(d.differences) +
              ":\n" + detail::differences_text(d.differences, "  ");
    }
    if (d.by_neighbours) text += "  (these allow every byte, they do not predict it)\n";
    if (!explained) {
      text += "  predicted: " + detail::share_text(d.scales.matched, d.scales.total) + " scales, " +
              detail::share_text(d.codes.matched, d.codes.total) + " codes\n";
    }
  }
  if (d.first_failure) text += "first failure: " + detail::place_text(*d.first_failure) + "\n";
  for (const std::vector<difference>& set : d.alternatives) {
    text += "the same bytes here, instead of the differences of this step:\n" + detail::differences_text(set, "  ");
  }
  std::string same;
  for (const std::string_view name : d.same_as) {
    if (name != d.recipe) same += (same.empty() ? "" : ", ") + std::string(name);
  }
  if (!same.empty()) text += "the bytes are also those of: " + same + "\n";
  return text;
}

}  // namespace check
}  // namespace v0
}  // namespace nibble
