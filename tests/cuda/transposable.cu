// SPDX-License-Identifier: Apache-2.0
//
// Transposable masks of cuda{} and what they keep, dense and compressed, against the scalar ones: contents, tails, strides,
// unaligned memory, types, given masks.
#include <nibble/method/transposable_mask.hpp>

#include "support.cuh"

using namespace nibble;
using namespace nibble_test;

namespace {

/// A matrix in memory that begins `shift` elements after an aligned address.
template <class T>
struct sample {
  std::vector<T> host;
  device_array<T> there;
  matrix_view<T> w, device_w;

  sample(const std::vector<float>& values, std::size_t rows, std::size_t cols, std::ptrdiff_t row_step,
         std::ptrdiff_t col_step, std::size_t shift)
      : host(all_narrowed<T>(values)),
        there(host.size() + shift),
        w(host.data(), rows, cols, row_step, col_step),
        device_w(there.data() + shift, rows, cols, row_step, col_step) {
    check(cudaMemcpy(there.data() + shift, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice), "copy");
  }
};

/// What one mask keeps, on the host.
struct expected_result {
  std::vector<std::uint64_t> mask;
  std::vector<float> out, values;
  std::vector<std::uint16_t> metadata;

  template <class T>
  expected_result(const sparsity_mask& m, const matrix_view<T>& w)
      : mask(m.words().begin(), m.words().end()),
        out(w.size()),
        values(w.rows * ((w.cols + 3) / 4) * 2),
        metadata(w.rows * ((w.cols + 15) / 16)) {
    apply_mask(m, w, out);
    compress_2_4(m, w, values, metadata);
  }
};

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

/// Device memory for a result, with a guard behind each part. `shift` unaligns the numbers.
struct device_result {
  std::size_t shift;
  device_array<std::uint64_t> mask;
  device_array<float> out, values;
  device_array<std::uint16_t> metadata;

  device_result(const expected_result& e, std::size_t s)
      : shift(s), mask(e.mask.size() + 1), out(e.out.size() + s + 1), values(e.values.size() + s + 1),
        metadata(e.metadata.size() + 1) {
    mask.fill(0x5a);
    out.fill(0x5a);
    values.fill(0x5a);
    metadata.fill(0x5a);
  }
  std::span<std::uint64_t> mask_span() const { return {mask.data(), mask.size() - 1}; }
  std::span<float> out_span() const { return {out.data() + shift, out.size() - shift - 1}; }
  std::span<float> values_span() const { return {values.data() + shift, values.size() - shift - 1}; }
  std::span<std::uint16_t> metadata_span() const { return {metadata.data(), metadata.size() - 1}; }

