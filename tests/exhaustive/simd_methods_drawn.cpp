// SPDX-License-Identifier: Apache-2.0
//
// The methods on simd{} against scalar code with parameters that nobody named: LUQ, N:M sparsity, 2:4 storage,
// transposable masks, Hadamard transforms, maxima, errors and moments, each with options, sizes, offsets, strides and
// types drawn at random, on hostile elements, with and without subnormals flushed, in slices, the elements around the
// results watched; what means nothing, too, which both must refuse. Arguments: how many calls, and a
// seed.
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nibble/nibble.hpp>
#include <nibble/simd.hpp>

#include <exhaustive/drawn_calls.hpp>
#include <exhaustive/report.hpp>
#include <simd/flushed_subnormals.hpp>

namespace {

using namespace nibble;
using exhaustive::backwards;
using exhaustive::print_difference;
using exhaustive::refusal;
using exhaustive::same_bytes;
using exhaustive::skipped;

class calls : public exhaustive::drawn_calls {
 public:
  using drawn_calls::drawn_calls;

  void next() {
    switch (below(9)) {
      case 0:
      case 1: return luq_call();
      case 2: return span_call();
      case 3: return one_in(4) ? matrix_call<f16>() : matrix_call<float>();
      case 4: return storage_call();
      case 5: return mask_call();
      case 6: return hadamard_call();
      case 7: return measure_call();
      default: return amax_call();
    }
  }

