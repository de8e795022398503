#include "src/scheduling/budget_policy.h"

#include <algorithm>
#include <limits>

namespace vizsla {
namespace {

// Both words for "no limit" as a number that is larger than every other.
int64_t TrialsOf(const Budget& budget) {
  return budget.trials > 0 ? budget.trials : std::numeric_limits<int64_t>::max();
}
int64_t SecondsOf(const Budget& budget) {
  return budget.wall_time ? budget.wall_time->count() : std::numeric_limits<int64_t>::max();
}

std::string ToText(int64_t amount, const std::string& unlimited) {
  return amount == std::numeric_limits<int64_t>::max() ? unlimited : StrCat(amount);
}

absl::Status CheckNotLowered(const std::string& name, int64_t stored, int64_t given,
                             const std::string& unlimited) {
  if (given >= stored) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat("a study's budget can only be raised: ", name, " is ",
                                              ToText(stored, unlimited), ", given ",
                                              ToText(given, unlimited)));
}

}  // namespace

absl::StatusOr<Budget> RaiseBudget(const Budget& stored, const Budget& given) {
  VIZSLA_RETURN_IF_ERROR(
      CheckNotLowered("trials", TrialsOf(stored), TrialsOf(given), "the whole grid"));
  VIZSLA_RETURN_IF_ERROR(CheckNotLowered("epochs", stored.epochs, given.epochs, ""));
  VIZSLA_RETURN_IF_ERROR(
      CheckNotLowered("wall_time (seconds)", SecondsOf(stored), SecondsOf(given), "unlimited"));
  return given;
}

std::optional<int64_t> TrialLimit(const StudySpec& spec) {
  if (spec.budget.trials <= 0) return std::nullopt;
  return std::max(spec.budget.trials, static_cast<int64_t>(spec.enqueue.size()));
}

bool WallTimeOver(const StudySpec& spec, Milliseconds active_time) {
  return spec.budget.wall_time && active_time >= *spec.budget.wall_time;
}

std::optional<int64_t> PlannedTrials(const Study& study, int64_t created) {
  if (study.state == StudyState::kFinished) return created;
  std::optional<int64_t> planned = TrialLimit(study.spec);
  if (std::optional<int64_t> available = CountConfigurations(study.spec.space)) {
    // Enqueued configurations outside the space use up nothing of it.
    for (const EnqueuedTrial& trial : study.spec.enqueue) {
      if (!Validate(study.spec.space, trial.configuration).ok()) ++*available;
    }
    planned = std::min(planned.value_or(*available), *available);
  }
  if (planned) planned = std::max(*planned, created);
  return planned;
}

}  // namespace vizsla
