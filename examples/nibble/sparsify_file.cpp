// SPDX-License-Identifier: Apache-2.0
//
// Implementation of sparsify_file.hpp.
#include "sparsify_file.hpp"

#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <nibble/format/encode.hpp>
#include <nibble/method/transposable_mask.hpp>
#include <nibble/number/minifloat.hpp>
#include <nlohmann/json.hpp>
#include <span>

#include "copy_tensor.hpp"
#include "error.hpp"
#include "names.hpp"
#include "npy.hpp"
#include "output_file.hpp"
#include "output_plan.hpp"
#include "progress.hpp"
#include "quantize_file.hpp"
#include "safetensors_writer.hpp"
#include "tensor_reader.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

using byte_sink = std::function<void(std::uint64_t offset, std::span<const std::byte> bytes)>;

enum class pruning { magnitude, minimum_variance, transposable };

struct sparsify_job {
  sparsity_pattern pattern;
  pruning method = pruning::magnitude;
  std::uint64_t seed = 0, stream = 0;
  unsigned threads = 1;
};

pruning method_by_name(const std::string& name) {
  const std::vector<std::string> names = sparsify_method_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<pruning>(i);
  }
  throw usage_error("no method is called '" + name + "'");
}

bool is_wanted(const logical_tensor& tensor, const sparsify_request& request) {
  return tensor.plain != nullptr && is_floating(*tensor.plain) && element_count(tensor.shape).value_or(0) > 0 &&
         matches(request.patterns, tensor.name);
}

std::string type_after(const logical_tensor& tensor, const sparsify_job& job) {
  return job.method == pruning::minimum_variance ? "F32" : tensor.plain->type;
}

std::uint64_t size_after(const logical_tensor& tensor, const std::string& type, const std::string& path) {
  std::uint64_t size = 0;
  if (__builtin_mul_overflow(element_count(tensor.shape).value_or(0), type_bits(type).value_or(0) / 8, &size)) {
    throw data_error(printable(path) + ": tensor '" + printable(tensor.name) + "' is too large");
  }
  return size;
}

// The part of a tensor, pruned; the part begins and ends where blocks do, or the tensor.
void prune(const sparsify_job& job, const matrix_shape& shape, const tile& part, const std::vector<float>& values,
           std::vector<float>& out) {
  const matrix_view<float> view{values.data(), part.rows, part.cols};
  out.resize(part.size());
  if (job.method == pruning::magnitude) {
    sparsify(job.pattern, view, std::span<float>(out), magnitude{});
  } else if (job.method == pruning::transposable) {
    apply_mask(transposable_mask(job.pattern, view), view, std::span<float>(out));
  } else {
    const std::uint64_t m = job.pattern.m;
    const std::uint64_t row_blocks = shape.cols / m + (shape.cols % m != 0 ? 1 : 0);
    for (std::uint64_t r = 0; r < part.rows; ++r) {
      const std::uint64_t block = (part.row + r) * row_blocks + part.col / m;
      sparsify(job.pattern, view.row_slice(r, 1), std::span(out).subspan(r * part.cols, part.cols),
               minimum_variance{.seed = job.seed, .stream = job.stream, .first_element = block * m});
    }
  }
}

void add_sums(const std::vector<float>& values, const std::vector<float>& out, sparse_tensor_summary& sums) {
  const auto magnitude_of = [](float x) { return binary32(x).is_finite() ? std::abs(double{x}) : 0.0; };
  sums.elements += values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    sums.kept += binary32(out[i]).is_zero() ? 0 : 1;
    sums.before += magnitude_of(values[i]);
    sums.after += magnitude_of(out[i]);
  }
}

template <class T, class Convert>
void append(const std::vector<float>& out, std::vector<std::byte>& bytes, const Convert& convert) {
  bytes.resize(out.size() * sizeof(T));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T value = convert(i);
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
}

