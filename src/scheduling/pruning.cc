// What the study's pruner decides, stored in the change that it is about.
#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {

void SchedulerImpl::ObserveTrial(const Trial& trial) {
  samplers_.Observe(trial);
  counts_.Observe(trial);
  ObserveChange(trial);
}

void SchedulerImpl::ObserveChange(const Trial& trial) {
  told_ = true;
  pruners_.Observe(trial);
  sources_.Observe(trial);
}

void SchedulerImpl::ForgetUnstored() {
  if (told_ || failed_commits_ != store_.FailedCommits()) {
    samplers_.Clear();
    counts_.Clear();
    sources_.Clear();
    pruners_.Clear();
  }
  if (failed_commits_ != store_.FailedCommits()) recorder_.Forget();
  told_ = false;
  failed_commits_ = store_.FailedCommits();
}

void SchedulerImpl::ForgetPolicies(StudyId study) {
  samplers_.Forget(study);
  counts_.Forget(study);
  sources_.Forget(study);
  pruners_.Forget(study);
}

absl::StatusOr<ReportDirective> SchedulerImpl::DecidePruning(TrialWriter& writer,
                                                             const Study& study, Trial trial) {
  if (trial.final_run) return ReportDirective::kContinue;
  VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner, PrunerOf(writer, study, trial.stage));
  if (pruner == nullptr) return ReportDirective::kContinue;
  for (;;) {
    const PruneDecision decision = pruner->Decide(trial.number);
    const PruneEvent event{trial.number, decision};
    if (decision != PruneDecision::kContinue) recorder_.Note(study.id, event);
    switch (decision) {
      case PruneDecision::kContinue:
        recorder_.NoteIfAny(study.id, event);
        return ReportDirective::kContinue;
      case PruneDecision::kPause:
        return ReportDirective::kPause;
      case PruneDecision::kPrune:
        return ReportDirective::kPrune;
      case PruneDecision::kPromote:
        ++trial.rung;
        VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(trial));
        ObserveChange(trial);
        break;
    }
  }
}

absl::StatusOr<Pruner*> SchedulerImpl::PrunerOf(TrialReader& reader, const Study& study,
                                                int stage) {
  VIZSLA_ASSIGN_OR_RETURN(const PrunerCache::Found found, pruners_.Of(reader, study, stage));
  if (found.is_new) {
    told_ = true;  // it may have read what this change has written
    VIZSLA_RETURN_IF_ERROR(TellLastTrial(reader, study, stage, *found.pruner));
  }
  return found.pruner;
}

absl::Status SchedulerImpl::TellLastTrial(TrialReader& reader, const Study& study, int stage,
                                          Pruner& pruner) {
  VIZSLA_ASSIGN_OR_RETURN(const bool more, MayAdd(reader, study, stage));
  if (more) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(const int64_t last, reader.LastTrialNumber(study.id));
  if (last > 0) pruner.ObserveLastTrial(last);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<int64_t>> SchedulerImpl::NextToResume(TrialReader& reader,
                                                                   const Study& study, int stage) {
  VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner, PrunerOf(reader, study, stage));
  return pruner == nullptr ? std::nullopt : pruner->NextToResume();
}

absl::StatusOr<Trial> SchedulerImpl::ResumePaused(TrialWriter& writer, const Study& study,
                                                  int64_t number, Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(const Trial paused, writer.FindTrial(study.id, number));
  Trial resumed = Promote(paused, clock_.Now());
  VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(resumed));
  ObserveTrial(resumed);
  effects.changed = true;
  return resumed;
}

absl::Status SchedulerImpl::PruneLosers(TrialWriter& writer, const Study& study, int stage,
                                        Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner, PrunerOf(writer, study, stage));
  if (pruner == nullptr) return absl::OkStatus();
  const std::vector<int64_t> losers = pruner->ToPrune();
  recorder_.NoteIfAny(study.id, LosersEvent{stage, losers});
  for (const int64_t number : losers) {
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, writer.FindTrial(study.id, number));
    VIZSLA_RETURN_IF_ERROR(
        EndPaused(writer, study, trial, "others of its rung were better", clock_.Now(), effects));
  }
  return ReplaceLosers(writer, study, stage, effects);
}

absl::Status SchedulerImpl::EndPaused(TrialWriter& writer, const Study& study, const Trial& trial,
                                      const std::string& reason, Timestamp now, Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(const auto reports, writer.ListReports(trial.id));
  VIZSLA_ASSIGN_OR_RETURN(
      const Trial stored,
      StoreTrial(writer, study, trial, PrunePausedTrial(trial, reason, now), reports, effects));
  ObserveTrial(stored);
  effects.changed = true;
  return CountEnd(writer, study, stored);
}

}  // namespace vizsla
