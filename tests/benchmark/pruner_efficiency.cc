// What pruners save on recorded learning curves: epochs trained, the place that the winner has
// among the fully trained trials, and how long workers stood idle. Prints a Markdown table.
//   pruner_efficiency CURVES    (of tests/benchmark/dog_heads_curves.txt's form)
// The cluster is simulated (tests/pruning/pruner_simulation.h): trials come in the file's order,
// their epochs take 0.5 to 1.5 units of time, different for each trial.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/pruning/pruner_simulation.h"

namespace vizsla {
namespace {

using Curves = std::vector<std::vector<double>>;  // by trial, by epoch; higher is better

Curves ReadCurves(const char* path) {
  std::ifstream file(path);
  Curves curves;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream values(line);
    std::vector<double>& curve = curves.emplace_back();
    for (double value; values >> value;) curve.push_back(value);
  }
  return curves;
}

struct Entry {
  const char* name;
  PrunerSpec pruner;
};

// 1 for the trial with the best last value.
int64_t PlaceOf(int64_t winner, const Curves& curves) {
  const double value = curves[static_cast<size_t>(winner) - 1].back();
  return 1 + std::ranges::count_if(curves, [&](const auto& curve) { return curve.back() > value; });
}

void PrintRow(const Entry& entry, int workers, const Curves& curves) {
  SimulationOptions options;
  options.pruner = entry.pruner;
  options.context = {Direction::kMaximize, static_cast<int>(curves[0].size()), 1};
  options.workers = workers;
  options.trials = static_cast<int64_t>(curves.size());
  options.curve = [&](int64_t trial, int epoch) {
    return curves[static_cast<size_t>(trial) - 1][static_cast<size_t>(epoch) - 1];
  };
  PrunerSimulation study(options);
  study.Run();
  const int64_t winner = study.Winner();
  const auto full = static_cast<double>(curves.size() * curves[0].size());
  std::printf("| %s | %d | %lld | %.1f | %s | %.3f | %.1f | %.1f %% |\n", entry.name, workers,
              static_cast<long long>(study.epochs_trained()),
              full / static_cast<double>(study.epochs_trained()),
              winner == 0 ? "none" : std::to_string(PlaceOf(winner, curves)).c_str(),
              winner == 0 ? 0 : curves[static_cast<size_t>(winner) - 1].back(), study.duration(),
              100 * study.idle_time() / (study.duration() * workers));
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  using namespace vizsla;
  const Curves curves = argc == 2 ? ReadCurves(argv[1]) : Curves();
  if (curves.empty() || std::ranges::any_of(curves, [&](const auto& curve) {
        return curve.empty() || curve.size() != curves[0].size();
      })) {
    std::fprintf(stderr,
                 "usage: pruner_efficiency CURVES: a line of values for each trial, as "
                 "many on each line\n");
    return 2;
  }
  const Entry entries[] = {
      {"none", NoPruning{}},
      {"median", MedianOptions{}},
      {"ASHA", AshaOptions{.eta = 3}},
      {"ASHA, stopping", AshaOptions{.variant = AshaOptions::Variant::kStop, .eta = 3}},
      {"successive halving", SuccessiveHalvingOptions{.eta = 3}},
      {"Hyperband", HyperbandOptions{.eta = 3}}};
  std::printf("%zu trials of %zu epochs\n\n", curves.size(), curves[0].size());
  std::printf(
      "| pruner | workers | epochs | fewer by | winner's place | its value | time | idle |\n");
  std::printf("|---|---|---|---|---|---|---|---|\n");
  for (const int workers : {1, 4, 16}) {
    for (const Entry& entry : entries) PrintRow(entry, workers, curves);
  }
  return 0;
}
