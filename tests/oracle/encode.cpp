// SPDX-License-Identifier: Apache-2.0

// The oracle's conversions against hand-made tables of what the CUDA headers, ml_dtypes, oneDNN, CUTLASS and IEEE P3109
// give.
#include <doctest/doctest.h>

#include <oracle/encode.hpp>
#include <oracle/formats.hpp>
#include <oracle/tensors.hpp>

#include <vector>

namespace {

using oracle::encode;
using oracle::format;
using oracle::overflow;
using oracle::policy;
using oracle::rounding;

constexpr auto even = rounding::nearest_even;
constexpr auto saturate = overflow::saturate;
constexpr auto special = overflow::special;
const double inf = oracle::infinity();
const double positive_nan = oracle::quiet_nan();
const double negative_nan = oracle::with_sign(positive_nan, true);

const rounding all_modes[] = {rounding::nearest_even, rounding::nearest_away, rounding::nearest_toward_zero,
                              rounding::toward_zero,  rounding::upward,       rounding::downward,
                              rounding::to_odd};

}  // namespace

TEST_CASE("oracle: cut points of E2M1") {
  const struct {
    double x;
    std::uint32_t even, away, toward_zero;
  } ties[] = {{.25, 0, 1, 0}, {.75, 2, 2, 1}, {1.25, 2, 3, 2}, {1.75, 4, 4, 3},
              {2.5, 4, 5, 4}, {3.5, 6, 6, 5}, {5, 6, 7, 6}};
  for (const auto& t : ties) {
    CAPTURE(t.x);
    CHECK(encode(oracle::e2m1, t.x) == t.even);
    CHECK(encode(oracle::e2m1, -t.x) == (t.even | 8));
    CHECK(encode(oracle::e2m1, t.x, rounding::nearest_away) == t.away);
    CHECK(encode(oracle::e2m1, t.x, rounding::nearest_toward_zero) == t.toward_zero);
    const std::uint32_t below = t.even - (t.even > t.toward_zero ? 1 : 0);
    CHECK(encode(oracle::e2m1, t.x - 0x1p-40) == below);
    CHECK(encode(oracle::e2m1, t.x + 0x1p-40) == below + 1);
  }
  CHECK(encode(oracle::e2m1, 100.0) == 7);
}

TEST_CASE("oracle: directed rounding and rounding to odd") {
  const auto codes = [](double x) {
    std::vector<std::uint32_t> list;
    for (const rounding mode : {rounding::toward_zero, rounding::upward, rounding::downward, rounding::to_odd}) {
      list.push_back(encode(oracle::e2m1, x, mode));
    }
    return list;
  };
  using list = std::vector<std::uint32_t>;
  CHECK(codes(2.1) == list{4, 5, 4, 5});
  CHECK(codes(3.1) == list{5, 6, 5, 5});
  CHECK(codes(-2.1) == list{12, 12, 13, 13});
  CHECK(codes(0.1) == list{0, 1, 0, 1});
  CHECK(codes(-0.1) == list{8, 8, 9, 9});
  CHECK(codes(3.0) == list{5, 5, 5, 5});
  CHECK(codes(7.0) == list{7, 7, 7, 7});
}

TEST_CASE("oracle: overflow of FP8") {
  CHECK(encode(oracle::e4m3, 464.0, even, special) == 0x7E);
  CHECK(encode(oracle::e4m3, 464.0 + 0x1p-40, even, special) == 0x7F);
  CHECK(encode(oracle::e4m3, -500.0, even, special) == 0xFF);
  CHECK(encode(oracle::e4m3, -500.0, even, saturate) == 0xFE);
  CHECK(encode(oracle::e5m2, 61440.0 - 0x1p-30, even, special) == 0x7B);
  CHECK(encode(oracle::e5m2, -61440.0, even, special) == 0xFC);
  CHECK(encode(oracle::e4m3fnuz, 247.0, even, special) == 0x7F);
  CHECK(encode(oracle::e4m3fnuz, -248.0, even, special) == 0x80);
  CHECK(encode(oracle::e2m1, 1e9, even, special) == 0x7);
  CHECK(encode(oracle::e4m3, 1e9, rounding::toward_zero, special) == 0x7E);
  CHECK(encode(oracle::e4m3, 1e9, rounding::downward, special) == 0x7E);
  CHECK(encode(oracle::e4m3, -1e9, rounding::downward, special) == 0xFF);
  CHECK(encode(oracle::e4m3, 449.0, rounding::to_odd, special) == 0x7F);
  CHECK(encode(oracle::e4m3fnuz, 241.0, rounding::to_odd, special) == 0x7F);
  CHECK(encode(oracle::e4m3fnuz, 257.0, rounding::to_odd, special) == 0x80);
  CHECK(encode(oracle::e4m3, 1.0625 + 0x1p-40) == 0x39);
  CHECK(encode(oracle::e4m3, 1.0625) == 0x38);
}

