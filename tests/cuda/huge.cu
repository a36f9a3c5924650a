// SPDX-License-Identifier: Apache-2.0
//
// A tensor of more than 2^32 elements through every call: at both ends and on both sides of 2^31 and 2^32 the results are
// those of the scalar backend for that part. Elements repeat a hostile table, and random words tell their places apart.
// Takes 44 GB of device memory; less, and it is skipped.
#include <array>

#include "support.cuh"

using namespace nibble;
using namespace nibble_test;

namespace {

constexpr std::size_t cols = 4096;
constexpr std::size_t rows = (std::size_t{1} << 20) + 36;
constexpr std::size_t count = rows * cols;
constexpr std::size_t part_rows = 32;
constexpr std::size_t part = part_rows * cols;
constexpr std::size_t table_size = 1'000'003;
constexpr float amax_given = 5.0F;

__global__ void repeat(const float* table, float* x) {
  for (std::size_t i = detail::thread_index(); i < count; i += detail::thread_count()) x[i] = table[i % table_size];
}

/// First rows of the parts that are compared.
constexpr std::array<std::size_t, 6> part_starts = {
    0, (std::size_t{1} << 31) / cols - 16, (std::size_t{1} << 32) / cols - 16, rows - part_rows, 12'345 * 16,
    (std::size_t{1} << 19) + 4};

struct tensors {
  std::vector<float> table = tensor(table_size, content::gaussian, 3);
  device_array<float> x{count};
  device_array<std::uint8_t> codes{count};
  device_array<float> out{count};
  device_array<std::uint8_t> scales{count / 16};
  device_array<float> scalar_out{1};

