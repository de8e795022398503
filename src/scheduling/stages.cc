// How a study goes on from stage to stage, and what its waiting trials start from.
#include "src/base/log.h"
#include "src/base/log_scope.h"
#include "src/scheduling/scheduler_impl.h"
#include "src/scheduling/stage_policy.h"

namespace vizsla {
namespace {

constexpr TrialState kPaused[] = {TrialState::kPaused};
constexpr TrialState kUnfinished[] = {TrialState::kQueued, TrialState::kRunning,
                                      TrialState::kPaused};

}  // namespace

void SchedulerImpl::WarnIfInfeasible(const Study& study, const Trial& trial) {
  if (trial.state != TrialState::kInfeasible) return;
  const LogScope scope({study.spec.name, trial.number, 0});
  log::warn("trial {} of study '{}' is infeasible: {}", trial.number, study.spec.name,
            trial.reason);
}

absl::Status SchedulerImpl::Proceed(TrialWriter& writer, const Study& study, Effects& effects) {
  if (HasSources(study.spec)) VIZSLA_RETURN_IF_ERROR(ProceedInStages(writer, study, effects));
  return BeginFinalRuns(writer, study, effects);
}

absl::Status SchedulerImpl::ProceedInStages(TrialWriter& writer, const Study& study,
                                            Effects& effects) {
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const int stage, counts_.Current(writer, study.id));
    VIZSLA_ASSIGN_OR_RETURN(const std::optional<Draw> draw, DrawInStage(writer, study, stage));
    VIZSLA_ASSIGN_OR_RETURN(const bool open, writer.AnyTrial(study.id, kQueuedOrRunning));
    VIZSLA_ASSIGN_OR_RETURN(const StudySources* const sources, SourcesOf(writer, study));
    const bool waiting = sources->AnyWaiting();
    if (!waiting && (draw || open)) return absl::OkStatus();
    if (sources->AnyToDecide(/*sampled_out=*/!draw.has_value())) {
      VIZSLA_RETURN_IF_ERROR(DecideSources(writer, study, !draw.has_value(), effects));
      continue;
    }
    if (draw) return absl::OkStatus();
    std::vector<Trial> stalled;
    if (waiting) {
      VIZSLA_ASSIGN_OR_RETURN(const auto unfinished, writer.ListTrials(study.id, kUnfinished));
      stalled = PausedSources(unfinished);
    }
    if (stalled.empty() && open) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const auto resume, NextToResume(writer, study, stage));
    if (resume) return absl::OkStatus();
    if (!stalled.empty()) {
      VIZSLA_RETURN_IF_ERROR(EndStalled(writer, study, stalled, effects));
      continue;
    }
    VIZSLA_ASSIGN_OR_RETURN(const bool begun, BeginNextStage(writer, study, stage + 1, effects));
    if (!begun) return absl::OkStatus();
  }
}

absl::Status SchedulerImpl::DecideSources(TrialWriter& writer, const Study& study, bool sampled_out,
                                          Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, writer.ListTrials(study.id, {}));
  const std::vector<Trial> decided = DecideWaiting(study, trials, sampled_out, clock_.Now());
  // Undone, and with it what AnyToDecide went by.
  if (decided.empty()) return absl::InternalError("no waiting trial could be decided on");
  recorder_.Note(study.id, SourcesEvent{std::ssize(decided)});
  for (const Trial& trial : decided) {
    WarnIfInfeasible(study, trial);
    VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(trial));
    ObserveTrial(trial);
    effects.changed = true;
  }
  return AddRepeats(writer, study, decided, effects);
}

absl::Status SchedulerImpl::EndStalled(TrialWriter& writer, const Study& study,
                                       std::span<const Trial> stalled, Effects& effects) {
  StalledEvent event;
  for (const Trial& trial : stalled) event.numbers.push_back(trial.number);
  recorder_.Note(study.id, event);
  for (const Trial& trial : stalled) {
    VIZSLA_RETURN_IF_ERROR(EndPaused(writer, study, trial,
                                     "a trial waits for its end, and nothing else would run",
                                     clock_.Now(), effects));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SchedulerImpl::BeginNextStage(TrialWriter& writer, const Study& study,
                                                   int stage, Effects& effects) {
  if (stage > StageCount(study.spec)) return false;
  VIZSLA_ASSIGN_OR_RETURN(const int64_t last, writer.LastTrialNumber(study.id));
  if (last == 0) return false;
  VIZSLA_ASSIGN_OR_RETURN(const StudySources* const sources, SourcesOf(writer, study));
  if (!sources->AnyFor(stage)) {
    const LogScope scope({study.spec.name, 0, 0});
    log::warn("{} of study '{}' does not begin: no trial ended with a score and a checkpoint",
              DescribeStage(study.spec, stage), study.spec.name);
    return false;
  }
  recorder_.Note(study.id, StageEvent{stage});
  const Timestamp now = clock_.Now();
  VIZSLA_RETURN_IF_ERROR(PrunePaused(writer, study, now, effects));
  // Without enqueued trials it begins with the first one that is drawn.
  if (StageOf(study.spec, stage).enqueue.empty()) return false;
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, writer.ListTrials(study.id, {}));
  const std::vector<Trial> enqueued = MakeEnqueued(study, stage, trials, last + 1, now);
  for (const Trial& trial : enqueued) {
    WarnIfInfeasible(study, trial);
    VIZSLA_RETURN_IF_ERROR(writer.InsertTrial(trial).status());
    ObserveTrial(trial);
    effects.changed = true;
  }
  VIZSLA_RETURN_IF_ERROR(AddRepeats(writer, study, enqueued, effects));
  return true;
}

absl::StatusOr<std::string> SchedulerImpl::StageThatNeverBegan(TrialReader& reader,
                                                               const Study& study) {
  if (study.state != StudyState::kFinished || study.spec.stages.empty()) return std::string();
  VIZSLA_ASSIGN_OR_RETURN(const int current, counts_.Current(reader, study.id));
  const int next = current + 1;
  if (next > StageCount(study.spec)) return std::string();
  VIZSLA_ASSIGN_OR_RETURN(const StudySources* const sources, SourcesOf(reader, study));
  if (sources->AnyFor(next)) return std::string();
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

}  // namespace vizsla
