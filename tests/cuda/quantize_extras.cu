// SPDX-License-Identifier: Apache-2.0
//
// quantize_both, scales in tiles, Hadamard transforms and tensor amaxes in device memory, against the scalar backend.
#include <array>
#include <optional>

#include <nibble/method/hadamard.hpp>

#include "support.cuh"

using namespace nibble;
using namespace nibble_test;

namespace {

/// The source as float32 with its rows, or its columns, transformed.
std::vector<float> transformed(std::vector<float> x, std::size_t rows, std::size_t cols, bool columns,
                               const hadamard_signs& signs) {
  std::vector<float> line(columns ? rows : cols);
  for (std::size_t i = 0; i < (columns ? cols : rows); ++i) {
    const auto at = [&](std::size_t k) -> float& { return columns ? x[k * cols + i] : x[i * cols + k]; };
    for (std::size_t k = 0; k < line.size(); ++k) line[k] = at(k);
    hadamard(line, 16, signs);
    for (std::size_t k = 0; k < line.size(); ++k) at(k) = line[k];
  }
  return x;
}

/// What one orientation gives on the host: codes, scales in their layout, tensor scale.
template <block_format F>
struct expected_result {
  std::vector<std::uint8_t> codes, scales;
  float tensor_scale = 0.0F;

  expected_result(const std::vector<float>& x, std::size_t rows, std::size_t cols, const quantize_options& options,
                  const cuda_quantize_options& extras) {
    const bool columns = options.orientation == orientation::column_wise;
    const std::vector<float> y = extras.hadamard ? transformed(x, rows, cols, columns, *extras.hadamard) : x;
    const block_tensor<F> q = quantize<F>(matrix_view{y.data(), rows, cols}, options);
    codes.assign(q.codes().begin(), q.codes().end());
    scales.assign(q.scales().begin(), q.scales().end());
    tensor_scale = q.tensor_scale();
    if (!extras.tiled_scales) return;
    const std::size_t scale_rows = F.scale_rows(q.rows());
    const std::size_t scale_cols = F.scale_cols(q.cols());
    std::vector<std::uint8_t> tiled(tiled_scale_bytes(scale_rows, scale_cols));
    tile_scales(scales, scale_rows, scale_cols, tiled);
    scales = tiled;
  }
};

/// Device memory for one result.
template <block_format F>
struct device_result {
  std::size_t rows, cols, bytes;
  device_array<std::uint8_t> codes, scales;
  device_array<float> tensor_scale;

