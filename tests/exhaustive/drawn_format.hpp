// SPDX-License-Identifier: Apache-2.0
//
// Formats that nobody named: block formats drawn at random among all that the quantizers take, formats of numbers among
// all that encode and decode take, and both told in words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>

#include <nibble/block/block_format.hpp>
#include <nibble/format/catalogue.hpp>
#include <nibble/format/p3109.hpp>

#include <exhaustive/random_words.hpp>

namespace exhaustive {

class format_source {
 public:
  constexpr explicit format_source(std::uint64_t seed) : words_(seed) {}

  /// The next valid block format.
  constexpr nibble::block_format next() {
    for (;;) {
      const nibble::block_format f = draw();
      if (f.is_valid()) return f;
    }
  }

  /// The next format of numbers that encode and decode take: any at all, one with a name, or one that differs from it
  /// in a property or two, which a kernel made for that one must notice.
  constexpr nibble::float_format next_number() {
    for (;;) {
      nibble::float_format f = one_in(2) ? draw_format(16, one_in(3) ? 11 : 8) : named_number();
      for (int i = below(3); i > 0; --i) vary(f);
      if (f.is_valid() && f.bits() <= 16) return f;
    }
  }

 private:
  constexpr int below(int bound) { return static_cast<int>(words_.below(static_cast<std::uint64_t>(bound))); }
  constexpr bool one_in(int n) { return below(n) == 0; }

  constexpr nibble::block_format draw() {
    nibble::block_format f;
    f.element = one_in(2) ? named_element() : any_format(8);
    f.scale = one_in(2) ? named_scale() : any_format(16);
    f.packing = packing(f.element.bits());
    // Packed blocks begin with a byte.
    const int unit = f.packing.slot_bits == 4 ? 2 : f.packing.slot_bits == 6 ? 4 : 1;
    f.block_size = (block_size() + unit - 1) / unit * unit;
    if (f.packing.slot_bits == 4 && f.packing.order == nibble::nibble_order::split_halves) {
      f.packing.group = f.block_size;
    }
    f.tensor_scale = !f.power_of_two_scale() && one_in(2);
    // What scales reach without one has none.
    f.tensor_scale = f.tensor_scale && f.element.max_value() * f.scale.max_value() < 0x1p127;
    f.block_rows = block_rows();
    f.replicate_scales = one_in(4);
    return f;
  }

  /// Hand-tuned kernels serve some of these only.
  constexpr nibble::float_format named_element() {
    using namespace nibble::formats;
    constexpr nibble::float_format choice[] = {e2m1, e2m1, e2m1, e2m3,     e3m2,     e4m3,  e4m3,
                                               e5m2, e5m2, e3m0, e4m3fnuz, e5m2fnuz, mxint8};
    return choice[below(static_cast<int>(std::size(choice)))];
  }
  constexpr nibble::float_format named_scale() {
    using namespace nibble::formats;
    constexpr nibble::float_format choice[] = {e8m0, e8m0, e4m3, e4m3, ue4m3, e5m2, f32, f16, bf16, e3m4};
    return choice[below(static_cast<int>(std::size(choice)))];
  }

