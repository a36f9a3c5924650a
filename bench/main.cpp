// SPDX-License-Identifier: Apache-2.0
//
// Runs the registered operations and their limits round by round, and prints for each operation the median over the
// rounds of its rate and of its ratio to the limit of the same size in the same round. Every option of Google Benchmark
// works; --rounds=N is the number of rounds, and --large-pages asks for memory in large pages.
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

/// Collects the rates, a number for each round.
class ratio_reporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override {
    if (rates_.empty()) PrintBasicContext(&GetErrorStream(), context);
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const auto rate = run.counters.find("items_per_second");
      if (run.run_type == Run::RT_Iteration && rate != run.counters.end()) {
        rates_[run.run_name.function_name + "/" + run.run_name.args].push_back(rate->second.value);
      }
    }
  }
  void print() {
    std::printf("%-44s %10s %10s %8s %8s\n", "operation/elements", "Gelem/s", "best", "of limit", "best");
    for (const auto& [name, rates] : rates_) {
      const std::size_t slash = name.rfind('/');
      const auto limit = limits().find(name.substr(0, slash));
      std::printf("%-44s %10.3f %10.3f", name.c_str(), bench::median(rates) * 1e-9,
                  *std::max_element(rates.begin(), rates.end()) * 1e-9);
      if (limit != limits().end() && !limit->second.empty()) {
        const auto whole = rates_.find(limit->second + name.substr(slash));
        if (whole != rates_.end()) print_ratio(rates, whole->second);
      }
      std::printf("\n");
    }
  }

 private:
  static void print_ratio(const std::vector<double>& rates, const std::vector<double>& whole) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(rates.size(), whole.size()); ++i) ratios.push_back(rates[i] / whole[i]);
    std::printf(" %8.3f %8.3f", bench::median(ratios), *std::max_element(ratios.begin(), ratios.end()));
  }
  std::map<std::string, std::vector<double>> rates_;
};

}  // namespace

namespace bench {

void add(const std::string& name, const std::string& limit, void (*run)(benchmark::State&)) {
  limits()[name] = limit;
  benchmark::RegisterBenchmark(name.c_str(), run)->Arg(cached)->Arg(streamed);
}

void add_sized(const std::string& name, const std::string& limit, std::int64_t count, void (*run)(benchmark::State&)) {
  limits()[name] = limit;
  benchmark::RegisterBenchmark(name.c_str(), run)->Arg(count);
}

}  // namespace bench

int main(int argc, char** argv) {
  int rounds = 9;
  char seconds[] = "--benchmark_min_time=0.02";
  std::vector<char*> arguments{argv[0], seconds};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--rounds=", 0) == 0) {
      rounds = std::atoi(argument.c_str() + 9);
    } else if (argument == "--large-pages") {
      bench::large_pages = true;
    } else {
      arguments.push_back(argv[i]);
    }
  }
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (rounds < 1 || benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  ratio_reporter reporter;
  for (int i = 0; i < rounds; ++i) benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.print();
  return 0;
}
