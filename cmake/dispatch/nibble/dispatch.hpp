// SPDX-License-Identifier: Apache-2.0
//
// dispatched{}: the backend that runs the best instruction set of the machine at hand, whatever the compiler was told. It
// takes the named formats, float, double, f16 and bf16 sources and float results; the results are those of scalar{}, bit
// for bit. Programs that use it link nibble::dispatch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include <nibble/block/codec.hpp>
#include <nibble/block/dequantize.hpp>
#include <nibble/block/quantize.hpp>
#include <nibble/dispatch_kernels.hpp>

namespace nibble {
inline namespace v0 {

/// The backend tag. Its instruction set is chosen once; NIBBLE_ISA=base, avx2, avx512 or avx512vbmi in the environment
/// overrules that. A name that is unknown, or that build or machine lack, makes calls throw std::runtime_error.
struct dispatched {};

namespace dispatch {

/// The name of the instruction set that dispatched{} runs: base, avx2, avx512 or avx512vbmi.
inline const char* isa_name() { return kernels().name; }

}  // namespace dispatch

namespace detail::inline NIBBLE_UNIT {

template <block_format F>
const dispatch::block_kernels& block_kernels_of() {
  constexpr std::size_t place = dispatch::place_of(F);
  static_assert(place < dispatch::block_format_count, "dispatched{} has the named block formats; use simd{} for others");
  return *dispatch::kernels().blocks[place];
}

template <float_format F>
const dispatch::element_kernels& element_kernels_of() {
  constexpr std::size_t place = dispatch::place_of(F);
  static_assert(place < dispatch::format_count, "dispatched{} has the named formats; use simd{} for others");
  return *dispatch::kernels().elements[place];
}

/// What quantize_in_slices needs of a backend, by the table.
template <block_format F>
class dispatched_quantizer {
 public:
  dispatched_quantizer(const matrix_view<float>& x, const block_view<F>& q, const quantize_options& o)
      : x_(x), q_{q.codes, q.scales, q.tensor_scale, q.rows, q.cols, q.code_stride, q.scale_stride}, options_(o) {}
  void run(std::size_t first, std::size_t last) { block_kernels_of<F>().quantize(x_, q_, options_, first, last); }

 private:
  matrix_view<float> x_;
  dispatch::code_matrix<std::uint8_t> q_;
  const quantize_options& options_;
};

struct dispatched_kernels {
  template <class T>
  static std::uint32_t amax(const matrix_view<T>& x, std::size_t row, std::size_t rows, std::size_t col,
                            std::size_t cols, amax_rule rule) {
    if (rows == 0 || cols == 0) return 0;
    return dispatch::kernels().sources->of<T>().amax({&x(row, col), rows, cols, x.row_stride, x.col_stride}, rule);
  }
};

/// Calls use(view) with a float view of `x`: itself, or a copy that lies like it.
template <class T, class Executor, class Use>
void with_floats(const matrix_view<T>& x, Executor& run, const Use& use) {
  if constexpr (std::is_same_v<T, float>) {
    use(x);
  } else {
    std::vector<float> copy(x.size());
    const std::size_t band = x.cols == 0 ? 1 : 65536U / x.cols + 1U;
    run((x.rows + band - 1) / band, [&](std::size_t i) {
      const std::size_t row = i * band;
      dispatch::kernels().sources->of<T>().widen(x.row_slice(row, smaller(band, x.rows - row)), copy.data() + row * x.cols);
    });
    use(matrix_view<float>(copy.data(), x.rows, x.cols));
  }
}

}  // namespace detail

/// As quantize(scalar{}, x, q, options, run), bit for bit. Other sources than float are first copied to floats.
template <block_format F, class T, executor Executor>
void quantize(dispatched /*backend*/, const matrix_view<T>& x, const block_view<F>& q, const quantize_options& options,
              Executor&& run) {
  detail::checked_source(x, q, options);
  dispatch::kernels();  // throws here rather than on another thread
  detail::with_floats(x, run, [&](const matrix_view<float>& floats) {
    const bool transposed = options.orientation == orientation::column_wise;
    detail::quantize_in_slices<detail::dispatched_quantizer<F>, detail::dispatched_kernels>(
        transposed ? floats.transposed() : floats, q, options, run);
  });
}

/// As quantize(scalar{}, x, q, options), bit for bit. Other sources than float are first copied to floats.
template <block_format F, class T>
void quantize(dispatched /*backend*/, const matrix_view<T>& x, const block_view<F>& q,
              const quantize_options& options = {}) {
  detail::checked_source(x, q, options);
  serial run;
  detail::with_floats(x, run, [&](const matrix_view<float>& floats) {
    const bool transposed = options.orientation == orientation::column_wise;
    detail::dispatched_quantizer<F>(transposed ? floats.transposed() : floats, q, options).run(0, q.rows);
  });
}

/// As quantize<F>(scalar{}, x, options), bit for bit.
template <block_format F, class T>
[[nodiscard]] block_tensor<F> quantize(dispatched backend, const matrix_view<T>& x, const quantize_options& options = {}) {
  detail::check_view(x, "x");
  const bool transposed = options.orientation == orientation::column_wise;
  block_tensor<F> result(transposed ? x.cols : x.rows, transposed ? x.rows : x.cols);
  quantize(backend, x, result.view(), options);
  return result;
}

/// As dequantize(scalar{}, q, out), bit for bit.
template <block_format F, class Byte>
void dequantize(dispatched /*backend*/, const block_view<F, Byte>& q, float* out) {
  detail::check_block_view(q, "q");
  if (q.rows == 0 || q.cols == 0) return;
  if (out == nullptr) detail::throw_argument("out is null");
  float tensor_scale = F.tensor_scale ? *q.tensor_scale : 1.0F;
  detail::block_kernels_of<F>().dequantize(
      {q.codes, q.scales, &tensor_scale, q.rows, q.cols, q.code_stride, q.scale_stride}, out);
}
template <block_format F>
[[nodiscard]] std::vector<float> dequantize(dispatched backend, const block_tensor<F>& q) {
  std::vector<float> values(q.rows() * q.cols());
  dequantize(backend, q.view(), values.data());
  return values;
}

/// As amax(x, rule).
template <class T>
[[nodiscard]] float amax(dispatched /*backend*/, const matrix_view<T>& x, amax_rule rule = amax_rule::finite) {
  detail::check_view(x, "x");
  return bit_cast<float>(detail::dispatched_kernels::amax(x, 0, x.rows, 0, x.cols, rule));
}

/// As encode<F>(scalar{}, x, codes, options), bit for bit; x holds floats. Codes of more than 8 bits are std::uint16_t.
template <float_format F, detail::contiguous_range Source, detail::contiguous_range Codes>
void encode(dispatched /*backend*/, const Source& x, Codes&& codes, const encode_options& options = {}) {
  using code = detail::element_of<Codes>;
  static_assert(std::is_same_v<std::remove_cv_t<detail::element_of<const Source>>, float>);
  static_assert(std::is_same_v<code, std::conditional_t<(F.bits() > 8), std::uint16_t, std::uint8_t>>);
  const packed_layout layout = detail::checked_encode<F, code>(std::size(x), std::size(codes), options);
  detail::element_kernels_of<F>().encode(std::data(x), std::size(x), std::data(codes), layout, options);
}

/// As decode<F>(scalar{}, codes, out, layout), bit for bit; out holds floats.
template <float_format F, detail::contiguous_range Codes, detail::contiguous_range Target>
void decode(dispatched /*backend*/, const Codes& codes, Target&& out, std::optional<packed_layout> layout = {}) {
  using code = std::remove_cv_t<detail::element_of<const Codes>>;
  static_assert(std::is_same_v<detail::element_of<Target>, float>);
  static_assert(std::is_same_v<code, std::conditional_t<(F.bits() > 8), std::uint16_t, std::uint8_t>>);
  const packed_layout checked = detail::checked_decode<F, code>(std::size(codes), std::size(out), layout);
  detail::element_kernels_of<F>().decode(std::data(codes), std::size(out), std::data(out), checked);
}

}  // namespace v0
}  // namespace nibble
