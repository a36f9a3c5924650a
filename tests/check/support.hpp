// SPDX-License-Identifier: Apache-2.0
//
// Matrices on which every planted fault shows, and the diagnosis of a faulty kernel.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <check/faulty_kernel.hpp>
#include <nibble/check.hpp>

namespace check_test {

/// What a matrix holds besides ordinary blocks.
enum class data { ordinary, specials, tiny, huge, uneven };

/// Blocks of `width` elements: Gaussian ones of many sizes, ones made of midpoints of E2M1 and E4M3 times the block's
/// scale, exact or moved by 2^-23 to 2^-8, blocks of zeros and of elements so small that their scale is subnormal or 0.
class matrix_maker {
 public:
  matrix_maker(data kind, std::size_t width, const faulty::numbers& element, float uneven_amax = 1.0F)
      : kind_(kind), width_(width), element_(element), uneven_amax_(uneven_amax), generator_(7) {}

  std::vector<float> make(faulty::shape s) {
    std::vector<float> x(s.rows * s.cols);
    for (std::size_t r = 0; r < s.rows; ++r) {
      for (std::size_t c = 0; c < s.cols; c += width_) {
        block(x.data() + r * s.cols + c, std::min(width_, s.cols - c));
      }
    }
    // The amax, 2688 * 2^-6, gives a power of two as tensor scale: products with it are exact, and ties stay ties.
    float* last = x.data() + (s.rows - 1) * s.cols;
    if (kind_ == data::ordinary || kind_ == data::specials) last[3] = -(last[5] = 42.0F);
    // Here it is none, and the order of the operations shows.
    if (kind_ == data::uneven) last[3] = -uneven_amax_;
    if (kind_ == data::tiny) {
      for (float& v : x) v = std::ldexp(v, -130);
    }
    if (kind_ == data::huge) {
      for (float& v : x) v = std::clamp(std::ldexp(v, 126), -3e38F, 3e38F);
    }
    return x;
  }

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(generator_() % n); }
  float gaussian() { return normal_(generator_); }

  void block(float* x, std::size_t count) {
    switch (below(8)) {
      case 0: return fill(x, count, [&] { return below(2) == 0 ? 0.0F : -0.0F; });
      case 1: return small(x, count);
      case 2:
      case 3:
      case 4: return ties(x, count);
      default: break;
    }
    const float size = std::ldexp(1.0F, static_cast<int>(below(9)) - 5);
    fill(x, count, [&] { return std::clamp(gaussian() * size, -40.0F, 40.0F); });
    if (below(4) == 0) x[below(static_cast<unsigned>(count))] = -0.0F;
    if (below(3) == 0) x[below(static_cast<unsigned>(count))] = -1e-6F;
    if (kind_ == data::specials && below(3) == 0) special(x[below(static_cast<unsigned>(count))]);
  }

