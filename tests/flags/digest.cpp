// SPDX-License-Identifier: Apache-2.0
// Prints one digest for each thing that nibble computes: codecs of every format, and block quantization under every
// recipe. Inputs are made, and results are digested, by integer operations alone, so that a difference between two
// builds of this program is a difference in nibble. With DIGEST_SIMD it prints the lines of spans and blocks alone, as
// the SIMD backend computes them.
#include <bit>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <vector>
#if defined(FLUSH_SUBNORMALS) && defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(DIGEST_SIMD)
#include <nibble/simd.hpp>
#else
#include <nibble/nibble.hpp>
#endif

namespace {

using namespace nibble;

#if defined(DIGEST_SIMD)
using backend = simd;
#else
using backend = scalar;
#endif

class digest {
 public:
  void add(std::uint64_t value) { state_ = (std::rotl(state_, 5) ^ value) * 0x9E3779B97F4A7C15U; }
  [[nodiscard]] std::uint64_t value() const { return state_ ^ (state_ >> 32); }

 private:
  std::uint64_t state_ = 0x243F6A8885A308D3U;
};

/// Everything that spans and blocks have given so far.
digest everything;

/// Prints the digest of a line that every backend prints.
void finish_line(const digest& d) {
  everything.add(d.value());
  std::printf("%016llx\n", static_cast<unsigned long long>(d.value()));
}

/// A 64-bit mixer (the finalizer of SplitMix64).
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

enum class spread { near_one, finite, all };

/// Pattern number i of an IEEE format: its exponent is near that of 1, or one time out of four any, and its mantissa
/// has few leading bits followed by zeros, by zeros and a one, by ones, or by anything. So most are ties of some narrow
/// format, or next to one.
template <class Word>
Word pattern(std::uint64_t i, spread kind) {
  constexpr int mantissa_bits = sizeof(Word) == 4 ? 23 : 52;
  constexpr int exponent_bits = static_cast<int>(sizeof(Word)) * 8 - 1 - mantissa_bits;
  constexpr std::uint64_t bias = (std::uint64_t{1} << (exponent_bits - 1)) - 1;
  constexpr std::uint64_t top = (std::uint64_t{1} << exponent_bits) - 1;
  const std::uint64_t r = mixed(i);
  const std::uint64_t s = mixed(r);
  std::uint64_t exponent = bias - 20 + (r >> 8) % 40;
  if (kind == spread::near_one) exponent = bias - 4 + (r >> 8) % 8;
  if (kind != spread::near_one && (r & 3U) == 0) exponent = (r >> 8) & top;
  if (kind != spread::near_one && (r & 0x7FU) == 4) exponent = 0;
  if (kind == spread::finite && exponent == top) exponent = bias;
  const int kept = static_cast<int>((r >> 40) % 13);
  const std::uint64_t low_mask = (std::uint64_t{1} << (mantissa_bits - kept)) - 1;
  const std::uint64_t lows[4] = {0, 1, low_mask, s};
  const std::uint64_t mantissa = (s & ~low_mask) | (lows[(r >> 50) & 3U] & low_mask);
  const std::uint64_t sign = (r >> 60) & 1U;
  const std::uint64_t mantissa_mask = (std::uint64_t{1} << mantissa_bits) - 1;
  return static_cast<Word>((sign << (mantissa_bits + exponent_bits)) | (exponent << mantissa_bits) |
                           (mantissa & mantissa_mask));
}

template <float_format F>
void digest_encode(const char* name, const rounding_choice& rounding, overflow o, const special_policy& p) {
  digest d;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    rounding_choice r = rounding;
    r.random_word = static_cast<std::uint32_t>(mixed(~i));
    d.add(encode<F>(std::bit_cast<float>(pattern<std::uint32_t>(i, spread::all)), r, o, p));
    d.add(encode<F>(std::bit_cast<double>(pattern<std::uint64_t>(i, spread::all)), r, o, p));
  }
  std::printf("encode %s mode %d variant %d overflow %d nan %d: %016llx\n", name, static_cast<int>(rounding.mode),
              static_cast<int>(rounding.variant), static_cast<int>(o), static_cast<int>(p.nan_code),
              static_cast<unsigned long long>(d.value()));
}

template <float_format F>
void digest_codec(const char* name) {
  using enum rounding_mode;
  for (const rounding_mode mode :
       {nearest_even, nearest_away, nearest_toward_zero, toward_zero, upward, downward, to_odd}) {
    digest_encode<F>(name, {mode}, overflow::saturate, policy::cuda);
    digest_encode<F>(name, {mode}, overflow::special, policy::ml_dtypes);
  }
  for (const stochastic_variant variant : {stochastic_variant::a, stochastic_variant::b, stochastic_variant::c}) {
    digest_encode<F>(name, {stochastic, variant, 8, 0}, overflow::saturate, policy::cuda);
  }
  digest d;
  for (std::uint32_t code = 0; code <= F.code_mask(); ++code) {
    if constexpr (F.fits_binary32()) d.add(std::bit_cast<std::uint32_t>(decode<F>(code)));
    d.add(std::bit_cast<std::uint64_t>(decode_double<F>(code)));
    const auto x = minifloat<F>::from_bits(code);
    d.add(next_up(x).bits());
    d.add((x < minifloat<F>{1.0F} ? 1U : 0U) + (x == x ? 2U : 0U));
  }
  std::printf("decode %s: %016llx\n", name, static_cast<unsigned long long>(d.value()));
}