TEST_CASE("oracle: NaN, by the convention") {
  const struct {
    policy who;
    std::uint32_t e2m1[2], e2m3[2], e4m3[2], e5m2[2], e3m4[2];
  } rows[] = {
      {policy::cuda, {0x7, 0x7}, {0x1F, 0x1F}, {0x7F, 0x7F}, {0x7F, 0x7F}, {0x7F, 0x7F}},
      {policy::ml_dtypes, {0x8, 0x0}, {0x20, 0x0}, {0x7F, 0xFF}, {0x7E, 0xFE}, {0x78, 0xF8}},
      {policy::onednn, {0x7, 0xF}, {0x1F, 0x3F}, {0x7F, 0xFF}, {0x7E, 0xFE}, {0x78, 0xF8}},
      {policy::cutlass, {0x7, 0xF}, {0x1F, 0x3F}, {0x7F, 0x7F}, {0x7F, 0x7F}, {0x7F, 0x7F}},
      {policy::ggml, {0x0, 0x0}, {0x0, 0x0}, {0x7F, 0x7F}, {0x7F, 0x7F}, {0x7F, 0x7F}},
  };
  for (const auto& r : rows) {
    for (int s = 0; s < 2; ++s) {
      CAPTURE(static_cast<int>(r.who));
      const double x = s != 0 ? negative_nan : positive_nan;
      CHECK(encode(oracle::e2m1, x, even, saturate, r.who) == r.e2m1[s]);
      CHECK(encode(oracle::e2m3, x, even, saturate, r.who) == r.e2m3[s]);
      CHECK(encode(oracle::e4m3, x, even, saturate, r.who) == r.e4m3[s]);
      CHECK(encode(oracle::e5m2, x, even, saturate, r.who) == r.e5m2[s]);
      CHECK(encode(oracle::e3m4, x, even, saturate, r.who) == r.e3m4[s]);
      CHECK(encode(oracle::e4m3fnuz, x, even, saturate, r.who) == 0x80);
      CHECK(encode(oracle::e8m0, x, even, saturate, r.who) == 0xFF);
    }
  }
  const double payload = oracle::bits_double(0xFFFC000000000000U);
  CHECK(encode(oracle::e5m2, payload, even, saturate, policy::onednn) == 0xFF);
  CHECK(encode(oracle::e5m2, payload, even, saturate, policy::cuda, true) == 0xFF);
  CHECK(encode(oracle::e5m2, negative_nan, even, saturate, policy::cuda, true) == 0xFE);
  CHECK(encode(oracle::e4m3, negative_nan, even, saturate, policy::cuda, true) == 0xFF);
}

TEST_CASE("oracle: infinity, by the convention") {
  for (const policy who : {policy::cuda, policy::ml_dtypes, policy::onednn, policy::cutlass}) {
    CHECK(encode(oracle::e2m1, inf, even, saturate, who) == 0x7);
    CHECK(encode(oracle::e2m1, -inf, even, special, who) == 0xF);
    CHECK(encode(oracle::mxint8, -inf, even, special, who) == 0x81);
  }
  CHECK(encode(oracle::e4m3, inf, even, saturate, policy::cuda) == 0x7E);
  CHECK(encode(oracle::e4m3, -inf, even, special, policy::cuda) == 0xFF);
  CHECK(encode(oracle::e4m3, inf, even, saturate, policy::ml_dtypes) == 0x7F);
  CHECK(encode(oracle::e4m3, inf, even, saturate, policy::onednn) == 0x7F);
  CHECK(encode(oracle::e4m3, inf, even, saturate, policy::cutlass) == 0x7E);
  CHECK(encode(oracle::e5m2, inf, even, saturate, policy::cuda) == 0x7B);
  CHECK(encode(oracle::e5m2, inf, even, special, policy::cuda) == 0x7C);
  CHECK(encode(oracle::e5m2, inf, even, saturate, policy::ml_dtypes) == 0x7C);
  CHECK(encode(oracle::e5m2, inf, even, saturate, policy::cutlass) == 0x7B);
  CHECK(encode(oracle::e4m3fnuz, -inf, even, special, policy::ml_dtypes) == 0x80);
}

