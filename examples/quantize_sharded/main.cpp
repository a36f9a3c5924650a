// SPDX-License-Identifier: Apache-2.0
//
// quantize_sharded IN -o OUT [--format F] [--recipe P] [--rounding R] [--seed S] [--tensor GLOB]
// `nibble quantize` on the processes of an MPI program: each takes a slice of a tensor's rows, the tensor's amax is an
// all-reduce, and the file that the first one writes is, byte for byte, what `nibble quantize` writes. Random words
// belong to elements, so that holds for stochastic rounding and for any number of processes.
#include <mpi.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <nibble/dispatch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "commands/shared_options.hpp"
#include "copy_tensor.hpp"
#include "error.hpp"
#include "output_plan.hpp"
#include "progress.hpp"
#include "quantize_tensor.hpp"
#include "tensor_reader.hpp"
#include "text.hpp"

namespace {

using namespace nibble;
using namespace nibble::tool;

struct process {
  int rank = 0;
  int size = 1;
  [[nodiscard]] bool is_first() const { return rank == 0; }
};

/// The rows of one process, whole blocks of them.
struct slice {
  std::uint64_t first = 0, rows = 0;
  slice(std::uint64_t all, std::uint64_t block_rows, int rank, int size) {
    const std::uint64_t bands = (all + block_rows - 1) / block_rows;
    const std::uint64_t share = (bands + static_cast<std::uint64_t>(size) - 1) / static_cast<std::uint64_t>(size);
    first = std::min(all, static_cast<std::uint64_t>(rank) * share * block_rows);
    rows = std::min(all, first + share * block_rows) - first;
  }
};

/// Calls work(tile) for the tiles of a slice, in the places that they have in the tensor.
template <class Work>
void for_tiles(const slice& s, std::uint64_t cols, std::uint64_t block_rows, const Work& work) {
  if (s.rows == 0) return;
  const tiling tiles({s.rows, cols}, block_rows);
  for (std::uint64_t i = 0; i < tiles.count(); ++i) {
    tile part = tiles.at(i);
    part.row += s.first;
    work(part);
  }
}

std::optional<float> shared_amax(const tensor_reader& tensor, const quantize_job& job, const slice& own) {
  if (passes(job) == 1) return std::nullopt;
  std::vector<float> buffer;
  std::uint32_t largest = 0;
  for_tiles(own, tensor.shape().cols, 1, [&](const tile& part) {
    const float found = amax(dispatched{}, tensor.view(part, buffer), job.rules.amax);
    largest = std::max(largest, std::bit_cast<std::uint32_t>(found));
  });
  // Magnitudes compare as their bits do.
  MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_UINT32_T, MPI_MAX, MPI_COMM_WORLD);
  return std::bit_cast<float>(largest);
}

/// Codes and scales of a tile, until the first process has time for them.
struct quantized_tile {
  std::vector<std::uint8_t> codes, scales;
  quantized_tile(const tile& part, const block_format& f)
      : codes(part.rows * f.row_bytes(part.cols)), scales(part.rows * f.scale_cols(part.cols)) {}
};

