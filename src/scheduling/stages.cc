// What comes next in a study: a trial that waits in the queue, a new one of the sampler, or the
// next stage.
#include <algorithm>

#include "src/base/log.h"
#include "src/base/log_scope.h"
#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/repeat_policy.h"
#include "src/scheduling/scheduler_impl.h"
#include "src/scheduling/stage_policy.h"
#include "src/study/planned_trials.h"
#include "src/study/take_over.h"

namespace vizsla {
namespace {

constexpr TrialState kQueued[] = {TrialState::kQueued};
constexpr TrialState kPaused[] = {TrialState::kPaused};

// Configurations, which may have more runs than one; without those that take the places of others,
// which are no part of the budget.
int64_t CountOfStage(std::span<const Trial> trials, int stage) {
  return std::count_if(trials.begin(), trials.end(), [&](const Trial& trial) {
    return trial.stage == stage && IsFirstRun(trial) && trial.lineage.parent == 0;
  });
}

// Whether what comes next depends on which trials there are, not only on how many.
bool LooksAtTrials(const StudySpec& spec) {
  return !spec.stages.empty() || HasRepeats(spec) || KindOf(spec.pruner) == PrunerKind::kPopulation;
}

// The queued trial with the smallest number that waits for no other one.
absl::StatusOr<std::optional<Trial>> FirstReady(TrialReader& reader, const Study& study) {
  VIZSLA_ASSIGN_OR_RETURN(std::optional<Trial> first, reader.FirstQueued(study.id));
  if (!first || !IsWaiting(*first)) return first;
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> queued, reader.ListTrials(study.id, kQueued));
  for (const Trial& trial : queued) {
    if (!IsWaiting(trial)) return std::optional<Trial>(trial);
  }
  return std::optional<Trial>();
}

void WarnIfInfeasible(const Study& study, const Trial& trial) {
  if (trial.state != TrialState::kInfeasible) return;
  const LogScope scope({study.spec.name, trial.number, 0});
  log::warn("trial {} of study '{}' is infeasible: {}", trial.number, study.spec.name,
            trial.reason);
}

}  // namespace

absl::StatusOr<std::optional<SchedulerImpl::Draw>> SchedulerImpl::DrawInStage(
    TrialReader& reader, const Study& study, int stage, std::span<const Trial> trials) {
  const StageView view = StageOf(study.spec, stage);
  const std::optional<int64_t> limit = TrialLimit(view);
  VIZSLA_ASSIGN_OR_RETURN(const bool over, StageIsOver(reader, study, stage));
  if (over) return std::optional<Draw>();
  // Random draws without a number would never end.
  if (!limit && KindOf(view.sampler) != SamplerKind::kGrid) return std::optional<Draw>();
  if (!LooksAtTrials(study.spec)) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t last, reader.LastTrialNumber(study.id));
    if (limit && last >= *limit) return std::optional<Draw>();
  } else if (limit && CountOfStage(trials, stage) >= *limit) {
    return std::optional<Draw>();
  }
  if (stage == 1) {
    VIZSLA_ASSIGN_OR_RETURN(auto drawn, Suggest(reader, study, stage, nullptr));
    if (!drawn) return std::optional<Draw>();
    return std::optional<Draw>({stage, *std::move(drawn), {}});
  }
  for (const Trial& source : TakeTurns(study, stage, trials)) {
    VIZSLA_ASSIGN_OR_RETURN(const auto drawn, Suggest(reader, study, stage, &source));
    if (!drawn) continue;  // this source's configurations are used up
    return std::optional<Draw>(
        {stage, Vary(study.spec, stage, source.configuration, *drawn),
         StartFrom(study.spec.stages[static_cast<size_t>(stage - 2)], source)});
  }
  return std::optional<Draw>();
}

