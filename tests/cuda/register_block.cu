// SPDX-License-Identifier: Apache-2.0
//
// Device code for other kernels: blocks in registers against the scalar backend, and the toolkit's types in a kernel.
#include <nibble/interop/cuda_types.hpp>

#include "support.cuh"

using namespace nibble;
using namespace nibble_test;

namespace {

/// A kernel as a user would write it: a thread a block.
template <block_format F>
__global__ void quantize_kernel(block_format, const float* x, std::size_t blocks, tensor_scaling scaling, bool draws,
                                stochastic s, std::uint32_t* codes, std::uint8_t* scales, float* values) {
  constexpr std::size_t size = static_cast<std::size_t>(F.block_size);
  for (std::size_t b = detail::thread_index(); b < blocks; b += detail::thread_count()) {
    float block[size];
    for (std::size_t i = 0; i < size; ++i) block[i] = x[b * size + i];
    const register_block<F> q =
        draws ? quantize_block<F>(block, scaling, s, b * size) : quantize_block<F>(block, scaling);
    for (int i = 0; i < q.words_count; ++i) codes[b * static_cast<std::size_t>(q.words_count) + i] = q.words[i];
    scales[b] = q.scale;
    dequantize_block<F>(q, static_cast<float>(scaling.decode), block);
    for (std::size_t i = 0; i < size; ++i) values[b * size + i] = block[i];
  }
}

template <block_format F>
void test_blocks(const char* name) {
  const std::size_t rows = 37;
  const std::size_t cols = 320;
  const std::size_t blocks = rows * cols / static_cast<std::size_t>(F.block_size);
  const std::vector<float> x = tensor(rows * cols, content::mixed, 4);
  const device_array<float> there(x);
  const float largest = amax(matrix_view{x.data(), rows, cols});
  for (const int bits : {0, 8, 16, 32}) {
    const stochastic s{.seed = 9, .stream = 1, .bits = bits == 0 ? 32 : bits, .first_element = 40, .rounds = 7};
    quantize_options options;
    if (bits != 0) options.rounding = s;
    const block_tensor<F> expected = quantize<F>(matrix_view{x.data(), rows, cols}, options);
    device_array<std::uint32_t> codes(expected.codes().size() / 4);
    device_array<std::uint8_t> scales(blocks);
    device_array<float> values(x.size());
    quantize_kernel<F><<<8, 128>>>(F, there.data(), blocks, make_tensor_scaling(F, recipe{}, binary32(largest)),
                                   bits != 0, s, codes.data(), scales.data(), values.data());
    const std::string what = std::string(name) + ", " + std::to_string(bits) + " random bits";
    const std::vector<std::uint32_t> words = codes.get();
    check(std::memcmp(words.data(), expected.codes().data(), expected.codes().size()) == 0, what + ": codes differ");
    const std::vector<std::uint8_t> bytes = scales.get();
    check(std::equal(bytes.begin(), bytes.end(), expected.scales().begin()), what + ": scales differ");
    const std::vector<float> decoded = dequantize(expected);
    const std::vector<float> got = values.get();
    check(std::memcmp(got.data(), decoded.data(), decoded.size() * sizeof(float)) == 0, what + ": values differ");
  }
}

/// Each number as the toolkit's type and back, alone and in vectors; the toolkit's own conversion to float on the way.
__global__ void convert_kernel(unsigned long long* different) {
  const std::uint32_t code = threadIdx.x;
  const auto wrong = [&](bool is_wrong) {
    if (is_wrong) atomicAdd(different, 1ULL);
  };
  const auto same = [](float a, float b) { return to_bits(a) == to_bits(b) || (a != a && b != b); };
  const e4m3 a = e4m3::from_bits(static_cast<std::uint8_t>(code));
  const e4m3 b = e4m3::from_bits(static_cast<std::uint8_t>(code * 7));
  wrong(!same(static_cast<float>(to_cuda(a)), static_cast<float>(a)));
  const auto four = to_cuda<__nv_fp8x4_e4m3>(a, b, b, a);
  wrong(from_cuda(four, 0).bits() != a.bits() || from_cuda(four, 1).bits() != b.bits() ||
        from_cuda(four, 3).bits() != a.bits());
  const float4 values = static_cast<float4>(four);
  wrong(!same(values.x, static_cast<float>(a)) || !same(values.z, static_cast<float>(b)));
  const e2m1 c = e2m1::from_bits(static_cast<std::uint8_t>(code & 15U));
  const e2m1 d = e2m1::from_bits(static_cast<std::uint8_t>(code >> 4));
  const float2 pair = static_cast<float2>(to_cuda<__nv_fp4x2_e2m1>(c, d));
  wrong(!same(pair.x, static_cast<float>(c)) || !same(pair.y, static_cast<float>(d)));
  const e3m2 e = e3m2::from_bits(static_cast<std::uint8_t>(code & 63U));
  const auto six = to_cuda<__nv_fp6x2_e3m2>(e, e3m2::from_bits(5));
  wrong(from_cuda(six, 0).bits() != e.bits() || from_cuda(six, 1).bits() != 5);
  wrong(!same(static_cast<float2>(six).x, static_cast<float>(e)));
  wrong(from_cuda(to_cuda<__nv_fp8x2_e8m0>(e8m0::from_bits(static_cast<std::uint8_t>(code)), e8m0::from_bits(1)), 0)
            .bits() != code);
}

}  // namespace

int main() {
  if (!has_device()) return 0;
  test_blocks<nvfp4>("nvfp4");
  test_blocks<mxfp4>("mxfp4");
  test_blocks<mxfp8_e5m2>("mxfp8_e5m2");
  test_blocks<mxfp6_e3m2>("mxfp6_e3m2");
  device_array<unsigned long long> different(std::vector<unsigned long long>{0});
  convert_kernel<<<1, 256>>>(different.data());
  check(different.get()[0] == 0, "the toolkit's types differ");
  return report("register_block");
}