// Little-endian elements of `type`. Numbers of 16 bits return to what they were; doubles are read once more.
void store(const tensor_reader& reader, const tile& part, const std::vector<float>& out, const std::string& type,
           std::vector<std::byte>& bytes) {
  if (type == "F16") {
    append<std::uint16_t>(out, bytes, [&](std::size_t i) { return f16(out[i]).bits(); });
  } else if (type == "BF16") {
    append<std::uint16_t>(out, bytes, [&](std::size_t i) { return static_cast<std::uint16_t>(to_bits(out[i]) >> 16); });
  } else if (type == "F64") {
    std::vector<double> exact(out.size());
    reader.load(part, std::span<double>(exact));
    append<double>(out, bytes, [&](std::size_t i) { return binary32(out[i]).is_zero() ? double{out[i]} : exact[i]; });
  } else {
    append<float>(out, bytes, [&](std::size_t i) { return out[i]; });
  }
}

// Works tile by tile; `sink` takes bytes at offsets of the tensor, from several threads at once.
sparse_tensor_summary write_pruned(const input_file& input, const logical_tensor& tensor, const sparsify_job& job,
                                   const byte_sink& sink, progress& bar) {
  const tensor_reader reader(input, tensor);
  const matrix_shape shape = reader.shape();
  const std::string type = type_after(tensor, job);
  const std::uint64_t width = type_bits(type).value_or(0) / 8;
  const std::uint64_t m = job.pattern.m;
  const tiling tiles(shape, job.method == pruning::transposable ? m : 1, std::uint64_t{1} << 18, 128 * m);
  struct workspace {
    std::vector<float> values, out;
    std::vector<std::byte> bytes;
  };
  std::vector<workspace> workers(job.threads);
  std::vector<sparse_tensor_summary> sums(tiles.count());
  std::mutex mutex;
  parallel_for(tiles.count(), job.threads, [&](std::uint64_t index, unsigned worker) {
    const tile part = tiles.at(index);
    workspace& w = workers[worker];
    w.values.resize(part.size());
    reader.load(part, std::span<float>(w.values));
    prune(job, shape, part, w.values, w.out);
    add_sums(w.values, w.out, sums[index]);
    store(reader, part, w.out, type, w.bytes);
    const bool whole_rows = part.cols == shape.cols;
    const std::uint64_t runs = whole_rows ? 1 : part.rows;
    const std::uint64_t length = w.bytes.size() / runs;
    for (std::uint64_t run = 0; run < runs; ++run) {
      sink(((part.row + run) * shape.cols + part.col) * width, std::span(w.bytes).subspan(run * length, length));
    }
    const std::lock_guard lock(mutex);
    bar.advance(part.size() * reader.bytes() / shape.size());
  });
  sparse_tensor_summary total{tensor.name, tensor.plain->type, tensor.shape};
  for (const sparse_tensor_summary& s : sums) {
    total.elements += s.elements;
    total.kept += s.kept;
    total.before += s.before;
    total.after += s.after;
  }
  return total;
}

sparsify_summary to_npy(const input_file& input, const std::string& output, sparsify_job job) {
  if (input.tensors().size() != 1) {
    throw data_error(printable(input.path()) + ": holds " + std::to_string(input.tensors().size()) +
                     " tensors, a .npy file holds one; name the output .safetensors");
  }
  const logical_tensor& tensor = input.tensors().front();
  const std::string type = type_after(tensor, job);
  if (type == "BF16") {
    throw data_error(printable(output) + ": a .npy file has no type for bfloat16; name the output .safetensors");
  }
  size_after(tensor, type, input.path());
  job.stream = stream_of(tensor.name);
  output_file file(output);
  const std::string header = npy_header(type, tensor.shape);
  file.write_at(0, std::as_bytes(std::span(header)));
  progress bar("sparsify", tensor_reader(input, tensor).bytes());
  sparsify_summary summary;
  summary.tensors.push_back(write_pruned(
      input, tensor, job,
      [&](std::uint64_t offset, std::span<const std::byte> bytes) { file.write_at(header.size() + offset, bytes); },
      bar));
  file.commit();
  return summary;
}