  /// Any of at most so many bits that a block format may have.
  constexpr nibble::float_format any_format(int most_bits) {
    nibble::float_format f;
    do {
      f = draw_format(most_bits);
    } while (!f.is_valid() || !f.fits_binary32());
    return f;
  }
  constexpr nibble::float_format named_number() {
    using namespace nibble::formats;
    constexpr nibble::float_format choice[] = {
        e2m1,     e2m3,   e3m2, e3m0, e4m3, e5m2, ue4m3, e8m0, e4m3fnuz,    e5m2fnuz,    e3m4,        e4m3b11fnuz,
        e4m3ieee, mxint8, bf16, bf16, f16,  f16,  e8m0,  e2m1, binary8p4se, binary8p3se, binary4p2sf, binary8p1uf};
    return choice[below(static_cast<int>(std::size(choice)))];
  }
  /// Changes one property of a format, which may then be none.
  constexpr void vary(nibble::float_format& f) {
    const int near = below(5) - 2;
    switch (below(11)) {
      case 0: f.has_sign = !f.has_sign; break;
      case 1: f.has_zero = !f.has_zero; break;
      case 2: f.bias += below(9) - 4; break;
      case 3: f.bias += below(200) - 100; break;
      case 4: f.mantissa_bits += below(5) - 2; break;
      case 5: f.exponent_bits += below(3) - 1; break;
      // An end of binary32: its smallest number, its smallest normal one, its largest.
      case 6: f.bias = 150 - f.mantissa_bits + near; break;
      case 7: f.bias = 127 - f.mantissa_bits + near; break;
      case 8: f.bias = (1 << (f.exponent_bits < 0 ? 0 : f.exponent_bits)) - 128 + near; break;
      default: f.specials = static_cast<nibble::special_values>(below(6)); break;
    }
  }
  constexpr nibble::float_format draw_format(int most_bits, int most_exponent_bits = 8) {
    nibble::float_format f;
    const int bits = 2 + below(most_bits - 1);
    f.has_sign = !one_in(5);
    f.has_zero = !one_in(8);
    const int magnitude = bits - (f.has_sign ? 1 : 0);
    f.exponent_bits = one_in(8) ? 0 : below((magnitude < most_exponent_bits ? magnitude : most_exponent_bits) + 1);
    f.mantissa_bits = magnitude - f.exponent_bits;
    f.twos_complement = f.exponent_bits == 0 && one_in(2);
    f.specials = one_in(3) ? nibble::special_values::none : static_cast<nibble::special_values>(below(6));
    const int middle = f.exponent_bits == 0 ? 0 : (1 << (f.exponent_bits - 1)) - 1;
    f.bias = one_in(4) ? below(280) - 130 : middle + below(9) - 4;
    return f;
  }

  constexpr nibble::packed_layout packing(int bits) {
    nibble::packed_layout p;
    const int choice = below(bits <= 4 ? 5 : bits <= 6 ? 3 : 1);
    p.slot_bits = choice == 0 ? 8 : bits <= 4 && choice < 4 ? 4 : 6;
    // Slots that have no order have none in another spelling, too.
    if (p.slot_bits == 4 || one_in(4)) p.order = static_cast<nibble::nibble_order>(below(3));
    if (one_in(4)) p.group = 2 * (1 + below(40));
    return p;
  }

  constexpr int block_size() {
    switch (below(8)) {
      case 0: return 0;
      case 1: return 1 << below(11);
      case 2: return (1 << below(11)) + 1 + below(8);
      case 3: return 8 * (1 + below(40));
      case 4: return 64 * (1 + below(6));
      case 5: return 1 + below(32);
      case 6: return one_in(4) ? 1000 + below(3000) : 16 * (1 + below(4));
      default: return 1 + below(300);
    }
  }
  constexpr int block_rows() {
    switch (below(12)) {
      case 0: return 0;
      case 1: return 2 + below(4);
      case 2: return 1 + below(40);
      case 3: return 16;
      default: return 1;
    }
  }

  random_words words_;
};

/// The block format of a seed.
constexpr nibble::block_format drawn_format(std::uint64_t seed) { return format_source(seed).next(); }
/// The format of numbers of a seed.
constexpr nibble::float_format drawn_number(std::uint64_t seed) { return format_source(seed).next_number(); }

inline void print(const char* what, const nibble::float_format& f) {
  constexpr const char* specials[] = {"no special values", "NaN only",      "Inf and NaN", "fnuz",
                                      "P3109 finite",      "P3109 extended"};
  std::printf("  %s: %d exponent and %d mantissa bits, bias %d, %s, %s, %s%s\n", what, f.exponent_bits, f.mantissa_bits,
              f.bias, specials[static_cast<int>(f.specials)], f.has_sign ? "signed" : "unsigned",
              f.has_zero ? "with zero" : "without zero", f.twos_complement ? ", two's complement" : "");
}

/// A block format in words.
inline void print(const nibble::block_format& f) {
  constexpr const char* orders[] = {"low first", "high first", "split halves"};
  print("element", f.element);
  print("scale", f.scale);
  std::printf("  blocks of %d rows and %d columns (0: all)%s%s; slots of %d bits, %s, groups of %d\n", f.block_rows,
              f.block_size, f.replicate_scales ? ", scales of each row" : "", f.tensor_scale ? ", a tensor scale" : "",
              f.packing.slot_bits, orders[static_cast<int>(f.packing.order)], f.packing.group);
}

}  // namespace exhaustive