absl::StatusOr<SchedulerImpl::Next> SchedulerImpl::FindNext(TrialReader& reader,
                                                            const Study& study) {
  const bool staged = !study.spec.stages.empty();
  std::vector<Trial> trials;
  if (LooksAtTrials(study.spec)) {
    VIZSLA_ASSIGN_OR_RETURN(trials, reader.ListTrials(study.id, {}));
  }
  const int current = staged ? CurrentStage(trials) : 1;
  VIZSLA_ASSIGN_OR_RETURN(const auto resume, NextToResume(reader, study, current));
  if (resume) return Next{*resume, std::nullopt};
  VIZSLA_ASSIGN_OR_RETURN(std::optional<Draw> draw, DrawInStage(reader, study, current, trials));
  if (draw) return Next{0, std::move(draw)};
  const int next = current + 1;
  if (!staged || AnyOpen(trials) || next > StageCount(study.spec)) return Next();
  // Enqueued trials are created first, by Proceed.
  if (!StageOf(study.spec, next).enqueue.empty()) return Next();
  VIZSLA_ASSIGN_OR_RETURN(draw, DrawInStage(reader, study, next, trials));
  return Next{0, std::move(draw)};
}

absl::Status SchedulerImpl::Proceed(TrialWriter& writer, const Study& study, Effects& effects) {
  if (HasSources(study.spec)) VIZSLA_RETURN_IF_ERROR(ProceedInStages(writer, study, effects));
  return BeginFinalRuns(writer, study, effects);
}

absl::Status SchedulerImpl::ProceedInStages(TrialWriter& writer, const Study& study,
                                            Effects& effects) {
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, writer.ListTrials(study.id, {}));
    VIZSLA_ASSIGN_OR_RETURN(const std::optional<Draw> draw,
                            DrawInStage(writer, study, CurrentStage(trials), trials));
    const std::vector<Trial> decided =
        DecideWaiting(study, trials, /*sampled_out=*/!draw.has_value(), clock_.Now());
    for (const Trial& trial : decided) {
      WarnIfInfeasible(study, trial);
      VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(trial));
      ObserveTrial(trial);
      effects.changed = true;
    }
    VIZSLA_RETURN_IF_ERROR(AddRepeats(writer, study, decided, effects));
    if (!decided.empty()) continue;
    if (draw || AnyOpen(trials)) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const auto resume, NextToResume(writer, study, CurrentStage(trials)));
    if (resume) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const bool begun, BeginNextStage(writer, study, trials, effects));
    if (!begun) return absl::OkStatus();
  }
}

absl::StatusOr<bool> SchedulerImpl::BeginNextStage(TrialWriter& writer, const Study& study,
                                                   std::span<const Trial> trials,
                                                   Effects& effects) {
  const int stage = CurrentStage(trials) + 1;
  if (trials.empty() || stage > StageCount(study.spec)) return false;
  const std::vector<Trial> sources = SourcesOfStage(study, stage, trials);
  if (sources.empty()) {
    const LogScope scope({study.spec.name, 0, 0});
    log::warn("{} of study '{}' does not begin: no trial ended with a score and a checkpoint",
              DescribeStage(study.spec, stage), study.spec.name);
    return false;
  }
  const Timestamp now = clock_.Now();
  VIZSLA_RETURN_IF_ERROR(PrunePaused(writer, study, now, effects));
  // Without enqueued trials it begins with the first one that is drawn.
  const std::vector<Trial> enqueued =
      MakeEnqueued(study, stage, trials, trials.back().number + 1, now);
  for (const Trial& trial : enqueued) {
    WarnIfInfeasible(study, trial);
    VIZSLA_RETURN_IF_ERROR(writer.InsertTrial(trial).status());
    ObserveTrial(trial);
    effects.changed = true;
  }
  VIZSLA_RETURN_IF_ERROR(AddRepeats(writer, study, enqueued, effects));
  return !enqueued.empty();
}

absl::StatusOr<std::string> SchedulerImpl::StageThatNeverBegan(TrialReader& reader,
                                                               const Study& study) {
  if (study.state != StudyState::kFinished || study.spec.stages.empty()) return std::string();
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, reader.ListTrials(study.id, {}));
  const int next = CurrentStage(trials) + 1;
  if (next > StageCount(study.spec) || !SourcesOfStage(study, next, trials).empty()) {
    return std::string();
  }
  return StrCat("; ", DescribeStage(study.spec, next),
                " never began: no trial ended with a score and a checkpoint");
}