  tensors() {
    const device_array<float> there(table);
    repeat<<<8192, 256>>>(there.data(), x.data());
    check(cudaDeviceSynchronize(), "fill");
  }
  [[nodiscard]] matrix_view<float> view() const { return {x.data(), rows, cols}; }
  [[nodiscard]] std::span<const float> flat() const { return {x.data(), count}; }
  [[nodiscard]] std::vector<float> host_part(std::size_t first_row) const {
    std::vector<float> y(part);
    for (std::size_t i = 0; i < part; ++i) y[i] = table[(first_row * cols + i) % table_size];
    return y;
  }
};

template <class T>
std::vector<T> device_part(const T* data, std::size_t first, std::size_t size) {
  std::vector<T> y(size);
  check(cudaMemcpy(y.data(), data + first, size * sizeof(T), cudaMemcpyDeviceToHost), "copy from the device");
  return y;
}
template <class T>
void compare(const std::vector<T>& got, const std::vector<T>& expected, std::size_t row, const char* what) {
  check(got.size() == expected.size() && std::memcmp(got.data(), expected.data(), got.size() * sizeof(T)) == 0,
        std::string(what) + " from row " + std::to_string(row) + " differs");
}

template <float_format F>
void test_codec(const tensors& t, rounding_mode mode, const char* name) {
  const encode_options o{.rounding = mode};
  const std::size_t bytes = packed_bytes(F, count);
  check(encode<F>(cuda{}, t.flat(), std::span(t.codes.data(), bytes), o), name);
  check(decode<F>(cuda{}, std::span<const std::uint8_t>(t.codes.data(), bytes), std::span(t.out.data(), count)), name);
  for (const std::size_t row : part_starts) {
    std::vector<std::uint8_t> expected(packed_bytes(F, part));
    std::vector<float> values(part);
    encode<F>(scalar{}, t.host_part(row), expected, o);
    decode<F>(scalar{}, expected, values);
    compare(device_part(t.codes.data(), packed_bytes(F, row * cols), expected.size()), expected, row, name);
    compare(device_part(t.out.data(), row * cols, part), values, row, name);
  }
}

template <block_format F>
void test_quantize(const tensors& t, quantize_options o, const char* name) {
  o.tensor_amax = amax_given;
  const block_view<F> q{t.codes.data(), t.scales.data(), t.scalar_out.data(), rows, cols};
  check(quantize(cuda{}, t.view(), q, o), name);
  check(dequantize(cuda{}, q, t.out.data()), name);
  for (const std::size_t row : part_starts) {
    const std::vector<float> x = t.host_part(row);
    quantize_options own = o;
    if (o.rounding.draws()) {
      stochastic s = o.rounding.random();
      s.first_element = row * cols;
      own.rounding = s;
    }
    const block_tensor<F> e = quantize<F>(matrix_view<float>{x.data(), part_rows, cols}, own);
    const std::vector<std::uint8_t> codes(e.codes().begin(), e.codes().end());
    const std::vector<std::uint8_t> scales(e.scales().begin(), e.scales().end());
    compare(device_part(t.codes.data(), row * F.row_bytes(cols), codes.size()), codes, row, name);
    compare(device_part(t.scales.data(), row * F.scale_cols(cols), scales.size()), scales, row, name);
    compare(device_part(t.out.data(), row * cols, part), dequantize(e), row, name);
  }
}

/// Columns as rows: part `row` of the source is a run of blocks in every row of the result.
void test_columns(const tensors& t) {
  const quantize_options o{.orientation = orientation::column_wise, .tensor_amax = amax_given};
  const block_view<nvfp4> q{t.codes.data(), t.scales.data(), t.scalar_out.data(), cols, rows};
  check(quantize(cuda{}, t.view(), q, o), "columns");
  for (const std::size_t row : part_starts) {
    if (row % 16 != 0) continue;
    const std::vector<float> x = t.host_part(row);
    const block_tensor<nvfp4> e = quantize<nvfp4>(matrix_view<float>{x.data(), part_rows, cols}, o);
    for (const std::size_t col : {std::size_t{0}, std::size_t{17}, cols - 1}) {
      const auto codes = e.codes().subspan(col * part_rows / 2, part_rows / 2);
      const std::vector<std::uint8_t> expected(codes.begin(), codes.end());
      compare(device_part(t.codes.data(), col * nvfp4.row_bytes(rows) + row / 2, expected.size()), expected, row, "columns");
    }
  }
}

void test_methods(const tensors& t) {
  auto* metadata = reinterpret_cast<std::uint16_t*>(t.codes.data());
  const luq_options l{.known_maximum = amax_given, .random = {.seed = 5}};
  check(luq(cuda{}, t.flat(), std::span(t.codes.data(), count / 2), t.scalar_out.data(), l), "luq");
  for (const std::size_t row : part_starts) {
    luq_options own = l;
    own.random.first_element = row * cols;
    std::vector<std::uint8_t> expected(part / 2);
    luq(t.host_part(row), expected, own);
    compare(device_part(t.codes.data(), row * cols / 2, part / 2), expected, row, "luq");
  }
  minimum_variance v{.seed = 6, .bits = 16};
  check(sparsify<2, 4>(cuda{}, t.flat(), std::span(t.out.data(), count), v), "sparsify");
  for (const std::size_t row : part_starts) {
    v.first_element = row * cols;
    compare(device_part(t.out.data(), row * cols, part), sparsify<2, 4>(t.host_part(row), v), row, "sparsify");
  }
  v.first_element = 0;
  check(compress_2_4(cuda{}, t.flat(), std::span(t.out.data(), count / 2), std::span(metadata, count / 16), v), "compress");
  for (const std::size_t row : part_starts) {
    v.first_element = row * cols;
    std::vector<float> values(part / 2);
    std::vector<std::uint16_t> words(part / 16);
    compress_2_4(t.host_part(row), values, words, v);
    compare(device_part(t.out.data(), row * cols / 2, part / 2), values, row, "compressed values");
    compare(device_part(metadata, row * cols / 16, part / 16), words, row, "metadata");
  }
  check(keep_transposable(cuda{}, t.view(), {.out = {t.out.data(), count}}), "keep_transposable");
  for (const std::size_t row : part_starts) {
    const std::vector<float> x = t.host_part(row);
    const matrix_view<float> w{x.data(), part_rows, cols};
    std::vector<float> kept(part);
    apply_mask(transposable_mask<2, 4>(w), w, kept);
    compare(device_part(t.out.data(), row * cols, part), kept, row, "keep_transposable");
  }
}

void test_amax(const tensors& t) {
  const float last = 1e30F;
  check(cudaMemcpy(t.x.data() + count - 1, &last, sizeof last, cudaMemcpyHostToDevice), "copy");
  check(amax(cuda{nullptr, workspace()}, t.view(), t.scalar_out.data()), "amax");
  check(t.scalar_out.get()[0] == last, "amax misses the last element");
}

}  // namespace

int main() {
  if (!has_device()) return 0;
  std::size_t available = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&available, &total), "memory");
  if (available < count * 10) {
    std::printf("skipped: huge needs %zu GB of device memory\n", count * 10 >> 30);
    return 0;
  }
  const tensors t;
  test_codec<formats::e4m3>(t, rounding_mode::nearest_even, "e4m3");
  test_codec<formats::e2m1>(t, rounding_mode::nearest_even, "e2m1");
  test_codec<formats::e5m2>(t, rounding_mode::toward_zero, "e5m2 toward zero");
  test_quantize<nvfp4>(t, {}, "nvfp4");
  test_quantize<nvfp4>(t, {.rounding = stochastic{.seed = 3, .bits = 16}}, "nvfp4 stochastic");
  test_quantize<mxfp8_e4m3>(t, {.rounding = stochastic{.seed = 3}}, "mxfp8 stochastic");
  test_quantize<nvfp4>(t, {.rounding = stochastic{.seed = 3, .bits = 8}, .recipe = recipe::transformer_engine},
                       "nvfp4 by the generic kernel");
  test_columns(t);
  test_methods(t);
  test_amax(t);
  return report("huge");
}
