// SPDX-License-Identifier: Apache-2.0
//
// Implementation of safetensors_writer.hpp.
#include "safetensors_writer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <stdexcept>

#include "error.hpp"
#include "stored_tensor.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

using json = nlohmann::json;

void check_names(const std::vector<planned_tensor>& plan, const std::string& path) {
  std::set<std::string> names{"__metadata__"};
  for (const planned_tensor& tensor : plan) {
    if (!names.insert(tensor.name).second) {
      throw data_error(printable(path) + ": two tensors would be called '" + printable(tensor.name) + "'");
    }
  }
}

std::vector<std::size_t> aligned_order(const std::vector<planned_tensor>& plan) {
  std::vector<std::size_t> order(plan.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return type_bits(plan[a].type).value_or(0) > type_bits(plan[b].type).value_or(0);
  });
  return order;
}

}  // namespace

safetensors_writer::safetensors_writer(const std::string& path, std::vector<planned_tensor> plan,
                                       const std::map<std::string, std::string>& metadata)
    : file_(path), destinations_(plan.size()) {
  check_names(plan, path);
  std::string header;
  if (!metadata.empty()) header += ",\"__metadata__\":" + json(metadata).dump();
  std::uint64_t reached = 0;
  for (const std::size_t i : aligned_order(plan)) {
    const planned_tensor& tensor = plan[i];
    destinations_[i] = {reached, tensor.size, 0};
    header += "," + json(tensor.name).dump() + ":{\"dtype\":" + json(tensor.type).dump() +
              ",\"shape\":" + json(tensor.shape).dump() + ",\"data_offsets\":[" + std::to_string(reached) + "," +
              std::to_string(reached + tensor.size) + "]}";
    reached += tensor.size;
  }
  header = "{" + header.substr(header.empty() ? 0 : 1) + "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  const std::uint64_t length = header.size();
  for (destination& d : destinations_) d.begin += 8 + length;
  file_.resize(8 + length + reached);
  file_.write_at(0, std::as_bytes(std::span(&length, 1)));
  file_.write_at(8, std::as_bytes(std::span(header)));
}

void safetensors_writer::write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes) {
  destination& d = destinations_.at(index);
  if (offset > d.size || bytes.size() > d.size - offset) throw std::logic_error("write outside a planned tensor");
  file_.write_at(d.begin + offset, bytes);
  const std::lock_guard lock(mutex_);
  d.written += bytes.size();
}

void safetensors_writer::commit() {
  for (const destination& d : destinations_) {
    if (d.written != d.size) throw std::logic_error("a planned tensor was not written in full");
  }
  file_.commit();
}

}  // namespace nibble::tool