  void compare(expected_result e, const std::string& what) const {
    const float guard = bit_cast<float>(0x5a5a'5a5aU);
    e.mask.push_back(0x5a5a'5a5a'5a5a'5a5aU);
    e.metadata.push_back(0x5a5a);
    for (std::vector<float>* v : {&e.out, &e.values}) {
      v->push_back(guard);
      v->insert(v->begin(), shift, guard);
    }
    check(mask.get() == e.mask, what + ": masks differ");
    check(same(out.get(), e.out), what + ": kept numbers differ");
    check(same(values.get(), e.values), what + ": stored values differ");
    check(metadata.get() == e.metadata, what + ": metadata differ");
  }
};

template <class T>
void compare(const sample<T>& x, const heaviest& method, std::size_t shift, const std::string& what) {
  const std::string text = what + " (" + std::to_string(x.w.rows) + " x " + std::to_string(x.w.cols) + ")";
  const sparsity_mask mask = transposable_mask<2, 4>(x.w, method, all_cores{});
  const expected_result expected(mask, x.w);
  const device_result fused(expected, shift);
  check(keep_transposable(cuda{}, x.device_w,
                          {fused.mask_span(), fused.out_span(), fused.values_span(), fused.metadata_span()}, method),
        text);
  fused.compare(expected, text + ", one pass");
  const device_result alone(expected, shift);
  check(transposable_mask<2, 4>(cuda{}, x.device_w, alone.mask_span(), method), text);
  const std::span<const std::uint64_t> words = alone.mask_span();
  check(apply_mask(cuda{}, words, x.device_w, alone.out_span()), text);
  check(compress_2_4(cuda{}, words, x.device_w, alone.values_span(), alone.metadata_span()), text);
  alone.compare(expected, text + ", step by step");
}

/// A mask of no pattern is applied as it is.
void test_any_mask() {
  const std::size_t rows = 37;
  const std::size_t cols = 203;
  const sample<float> x(tensor(rows * cols, content::mixed, 3), rows, cols, 203, 1, 0);
  std::mt19937_64 random(4);
  sparsity_mask mask(rows, cols);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) mask.set(r, c, random() % 3 == 0);
  }
  std::vector<float> expected(rows * cols);
  apply_mask(mask, x.w, expected);
  const device_array<std::uint64_t> words(std::vector<std::uint64_t>(mask.words().begin(), mask.words().end()));
  device_array<float> out(rows * cols);
  check(apply_mask(cuda{}, std::span<const std::uint64_t>(words.data(), words.size()), x.device_w,
                   std::span(out.data(), out.size())),
        "apply_mask");
  check(same(out.get(), expected), "apply_mask of any mask: numbers differ");
}

void test_errors() {
  const sample<float> x(std::vector<float>(64, 1.0F), 8, 8, 8, 1, 0);
  device_array<std::uint64_t> mask(9);
  device_array<float> out(64);
  device_array<std::uint16_t> metadata(8);
  const std::span<const std::uint64_t> words(mask.data(), 8);
  check_throws([&] { return transposable_mask<2, 4>(cuda{}, x.device_w, std::span(mask.data(), 9)); }, "mask has 9");
  check_throws([&] { return transposable_mask<2, 4>(cuda{}, x.device_w, std::span<std::uint64_t>{}); }, "mask is empty");
  check_throws([&] { return apply_mask(cuda{}, words, x.device_w, std::span(out.data(), 63)); }, "out has 63");
  check_throws([&] { return apply_mask(cuda{}, words.first(7), x.device_w, std::span(out.data(), 64)); }, "mask has 7");
  check_throws(
      [&] {
        return compress_2_4(cuda{}, words, x.device_w, std::span(out.data(), 32), std::span(metadata.data(), 7));
      },
      "metadata has 7");
  check_throws([&] { return keep_transposable(cuda{}, matrix_view<float>{nullptr, 8, 8}, {}); }, "w.data");
  check_throws([&] { return keep_transposable(cuda{}, x.device_w, {}, {static_cast<mask_sums>(7)}); }, "method.sums");
}

void test_graph() {
  device_array<float> x(64 * 96);
  device_array<float> out(x.size());
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t run;
  check(cudaStreamCreate(&stream), "stream");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "capture");
  check(keep_transposable(cuda{stream}, matrix_view<float>{x.data(), 64, 96}, {.out = {out.data(), out.size()}}),
        "captured keep_transposable");
  check(cudaStreamEndCapture(stream, &graph), "end of capture");
  check(cudaGraphInstantiate(&run, graph, 0), "graph");
  for (const std::uint64_t seed : {1U, 2U}) {
    const std::vector<float> data = tensor(x.size(), content::gaussian, seed);
    x.set(data);
    check(cudaGraphLaunch(run, stream), "replay");
    check(cudaStreamSynchronize(stream), "replay");
    const matrix_view<float> w{data.data(), 64, 96};
    check(same(out.get(), expected_result(transposable_mask<2, 4>(w), w).out), "replay: kept numbers differ");
  }
  check(cudaGraphExecDestroy(run), "graph");
  check(cudaGraphDestroy(graph), "graph");
  check(cudaStreamDestroy(stream), "stream");
}

}  // namespace

int main(int argc, char** argv) {
  if (!has_device()) return 0;
  const bool small = argc > 1 && std::string(argv[1]) == "small";
  std::mt19937_64 random(1);
  for (int i = 0; i < (small ? 30 : 1000); ++i) {
    const std::size_t rows = random() % 8 == 0 ? 0 : 1 + random() % 40;
    const std::size_t cols = random() % 2 != 0 ? 4 * (random() % 80) : 1 + random() % 300;
    const bool turned = random() % 5 == 0;
    const std::size_t gap = random() % 3;
    const std::size_t line = (turned ? rows : cols) + (gap == 2 ? 4 : gap);
    const auto step = static_cast<std::ptrdiff_t>(line);
    const auto kind = static_cast<content>(random() % contents);
    const std::vector<float> values = tensor((turned ? cols : rows) * line, kind, random());
    const heaviest method{random() % 8 == 0 ? mask_sums::bound : mask_sums::equal};
    const std::size_t shift = random() % 3;
    const std::string what = "shape " + std::to_string(i) + ", content " + std::to_string(static_cast<int>(kind));
    const auto one = [&]<class T>(T) {
      compare(sample<T>(values, rows, cols, turned ? 1 : step, turned ? step : 1, random() % 3), method, shift, what);
    };
    if (i % 3 == 0) one(bf16{});
    if (i % 3 == 1) one(f16{});
    if (i % 3 == 2) one(float{});
  }
  for (int kind = 0; kind < contents; ++kind) {
    const std::size_t rows = small ? 64 : 1024;
    const std::size_t cols = small ? 256 : 4096;
    const std::vector<float> values = tensor(rows * cols, static_cast<content>(kind), 9);
    compare(sample<float>(values, rows, cols, static_cast<std::ptrdiff_t>(cols), 1, 0), {}, 0,
            "content " + std::to_string(kind));
    compare(sample<bf16>(values, rows, cols, static_cast<std::ptrdiff_t>(cols), 1, 0), {}, 0,
            "bf16, content " + std::to_string(kind));
  }
  if (!small) {
    const std::size_t side = 8192;
    compare(sample<float>(tensor(side * side, content::mixed, 10), side, side, side, 1, 0), {}, 0, "large");
  }
  test_any_mask();
  test_graph();
  test_errors();
  return report("transposable");
}