TEST_CASE("oracle: the sign of zero") {
  CHECK(encode(oracle::e2m1, -0.0) == 0x8);
  CHECK(encode(oracle::e2m1, -0.1) == 0x8);
  CHECK(encode(oracle::e2m3, -0.0) == 0x20);
  CHECK(encode(oracle::e4m3, -0x1p-140) == 0x80);
  CHECK(encode(oracle::e2m1, -0.1, even, saturate, policy::ggml) == 0x0);
  CHECK(encode(oracle::e4m3fnuz, -0.0) == 0x00);
  CHECK(encode(oracle::e4m3fnuz, -0x1p-12) == 0x00);
  CHECK(encode(oracle::mxint8, -0.001) == 0x00);
  CHECK(encode(oracle::p3109(8, 3, true, true), -0.0) == 0x00);
}

TEST_CASE("oracle: E8M0") {
  const auto up = [](double x, overflow rule, policy who = policy::cuda) {
    return encode(oracle::e8m0, x, rounding::upward, rule, who);
  };
  const auto zero = [](double x, overflow rule) { return encode(oracle::e8m0, x, rounding::toward_zero, rule); };
  for (const double x : {0.0, -0.0, 0x1p-149, 0x1p-127}) {
    CHECK(up(x, saturate) == 0x00);
    CHECK(zero(x, saturate) == 0x00);
  }
  CHECK(up(0x1.8p-127, saturate) == 0x01);
  CHECK(zero(0x1.8p-127, saturate) == 0x00);
  CHECK(up(3.0, saturate) == 0x81);
  CHECK(up(-1.0, saturate) == 0x7F);
  CHECK(up(1.5, saturate) == 0x80);
  CHECK(zero(1.5, saturate) == 0x7F);
  CHECK(up(oracle::f32::max, saturate) == 0xFE);
  CHECK(up(oracle::f32::max, special) == 0xFF);
  CHECK(zero(oracle::f32::max, special) == 0xFE);
  CHECK(zero(1e300, special) == 0xFE);
  CHECK(zero(inf, special) == 0xFF);
  CHECK(up(inf, saturate) == 0xFE);
  CHECK(up(inf, saturate, policy::cutlass) == 0xFF);
  CHECK(up(inf, saturate, policy::onednn) == 0xFF);
  const auto ml = [](double x) { return encode(oracle::e8m0, x, rounding::nearest_away, special, policy::ml_dtypes); };
  CHECK(ml(0.0) == 0xFF);
  CHECK(ml(-1.0) == 0xFF);
  CHECK(ml(inf) == 0xFF);
  CHECK(ml(1.5) == 0x80);
  CHECK(ml(0x1.2p-127) == 0x01);
  CHECK(ml(0x1p-127) == 0x00);
  CHECK(ml(0x1.8p127) == 0xFF);
}

TEST_CASE("oracle: negative numbers in unsigned formats") {
  const auto f = oracle::ue4m3;
  CHECK(encode(f, -1.0, even, saturate) == 0);
  CHECK(encode(f, -1.0, even, special) == 0x7F);
  CHECK(encode(f, -0x1p-10, even, special) == 0);
  CHECK(encode(f, -0x1.8p-10, even, special) == 0x7F);
  CHECK(encode(f, -1.0, rounding::toward_zero, special) == 0);
  CHECK(encode(f, -1.0, rounding::upward, special) == 0);
  CHECK(encode(f, -inf, even, saturate) == 0);
  CHECK(encode(f, -inf, rounding::upward, special) == 0x7F);
  CHECK(encode(f, -0.0, even, special) == 0);
  CHECK(encode(f, -1.0, even, saturate, policy::cutlass) == 0x38);
  CHECK(encode(oracle::e8m0, -1.0, even, saturate, policy::p3109) == 0);
  CHECK(encode(oracle::e8m0, -1.0, even, overflow::p3109_none, policy::p3109) == 0xFF);
  CHECK(encode(oracle::e8m0, -0x1.2p-127, even, special, policy::ml_dtypes) == 0xFF);
}

