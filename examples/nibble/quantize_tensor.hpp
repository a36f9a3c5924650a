// SPDX-License-Identifier: Apache-2.0
//
// Quantizing one tensor tile by tile on several threads. The result depends on neither the tiles nor the threads.
#pragma once

#include <cstdint>
#include <functional>
#include <nibble/block/recipe.hpp>
#include <optional>
#include <vector>

#include "block_codec.hpp"
#include "error_measure.hpp"
#include "progress.hpp"
#include "tensor_reader.hpp"

namespace nibble::tool {

struct quantize_job {
  const block_codec* codec = nullptr;
  recipe rules{};
  std::optional<rounding_mode> rounding;  ///< nothing: as the recipe says
  std::uint64_t seed = 0, stream = 0;     ///< of stochastic rounding
  /// Whether quantize_tensor adds up what it cost; it always does where the format has no code for NaN.
  bool is_measured = true;
};

/// The tensor amax that the job's recipe asks for; nothing where it asks for none.
std::optional<float> find_tensor_amax(const tensor_reader& tensor, const quantize_job& job, unsigned threads,
                                      const std::function<void(std::uint64_t bytes)>& advance);

/// What a worker keeps from tile to tile.
class tile_quantizer {
 public:
  tile_quantizer(const quantize_job& job, const matrix_shape& shape, std::optional<float> tensor_amax);

  /// Quantizes the values of a tile and, with `sums`, adds what that cost. The codes and scales that it returns have no
  /// gaps and last until the next call.
  code_area<const std::uint8_t> quantize(const tile& part, const matrix_view<float>& values, error_sums* sums);

  [[nodiscard]] float tensor_scale() const noexcept { return tensor_scale_; }

 private:
  void set_rounding(const tile& part);
  void measure(const matrix_view<float>& values, const code_area<std::uint8_t>& area, std::size_t ahead,
               error_sums& sums);

  const quantize_job* job_;
  matrix_shape shape_;
  quantize_options options_;
  std::optional<clip_limits> limits_;
  std::optional<code_magnitudes> magnitudes_;
  std::vector<std::uint8_t> codes_, scales_;
  std::vector<float> back_;
  std::vector<std::uint32_t> words_;
  float tensor_scale_ = 1.0F;
};

/// Receives the codes of a tile; called from several threads at once.
using tile_sink = std::function<void(const tile& part, const code_area<const std::uint8_t>& area)>;

struct quantize_outcome {
  error_sums errors;
  float tensor_scale = 1.0F;
};

/// Quantizes the whole tensor, in two passes where a tensor amax is needed.
quantize_outcome quantize_tensor(const tensor_reader& tensor, const quantize_job& job, unsigned threads,
                                 const tile_sink& sink, progress& bar);

/// The number of passes over the tensor that the job takes.
unsigned passes(const quantize_job& job);

}  // namespace nibble::tool
