#include "src/study/planned_trials.h"

#include <algorithm>

#include "src/study/take_over.h"

namespace vizsla {
namespace {

// What the stage's sampler finds, on any of its sources, and the enqueued trials beside it;
// nullopt: infinite, or more than can be counted.
std::optional<int64_t> CountAvailable(const StudySpec& spec, int stage) {
  const StageView view = StageOf(spec, stage);
  std::optional<int64_t> available = CountConfigurations(ClosedSpace(view.space));
  if (!available) return std::nullopt;
  if (stage > 1) {
    const int64_t top = spec.stages[static_cast<size_t>(stage - 2)].top;
    if (__builtin_mul_overflow(*available, top, &*available)) return std::nullopt;
  }
  // Enqueued configurations outside the space use up nothing of it.
  for (const EnqueuedTrial& trial : view.enqueue) {
    if (stage > 1 || !Validate(view.space, trial.configuration).ok()) ++*available;
  }
  return available;
}

}  // namespace

std::optional<int64_t> TrialLimit(const StageView& stage) {
  if (stage.budget.trials <= 0) return std::nullopt;
  return std::max(stage.budget.trials, static_cast<int64_t>(stage.enqueue.size()));
}

bool SamplerMayDraw(const StageView& stage) {
  return stage.budget.trials <= 0 ||
         stage.budget.trials > static_cast<int64_t>(stage.enqueue.size());
}

std::optional<StageTrials> PlanTrials(const StudySpec& spec, int stage) {
  const StageView view = StageOf(spec, stage);
  const int64_t enqueued = static_cast<int64_t>(view.enqueue.size());
  const std::optional<int64_t> limit = TrialLimit(view);
  const std::optional<int64_t> available = CountAvailable(spec, stage);
  if (!available) {
    return limit ? std::optional<StageTrials>({*limit, true}) : std::nullopt;
  }
  const int64_t count = std::max(enqueued, limit ? std::min(*limit, *available) : *available);
  return StageTrials{count, limit.has_value() || ClosedSpace(view.space) == view.space};
}

int64_t CountRuns(const StudySpec& spec, int64_t configurations) {
  return configurations * spec.repeats +
         std::min<int64_t>(configurations, spec.final_runs.top) * spec.final_runs.repeats;
}

}  // namespace vizsla
