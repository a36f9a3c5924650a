// SPDX-License-Identifier: Apache-2.0
//
// amax, scale tiles, tensor scales found on the device, graphs, errors: the calls around quantize.
#include "support.cuh"

using namespace nibble;
using namespace nibble_test;

namespace {

template <class T>
void test_amax(const char* name) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{4099}, std::size_t{3000017}}) {
    for (int kind = 0; kind < contents; ++kind) {
      const std::vector<float> values = tensor(count, static_cast<content>(kind), 8);
      std::vector<T> x;
      for (const float v : values) x.push_back(T(v));
      device_array<T> there(count + 1);
      device_array<float> result(1);
      for (const std::size_t shift : {std::size_t{0}, std::size_t{1}}) {
        check(cudaMemcpy(there.data() + shift, x.data(), count * sizeof(T), cudaMemcpyHostToDevice), "copy");
        for (const amax_rule rule : {amax_rule::finite, amax_rule::propagate, amax_rule::ignore_nan}) {
          const float expected = amax(matrix_view{x.data(), 1, count}, rule);
          check(amax(cuda{nullptr, workspace()}, matrix_view{there.data() + shift, 1, count}, result.data(), rule), name);
          check(to_bits(result.get()[0]) == to_bits(expected), std::string(name) + ": amax of " + std::to_string(count));
        }
      }
    }
  }
}

void test_tiles() {
  std::mt19937_64 random(1);
  for (int i = 0; i < 40; ++i) {
    const std::size_t rows = 1 + random() % 400;
    const std::size_t cols = 1 + random() % 90;
    std::vector<std::uint8_t> scales(rows * cols);
    for (std::uint8_t& s : scales) s = static_cast<std::uint8_t>(random());
    std::vector<std::uint8_t> tiled(tiled_scale_bytes(rows, cols));
    tile_scales(scales, rows, cols, tiled);
    const device_array<std::uint8_t> from(scales);
    device_array<std::uint8_t> to(tiled.size());
    device_array<std::uint8_t> back(scales.size());
    to.fill(0x5a);
    check(tile_scales(cuda{}, {from.data(), from.size()}, rows, cols, {to.data(), to.size()}), "tile_scales");
    check(to.get() == tiled, "tiles differ");
    check(untile_scales(cuda{}, {to.data(), to.size()}, rows, cols, {back.data(), back.size()}), "untile_scales");
    check(back.get() == scales, "untiled scales differ");
  }
}

/// A captured call, replayed on other data.
void test_graph() {
  const std::size_t rows = 64;
  const std::size_t cols = 512;
  const std::vector<float> first = tensor(rows * cols, content::gaussian, 1);
  const std::vector<float> second = tensor(rows * cols, content::any_exponent, 2);
  device_array<float> x(first);
  device_array<std::uint8_t> codes(rows * nvfp4.row_bytes(cols));
  device_array<std::uint8_t> scales(rows * nvfp4.scale_cols(cols));
  device_array<float> tensor_scale(1);
  const block_view<nvfp4> q{codes.data(), scales.data(), tensor_scale.data(), rows, cols};
  cudaStream_t stream;
  check(cudaStreamCreate(&stream), "stream");
  cudaGraph_t graph;
  cudaGraphExec_t run;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "capture");
  check(quantize(cuda{stream, workspace()}, matrix_view<float>{x.data(), rows, cols}, q), "captured quantize");
  check(cudaStreamEndCapture(stream, &graph), "end of capture");
  check(cudaGraphInstantiate(&run, graph, 0), "graph");
  for (const std::vector<float>* data : {&first, &second}) {
    x.set(*data);
    check(cudaGraphLaunch(run, stream), "replay");
    check(cudaStreamSynchronize(stream), "replay");
    const block_tensor<nvfp4> expected = quantize<nvfp4>(matrix_view{data->data(), rows, cols});
    const std::vector<std::uint8_t> got = codes.get();
    check(std::equal(got.begin(), got.end(), expected.codes().begin()), "replay: codes differ");
    check(to_bits(tensor_scale.get()[0]) == to_bits(expected.tensor_scale()), "replay: tensor scale differs");
  }
  check(cudaGraphExecDestroy(run), "graph");
  check(cudaGraphDestroy(graph), "graph");
  check(cudaStreamDestroy(stream), "stream");
}

void test_errors() {
  device_array<float> x(64);
  device_array<std::uint8_t> codes(64);
  device_array<std::uint8_t> scales(64);
  device_array<float> tensor_scale(1);
  const matrix_view<float> view{x.data(), 2, 32};
  const block_view<nvfp4> q{codes.data(), scales.data(), tensor_scale.data(), 2, 32};
  check_throws([&] { return quantize(cuda{}, view, q); }, "cuda.workspace");
  check_throws([&] { return quantize(cuda{nullptr, workspace()}, matrix_view<float>{x.data(), 2, 30}, q); }, "q is 2 x 32");
  check_throws([&] { return amax(cuda{nullptr, workspace()}, view, nullptr); }, "result");
  check_throws([&] { return dequantize(cuda{}, q, static_cast<float*>(nullptr)); }, "out");
  check_throws([&] { return encode<e4m3>(cuda{}, std::span<const float>(x.data(), 64), std::span<std::uint8_t>(codes.data(), 63)); }, "codes");
}

}  // namespace

int main() {
  if (!has_device()) return 0;
  test_amax<float>("amax float");
  test_amax<bf16>("amax bf16");
  test_amax<f16>("amax f16");
  test_amax<double>("amax double");
  test_tiles();
  test_graph();
  test_errors();
  return report("calls");
}
