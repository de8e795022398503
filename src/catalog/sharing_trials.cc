#include "src/catalog/sharing_trials.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>

#include "src/study/planned_trials.h"

namespace vizsla {
namespace {

// Trials that differ in one of them have other features.
constexpr std::array<std::string_view, 4> kDecideFeatures = {"network", "image_size", "unfreeze",
                                                             "precision"};
// And in one of these: other drawn views. Of `views` itself the smaller is a part of the larger.
constexpr std::array<std::string_view, 10> kDecideViews = {
    "augmentation", "rotation", "shift",      "zoom",     "flip",
    "shear",        "crop",     "brightness", "contrast", "erasing"};

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

double ExpectedSharingTrials(const StudySpec& spec, const Trial& trial, const TrainingPlan& plan) {
  const std::optional<int64_t> planned = PlannedRuns(spec, trial.stage);
  const int64_t to_come = planned ? *planned - trial.number : trial.number + 1;
  double kinds = 1;
  const auto spread_over = [&](std::string_view name) {
    const Parameter* parameter = StageOf(spec, trial.stage).space.Find(name);
    if (parameter == nullptr) return;
    const std::optional<int64_t> values = CountValues(parameter->domain);
    kinds *= values ? static_cast<double>(*values) : std::numeric_limits<double>::infinity();
  };
  for (const std::string_view name : kDecideFeatures) spread_over(name);
  if (const auto views = TrainViews(plan); views && !views->is_exact()) {
    for (const std::string_view name : kDecideViews) {
      // The ranges of `custom` are none of a trial of another policy.
      if (trial.configuration.contains(std::string(name))) spread_over(name);
    }
  }
  // The runs of one configuration have the same features, whatever the others have.
  const auto runs = static_cast<double>(std::min<int64_t>(spec.repeats, to_come));
  return std::max({1.0, runs, static_cast<double>(to_come) / kinds});
}

}  // namespace vizsla