 private:
  /// Bits of hostile elements: ties, powers, near ones, far apart, subnormals, zeros, huge ones; NaN and Inf where
  /// asked for.
  std::uint32_t bits() {
    const std::uint64_t word = random.next();
    const auto sign = static_cast<std::uint32_t>(word >> 32) & 0x8000'0000U;
    const auto low = static_cast<std::uint32_t>(word);
    const auto near = [&](std::uint32_t fields) { return (center_ + (low >> 8) % fields) << 23; };
    switch (word >> 40 & 15U) {
      case 0: return sign;
      case 1: return sign | (low & 0x007f'ffffU);
      case 2: return sign | low % 0x7f80'0000U;
      case 3: return special_ ? sign | 0x7f80'0000U | (low % 3U == 0 ? low & 0x007f'ffffU : 0U) : sign | near(2);
      case 4: return sign | (0x7e00'0000U + (low & 0x00ff'ffffU));
      case 5:
      case 6: return sign | near(3) | (low & 0x0060'0000U);
      case 7: return sign | near(3) | (low & 0x0060'0000U) | (low & 1U);
      case 8: return sign | near(13);
      default: return sign | near(calm_ ? 4 : 40) | (low & 0x007f'ffffU);
    }
  }
  std::vector<float> elements(std::size_t count) {
    special_ = one_in(4);
    calm_ = one_in(2);
    center_ = one_in(3) ? static_cast<std::uint32_t>(below(212)) : 110U;
    std::vector<float> x(count);
    for (float& v : x) v = bit_cast<float>(bits());
    if (calm_ && one_in(2)) {
      // Runs without anything special, for kernels that serve nothing else.
      for (float& v : x) {
        if (one_in(50)) continue;
        v = bit_cast<float>((to_bits(v) & 0x807f'ffffU) | (center_ + static_cast<std::uint32_t>(below(6))) << 23);
      }
    }
    return x;
  }
  std::size_t length() {
    switch (below(6)) {
      case 0: return below(5);
      case 1: return 64 * below(30) + below(3);
      case 2: return one_in(4) ? 60'000 + below(20'000) : below(3'000);
      default: return below(600);
    }
  }

  /// A random generator; what means nothing at times.
  stochastic generator() {
    return {.seed = random.next(),
            .stream = random.below(3),
            .bits = one_in(40) ? static_cast<int>(below(34)) : 8 << below(3),
            .variant = one_in(60) ? stochastic_variant::b : stochastic_variant::a,
            .first_element = one_in(20)  ? random.next()
                             : one_in(4) ? random.next() >> 30
                                         : random.below(99),
            .rounds = one_in(60)  ? 8
                      : one_in(2) ? 7
                                  : 10};
  }

  void luq_call() {
    const std::size_t count = length();
    const std::size_t before = below(9);
    std::vector<float> storage = elements(before + count);
    if (!one_in(8)) {
      for (float& v : storage) v = binary32(v).is_finite() ? v : 1.0F;
    }
    const std::span<const float> x = std::span<const float>(storage).subspan(before);
    luq_options o{.levels = static_cast<int>(one_in(40) ? below(20) : 1 + below(7)),
                  .maximum = one_in(3) ? luq_maximum::signed_value : luq_maximum::magnitude,
                  .power_of_two_alpha = one_in(3),
                  .random = generator()};
    if (one_in(3)) o.known_maximum = bit_cast<float>(bits() & (one_in(8) ? ~0U : 0x7fff'ffffU));
    if (one_in(4)) o.underflow = static_cast<luq_underflow>(below(one_in(20) ? 3 : 2));
    if (one_in(4)) o.inside = static_cast<luq_inside>(below(one_in(20) ? 5 : 4));
    const std::size_t size = (count + 1) / 2 + (one_in(60) ? 1 : 0);
    std::vector<std::uint8_t> wanted(size + 40, 0xa5);
    std::vector<std::uint8_t> got = wanted;
    const std::size_t at = below(33);
    float alpha[2] = {};
    const std::string error = refusal([&] { alpha[0] = luq(x, std::span(wanted).subspan(at, size), o); });
    const bool sliced = one_in(3);
    const std::string got_error = on_vectors([&] {
      const std::span<std::uint8_t> to = std::span(got).subspan(at, size);
      alpha[1] = sliced ? luq(simd{}, x, to, o, backwards) : luq(simd{}, x, to, o);
    });
    tell(error, got_error, wanted == got && to_bits(alpha[0]) == to_bits(alpha[1]), [&] {
      std::printf(
          "luq of %zu, levels %d, maximum %d (known %a), power %d, underflow %d inside %d bits %d: alpha %a, not %a\n",
          count, o.levels, static_cast<int>(o.maximum), static_cast<double>(o.known_maximum.value_or(-1.0F)),
          o.power_of_two_alpha ? 1 : 0, static_cast<int>(o.underflow), static_cast<int>(o.inside), o.random.bits,
          static_cast<double>(alpha[1]), static_cast<double>(alpha[0]));
    });
  }

  template <class Method>
  static std::string text_of(const Method& m) {
    std::string text = "by magnitude";
    if constexpr (requires { m.seed; }) {
      text = "seed " + std::to_string(m.seed) + " stream " + std::to_string(m.stream) + " first element " +
             std::to_string(m.first_element) + " rounds " + std::to_string(m.rounds);
    }
    if constexpr (requires { m.bits; }) text += " bits " + std::to_string(m.bits);
    return text;
  }

  /// Calls action(method) for a method of sparsify.
  template <class Action>
  void with_method(std::size_t m, const Action& action) {
    const stochastic g = generator();
    const std::uint64_t first = one_in(30) ? g.first_element : g.first_element / m * m;
    const int bits = one_in(40) ? 8 : 16 << below(3);
    if (one_in(4)) return action(magnitude{});
    if (one_in(6)) return action(sequential_draws{g.seed, g.stream, first, g.rounds, one_in(2) ? 0.0F : 0x1p-23F});
    action(minimum_variance{g.seed, g.stream, first, g.rounds, bits});
  }

  void span_call() {
    switch (below(4)) {
      case 0: return span_of<1, 2>();
      case 1: return one_in(4) ? span_of<3, 5>() : span_of<4, 8>();
      default: return span_of<2, 4>();
    }
  }
  template <std::size_t N, std::size_t M>
  void span_of() {
    const std::size_t count = length();
    const std::size_t before = below(9);
    const std::vector<float> storage = elements(before + count);
    const std::span<const float> x = std::span<const float>(storage).subspan(before);
    with_method(M, [&](const auto& method) {
      const std::size_t at = below(17);
      std::vector<float> wanted(at + count + 20, -7.0F);
      std::vector<float> got = wanted;
      const bool is_part = one_in(3);
      const std::size_t first = is_part ? below(count + 1) : 0;
      const std::size_t size = is_part ? below(count - first + 1) : count;
      const bool sliced = one_in(3);
      const std::span<float> to = std::span(wanted).subspan(at, size);
      const std::string error = refusal([&] {
        if (is_part) return sparsify_part<N, M>(x, first, to, method);
        sparsify<N, M>(x, to, method);
      });
      const std::string got_error = on_vectors([&] {
        const std::span<float> out = std::span(got).subspan(at, size);
        if (is_part) return sparsify_part<N, M>(simd{}, x, first, out, method);
        if (sliced) return sparsify<N, M>(simd{}, x, out, method, backwards);
        sparsify<N, M>(simd{}, x, out, method);
      });
      tell(error, got_error, same_bytes(wanted, got), [&] {
        std::printf("sparsify<%zu, %zu> of %zu, part %d from %zu, sliced %d\n", N, M, count, is_part ? 1 : 0, first,
                    sliced ? 1 : 0);
      });
    });
  }

  /// A matrix with gaps, or turned, in `storage`.
  template <class T>
  matrix_view<T> matrix(std::vector<T>& storage, std::size_t most) {
    const std::size_t rows = below(one_in(4) ? 40 : 9);
    const std::size_t cols = below(most);
    const std::size_t step = one_in(6) ? 2 : 1;
    const std::size_t pitch = cols * step + (one_in(2) ? 0 : below(6));
    const std::vector<float> x = elements(rows * pitch + 4);
    for (const float v : x) {
      if constexpr (std::is_same_v<T, float>) {
        storage.push_back(v);
      } else {
        storage.push_back(T(v, nearest_even{}, overflow::special));
      }
    }
    const matrix_view<T> view(storage.data() + below(3), rows, cols, static_cast<std::ptrdiff_t>(pitch),
                              static_cast<std::ptrdiff_t>(step));
    if (rows > 0 && one_in(8)) {
      // From the last row up.
      return {view.data + (rows - 1) * pitch, rows, cols, -view.row_stride, view.col_stride};
    }
    return one_in(8) ? view.transposed() : view;
  }
  template <class T>
  void matrix_call() {
    std::vector<T> storage;
    const matrix_view<T> x = matrix(storage, 400);
    sparsity_pattern pattern = one_in(3) ? sparsity_pattern{1, 2} : sparsity_pattern{2, 4};
    if (one_in(4)) pattern = {below(17), below(18)};
    with_method(pattern.m == 0 ? 1 : pattern.m, [&](const auto& method) {
      const std::size_t at = below(17);
      const std::size_t size = x.size() + (one_in(60) ? 1 : 0);
      std::vector<float> wanted(at + size + 20, -7.0F);
      std::vector<float> got = wanted;
      const std::string error = refusal([&] { sparsify(pattern, x, std::span(wanted).subspan(at, size), method); });
      const bool sliced = one_in(2);
      const std::string got_error = on_vectors([&] {
        const std::span<float> out = std::span(got).subspan(at, size);
        if (sliced) return sparsify(simd{}, pattern, x, out, method, backwards);
        sparsify(simd{}, pattern, x, out, method);
      });
      tell(error, got_error, same_bytes(wanted, got), [&] {
        std::printf("sparsify %zu:%zu of %zu x %zu, strides %td %td, %zu bytes an element\n", pattern.n, pattern.m,
                    x.rows, x.cols, x.row_stride, x.col_stride, sizeof(T));
      });
    });
  }

  void storage_call() {
    const std::size_t count = one_in(20) ? length() : length() / 16 * 16;
    const std::size_t before = below(9);
    const std::vector<float> storage = elements(before + count);
    const std::span<const float> x = std::span<const float>(storage).subspan(before);
    with_method(4, [&](const auto& method) {
      const std::size_t kept = count / 2;
      const std::size_t words = count / 16 + (one_in(60) ? 1 : 0);
      std::vector<float> wanted(kept + 20, -7.0F);
      std::vector<float> got = wanted;
      std::vector<std::uint16_t> wanted_words(words + 20, 0x5aa5);
      std::vector<std::uint16_t> got_words = wanted_words;
      const std::size_t at = below(9);
      const std::string error = refusal([&] {
        compress_2_4(x, std::span(wanted).subspan(at, kept), std::span(wanted_words).subspan(at, words), method);
      });
      const bool sliced = one_in(2);
      const std::string got_error = on_vectors([&] {
        const std::span<float> values = std::span(got).subspan(at, kept);
        const std::span<std::uint16_t> metadata = std::span(got_words).subspan(at, words);
        if (sliced) return compress_2_4(simd{}, x, values, metadata, method, backwards);
        compress_2_4(simd{}, x, values, metadata, method);
      });
      tell(error, got_error, same_bytes(wanted, got) && wanted_words == got_words, [&] {
        std::printf("compress_2_4 of %zu, sliced %d, %s\n", count, sliced ? 1 : 0, text_of(method).c_str());
        print_difference("value", wanted, got);
        print_difference("word", wanted_words, got_words);
      });
    });
  }

  void mask_call() {
    std::vector<float> storage;
    const matrix_view<float> w = matrix(storage, 150);
    const heaviest method{one_in(40) ? static_cast<mask_sums>(2) : one_in(6) ? mask_sums::bound : mask_sums::equal};
    sparsity_mask wanted;
    sparsity_mask got;
    const std::string error = refusal([&] { wanted = transposable_mask<2, 4>(w, method); });
    const std::string got_error = on_vectors([&] { got = transposable_mask<2, 4>(simd{}, w, method, backwards); });
    tell(error, got_error, wanted == got, [&] {
      std::printf("transposable_mask of %zu x %zu, strides %td %td\n", w.rows, w.cols, w.row_stride, w.col_stride);
    });
  }

  void hadamard_call() {
    const std::size_t lanes = one_in(30) ? below(200) : std::size_t{16} << below(4);
    const std::size_t count = lanes * below(12) + (one_in(30) ? 1 : 0);
    const std::size_t at = below(9);
    std::vector<float> wanted = elements(at + count + 20);
    std::vector<float> got = wanted;
    hadamard_signs signs = hadamard_signs::seeded(random.next());
    if (one_in(4)) signs = {{random.next() & random.next(), one_in(2) ? 0 : ~std::uint64_t{0}}};
    const bool inverse = one_in(2);
    const std::span<float> x = std::span(wanted).subspan(at, count);
    const std::string error = refusal([&] { inverse ? inverse_hadamard(x, lanes, signs) : hadamard(x, lanes, signs); });
    const std::string got_error = refusal([&] {
      const std::span<float> y = std::span(got).subspan(at, count);
      inverse ? inverse_hadamard(simd{}, y, lanes, signs) : hadamard(simd{}, y, lanes, signs);
    });
    bool same = true;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const bool nan = i >= at && i < at + count && binary32(wanted[i]).is_nan() && binary32(got[i]).is_nan();
      same = same && (nan || to_bits(wanted[i]) == to_bits(got[i]));
    }
    tell(error, got_error, same,
         [&] { std::printf("hadamard of %zu by %zu, inverse %d\n", count, lanes, inverse ? 1 : 0); });
  }

  void measure_call() {
    std::vector<float> storage;
    const matrix_view<float> x = matrix(storage, 300);
    std::vector<float> other = elements(x.size());
    matrix_view<float> y(other.data(), x.rows, x.cols);
    if (one_in(2)) {
      // What is near x, as quantization leaves it.
      for (std::size_t r = 0; r < x.rows; ++r) {
        for (std::size_t c = 0; c < x.cols; ++c) {
          if (!one_in(20)) other[r * x.cols + c] = bit_cast<float>(to_bits(x(r, c)) & 0xfff0'0000U);
        }
      }
    }
    if (one_in(40) && y.rows > 0) --y.rows;
    error_measures wanted;
    error_measures got;
    const std::string error = refusal([&] { wanted = measure(x, y); });
    const std::string got_error = refusal([&] { got = measure(simd{}, x, y); });
    tell(error, got_error, std::memcmp(&wanted, &got, sizeof(wanted)) == 0,
         [&] { std::printf("measure of %zu x %zu: %a, not %a\n", x.rows, x.cols, got.noise, wanted.noise); });
    const auto deviation = static_cast<kurtosis_deviation>(below(one_in(20) ? 3 : 2));
    moments a;
    moments b;
    const std::string refused = refusal([&] { a = measure_moments(x, deviation); });
    const std::string refused_too = refusal([&] { b = measure_moments(simd{}, x, deviation); });
    tell(refused, refused_too, std::memcmp(&a, &b, sizeof(a)) == 0, [&] {
      std::printf("moments of %zu x %zu: %a %a %a, not %a %a %a\n", x.rows, x.cols, b.mean, b.variance, b.kurtosis,
                  a.mean, a.variance, a.kurtosis);
    });
  }

  void amax_call() {
    std::vector<float> storage;
    const matrix_view<float> x = matrix(storage, 300);
    const auto rule = static_cast<amax_rule>(below(3));
    float wanted = -1.0F;
    float got = -1.0F;
    const std::string error = refusal([&] { wanted = amax(x, rule); });
    const std::string got_error = on_vectors([&] { got = amax(simd{}, x, rule); });
    tell(error, got_error, to_bits(wanted) == to_bits(got), [&] {
      std::printf("amax of %zu x %zu by rule %d: %a, not %a\n", x.rows, x.cols, static_cast<int>(rule),
                  static_cast<double>(got), static_cast<double>(wanted));
    });
  }

  bool special_ = false;
  bool calm_ = false;
  std::uint32_t center_ = 110;
};

}  // namespace

int main(int argc, char** argv) {
#if defined(__AVX2__)
  if (!exhaustive::has_avx2()) return skipped;
#endif
  std::uint64_t numbers[2] = {};
  for (int i = 0; i < 2 && argc == 3; ++i) {
    const std::string_view text = argv[i + 1];
    std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
  }
  if (numbers[0] == 0) {
    std::printf("simd_methods_drawn: the arguments are a positive number and a seed\n");
    return 2;
  }
  calls all(numbers[1]);
  for (std::uint64_t i = 0; i < numbers[0]; ++i) all.next();
  return all.status("methods");
}
