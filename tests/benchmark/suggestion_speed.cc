// Seconds of CPU for the suggestions of so many trials, in memory: what Optuna's ask and tell do.
//   suggestion_speed tpe 40 1000
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "src/search/sampler.h"

namespace vizsla {
namespace {

absl::StatusOr<double> Measure(const std::string& sampler_name, int parameters, int trials) {
  StudySpec spec;
  spec.seed = 1;
  spec.objective.direction = Direction::kMinimize;
  for (int i = 0; i < parameters; ++i) {
    spec.space.parameters.push_back({StrCat("x", i), FloatDomain{0, 1, false, {}}, {}});
  }
  bool known = false;
  for (const SamplerSpec& sampler : AllSamplers()) {
    if (Describe(sampler) != sampler_name) continue;
    spec.sampler = sampler;
    known = true;
  }
  if (!known) return absl::InvalidArgumentError(StrCat("there is no sampler '", sampler_name, "'"));
  VIZSLA_ASSIGN_OR_RETURN(const auto sampler, MakeSampler(spec));
  const std::clock_t start = std::clock();
  for (int64_t number = 1; number <= trials; ++number) {
    VIZSLA_ASSIGN_OR_RETURN(const auto configuration, sampler->Suggest(number));
    if (!configuration) return absl::OutOfRangeError("the space is used up");
    Trial trial;
    trial.number = number;
    trial.configuration = *configuration;
    trial.state = TrialState::kCompleted;
    trial.epoch = trial.best_epoch = 1;
    trial.score = 0;
    for (const auto& [name, value] : *configuration) {
      const double x = std::get<double>(value) - 0.3;
      *trial.score += x * x;
    }
    sampler->Observe(trial);
  }
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "suggestion_speed SAMPLER PARAMETERS TRIALS\n");
    return 2;
  }
  const auto seconds = vizsla::Measure(argv[1], std::atoi(argv[2]), std::atoi(argv[3]));
  if (!seconds.ok()) {
    std::fprintf(stderr, "suggestion_speed: %s\n", std::string(seconds.status().message()).c_str());
    return 1;
  }
  std::printf("%.6f\n", *seconds);
  return 0;
}