/// Spans of codes under every rounding, and their values.
template <float_format F>
void digest_span(const char* name) {
  std::vector<float> x(5003);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::bit_cast<float>(pattern<std::uint32_t>(i + 99, spread::all));
  using enum rounding_mode;
  const element_rounding roundings[] = {nearest_even, nearest_away, nearest_toward_zero, toward_zero, upward, downward, to_odd,
                                        nibble::stochastic{.seed = 1, .bits = 8},
                                        nibble::stochastic{.seed = 2, .bits = 16, .rounds = 7},
                                        nibble::stochastic{.seed = 3, .bits = 32, .first_element = 5},
                                        nibble::stochastic{.seed = 4, .bits = 16, .variant = stochastic_variant::c}};
  digest d;
  for (const element_rounding& rounding : roundings) {
    std::vector<std::uint8_t> codes(packed_bytes(default_layout(F), x.size()));
    encode<F>(backend{}, x, codes, {.rounding = rounding});
    for (const std::uint8_t byte : codes) d.add(byte);
    std::vector<float> values(x.size());
    decode<F>(backend{}, codes, values);
    for (const float value : values) d.add(std::bit_cast<std::uint32_t>(value));
  }
  std::printf("span %s: ", name);
  finish_line(d);
}

/// A matrix in which rows of zeros, of subnormals and of anything follow each other.
std::vector<float> hostile_matrix(std::size_t rows, std::size_t cols, spread kind) {
  std::vector<float> values(rows * cols);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint32_t bits = pattern<std::uint32_t>(i + 7, kind);
    if (i / cols % 8 == 3) bits &= 0x80000000U;
    if (i / cols % 8 == 5) bits &= 0x807FFFFFU;
    values[i] = std::bit_cast<float>(bits);
  }
  return values;
}

template <block_format F>
digest digest_of(const block_tensor<F>& q) {
  digest d;
  for (const auto byte : q.codes()) d.add(byte);
  for (const auto scale : q.scales()) d.add(scale);
  d.add(std::bit_cast<std::uint32_t>(q.tensor_scale()));
  for (const float value : dequantize(backend{}, q)) d.add(std::bit_cast<std::uint32_t>(value));
  return d;
}

template <block_format F>
void digest_block(const char* name, const char* recipe_name, const quantize_options& options, spread kind) {
  const std::vector<float> values = hostile_matrix(35, 150, kind);
  std::printf("quantize %s, %s, spread %d: ", name, recipe_name, static_cast<int>(kind));
  try {
    finish_line(digest_of(quantize<F>(backend{}, matrix_view<float>{values.data(), 35, 150}, options)));
  } catch (const std::invalid_argument&) {
    std::printf("the recipe does not speak of this format\n");
  }
}

template <block_format F>
void digest_blocks(const char* name) {
  for (const named_recipe& r : named_recipes) {
    quantize_options options;
    options.recipe = r.recipe;
    for (const spread kind : {spread::near_one, spread::finite, spread::all}) {
      digest_block<F>(name, r.name.data(), options, kind);  // names are literals
    }
  }
  quantize_options options;
  using enum rounding_mode;
  for (const rounding_mode mode : {nearest_away, nearest_toward_zero, toward_zero, upward, downward, to_odd}) {
    options.rounding = mode;
    digest_block<F>(name, "default, another rounding", options, spread::all);
  }
  for (const int bits : {8, 16, 32}) {
    options = {.rounding = nibble::stochastic{.seed = 42, .bits = bits}};
    digest_block<F>(name, "default, stochastic", options, spread::near_one);
    options.recipe = recipe::unbiased;
    digest_block<F>(name, "unbiased, stochastic", options, spread::finite);
    options.orientation = orientation::column_wise;
    digest_block<F>(name, "unbiased, stochastic, by columns", options, spread::near_one);
  }
}

}  // namespace

int main() {
#if defined(FLUSH_SUBNORMALS) && defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8040U);
#endif
#if !defined(DIGEST_SIMD)
  digest_codec<formats::e2m1>("e2m1");
  digest_codec<formats::e2m3>("e2m3");
  digest_codec<formats::e3m2>("e3m2");
  digest_codec<formats::e4m3>("e4m3");
  digest_codec<formats::e5m2>("e5m2");
  digest_codec<formats::e8m0>("e8m0");
  digest_codec<formats::ue4m3>("ue4m3");
  digest_codec<formats::e3m0>("e3m0");
  digest_codec<formats::e5m2fnuz>("e5m2fnuz");
  digest_codec<formats::e3m4>("e3m4");
  digest_codec<formats::bf16>("bf16");
  digest_codec<formats::f16>("f16");
  digest_codec<formats::mxint8>("mxint8");
  digest_blocks<mxfp4>("mxfp4");
  digest_blocks<fp8_per_row>("fp8_per_row");
  everything = digest{};
#endif
  digest_span<formats::e2m1>("e2m1");
  digest_span<formats::e4m3>("e4m3");
  digest_span<formats::e5m2>("e5m2");
  digest_blocks<nvfp4>("nvfp4");
  digest_blocks<mxfp8_e4m3>("mxfp8_e4m3");
  digest_blocks<mxint8>("mxint8");
  std::printf("spans and blocks on every backend: %016llx\n", static_cast<unsigned long long>(everything.value()));
}
