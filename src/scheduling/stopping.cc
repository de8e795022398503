// Stopping rules at work: counted in the change that they count, acted on in the same one, so that
// a restart finds either none of it or all.
#include "src/base/log.h"
#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/run_reports.h"
#include "src/scheduling/scheduler_impl.h"
#include "src/scheduling/stop_policy.h"

namespace vizsla {

absl::Status SchedulerImpl::CountReport(TrialWriter& writer, const Study& study, const Trial& trial,
                                        bool new_epoch, bool diverged) {
  if (study.spec.stop.empty()) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(const StopProgress before, writer.GetStopProgress(study.id));
  const StopProgress after = AfterReport(study.spec, before, trial, new_epoch, diverged);
  recorder_.Note(study.id, CountEvent{CountEvent::Why::kReport, trial.number, after});
  return after == before ? absl::OkStatus() : writer.PutStopProgress(study.id, after);
}

absl::Status SchedulerImpl::CountEnd(TrialWriter& writer, const Study& study, const Trial& trial) {
  if (study.spec.stop.no_improvement_trials == 0) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(const StopProgress before, writer.GetStopProgress(study.id));
  const StopProgress after = AfterEnd(study.spec, before, trial);
  recorder_.Note(study.id, CountEvent{CountEvent::Why::kEnd, trial.number, after});
  return after == before ? absl::OkStatus() : writer.PutStopProgress(study.id, after);
}

absl::Status SchedulerImpl::CountAllAnew(TrialWriter& writer, const Study& study) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, writer.ListTrials(study.id, {}));
  int64_t epochs = 0;
  for (const Trial& trial : trials) {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, writer.ListReports(trial.id));
    epochs += std::ssize(reports);
  }
  const StopProgress progress = CountAnew(study.spec, trials, epochs);
  recorder_.Note(study.id, CountEvent{CountEvent::Why::kOtherRules, 0, progress});
  return writer.PutStopProgress(study.id, progress);
}

absl::StatusOr<bool> SchedulerImpl::StopIsDue(TrialReader& reader, const Study& study) {
  if (study.spec.stop.empty()) return false;
  VIZSLA_ASSIGN_OR_RETURN(const StopProgress progress, reader.GetStopProgress(study.id));
  return DecideStop(study.spec, progress).kind == StopDecision::Kind::kEndStudy;
}

absl::StatusOr<bool> SchedulerImpl::StageIsOver(TrialReader& reader, const Study& study,
                                                int stage) {
  if (study.spec.stop.no_improvement_trials == 0 || study.spec.stages.empty()) return false;
  VIZSLA_ASSIGN_OR_RETURN(const StopProgress progress, reader.GetStopProgress(study.id));
  return stage <= progress.stages_over;
}

absl::Status SchedulerImpl::StopIfDue(TrialWriter& writer, Study& study, Effects& effects) {
  if (study.state != StudyState::kActive || study.spec.stop.empty()) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(StopProgress progress, writer.GetStopProgress(study.id));
  const StopDecision decision = DecideStop(study.spec, progress);
  switch (decision.kind) {
    case StopDecision::Kind::kGoOn:
      recorder_.NoteIfAny(study.id, StopEvent{decision});
      return absl::OkStatus();
    case StopDecision::Kind::kEndStage: {
      recorder_.Note(study.id, StopEvent{decision});
      log::info("{} of study '{}' draws no more trials: {}",
                DescribeStage(study.spec, progress.stage), study.spec.name, decision.reason);
      progress.stages_over = progress.stage;
      VIZSLA_RETURN_IF_ERROR(writer.PutStopProgress(study.id, progress));
      VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner, PrunerOf(writer, study, progress.stage));
      if (pruner == nullptr) return absl::OkStatus();
      VIZSLA_RETURN_IF_ERROR(TellLastTrial(writer, study, progress.stage, *pruner));
      return PruneLosers(writer, study, progress.stage, effects);
    }
    case StopDecision::Kind::kEndStudy:
      recorder_.Note(study.id, StopEvent{decision});
      log::info("study '{}' ends: {}", study.spec.name, decision.reason);
      return FinishEarly(writer, study, decision.reason, progress.target_trial, effects);
  }
  return absl::OkStatus();
}

absl::Status SchedulerImpl::FinishEarly(TrialWriter& writer, Study& study,
                                        const std::string& reason, int64_t winner,
                                        Effects& effects) {
  Completion given_back;
  given_back.outcome = AttemptOutcome::kPreempted;
  given_back.reason = StrCat("the study ended: ", reason);
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> running, writer.ListTrials(study.id, kRunning));
  for (const Trial& trial : running) {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, writer.ListReports(trial.id));
    Completion completion = given_back;
    completion.outcome = EarlyOutcome(study.spec, trial, RunHasDiverged(reports, trial), winner);
    const bool cut_short = completion.outcome == AttemptOutcome::kPreempted ||
                           (completion.outcome == AttemptOutcome::kCompleted &&
                            trial.epoch < PlannedEpochs(study.spec, trial));
    if (!cut_short) completion.reason.clear();
    VIZSLA_RETURN_IF_ERROR(
        CloseAttempt(writer, study, trial, completion, clock_.Now(), effects).status());
  }
  study.end_reason = reason;
  return Finish(writer, study, effects);
}

}  // namespace vizsla