  template <class Make>
  static void fill(float* x, std::size_t count, const Make& make) {
    for (std::size_t i = 0; i < count; ++i) x[i] = make();
  }
  void special(float& x) {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    const float choices[] = {nan, -nan, nan, -nan};
    x = kind_ == data::specials && below(8) == 0 ? (below(2) == 0 ? inf : -inf) : choices[below(4)];
  }
  void small(float* x, std::size_t count) {
    const float size = std::ldexp(1.0F, -12 - static_cast<int>(below(8)));
    fill(x, count, [&] { return gaussian() * size; });
  }
  /// Midpoints under a scale D * 2^-6 with D of E4M3, most of them moved a little; one element is the largest
  /// number, or gives a midpoint of E4M3 as scale.
  void ties(float* x, std::size_t count) {
    const int exponent = static_cast<int>(below(4));
    const float unit_scale = kind_ == data::uneven ? 1.0F / (2688.0F / uneven_amax_) : std::ldexp(1.0F, -6);
    const float scale = std::ldexp(1.0F + static_cast<float>(below(8)) / 8.0F, exponent) * unit_scale;
    fill(x, count, [&] {
      const int low = static_cast<int>(below(static_cast<unsigned>(element_.largest)));
      const auto middle = static_cast<float>((element_.value(low) + element_.value(low + 1)) / 2);
      const float moved = below(3) == 0 ? 0.0F : std::ldexp(below(2) == 0 ? 1.0F : -1.0F, -8 - static_cast<int>(below(16)));
      const float sign = below(2) == 0 ? 1.0F : -1.0F;
      return sign * middle * (1.0F + moved) * scale * unit();
    });
    const float sign = below(2) == 0 ? 1.0F : -1.0F;
    if (width_ == 32 && below(2) == 0) {
      // Just below a power of two, and the midpoint between the last number below it and the power.
      const float power = std::ldexp(sign, -4 - static_cast<int>(below(8)));
      const float step = std::ldexp(1.0F, below(2) == 0 ? -24 : -2 - element_.mantissa_bits);
      x[below(static_cast<unsigned>(count))] = power * (1.0F - step);
      for (std::size_t i = 0; i < count; ++i) {
        if (std::fabs(x[i]) > std::fabs(power * (1.0F - step))) x[i] = 0.5F * power;
      }
      return;
    }
    const float amax = sign * 6.0F * (scale + (below(2) == 0 ? std::ldexp(unit_scale, exponent - 4) : 0.0F));
    x[below(static_cast<unsigned>(count))] = amax;
  }
  /// Elements of every format reach up to 6 * scale.
  [[nodiscard]] float unit() const { return 6.0F / static_cast<float>(element_.value(element_.largest)); }

  data kind_;
  std::size_t width_;
  faulty::numbers element_;
  float uneven_amax_;  ///< of the matrix, for data::uneven
  std::mt19937_64 generator_;
  std::normal_distribution<float> normal_;
};

/// A fault in a format, on some data.
struct planted {
  faulty::fault fault;
  const char* name;  ///< of the difference
  data kind = data::ordinary;
  faulty::shape shape{160, 256};
  float uneven_amax = 42.74F;
  const char* also = "";  ///< the beginning of alternatives that give the same bytes by definition
};

template <nibble::block_format F>
faulty::numbers element_of() {
  if (F.element == nibble::formats::e2m1) return faulty::e2m1;
  return F.element == nibble::formats::e4m3 ? faulty::e4m3 : faulty::e5m2;
}

/// The diagnosis of a kernel with a fault, against the rule that it has without.
template <nibble::block_format F>
nibble::check::diagnosis diagnose(const planted& p, nibble::check::explain_options options) {
  const auto element = element_of<F>();
  const auto x = matrix_maker(p.kind, F.tensor_scale ? 16 : 32, element, p.uneven_amax).make(p.shape);
  const faulty::result bytes = faulty::kernel(x, p.shape, F.tensor_scale, element, p.fault).run();
  nibble::check::device_bytes device{.codes = bytes.codes, .scales = bytes.scales};
  if (F.tensor_scale) device.tensor_scale = bytes.tensor_scale;
  return nibble::check::explain<F>(nibble::matrix_view{x.data(), p.shape.rows, p.shape.cols}, device, options);
}

/// What is wrong with a diagnosis, "" if it names the planted fault alone.
inline std::string fault_in(const nibble::check::diagnosis& d, const planted& p) {
  const std::string text = std::string(p.name) + "\n" + to_text(d);
  if (d.verdict != nibble::check::verdict::explained) return "not explained: " + text;
  if (d.differences.size() != 1 || d.differences[0].name != p.name) return "another cause: " + text;
  if (d.scales.matched != d.scales.total || d.codes.matched != d.codes.total) return "counts: " + text;
  for (const auto& set : d.alternatives) {
    if (set.size() != 1 || *p.also == '\0' || !set[0].name.starts_with(p.also)) return "ambiguous: " + text;
  }
  return "";
}

/// Plants every fault of a list; returns the complaints.
template <nibble::block_format F>
std::string plant_all(const std::vector<planted>& list) {
  std::string complaints;
  for (const planted& p : list) {
    complaints += fault_in(diagnose<F>(p, {.recipe = nibble::recipe::transformer_engine_kernel}), p);
  }
  return complaints;
}

}  // namespace check_test
