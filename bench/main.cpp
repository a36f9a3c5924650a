// SPDX-License-Identifier: Apache-2.0
//
// Runs the registered operations and their limits in one interleaved run, and prints for each operation the median of
// its rate and its ratio to the limit of the same size. Every option of Google Benchmark works.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "support.hpp"

namespace {

std::map<std::string, std::string>& limits() {
  static std::map<std::string, std::string> map;
  return map;
}

/// Collects the rate of every repetition.
class ratio_reporter : public benchmark::ConsoleReporter {
 public:
  bool ReportContext(const Context& context) override { return ConsoleReporter::ReportContext(context); }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const auto rate = run.counters.find("items_per_second");
      if (run.run_type == Run::RT_Iteration && rate != run.counters.end()) {
        rates_[run.run_name.function_name + "/" + run.run_name.args].push_back(rate->second.value);
      }
    }
  }
  void Finalize() override {
    std::printf("\n%-44s %10s %8s\n", "operation/elements", "Gelem/s", "of limit");
    for (auto& [name, values] : rates_) {
      const std::size_t slash = name.rfind('/');
      const auto limit = limits().find(name.substr(0, slash));
      std::printf("%-44s %10.3f", name.c_str(), median(values) * 1e-9);
      if (limit != limits().end() && !limit->second.empty()) {
        const auto whole = rates_.find(limit->second + name.substr(slash));
        if (whole != rates_.end()) std::printf(" %8.3f", median(values) / median(whole->second));
      }
      std::printf("\n");
    }
  }

 private:
  static double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  }
  std::map<std::string, std::vector<double>> rates_;
};

}  // namespace

namespace bench {

void add(const std::string& name, const std::string& limit, void (*run)(benchmark::State&)) {
  limits()[name] = limit;
  benchmark::RegisterBenchmark(name.c_str(), run)->Arg(cached)->Arg(streamed);
}

}  // namespace bench

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  char interleave[] = "--benchmark_enable_random_interleaving=true";
  char repetitions[] = "--benchmark_repetitions=9";
  char seconds[] = "--benchmark_min_time=0.05";
  arguments.insert(arguments.begin() + 1, {interleave, repetitions, seconds});
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  ratio_reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return 0;
}
