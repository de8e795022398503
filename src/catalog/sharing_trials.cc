#include "src/catalog/sharing_trials.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "src/study/planned_trials.h"

namespace vizsla {
namespace {

// Trials that differ in one of them have other features.
constexpr std::array<std::string_view, 4> kDecideFeatures = {"network", "image_size", "unfreeze",
                                                             "precision"};

// Of all stages up to this one; nullopt: there is no end.
std::optional<int64_t> PlannedRuns(const StudySpec& spec, int stage) {
  int64_t configurations = 0;
  for (int i = 1; i <= stage; ++i) {
    const std::optional<StageTrials> planned = PlanTrials(spec, i);
    if (!planned) return std::nullopt;
    configurations += planned->count;
  }
  return CountRuns(spec, configurations);
}

}  // namespace

double ExpectedSharingTrials(const StudySpec& spec, int stage, int64_t number) {
  const std::optional<int64_t> planned = PlannedRuns(spec, stage);
  const int64_t to_come = planned ? *planned - number : number + 1;
  double kinds = 1;
  for (const std::string_view name : kDecideFeatures) {
    const Parameter* parameter = StageOf(spec, stage).space.Find(name);
    if (parameter == nullptr) continue;
    kinds *= static_cast<double>(CountValues(parameter->domain).value_or(1));
  }
  return std::max(1.0, static_cast<double>(to_come) / kinds);
}

}  // namespace vizsla
