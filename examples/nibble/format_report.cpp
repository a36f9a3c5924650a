// SPDX-License-Identifier: Apache-2.0
//
// Measurement and tables of format_report.hpp.
#include "format_report.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "quantize_tensor.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

constexpr std::uint64_t widest_block_rows = 16;

std::vector<quantize_job> jobs() {
  std::vector<quantize_job> all;
  for (const block_codec& codec : block_codecs()) {
    quantize_job job;
    job.codec = &codec;
    if (!codec.stores_scales) job.rounding = rounding_mode::stochastic;
    all.push_back(job);
  }
  return all;
}

// A NaN, of a tensor with elements that are not finite, compares below every number.
double comparable_db(const error_sums& sums) {
  const double db = sums.sqnr_db();
  return std::isnan(db) ? -std::numeric_limits<double>::infinity() : db;
}

std::string percent(double share) { return fixed(100 * share, 2) + " %"; }

}  // namespace

std::vector<error_sums> measure_formats(const tensor_reader& tensor, unsigned threads, progress& bar) {
  const std::vector<quantize_job> all = jobs();
  const auto amax = find_tensor_amax(tensor, all.front(), threads, [&](std::uint64_t bytes) { bar.advance(bytes); });
  const tiling tiles(tensor.shape(), widest_block_rows);
  std::vector<std::vector<tile_quantizer>> workers(threads);
  for (auto& quantizers : workers) {
    for (const quantize_job& job : all) quantizers.emplace_back(job, tensor.shape(), amax);
  }
  std::vector<std::vector<float>> values(threads);
  std::vector<error_sums> by_tile(tiles.count() * all.size());
  std::mutex mutex;
  parallel_for(tiles.count(), threads, [&](std::uint64_t index, unsigned worker) {
    const tile part = tiles.at(index);
    const matrix_view<float> view = tensor.view(part, values[worker]);
    for (std::size_t f = 0; f < all.size(); ++f) {
      workers[worker][f].quantize(part, view, &by_tile[index * all.size() + f]);
    }
    tensor.release(part);
    const std::lock_guard lock(mutex);
    bar.advance(part.size() * tensor.bytes() / tensor.shape().size());
  });
  std::vector<error_sums> errors(all.size());
  for (std::size_t i = 0; i < by_tile.size(); ++i) errors[i % all.size()].add(by_tile[i]);
  for (std::size_t f = 0; f < all.size(); ++f) {
    // Without scales there is no NaN to decode to: such a tensor has no codes at all.
    if (all[f].codec->stores_scales || errors[f].nonfinite == 0) continue;
    errors[f].noise = errors[f].error = std::numeric_limits<double>::quiet_NaN();
  }
  return errors;
}

int suitable_format(const std::vector<error_sums>& errors, double threshold_db) {
  const auto& codecs = block_codecs();
  int best = -1;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const double db = comparable_db(errors[i]);
    if (db < threshold_db || std::isnan(errors[i].sqnr_db())) continue;
    const auto at = [&](int index) { return static_cast<std::size_t>(index); };
    const bool fewer = best < 0 || codecs[i].nominal_bits() < codecs[at(best)].nominal_bits();
    const bool better = best >= 0 && codecs[i].nominal_bits() == codecs[at(best)].nominal_bits() &&
                        db > comparable_db(errors[at(best)]);
    if (fewer || better) best = static_cast<int>(i);
  }
  return best;
}

int best_format(const std::vector<error_sums>& errors, int element_bits) {
  int best = -1;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (block_codecs()[i].format.element.bits() != element_bits || std::isnan(errors[i].sqnr_db())) continue;
    const bool better = best < 0 || comparable_db(errors[i]) > comparable_db(errors[static_cast<std::size_t>(best)]);
    if (better) best = static_cast<int>(i);
  }
  return best;
}

std::string tensor_table(const std::vector<tensor_report>& reports, double threshold_db) {
  std::vector<std::string> header{"tensor", "shape"};
  for (const block_codec& codec : block_codecs()) header.emplace_back(codec.name);
  header.emplace_back("suits");
  std::vector<bool> left(header.size());
  left.front() = left.back() = true;
  text_table table(header, left);
  for (const tensor_report& report : reports) {
    std::vector<std::string> row{printable(report.name), shape_text(report.shape)};
    for (std::size_t i = 0; i < report.errors.size(); ++i) {
      const int bits = block_codecs()[i].format.element.bits();
      const bool best = best_format(report.errors, bits) == static_cast<int>(i);
      row.push_back(sqnr_text(report.errors[i]) + (best ? "*" : " "));
    }
    const int suits = suitable_format(report.errors, threshold_db);
    row.emplace_back(suits < 0 ? "none" : block_codecs()[static_cast<std::size_t>(suits)].name);
    table.add(row);
  }
  return table.str();
}

std::string format_table(const std::vector<tensor_report>& reports) {
  text_table table({"format", "bits", "relative MSE", "SQNR dB", "largest error", "zeroed", "clipped", "bias %", "+-", "z"});
  for (std::size_t i = 0; i < block_codecs().size(); ++i) {
    error_sums total;
    for (const tensor_report& report : reports) total.add(report.errors[i]);
    table.add({std::string(block_codecs()[i].name), fixed(block_codecs()[i].nominal_bits(), 2),
               significant(total.relative_mse(), 4), sqnr_text(total), significant(total.largest, 4),
               percent(total.zeroed_share()), percent(total.clipped_share()),
               significant(100 * total.relative_bias(), 3), significant(100 * total.bias_error(), 2),
               fixed(total.bias_z(), 1)});
  }
  return table.str();
}

}  // namespace nibble::tool
