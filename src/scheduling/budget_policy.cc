#include "src/scheduling/budget_policy.h"

#include <algorithm>
#include <limits>

#include "src/scheduling/stop_policy.h"
#include "src/study/planned_trials.h"

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

namespace {

// Whose brackets are made for so many epochs: others would judge the trials that there are anew.
bool NeedsItsEpochs(const PrunerSpec& pruner) {
  const auto* halving = std::get_if<SuccessiveHalvingOptions>(&pruner);
  return (halving != nullptr && halving->trials == 0) ||
         std::holds_alternative<HyperbandOptions>(pruner);
}

absl::Status CheckPrunerAllows(const StudySpec& stored, const StudySpec& raised, int stage) {
  const StageView view = StageOf(stored, stage);
  if (view.budget.epochs == StageOf(raised, stage).budget.epochs || !NeedsItsEpochs(view.pruner)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(StrCat("the epochs cannot be raised: the brackets of the ",
                                              ToText(KindOf(view.pruner)), " pruner are made for ",
                                              view.budget.epochs, "; make another study"));
}

}  // namespace

absl::StatusOr<StudySpec> RaiseBudgets(const StudySpec& stored, const StudySpec& given,
                                       int current) {
  StudySpec raised = stored;
  VIZSLA_ASSIGN_OR_RETURN(raised.stop,
                          LoosenStopRules(stored.stop, given.stop, stored.objective.direction));
  VIZSLA_ASSIGN_OR_RETURN(raised.budget, RaiseBudget(stored.budget, given.budget));
  VIZSLA_ASSIGN_OR_RETURN(raised.final_runs, RaiseFinalRuns(stored.final_runs, given.final_runs));
  for (size_t i = 0; i < stored.stages.size(); ++i) {
    const auto budget = RaiseBudget(stored.stages[i].budget, given.stages[i].budget);
    if (!budget.ok()) {
      return Annotate(budget.status(), DescribeStage(stored, static_cast<int>(i) + 2));
    }
    raised.stages[i].budget = *budget;
  }
  for (int stage = 1; stage <= StageCount(stored); ++stage) {
    VIZSLA_RETURN_IF_ERROR(CheckPrunerAllows(stored, raised, stage));
  }
  for (int stage = 1; stage < current; ++stage) {
    const Budget& before = StageOf(stored, stage).budget;
    const Budget& after = StageOf(raised, stage).budget;
    if (before.trials == after.trials && before.epochs == after.epochs) continue;
    return absl::FailedPreconditionError(StrCat(
        "the trials and epochs of ", DescribeStage(stored, stage), " can no longer be raised: ",
        DescribeStage(stored, current), " has begun from its best trials; raise those of ",
        DescribeStage(stored, current), " or make another study"));
  }
  return raised;
}

bool WallTimeOver(const StudySpec& spec, Milliseconds active_time) {
  return spec.budget.wall_time && active_time >= *spec.budget.wall_time;
}

std::optional<int64_t> PlannedTrials(const Study& study, const std::vector<int64_t>& created) {
  const int begun = static_cast<int>(created.size());
  int64_t total = 0;
  for (int stage = 1; stage <= StageCount(study.spec); ++stage) {
    const int64_t there = stage <= begun ? created[static_cast<size_t>(stage - 1)] : 0;
    const bool over = study.state == StudyState::kFinished || stage < begun;
    std::optional<int64_t> planned = there;
    if (!over) {
      const auto of_stage = PlanTrials(study.spec, stage);
      planned = of_stage && of_stage->certain ? std::optional(of_stage->count) : std::nullopt;
    }
    if (!planned) return std::nullopt;
    total += std::max(*planned, there);
  }
  return total;
}

}  // namespace vizsla
