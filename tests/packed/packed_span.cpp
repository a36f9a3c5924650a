// SPDX-License-Identifier: Apache-2.0
//
// packed_span: a random-access range over packed numbers.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <ranges>
#include <stdexcept>
#include <vector>

#include <nibble/packed/packed_span.hpp>

using byte_vector = std::vector<std::uint8_t>;
using nibble::const_packed_span;
using nibble::packed_span;

namespace {

using span4 = packed_span<nibble::formats::e2m1>;
using const_span4 = const_packed_span<nibble::formats::e2m1>;
using span6 = packed_span<nibble::formats::e3m2, nibble::layouts::dense6>;
using span16 = packed_span<nibble::formats::bf16>;

static_assert(std::ranges::random_access_range<span4> && std::ranges::sized_range<span4>);
static_assert(std::ranges::random_access_range<const_span4> && std::ranges::sized_range<const_span4>);
static_assert(std::ranges::view<span4> && std::ranges::borrowed_range<span4>);
static_assert(std::ranges::common_range<span4> && std::sortable<span4::iterator>);
static_assert(std::indirectly_writable<span4::iterator, nibble::e2m1>);
static_assert(!std::indirectly_writable<const_span4::iterator, nibble::e2m1>);
static_assert(std::is_convertible_v<span4, const_span4> && !std::is_convertible_v<const_span4, span4>);
static_assert(std::is_same_v<span4::const_iterator, const_span4::iterator>);
static_assert(std::is_trivially_copyable_v<span4>);

/// Writes, reads, sorts and reverses `count` random numbers through a view, beside an ordinary vector.
template <class Span>
bool behaves_like_vector(std::size_t count) {
  using number = typename Span::value_type;
  std::mt19937 random(static_cast<unsigned>(count));
  byte_vector buffer(nibble::packed_bytes(Span::layout, count) + 3, 0xee);
  Span view(buffer, count);
  std::vector<number> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(number{static_cast<float>(random() % 16) - 8.0F});
    view[i] = values.back();
  }
  const auto same = [&] {
    return view.size() == count && std::equal(values.begin(), values.end(), view.begin(), view.end());
  };
  bool good = same();
  std::ranges::sort(view);
  std::ranges::sort(values);
  good = good && same();
  std::ranges::reverse(view);
  std::ranges::reverse(values);
  good = good && same();
  for (std::size_t i = buffer.size() - 3; i < buffer.size(); ++i) good = good && buffer[i] == 0xee;
  return good;
}

}  // namespace

TEST_CASE("a view behaves like a vector of numbers, for every count") {
  int wrong = 0;
  for (std::size_t count = 0; count < 70; ++count) {
    if (!behaves_like_vector<span4>(count)) ++wrong;
    if (!behaves_like_vector<span6>(count)) ++wrong;
    if (!behaves_like_vector<span16>(count)) ++wrong;
    if (!behaves_like_vector<packed_span<nibble::formats::e2m1, nibble::layouts::nibbles_high_first>>(count)) ++wrong;
    if (!behaves_like_vector<packed_span<nibble::formats::e2m1, nibble::layouts::ggml_mxfp4>>(count)) ++wrong;
    if (!behaves_like_vector<packed_span<nibble::formats::e2m1, nibble::layouts::ggml_nvfp4>>(count)) ++wrong;
    if (!behaves_like_vector<packed_span<nibble::formats::e4m3>>(count)) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("elements of known bytes") {
  const byte_vector buffer{0x21, 0x43, 0x05};
  const const_span4 view(buffer, 5);
  CHECK(view.size() == 5);
  CHECK(view.front().bits() == 1);
  CHECK(view[3].bits() == 4);
  CHECK(view.back().bits() == 5);
  CHECK(view.at(2).bits() == 3);
  CHECK(view.bytes().data() == buffer.data());
  CHECK(view.bytes().size() == 3);
  CHECK(const_span4{}.empty());
}

TEST_CASE("iterators") {
  byte_vector buffer{0x21, 0x43, 0x05};
  const span4 view(buffer, 5);
  auto i = view.begin();
  CHECK((*i++).bits() == 1);
  CHECK((*++i).bits() == 3);
  CHECK((*i--).bits() == 3);
  CHECK((*--i).bits() == 1);
  CHECK(i[4].bits() == 5);
  CHECK((*(2 + i)).bits() == 3);
  CHECK(view.end() - i == 5);
  CHECK((i += 5) == view.end());
  CHECK((*(i - 1)).bits() == 5);
  CHECK((i -= 2) < view.end());
}

TEST_CASE("wrong sizes and indices throw") {
  byte_vector buffer(3);
  CHECK_NOTHROW(span4(buffer, 6));
  CHECK_THROWS_WITH_AS(span4(buffer, 7), "nibble: bytes has 3 bytes; 7 codes need at least 4", std::invalid_argument);
  CHECK_THROWS_AS(span16(buffer, 2), std::invalid_argument);
  const span4 view(buffer, 5);
  CHECK_NOTHROW((void)view.at(4));
  CHECK_THROWS_WITH_AS((void)view.at(5), "nibble: index is 5; it must be below the size, 5", std::out_of_range);
  CHECK_THROWS_AS((void)const_span4(view).at(5), std::out_of_range);
}
