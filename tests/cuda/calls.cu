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

/// One of every call, captured once and replayed on other data, against the calls themselves.
void test_graph_of_all() {
  static constexpr std::size_t rows = 64;
  static constexpr std::size_t cols = 256;
  static constexpr std::size_t count = rows * cols;
  device_array<float> x(count);
  struct outputs {
    device_array<std::uint8_t> codes, nibbles, block_codes, block_scales, tiles, luq_codes;
    device_array<float> numbers, largest, tensor_scale, values, alpha, pruned, stored, kept;
    device_array<std::uint16_t> metadata;
    device_array<std::uint64_t> mask;
    outputs()
        : codes(count), nibbles(count / 2), block_codes(count / 2), block_scales(count / 16),
          tiles(tiled_scale_bytes(rows, cols / 16)), luq_codes(count / 2), numbers(count), largest(1), tensor_scale(1),
          values(count), alpha(1), pruned(count), stored(count / 2), kept(count), metadata(count / 16),
          mask(count / 64) {}
    [[nodiscard]] std::vector<std::uint8_t> all() const {
      std::vector<std::uint8_t> bytes;
      const auto take = [&](const auto& array) {
        const auto host = array.get();
        const auto* first = reinterpret_cast<const std::uint8_t*>(host.data());
        bytes.insert(bytes.end(), first, first + host.size() * sizeof(host[0]));
      };
      take(codes), take(nibbles), take(block_codes), take(block_scales), take(tiles), take(luq_codes), take(numbers);
      take(largest), take(tensor_scale), take(values), take(alpha), take(pruned), take(stored), take(kept);
      take(metadata), take(mask);
      return bytes;
    }
  };
  const auto queue = [&](const cuda& device, const outputs& o) {
    const std::span<const float> flat(x.data(), count);
    const matrix_view<float> w{x.data(), rows, cols};
    const block_view<nvfp4> q{o.block_codes.data(), o.block_scales.data(), o.tensor_scale.data(), rows, cols};
    check(encode<e4m3>(device, flat, std::span(o.codes.data(), count)), "encode");
    check(encode<e2m1>(device, flat, std::span(o.nibbles.data(), count / 2)), "encode");
    check(decode<e4m3>(device, std::span<const std::uint8_t>(o.codes.data(), count), std::span(o.numbers.data(), count)),
          "decode");
    check(amax(device, w, o.largest.data()), "amax");
    check(quantize(device, w, q, {.rounding = stochastic{.seed = 1}}, {.tensor_amax = o.largest.data()}), "quantize");
    check(dequantize(device, q, o.values.data()), "dequantize");
    check(tile_scales(device, {o.block_scales.data(), count / 16}, rows, cols / 16, {o.tiles.data(), o.tiles.size()}),
          "tile_scales");
    check(luq(device, flat, std::span(o.luq_codes.data(), count / 2), o.alpha.data()), "luq");
    check(sparsify<2, 4>(device, flat, std::span(o.pruned.data(), count), minimum_variance{}), "sparsify");
    check(compress_2_4(device, flat, std::span(o.stored.data(), count / 2), std::span(o.metadata.data(), count / 16),
                       magnitude{}),
          "compress_2_4");
    check(keep_transposable(device, w, {.mask = {o.mask.data(), count / 64}, .out = {o.kept.data(), count}}), "keep");
  };
  const outputs captured;
  const outputs plain;
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t run;
  check(cudaStreamCreate(&stream), "stream");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "capture");
  queue(cuda{stream, workspace()}, captured);
  check(cudaStreamEndCapture(stream, &graph), "end of capture");
  check(cudaGraphInstantiate(&run, graph, 0), "graph");
  for (const content kind : {content::gaussian, content::ties}) {
    x.set(tensor(count, kind, 3));
    check(cudaGraphLaunch(run, stream), "replay");
    check(cudaStreamSynchronize(stream), "replay");
    queue(cuda{nullptr, workspace()}, plain);
    check(captured.all() == plain.all(), "replay of all calls differs from the calls");
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
  test_graph_of_all();
  test_errors();
  return report("calls");
}
