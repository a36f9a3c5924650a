// SPDX-License-Identifier: Apache-2.0
//
// Stores past the caches give the bytes of ordinary ones, from every address; no test is large enough to meet them
// through the front door.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "codec_support.hpp"

namespace {

using namespace codec_test;
using namespace nibble;

#if defined(__AVX2__)
using arch = simd::arch;

template <float_format F, class T>
void compare_encode(findings& found, const std::string& name, const oracle::format& reference) {
  const std::vector<T> x = numbers<T>(reference, 128 * 5, 21);
  for (const packed_layout& layout : {default_layout(F), layouts::bytes}) {
    const std::size_t bytes = packed_bytes(layout, x.size());
    std::vector<std::uint8_t> wanted(bytes);
    encode<F>(scalar{}, x, wanted, {.layout = layout});
    const special_codes s = make_special_codes(F, rounding_mode::nearest_even, overflow::saturate, policy::cuda, false);
    const encode_options options;
    guarded<std::uint8_t> got(bytes, 64);
    const nibble::detail::kernel_encoder<F, arch, T> kernel(options, rounding_choice{}, s, 0, x.size());
    const std::size_t done = kernel.run(x.data(), 0, x.size(), got.elements().data(), layout, true);
    nibble::detail::finish_stream();
    found.expect(kernel.applies() && done == x.size(), name);
    found.expect(std::memcmp(got.elements().data(), wanted.data(), bytes) == 0 && got.intact(bytes), name);
  }
}

/// From every address, as a slice of a span that no cache holds.
template <float_format F, class T>
void compare_decode(findings& found, const std::string& name, const packed_layout& layout = default_layout(F)) {
  constexpr std::size_t count = 64 * 5 + 30;
  std::vector<std::uint8_t> codes(packed_bytes(layout, count));
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint8_t>(i * 37 + i / 64);
  std::vector<T> wanted(count);
  decode<F>(scalar{}, codes, wanted, layout);
  for (std::size_t offset = 0; offset < 16; offset += sizeof(T)) {
    guarded<T> got(count, offset);
    nibble::detail::decode_span<F, arch>(codes.data(), count, got.elements().data(), layout, std::size_t{1} << 40);
    found.expect(same_bytes(got.elements(), std::span(wanted)) && got.intact(count), name);
  }
}

template <block_format F, class T>
void compare_dequantize(findings& found, const std::string& name) {
  block_tensor<F> q(1, 1000);
  for (std::size_t i = 0; i < q.codes().size(); ++i) q.codes()[i] = static_cast<std::uint8_t>(i * 37);
  for (std::size_t i = 0; i < q.scales().size(); ++i) {
    q.scales()[i] = static_cast<typename block_tensor<F>::scale_type>(F.scale == formats::e8m0 ? 120 + i % 16 : i);
  }
  std::vector<T> wanted(1000);
  dequantize(scalar{}, q.view(), wanted.data());
  for (std::size_t offset = 0; offset < 64; offset += sizeof(T)) {
    guarded<T> got(1000, offset);
    nibble::detail::row_dequantizer<F, arch, T>(q.tensor_scale(), true)
        .run(q.codes().data(), q.scales().data(), 1000, got.elements().data());
    nibble::detail::finish_stream();
    found.expect(same_bytes(got.elements(), std::span(wanted)) && got.intact(1000), name);
  }
}
#endif

}  // namespace

TEST_CASE("numbers to the first address that is a multiple of 16") {
  alignas(64) float values[32] = {};
  using nibble::detail::numbers_to_alignment;
  CHECK(numbers_to_alignment(values, 32, true) == 0);
  CHECK(numbers_to_alignment(values + 2, 32, true) == 2);
  CHECK(numbers_to_alignment(values + 1, 32, false) == 3);
  CHECK(numbers_to_alignment(values + 1, 32, true) == 32);
  CHECK(numbers_to_alignment(values + 1, 2, false) == 2);
}

TEST_CASE("results past the caches") {
#if defined(__AVX2__)
  findings found;
  compare_encode<formats::e2m1, float>(found, "encode e2m1", oracle::e2m1);
  compare_encode<formats::e4m3, float>(found, "encode e4m3", oracle::e4m3);
  compare_encode<formats::e5m2, nibble::bf16>(found, "encode e5m2", oracle::e5m2);
  compare_decode<formats::e2m1, float>(found, "decode e2m1");
  compare_decode<formats::e2m1, nibble::bf16>(found, "decode e2m1 to bf16");
  for (const packed_layout& layout : {layouts::nibbles_high_first, layouts::ggml_mxfp4, layouts::dense6, layouts::bytes}) {
    compare_decode<formats::e2m1, float>(found, "decode e2m1, " + std::to_string(layout.slot_bits) + " bits", layout);
  }
  compare_decode<formats::e4m3, float>(found, "decode e4m3");
  compare_decode<formats::e5m2, nibble::f16>(found, "decode e5m2");
  compare_decode<formats::e8m0, float>(found, "decode e8m0");
  compare_decode<formats::mxint8, nibble::bf16>(found, "decode mxint8");
  compare_decode<formats::bf16, float>(found, "decode bf16");
  compare_decode<formats::f16, nibble::bf16>(found, "decode f16");
  compare_dequantize<nvfp4, float>(found, "nvfp4");
  compare_dequantize<nvfp4, nibble::bf16>(found, "nvfp4 to bf16");
  compare_dequantize<mxfp8_e4m3, float>(found, "mxfp8");
  compare_dequantize<mxint8, float>(found, "mxint8");
  compare_dequantize<ggml_nvfp4, float>(found, "ggml_nvfp4");
  NIBBLE_CHECK_FINDINGS(found, 3 * 2 * 2 + 8 * 4 + 4 * 8 + 4 * 16 + 32U);
#else
  CHECK(nibble::detail::is_streamed<nibble::simd::arch>(~std::size_t{0}));
#endif
}