TEST_CASE("oracle: saturation of IEEE P3109") {
  const auto se = oracle::p3109(8, 4, true, true);
  const auto sf = oracle::p3109(4, 2, true, false);
  const auto ue = oracle::p3109(8, 3, false, true);
  const auto uf = oracle::p3109(8, 1, false, false);
  const auto none = [](const format& f, double x, rounding mode = even) {
    return encode(f, x, mode, overflow::p3109_none, policy::p3109);
  };
  const auto finite = [](const format& f, double x) {
    return encode(f, x, even, overflow::p3109_finite, policy::p3109);
  };
  const auto propagate = [](const format& f, double x) {
    return encode(f, x, even, overflow::p3109_propagate, policy::p3109);
  };
  using list = std::vector<std::uint32_t>;
  CHECK(list{none(se, 1e9), none(se, -1e9), none(se, inf), none(se, -inf)} == list{0x7F, 0xFF, 0x7F, 0xFF});
  CHECK(list{none(sf, 1e9), none(sf, -1e9), none(sf, inf), none(sf, -inf)} == list{0x7, 0xF, 0x7, 0xF});
  CHECK(list{none(ue, 1e20), none(ue, -1.0), none(ue, inf), none(ue, -inf)} == list{0xFE, 0xFF, 0xFE, 0xFF});
  CHECK(list{none(uf, 1e40), none(uf, -1.0), none(uf, inf), none(uf, -inf)} == list{0xFE, 0xFF, 0xFE, 0xFF});
  CHECK(list{finite(se, -inf), finite(ue, inf), finite(ue, -inf), finite(ue, -3.0)} == list{0xFE, 0xFD, 0, 0});
  CHECK(list{propagate(se, inf), propagate(se, 1e9), propagate(sf, inf), propagate(ue, -inf)} ==
        list{0x7F, 0x7E, 0x7, 0});
  CHECK(none(se, 1e9, rounding::toward_zero) == 0x7E);
  CHECK(none(se, -1e9, rounding::upward) == 0xFE);
  CHECK(none(ue, 1e20, rounding::to_odd) == 0xFD);
  CHECK(none(se, 1e9, rounding::to_odd) == 0x7F);
  CHECK(none(ue, -0x1p-30, rounding::to_odd) == 0xFF);
  CHECK(none(ue, -0x1p-40, even) == 0x00);
  CHECK(none(se, positive_nan) == 0x80);
  CHECK(none(uf, positive_nan) == 0xFF);
}

TEST_CASE("oracle: nearest rounding finds the closest of all values") {
  oracle::generator g(11);
  int wrong = 0;
  for (const format& f : {oracle::e2m1, oracle::e2m3, oracle::e3m2, oracle::e4m3, oracle::e5m2fnuz, oracle::mxint8}) {
    for (int i = 0; i < 4000; ++i) {
      const double x = std::ldexp(g.gaussian(), static_cast<int>(g.below(24)) - 14);
      double closest = oracle::infinity();
      for (std::uint32_t code = 0; code < (1U << f.bits()); ++code) {
        const double value = oracle::decode(f, code);
        if (f.twos_complement && value == -2.0) continue;
        if (!oracle::is_nan(value)) closest = std::fmin(closest, std::fabs(value - x));
      }
      for (const rounding mode : {even, rounding::nearest_away, rounding::nearest_toward_zero}) {
        if (std::fabs(oracle::decode(f, encode(f, x, mode)) - x) != closest) ++wrong;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("oracle: intervals of float32 tile all finite magnitudes and agree with single conversions") {
  oracle::generator g(5);
  int gaps = 0;
  int wrong = 0;
  for (const format& f : {oracle::e2m1, oracle::e4m3, oracle::e5m2, oracle::e8m0, oracle::mxint8, oracle::f16}) {
    for (const rounding mode : all_modes) {
      if (f.bits() == 16 && mode != even) continue;
      const bool negative = g.one_in(2);
      const auto list = oracle::float32_intervals(f, negative, mode, special);
      for (std::size_t i = 0; i < list.size(); ++i) {
        const std::uint32_t expected = i == 0 ? 0 : list[i - 1].last + 1;
        if (list[i].first != expected || list[i].last < list[i].first) ++gaps;
        const std::uint32_t inside = list[i].first + g.below(list[i].last - list[i].first + 1);
        const double x = oracle::with_sign(oracle::float_value(inside), negative);
        if (encode(f, x, mode, special) != list[i].code) ++wrong;
      }
      if (list.back().last != 0x7F7FFFFFU) ++gaps;
    }
  }
  CHECK(gaps == 0);
  CHECK(wrong == 0);
}