  device_result(std::size_t r, std::size_t c, bool tiled)
      : rows(r),
        cols(c),
        bytes(tiled ? tiled_scale_bytes(F.scale_rows(r), F.scale_cols(c)) : F.scale_rows(r) * F.scale_cols(c)),
        codes(r * F.row_bytes(c)),
        scales(bytes),
        tensor_scale(1) {
    codes.fill(0xa5);
    scales.fill(0xa5);
    tensor_scale.fill(0xa5);
  }
  block_view<F> view() const { return {codes.data(), scales.data(), tensor_scale.data(), rows, cols}; }
  void compare(const expected_result<F>& e, const std::string& what) const {
    check(codes.get() == e.codes, what + ": codes differ");
    check(scales.get() == e.scales, what + ": scales differ");
    if (F.tensor_scale)
      check(to_bits(tensor_scale.get()[0]) == to_bits(e.tensor_scale), what + ": tensor scale differs");
  }
};

struct variant {
  quantize_options options{};
  cuda_quantize_options row_extras{}, column_extras{};
  bool amax_on_device = false;
};

/// One tensor under one variant: both results at once, and each alone.
template <block_format F, class T>
void compare(std::size_t rows, std::size_t cols, content kind, std::uint64_t seed, variant v, const std::string& what,
             std::size_t shift = 0) {
  const std::vector<float> values = tensor(rows * cols, kind, seed);
  std::vector<T> x;
  std::vector<float> exact;
  for (const float value : values) {
    x.push_back(narrowed<T>(value));
    exact.push_back(static_cast<float>(x.back()));
  }
  device_array<T> there(x.size() + shift);
  check(cudaMemcpy(there.data() + shift, x.data(), x.size() * sizeof(T), cudaMemcpyHostToDevice), "copy");
  const matrix_view<T> source{there.data() + shift, rows, cols};
  const device_array<float> amax(std::vector<float>{3.25F});
  if (v.amax_on_device) v.row_extras.tensor_amax = v.column_extras.tensor_amax = amax.data();

  quantize_options row_options = v.options;
  quantize_options column_options = v.options;
  column_options.orientation = orientation::column_wise;
  quantize_options host_row = row_options;
  quantize_options host_column = column_options;
  if (v.amax_on_device) host_row.tensor_amax = host_column.tensor_amax = 3.25F;
  const expected_result<F> row(exact, rows, cols, host_row, v.row_extras);
  const expected_result<F> column(exact, rows, cols, host_column, v.column_extras);

  const cuda device{nullptr, workspace()};
  const std::string text = what + " (" + std::to_string(rows) + " x " + std::to_string(cols) + ")";
  const device_result<F> r(rows, cols, v.row_extras.tiled_scales);
  const device_result<F> c(cols, rows, v.column_extras.tiled_scales);
  check(quantize_both(device, source, r.view(), c.view(), v.options, v.row_extras, v.column_extras), text);
  r.compare(row, text + ", both: rows");
  c.compare(column, text + ", both: columns");
  const device_result<F> alone(rows, cols, v.row_extras.tiled_scales);
  check(quantize(device, source, alone.view(), row_options, v.row_extras), text);
  alone.compare(row, text + ", rows alone");
  const device_result<F> turned(cols, rows, v.column_extras.tiled_scales);
  check(quantize(device, source, turned.view(), column_options, v.column_extras), text);
  turned.compare(column, text + ", columns alone");
}

/// The same for three kinds of content.
template <block_format F, class T>
void compare_contents(std::size_t rows, std::size_t cols, const variant& v, const std::string& what) {
  for (const content kind : {content::mixed, content::special, content::gaussian}) {
    compare<F, T>(rows, cols, kind, rows * 31 + cols, v, what + ", content " + std::to_string(static_cast<int>(kind)));
  }
}

template <block_format F>
void test_format(const char* name, const recipe& other, bool small) {
  const hadamard_signs signs = hadamard_signs::published();
  const hadamard_signs seeded = hadamard_signs::seeded(5);
  const stochastic sixteen{.seed = 3, .bits = 16, .first_element = 24, .rounds = 7};
  const variant variants[] = {
      {},
      {.options = {.rounding = stochastic{.seed = 1, .bits = 8}}},
      {.options = {.rounding = sixteen}},
      {.options = {.rounding = stochastic{.seed = 6, .first_element = 8}}},
      {.options = {.rounding = stochastic{.seed = 1, .stream = 2}}, .column_extras = {.hadamard = signs}},
      {.options = {.rounding = stochastic{.seed = 1, .bits = 16, .first_element = 3}},
       .row_extras = {.hadamard = signs}},
      {.column_extras = {.tiled_scales = true, .hadamard = signs}},
      {.row_extras = {.tiled_scales = true, .hadamard = seeded}, .column_extras = {.tiled_scales = true}},
      {.options = {.rounding = sixteen}, .row_extras = {.hadamard = seeded}, .column_extras = {.hadamard = signs}},
      {.options = {.recipe = other}, .row_extras = {.tiled_scales = true, .hadamard = signs}},
      {.row_extras = {.hadamard = signs}, .column_extras = {.tiled_scales = true}, .amax_on_device = true},
      {.options = {.tensor_amax = 7.5F}},
  };
  const std::array<std::size_t, 2> shapes[] = {{16, 16},   {64, 64}, {32, 96}, {160, 32}, {80, 208},  {96, 288},
                                               {640, 192}, {48, 33}, {77, 45}, {1, 1},    {200, 100}, {1088, 1056}};
  int index = 0;
  for (const variant& v : variants) {
    const std::string what = std::string(name) + ", variant " + std::to_string(index++);
    const bool transforms = v.row_extras.hadamard || v.column_extras.hadamard;
    for (const auto& [rows, cols] : shapes) {
      if (small && rows * cols > 40000) continue;
      if (transforms && (rows % 16 != 0 || cols % 16 != 0)) continue;
      compare_contents<F, float>(rows, cols, v, what + ", float");
      compare_contents<F, bf16>(rows, cols, v, what + ", bf16");
      if (rows * cols < 100000) compare_contents<F, f16>(rows, cols, v, what + ", f16");
      if (rows == 64) compare<F, float>(rows, cols, content::mixed, 3, v, what + ", unaligned", 1);
    }
  }
}

void test_errors() {
  device_array<float> x(2048);
  const device_result<nvfp4> r(40, 16, false);
  const device_result<nvfp4> c(16, 40, false);
  const device_result<nvfp4> wrong(16, 41, false);
  const device_array<float> amax(1);
  const matrix_view<float> view{x.data(), 40, 16};
  const cuda device{nullptr, workspace()};
  check_throws([&] { return quantize_both(cuda{}, view, r.view(), c.view()); }, "cuda.workspace");
  check_throws([&] { return quantize_both(device, view, r.view(), wrong.view()); }, "q is 16 x 41");
  check_throws(
      [&] {
        return quantize_both(device, view, r.view(), c.view(), {}, {}, {.hadamard = hadamard_signs::published()});
      },
      "extras.hadamard");
  check_throws([&] { return quantize(device, view, r.view(), {.tensor_amax = 1.0F}, {.tensor_amax = amax.data()}); },
               "extras.tensor_amax");
  device_array<std::uint32_t> scales(64);
  const block_view<fp8_per_row> p{r.codes.data(), scales.data(), nullptr, 20, 16};
  check_throws(
      [&] {
        return quantize(device, matrix_view<float>{x.data(), 20, 16}, p, {}, {.tiled_scales = true});
      },
      "extras.tiled_scales");
}

/// amax into device memory, then quantize from there, captured once and replayed on other data.
template <block_format F>
void test_graph() {
  const std::size_t rows = 192;
  const std::size_t cols = 256;
  device_array<float> x(rows * cols);
  const device_result<F> r(rows, cols, true);
  const device_result<F> c(cols, rows, true);
  const device_array<float> largest(1);
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t run;
  check(cudaStreamCreate(&stream), "stream");
  const cuda device{stream, workspace()};
  const matrix_view<float> view{x.data(), rows, cols};
  const cuda_quantize_options extras{.tensor_amax = largest.data(), .tiled_scales = true};
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "capture");
  check(amax(device, view, largest.data()), "captured amax");
  check(quantize_both(device, view, r.view(), c.view(), {}, extras, extras), "captured quantize_both");
  check(cudaStreamEndCapture(stream, &graph), "end of capture");
  check(cudaGraphInstantiate(&run, graph, 0), "graph");
  for (const std::uint64_t seed : {1U, 2U}) {
    const std::vector<float> data = tensor(rows * cols, content::gaussian, seed);
    x.set(data);
    check(cudaGraphLaunch(run, stream), "replay");
    check(cudaStreamSynchronize(stream), "replay");
    const expected_result<F> row(data, rows, cols, {}, {.tiled_scales = true});
    const expected_result<F> column(data, rows, cols, {.orientation = orientation::column_wise},
                                    {.tiled_scales = true});
    r.compare(row, "replay: rows");
    c.compare(column, "replay: columns");
  }
  check(cudaGraphExecDestroy(run), "graph");
  check(cudaGraphDestroy(graph), "graph");
  check(cudaStreamDestroy(stream), "stream");
}

}  // namespace

int main(int argc, char** argv) {
  if (!has_device()) return 0;
  const bool small = argc > 1 && std::string(argv[1]) == "small";
  test_format<nvfp4>("nvfp4", recipe::transformer_engine, small);
  test_format<mxfp4>("mxfp4", recipe::ceil, small);
  test_format<mxfp8_e4m3>("mxfp8_e4m3", recipe::rceil, small);
  test_graph<nvfp4>();
  test_errors();
  return report("quantize_extras");
}
