// SPDX-License-Identifier: Apache-2.0
//
// Casts of matrices to and from minifloats, over every code of every format.
#include <doctest/doctest.h>

#include <format/subjects.hpp>
#include <nibble/eigen/cast.hpp>
#include <nibble/eigen/num_traits.hpp>

namespace {

template <class T>
using column = Eigen::Matrix<T, Eigen::Dynamic, 1>;

/// All codes of a format as a vector.
template <nibble::float_format F>
column<nibble::minifloat<F>> all_codes() {
  column<nibble::minifloat<F>> result(1 << F.bits());
  for (int i = 0; i < result.size(); ++i) {
    result(i) = nibble::minifloat<F>::from_bits(static_cast<std::uint32_t>(i));
  }
  return result;
}

std::uint32_t reference(const subjects::subject& s, double value, bool from_double) {
  return oracle::encode(s.reference, value, oracle::rounding::nearest_even, oracle::overflow::saturate,
                        oracle::policy::cuda, from_double);
}

std::uint16_t bits_of(Eigen::half x) { return Eigen::numext::bit_cast<std::uint16_t>(x); }
std::uint16_t bits_of(Eigen::bfloat16 x) { return Eigen::numext::bit_cast<std::uint16_t>(x); }

}  // namespace

TEST_CASE("to float and double: the exact values") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    const auto codes = all_codes<s.format>();
    const Eigen::VectorXd doubles = codes.template cast<double>();
    for (int i = 0; i < codes.size(); ++i) {
      const double expected = oracle::decode(s.reference, static_cast<std::uint32_t>(i));
      if (oracle::double_bits(doubles(i)) != oracle::double_bits(expected)) ++wrong;
    }
    if constexpr (s.format.fits_binary32()) {
      const Eigen::VectorXf floats = codes.template cast<float>();
      for (int i = 0; i < codes.size(); ++i) {
        const double expected = oracle::decode(s.reference, static_cast<std::uint32_t>(i));
        if (oracle::float_bits(floats(i)) != oracle::bits_of_float(expected)) ++wrong;
      }
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("from half and bfloat16: one rounding") {
  column<Eigen::half> halves(0x10000);
  column<Eigen::bfloat16> bfloats(0x10000);
  for (int i = 0; i < 0x10000; ++i) {
    halves(i) = Eigen::half_impl::raw_uint16_to_half(static_cast<std::uint16_t>(i));
    bfloats(i) = Eigen::bfloat16_impl::raw_uint16_to_bfloat16(static_cast<std::uint16_t>(i));
  }
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    const auto from_half = halves.cast<nibble::minifloat<s.format>>().eval();
    const auto from_bfloat = bfloats.cast<nibble::minifloat<s.format>>().eval();
    for (int i = 0; i < 0x10000; ++i) {
      const auto code = static_cast<std::uint32_t>(i);
      const std::uint32_t a =
          s.name == "f16" ? code : reference(s, oracle::decode(subjects::all[14].reference, code), false);
      const std::uint32_t b =
          s.name == "bf16" ? code : reference(s, oracle::decode(subjects::all[13].reference, code), false);
      if (from_half(i).bits() != a || from_bfloat(i).bits() != b) ++wrong;
    }
  });
  REQUIRE(subjects::all[13].name == "bf16");
  REQUIRE(subjects::all[14].name == "f16");
  CHECK(wrong == 0);
}

TEST_CASE("to half and bfloat16: one rounding, to infinity beyond the range") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    const auto codes = all_codes<s.format>();
    const auto halves = codes.template cast<Eigen::half>().eval();
    const auto bfloats = codes.template cast<Eigen::bfloat16>().eval();
    for (int i = 0; i < codes.size(); ++i) {
      const double value = oracle::decode(s.reference, static_cast<std::uint32_t>(i));
      const auto expected = [&](std::size_t index) {
        return oracle::encode(subjects::all[index].reference, value, oracle::rounding::nearest_even,
                              oracle::overflow::special, oracle::policy::cuda, false);
      };
      if (oracle::is_nan(value)) {
        if (!(Eigen::numext::isnan)(halves(i)) || !(Eigen::numext::isnan)(bfloats(i))) ++wrong;
      } else if (bits_of(halves(i)) != expected(14) || bits_of(bfloats(i)) != expected(13)) {
        ++wrong;
      }
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("to and from integers, between minifloats") {
  const Eigen::Vector4i integers(-1000, -3, 7, 1000);
  const auto small = integers.cast<nibble::e4m3>().eval();
  CHECK(small.cast<int>() == Eigen::Vector4i(-448, -3, 7, 448));
  const Eigen::Vector3f floats(2.75F, -2.75F, 0.5F);
  CHECK(floats.cast<nibble::e4m3>().cast<int>() == Eigen::Vector3i(2, -2, 0));
  CHECK(floats.cast<nibble::e4m3>().cast<nibble::e2m1>().cast<float>() == Eigen::Vector3f(3.0F, -3.0F, 0.5F));
  const auto flags = floats.cast<nibble::e4m3>().cast<bool>().eval();
  CHECK(flags.count() == 3);
}
