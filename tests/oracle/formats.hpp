// SPDX-License-Identifier: Apache-2.0

// Descriptions of the named formats for the oracle, written down from their specifications: OCP MX 1.0 and OFP8, IEEE
// 754, the FNUZ types of ml_dtypes, and the family of IEEE P3109 4.2.
#pragma once

#include <oracle/codec.hpp>

namespace oracle {

inline constexpr format e2m1{2, 1, 1};
inline constexpr format e2m3{2, 3, 1};
inline constexpr format e3m2{3, 2, 3};
inline constexpr format e3m0{3, 0, 3};
inline constexpr format e4m3{4, 3, 7, specials::nan_only};
inline constexpr format e5m2{5, 2, 15, specials::infinity_and_nan};
inline constexpr format e8m0{8, 0, 127, specials::nan_only, false, false};
inline constexpr format ue4m3{4, 3, 7, specials::nan_only, false};
inline constexpr format e4m3fnuz{4, 3, 8, specials::fnuz};
inline constexpr format e5m2fnuz{5, 2, 16, specials::fnuz};
inline constexpr format e4m3b11fnuz{4, 3, 11, specials::fnuz};
inline constexpr format e3m4{3, 4, 3, specials::infinity_and_nan};
inline constexpr format e4m3ieee{4, 3, 7, specials::infinity_and_nan};
inline constexpr format bf16{8, 7, 127, specials::infinity_and_nan};
inline constexpr format f16{5, 10, 15, specials::infinity_and_nan};
inline constexpr format mxint8{0, 7, 0, specials::none, true, true, true};

/// Binary{k}p{p}{s|u}{f|e} of IEEE P3109: bias 2^(k-p-1) signed, 2^(k-p) unsigned.
inline format p3109(int k, int p, bool is_signed, bool extended) {
  const int exponent_bits = is_signed ? k - p : k - p + 1;
  const int bias = exponent_bits == 0 ? 0 : 1 << (exponent_bits - 1);
  return {exponent_bits, p - 1, bias, extended ? specials::p3109_extended : specials::p3109_finite, is_signed};
}

}  // namespace oracle
