// SPDX-License-Identifier: Apache-2.0
//
// One call of each launcher, to be compiled for every architecture: what a missing instruction would break, breaks here.
#include <nibble/cuda.cuh>

using namespace nibble;

cuda_status quantize_nvfp4(const cuda& device, const matrix_view<float>& x, const block_view<nvfp4>& q,
                           const quantize_options& options) {
  return quantize(device, x, q, options);
}
cuda_status values(const cuda& device, const block_view<mxfp8_e4m3>& q, bf16* out) { return dequantize(device, q, out); }
cuda_status codes(const cuda& device, std::span<const float> x, std::span<std::uint8_t> out) {
  return encode<e4m3>(device, x, out);
}
cuda_status nibbles(const cuda& device, std::span<const float> x, std::span<std::uint8_t> out) {
  return encode<e2m1>(device, x, out);
}
cuda_status numbers(const cuda& device, std::span<const std::uint8_t> codes, std::span<float> out) {
  return decode<e5m2>(device, codes, out);
}
cuda_status tiles(const cuda& device, std::span<const std::uint8_t> scales, std::span<std::uint8_t> out) {
  return tile_scales(device, scales, 3, 5, out);
}
cuda_status both(const cuda& device, const matrix_view<float>& x, const block_view<nvfp4>& rows,
                 const block_view<nvfp4>& columns, const quantize_options& options) {
  return quantize_both(device, x, rows, columns, options);
}
cuda_status logarithmic(const cuda& device, std::span<const float> x, std::span<std::uint8_t> out, float* alpha) {
  return luq(device, x, out, alpha);
}
cuda_status pruned(const cuda& device, std::span<const float> x, std::span<float> values,
                   std::span<std::uint16_t> metadata) {
  return compress_2_4(device, x, values, metadata, minimum_variance{});
}
cuda_status scales(const cuda& device, std::span<const float> x, std::span<std::uint8_t> out) {
  return encode<e8m0>(device, x, out, {.rounding = rounding_mode::upward});
}
cuda_status kept(const cuda& device, const matrix_view<float>& w, const masked_result& result) {
  return keep_transposable(device, w, result);
}