std::string record(const sparsify_request& request, const logical_tensor& tensor) {
  return nlohmann::json{{"pattern", request.pattern}, {"method", request.method},
                        {"seed", request.seed},       {"stream", stream_of(tensor.name)},
                        {"dtype", tensor.plain->type}}
      .dump();
}

sparsify_summary to_safetensors(const input_file& input, const std::string& output, const sparsify_request& request,
                                sparsify_job job) {
  struct place {
    const logical_tensor* pruned;
    const stored_tensor* copied;
  };
  std::vector<planned_tensor> plan;
  std::vector<place> places;
  auto metadata = input.metadata();
  std::uint64_t work = 0;
  for (const logical_tensor& tensor : input.tensors()) {
    if (is_wanted(tensor, request)) {
      const std::string type = type_after(tensor, job);
      plan.push_back({tensor.name, type, tensor.shape, size_after(tensor, type, input.path())});
      places.push_back({&tensor, nullptr});
      metadata["nibble.sparsity:" + tensor.name] = record(request, tensor);
      work += tensor.plain->bytes.size();
      continue;
    }
    for (const stored_tensor* part : {tensor.plain, tensor.packed, tensor.scale, tensor.global_scale}) {
      if (part == nullptr) continue;
      plan.push_back({part->name, part->type, part->shape, part->bytes.size()});
      places.push_back({nullptr, part});
      work += part->bytes.size();
    }
  }
  safetensors_writer writer(output, plan, metadata);
  progress bar("sparsify", work);
  sparsify_summary summary;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i].copied != nullptr) {
      copy_tensor(input, *places[i].copied, writer, i, bar);
      ++summary.copied;
      continue;
    }
    job.stream = stream_of(places[i].pruned->name);
    summary.tensors.push_back(write_pruned(
        input, *places[i].pruned, job,
        [&](std::uint64_t offset, std::span<const std::byte> bytes) { writer.write(i, offset, bytes); }, bar));
  }
  writer.commit();
  return summary;
}

}  // namespace

std::vector<std::string> sparsify_method_names() { return {"magnitude", "minimum-variance", "transposable"}; }

sparsity_pattern parse_pattern(const std::string& text) {
  const auto number = [](const std::string& digits) -> std::size_t {
    const bool is_number = !digits.empty() && digits.size() <= 2 &&
                           digits.find_first_not_of("0123456789") == std::string::npos;
    return is_number ? std::stoul(digits) : 0;
  };
  const std::size_t colon = text.find(':');
  sparsity_pattern pattern{0, 0};
  if (colon != std::string::npos) pattern = {number(text.substr(0, colon)), number(text.substr(colon + 1))};
  if (pattern.n < 1 || pattern.n > pattern.m || pattern.m < 2 || pattern.m > 16) {
    throw usage_error("the pattern '" + text + "' is not N:M with 1 <= N <= M and 2 <= M <= 16");
  }
  return pattern;
}

sparsify_summary sparsify_file(const input_file& input, const std::string& output, const sparsify_request& request) {
  const sparsify_job job{parse_pattern(request.pattern), method_by_name(request.method), request.seed, 0, request.threads};
  bool any = false;
  for (const logical_tensor& tensor : input.tensors()) any = any || is_wanted(tensor, request);
  if (!any) {
    throw data_error(printable(input.path()) + (request.patterns.empty()
                                                    ? ": no floating-point tensor with elements to sparsify"
                                                    : ": no floating-point tensor matches --tensor"));
  }
  return kind_of(output) == file_kind::npy ? to_npy(input, output, job) : to_safetensors(input, output, request, job);
}

}  // namespace nibble::tool