/// Receives the tiles of another process and writes them.
void write_tiles_of(int rank, const process& self, const tensor_reader& tensor, const quantized_place& place,
                    safetensors_writer& writer) {
  const block_format& f = place.job.codec->format;
  const auto block_rows = static_cast<std::uint64_t>(f.block_rows);
  const slice theirs(tensor.shape().rows, block_rows, rank, self.size);
  for_tiles(theirs, tensor.shape().cols, block_rows, [&](const tile& part) {
    quantized_tile q(part, f);
    MPI_Recv(q.codes.data(), static_cast<int>(q.codes.size()), MPI_BYTE, rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Recv(q.scales.data(), static_cast<int>(q.scales.size()), MPI_BYTE, rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    write_tile(writer, place, tensor.shape().cols, part,
               {q.codes.data(), f.row_bytes(part.cols), q.scales.data(), f.scale_cols(part.cols)});
  });
}

/// Quantizes the rows of this process; the first one writes its own, then those of the others.
void quantize_place(const input_file& input, const quantized_place& place, const process& self,
                    std::optional<safetensors_writer>& writer) {
  const tensor_reader tensor(input, *place.source);
  const block_format& f = place.job.codec->format;
  const auto block_rows = static_cast<std::uint64_t>(f.block_rows);
  const slice own(tensor.shape().rows, block_rows, self.rank, self.size);
  const std::optional<float> amax = shared_amax(tensor, place.job, own);
  tile_quantizer quantizer(place.job, tensor.shape(), amax);
  std::vector<float> buffer;
  std::vector<quantized_tile> kept;
  error_sums errors;
  error_sums* const wanted = place.job.codec->stores_scales ? nullptr : &errors;
  for_tiles(own, tensor.shape().cols, block_rows, [&](const tile& part) {
    const code_area<const std::uint8_t> area = quantizer.quantize(part, tensor.view(part, buffer), wanted);
    if (writer) return write_tile(*writer, place, tensor.shape().cols, part, area);
    quantized_tile q(part, f);
    std::copy_n(area.codes, q.codes.size(), q.codes.begin());
    std::copy_n(area.scales, q.scales.size(), q.scales.begin());
    kept.push_back(std::move(q));
  });
  check_codes(input, place, errors);
  for (const quantized_tile& q : kept) {
    MPI_Send(q.codes.data(), static_cast<int>(q.codes.size()), MPI_BYTE, 0, 0, MPI_COMM_WORLD);
    MPI_Send(q.scales.data(), static_cast<int>(q.scales.size()), MPI_BYTE, 0, 0, MPI_COMM_WORLD);
  }
  if (!writer) return;
  for (int rank = 1; rank < self.size; ++rank) write_tiles_of(rank, self, tensor, place, *writer);
  const float tensor_scale = quantizer.tensor_scale();
  if (f.tensor_scale) writer->write(place.global_scale, 0, std::as_bytes(std::span(&tensor_scale, 1)));
}

void quantize_sharded(const input_file& input, const output_plan& plan, const std::string& output,
                      const process& self) {
  std::optional<safetensors_writer> writer;
  if (self.is_first()) {
    writer.emplace(output, plan.tensors, plan.metadata);
    progress bar("copy", plan.work);
    for (const copied_place& c : plan.copied) copy_tensor(input, *c.source, *writer, c.index, bar);
  }
  for (const quantized_place& place : plan.quantized) quantize_place(input, place, self, writer);
  if (writer) writer->commit();
}

struct arguments {
  std::string input, output;
  quantize_request request;
};

/// Exit status 2 for usage, 1 for data, nothing if all went well; the message is printed by the first process.
int run(const arguments& a, const process& self) {
  int status = 0;
  std::string message;
  std::optional<input_file> input;
  output_plan plan;
  try {
    choose_instruction_set();
    if (kind_of(a.output) != file_kind::safetensors)
      throw usage_error(printable(a.output) + ": must end in .safetensors");
    input.emplace(a.input);
    plan = make_plan(*input, a.request);
  } catch (const usage_error& e) {
    status = 2, message = e.what();
  } catch (const std::exception& e) {
    status = 1, message = e.what();
  }
  // Nobody goes on alone; the first of those that cannot says why.
  int worst = status;
  int speaker = status != 0 ? self.rank : self.size;
  MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Allreduce(MPI_IN_PLACE, &speaker, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (speaker == self.rank) std::fprintf(stderr, "quantize_sharded: %s\n", message.c_str());
  if (worst != 0) return worst;
  try {
    quantize_sharded(*input, plan, a.output, self);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "quantize_sharded: process %d: %s\n", self.rank, e.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  process self;
  MPI_Comm_rank(MPI_COMM_WORLD, &self.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &self.size);
  arguments a;
  CLI::App program("nibble quantize on the processes of an MPI program");
  program.add_option("IN", a.input, "A .npy or .safetensors file")->required();
  program.add_option("-o,--output", a.output, "The .safetensors file to write")->required();
  program.add_option("--format", a.request.format, "Block format")->capture_default_str();
  program.add_option("--recipe", a.request.recipe, "Recipe")->capture_default_str();
  program.add_option("--rounding", a.request.rounding, "Rounding; left out: as the recipe says");
  add_seed(program, a.request.seed);
  program.add_option("--tensor", a.request.patterns, "Only tensors whose name matches this glob")
      ->allow_extra_args(false);
  int status = 0;
  try {
    program.parse(argc, argv);
    status = run(a, self);
  } catch (const CLI::ParseError& e) {
    status = self.is_first() ? program.exit(e) : e.get_exit_code();
    status = status == 0 ? 0 : 2;
  }
  MPI_Finalize();
  return status;
}
