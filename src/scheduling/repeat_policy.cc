#include "src/scheduling/repeat_policy.h"

#include <algorithm>
#include <cmath>

#include "src/scheduling/budget_policy.h"
#include "src/scheduling/stage_policy.h"
#include "src/study/planned_trials.h"
#include "src/study/trial_groups.h"

namespace vizsla {
namespace {

// Another run of the configuration: from the same weights where it starts from any.
Trial AnotherRun(const Trial& first, int64_t number, Timestamp now) {
  Trial run;
  run.study = first.study;
  run.number = number;
  run.stage = first.stage;
  run.repeat_of = first.number;
  run.name = first.name;
  run.configuration = first.configuration;
  run.warm_start = first.warm_start;
  run.created_at = now;
  return run;
}

bool MayBeFinalist(const TrialGroup& group) {
  const Trial one = AsOneTrial(group.search);
  return IsFinished(one.state) && MayWin(one) && one.score && std::isfinite(*one.score);
}

// The best `top` configurations by the runs of the search.
std::vector<TrialGroup> Finalists(const StudySpec& spec, std::span<const Trial> trials) {
  std::vector<TrialGroup> groups = GroupTrials(trials);
  std::erase_if(groups, [](const TrialGroup& group) { return !MayBeFinalist(group); });
  std::sort(groups.begin(), groups.end(), [&](const TrialGroup& a, const TrialGroup& b) {
    return RanksBefore(spec.objective, AsOneTrial(a.search), AsOneTrial(b.search));
  });
  groups.resize(std::min(groups.size(), static_cast<size_t>(spec.final_runs.top)));
  return groups;
}

}  // namespace

bool HasRepeats(const StudySpec& spec) { return spec.repeats > 1 || spec.final_runs.top > 0; }

std::vector<Trial> MissingRepeats(const StudySpec& spec, const Trial& first,
                                  std::span<const Trial> trials, int64_t next, Timestamp now) {
  if (spec.repeats <= 1 || !IsFirstRun(first) || IsWaiting(first)) return {};
  if (IsFinished(first.state))
    return {};  // what it starts from was of no use: so it would be again
  const int64_t there = 1 + std::count_if(trials.begin(), trials.end(), [&](const Trial& trial) {
                          return trial.repeat_of == first.number && !trial.final_run;
                        });
  std::vector<Trial> runs;
  for (int64_t i = there; i < spec.repeats; ++i) runs.push_back(AnotherRun(first, next++, now));
  return runs;
}

std::vector<Trial> HopelessRuns(std::span<const Trial> runs, const Trial& ended, Timestamp now) {
  std::vector<Trial> hopeless;
  for (const Trial& run : runs) {
    if (run.state != TrialState::kQueued || run.epoch > 0) continue;
    hopeless.push_back(EndInfeasible(
        run, StrCat("trial ", ended.number, " has the same configuration: ", ended.reason), now));
  }
  return hopeless;
}

std::vector<Trial> MissingFinalRuns(const StudySpec& spec, std::span<const Trial> trials,
                                    int64_t next, Timestamp now) {
  std::vector<Trial> runs;
  for (const TrialGroup& group : Finalists(spec, trials)) {
    for (auto i = static_cast<int>(group.fresh.size()); i < spec.final_runs.repeats; ++i) {
      runs.push_back(AnotherRun(group.first(), next++, now));
      runs.back().final_run = true;
    }
  }
  return runs;
}

std::optional<int64_t> PlannedRuns(const Study& study, const RunCounts& counts, int64_t trials) {
  if (study.state == StudyState::kFinished) return trials;
  const std::optional<int64_t> planned = PlannedTrials(study, counts.configurations);
  if (!planned) return std::nullopt;
  // Once final runs have begun their number is known; before, any configuration may be a finalist.
  if (counts.final_runs_begun) return trials;
  // Ended before they began.
  const int64_t never_repeated =
      study.spec.repeats * counts.ended_firsts - counts.runs_of_ended_firsts;
  return CountRuns(study.spec, *planned) - never_repeated;
}

absl::Status CheckFinalRunsAllow(const StudySpec& stored, const StudySpec& raised, bool begun) {
  if (!begun) return absl::OkStatus();
  for (int stage = 1; stage <= StageCount(stored); ++stage) {
    const Budget& before = StageOf(stored, stage).budget;
    const Budget& after = StageOf(raised, stage).budget;
    if (before.trials == after.trials && before.epochs == after.epochs) continue;
    return absl::FailedPreconditionError(
        "the trials and epochs can no longer be raised: the final runs of the best configurations "
        "have begun; raise final, or make another study");
  }
  return absl::OkStatus();
}

}  // namespace vizsla