absl::Status SchedulerImpl::PrunePaused(TrialWriter& writer, const Study& study, Timestamp now,
                                        Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> paused, writer.ListTrials(study.id, kPaused));
  for (const Trial& trial : paused) {
    VIZSLA_RETURN_IF_ERROR(
        EndPaused(writer, study, trial, "the study ended while it was paused", now, effects));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SchedulerImpl::MayAdd(TrialReader& reader, const Study& study, int stage) {
  const StageView view = StageOf(study.spec, stage);
  std::vector<Trial> trials;
  if (LooksAtTrials(study.spec)) {
    VIZSLA_ASSIGN_OR_RETURN(trials, reader.ListTrials(study.id, {}));
  }
  const auto limit = TrialLimit(view);
  if (study.spec.stages.empty() && limit && !CountConfigurations(view.space)) {
    // An infinite space needs no costly suggestion to tell.
    if (LooksAtTrials(study.spec)) return CountOfStage(trials, stage) < *limit;
    VIZSLA_ASSIGN_OR_RETURN(const int64_t last, reader.LastTrialNumber(study.id));
    return last < *limit;
  }
  VIZSLA_ASSIGN_OR_RETURN(const auto draw, DrawInStage(reader, study, stage, trials));
  return draw.has_value();
}

absl::StatusOr<Trial> SchedulerImpl::AddTrial(TrialWriter& writer, const Study& study, Draw draw,
                                              Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(const int64_t last, writer.LastTrialNumber(study.id));
  Trial trial;
  trial.study = study.id;
  trial.number = last + 1;
  trial.stage = draw.stage;
  trial.configuration = std::move(draw.configuration);
  trial.warm_start = std::move(draw.warm_start);
  trial.created_at = clock_.Now();
  VIZSLA_ASSIGN_OR_RETURN(trial.id, writer.InsertTrial(trial));
  ObserveTrial(trial);
  effects.changed = true;
  VIZSLA_RETURN_IF_ERROR(AddRepeats(writer, study, std::span(&trial, 1), effects));
  VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner, PrunerOf(writer, study, trial.stage));
  if (pruner != nullptr) {
    VIZSLA_RETURN_IF_ERROR(TellLastTrial(writer, study, trial.stage, *pruner));
  }
  return trial;
}

absl::StatusOr<std::optional<Trial>> SchedulerImpl::NextTrial(TrialWriter& writer,
                                                              const Study& study,
                                                              Effects& effects) {
  for (;;) {
    VIZSLA_RETURN_IF_ERROR(Proceed(writer, study, effects));
    VIZSLA_ASSIGN_OR_RETURN(std::optional<Trial> next, FirstReady(writer, study));
    if (!next) {
      VIZSLA_ASSIGN_OR_RETURN(Next found, FindNext(writer, study));
      if (found.empty()) return std::optional<Trial>();
      if (found.draw) {
        VIZSLA_ASSIGN_OR_RETURN(next, AddTrial(writer, study, *std::move(found.draw), effects));
      } else {
        VIZSLA_ASSIGN_OR_RETURN(next, ResumePaused(writer, study, found.resume, effects));
      }
      VIZSLA_RETURN_IF_ERROR(PruneLosers(writer, study, next->stage, effects));
    }
    const WarmStart& start = next->warm_start;
    const Lineage& lineage = next->lineage;
    const bool starts_here = start.checkpoint.empty() || artifacts_.Exists(start.checkpoint);
    const bool goes_on = lineage.parent == 0 || artifacts_.Exists(lineage.checkpoint) ||
                         artifacts_.Exists(next->last_checkpoint);
    if (starts_here && goes_on) return next;
    // Somebody has removed the file. Other bytes would make it another trial.
    const Trial ended =
        EndInfeasible(*next,
                      StrCat("the checkpoint of trial ", starts_here ? lineage.parent : start.trial,
                             " that it starts from (",
                             starts_here ? lineage.checkpoint : start.checkpoint, ") is gone"),
                      clock_.Now());
    WarnIfInfeasible(study, ended);
    VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(ended));
    ObserveTrial(ended);
    effects.changed = true;
  }
}

}  // namespace vizsla
