// SPDX-License-Identifier: Apache-2.0
//
// Implementation of quantize_tensor.hpp.
#include "quantize_tensor.hpp"

#include <algorithm>
#include <bit>
#include <mutex>
#include <nibble/base/philox.hpp>
#include <nibble/dispatch.hpp>

namespace nibble::tool {
namespace {

bool needs_tensor_amax(const quantize_job& job) {
  return job.codec->format.tensor_scale && job.rules.tensor != tensor_scale_rule::one;
}

std::uint64_t block_rows(const quantize_job& job) { return static_cast<std::uint64_t>(job.codec->format.block_rows); }

// Reads a number of every page of a part of a file, which maps the page: a prefetch from one that is not mapped gets
// nothing.
void map_pages(const matrix_view<float>& part) {
  constexpr std::size_t step = 4096 / sizeof(float);
  const bool is_one_run = part.row_stride == static_cast<std::ptrdiff_t>(part.cols);
  const std::size_t rows = is_one_run ? 1 : part.rows, cols = is_one_run ? part.size() : part.cols;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; c += step) static_cast<void>(*static_cast<const volatile float*>(&part(r, c)));
  }
}

}  // namespace

unsigned passes(const quantize_job& job) { return needs_tensor_amax(job) ? 2 : 1; }

std::optional<float> find_tensor_amax(const tensor_reader& tensor, const quantize_job& job, unsigned threads,
                                      const std::function<void(std::uint64_t bytes)>& advance) {
  if (!needs_tensor_amax(job)) return std::nullopt;
  const tiling tiles(tensor.shape(), 1);
  std::vector<std::vector<float>> values(threads);
  std::mutex mutex;
  std::uint32_t largest = 0;
  parallel_for(tiles.count(), threads, [&](std::uint64_t index, unsigned worker) {
    const tile part = tiles.at(index);
    const float found = amax(dispatched{}, tensor.view(part, values[worker]), job.rules.amax);
    tensor.release(part);
    const std::lock_guard lock(mutex);
    // Magnitudes compare as their bits do, and a NaN, where the recipe counts it, is above all numbers.
    largest = std::max(largest, std::bit_cast<std::uint32_t>(found));
    advance(part.size() * tensor.bytes() / tensor.shape().size());
  });
  return std::bit_cast<float>(largest);
}

tile_quantizer::tile_quantizer(const quantize_job& job, const matrix_shape& shape, std::optional<float> tensor_amax)
    : job_(&job), shape_(shape) {
  options_.recipe = job.rules;
  options_.tensor_amax = tensor_amax;
  if (job.rounding) options_.rounding = element_rounding(*job.rounding);
}

void tile_quantizer::set_rounding(const tile& part) {
  if (job_->rounding != rounding_mode::stochastic) return;
  const std::uint64_t first = part.row * shape_.cols + part.col;
  if (part.cols == shape_.cols || part.rows == 1) {
    options_.rounding = stochastic{.seed = job_->seed, .stream = job_->stream, .first_element = first};
    return;
  }
  // The rows of the tile are apart in the tensor: hand over the words that its elements have there.
  words_.clear();
  for (std::uint64_t r = 0; r < part.rows; ++r) {
    for (std::uint64_t c = 0; c < part.cols; ++c) {
      const std::uint64_t element = first + r * shape_.cols + c;
      words_.push_back(random_block(job_->seed, job_->stream, element / 4).words[element % 4]);
    }
  }
  options_.rounding = stochastic_words{.words = words_};
}

code_area<const std::uint8_t> tile_quantizer::quantize(const tile& part, const matrix_view<float>& values,
                                                       error_sums* sums) {
  const block_format& f = job_->codec->format;
  const std::size_t code_stride = f.row_bytes(part.cols), scale_stride = f.scale_cols(part.cols);
  codes_.resize(part.rows * code_stride);
  scales_.resize(part.rows * scale_stride);
  // Pieces that stay, with the next one, in the second-level cache while they are quantized, decoded and compared; else
  // the whole tile, of which the next numbers come from memory while these are quantized.
  const tiling pieces({part.rows, part.cols}, block_rows(*job_), std::uint64_t{1} << (sums != nullptr ? 14 : 40));
  for (std::uint64_t i = 0; i < pieces.count(); ++i) {
    const tile piece = pieces.at(i);
    set_rounding({part.row + piece.row, piece.rows, part.col + piece.col, piece.cols});
    const code_area<std::uint8_t> area{codes_.data() + piece.row * code_stride + f.row_bytes(piece.col), code_stride,
                                       scales_.data() + piece.row * scale_stride + f.scale_cols(piece.col),
                                       scale_stride};
    const matrix_view<float> view(&values(piece.row, piece.col), piece.rows, piece.cols, values.row_stride);
    tensor_scale_ = job_->codec->quantize(view, area, options_);
    if (sums == nullptr) continue;
    // The next piece comes from memory while this one is measured.
    const tile next = i + 1 < pieces.count() ? pieces.at(i + 1) : piece;
    const float* ahead = &values(next.row, next.col);
    if (ahead != view.data) map_pages({ahead, next.rows, next.cols, values.row_stride});
    measure(view, area, static_cast<std::size_t>(ahead - view.data), *sums);
  }
  return {codes_.data(), code_stride, scales_.data(), scale_stride};
}

void tile_quantizer::measure(const matrix_view<float>& values, const code_area<std::uint8_t>& area, std::size_t ahead,
                             error_sums& sums) {
  const block_format& f = job_->codec->format;
  if (!limits_) limits_.emplace(f, tensor_scale_);
  const code_area<const std::uint8_t> coded{area.codes, area.code_stride, area.scales, area.scale_stride};
  if (code_magnitudes::serves(*job_->codec)) {
    if (!magnitudes_) magnitudes_.emplace(*job_->codec, tensor_scale_);
    add_coded_errors(values, coded, f, *magnitudes_, *limits_, ahead, sums);
    return;
  }
  back_.resize(values.size());
  job_->codec->dequantize(coded, tensor_scale_, values.rows, values.cols, back_.data());
  add_errors(values, back_.data(), f, *limits_, area.scales, area.scale_stride, sums);
}

quantize_outcome quantize_tensor(const tensor_reader& tensor, const quantize_job& job, unsigned threads,
                                 const tile_sink& sink, progress& bar) {
  const auto amax = find_tensor_amax(tensor, job, threads, [&](std::uint64_t bytes) { bar.advance(bytes); });
  const tiling tiles(tensor.shape(), block_rows(job));
  std::vector<tile_quantizer> workers(threads, tile_quantizer(job, tensor.shape(), amax));
  std::vector<std::vector<float>> values(threads);
  const bool is_measured = job.is_measured || !job.codec->stores_scales;
  // Sums of each tile, added in the order of the tiles: floating-point sums must not depend on the threads.
  std::vector<error_sums> sums(tiles.count());
  quantize_outcome outcome;
  std::mutex mutex;
  parallel_for(tiles.count(), threads, [&](std::uint64_t index, unsigned worker) {
    const tile part = tiles.at(index);
    const matrix_view<float> view = tensor.view(part, values[worker]);
    sink(part, workers[worker].quantize(part, view, is_measured ? &sums[index] : nullptr));
    tensor.release(part);
    const std::lock_guard lock(mutex);
    outcome.tensor_scale = workers[worker].tensor_scale();  // the same for every tile
    bar.advance(part.size() * tensor.bytes() / tensor.shape().size());
  });
  for (const error_sums& tile_sums : sums) outcome.errors.add(tile_sums);
  return outcome;
}

}  // namespace nibble::tool
