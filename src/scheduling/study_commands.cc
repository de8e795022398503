// Creating, resuming, stopping, renaming and deleting studies; evaluations.
#include <algorithm>

#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/budget_policy.h"
#include "src/scheduling/repeat_policy.h"
#include "src/scheduling/scheduler_impl.h"
#include "src/scheduling/stage_policy.h"
#include "src/scheduling/study_policy.h"

namespace vizsla {
namespace {

absl::Status MissingInput(const std::string& what, const std::string& hash) {
  return absl::FailedPreconditionError(
      StrCat("the study's ", what, " (", hash, ") is not stored; upload it first"));
}

// Notes that were submitted again as they were leave those alone that have been edited since; other
// ones are the newest word.
void TakeNotes(const StudySpec& given, StudySpec& stored, std::string& notes) {
  if (given.notes != stored.notes) {
    stored.notes = given.notes;
    notes = given.notes;
  }
  for (size_t i = 0; i < stored.stages.size(); ++i) {
    stored.stages[i].notes = given.stages[i].notes;
  }
}

absl::StatusOr<bool> HasFinalRuns(TrialReader& reader, const Study& study) {
  if (study.spec.final_runs.top == 0) return false;
  VIZSLA_ASSIGN_OR_RETURN(const auto trials, reader.SummarizeTrials(study.id));
  return std::any_of(trials.begin(), trials.end(),
                     [](const TrialSummary& trial) { return trial.final_run; });
}

// FailedPrecondition with the count and `advice`, or Ok when nothing runs.
absl::Status CheckNothingRuns(TrialReader& reader, const Study& study, const std::string& advice) {
  VIZSLA_ASSIGN_OR_RETURN(const int64_t running, reader.CountTrials(study.id, kRunning));
  if (running == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat(running, running == 1 ? " trial of study '" : " trials of study '", study.spec.name,
             running == 1 ? "' is" : "' are", " running; ", advice));
}

}  // namespace

absl::StatusOr<Scheduler::CreatedStudy> SchedulerImpl::CreateStudy(const StudySpec& spec,
                                                                   const PinnedInputs& inputs) {
  VIZSLA_RETURN_IF_ERROR(CheckSubmission(spec, inputs));
  CreatedStudy result;
  const Change change = [&](TrialWriter& writer, Effects& effects) -> absl::Status {
    auto stored = writer.FindStudy(spec.name);
    if (stored.ok()) {
      return ResubmitChange(writer, spec, inputs, *std::move(stored), result, effects);
    }
    if (!absl::IsNotFound(stored.status())) return stored.status();
    return CreateChange(writer, spec, inputs, result, effects);
  };
  VIZSLA_RETURN_IF_ERROR(Commit(change, {inputs.split_hash, inputs.weights_hash}));
  return result;
}

absl::Status SchedulerImpl::CreateChange(TrialWriter& writer, const StudySpec& spec,
                                         const PinnedInputs& inputs, CreatedStudy& result,
                                         Effects& effects) {
  if (!artifacts_.Exists(inputs.split_hash)) return MissingInput("split", inputs.split_hash);
  if (!inputs.weights_hash.empty() && !artifacts_.Exists(inputs.weights_hash)) {
    return MissingInput("weights", inputs.weights_hash);
  }
  const Timestamp now = clock_.Now();
  Study study;
  study.spec = spec;
  study.notes = spec.notes;
  study.inputs = inputs;
  study.created_at = now;
  VIZSLA_ASSIGN_OR_RETURN(study.id, writer.InsertStudy(study));
  VIZSLA_RETURN_IF_ERROR(Learn(writer, study));
  const std::vector<Trial> enqueued = MakeEnqueued(study, /*stage=*/1, {}, /*first=*/1, now);
  for (const Trial& trial : enqueued) {
    VIZSLA_RETURN_IF_ERROR(writer.InsertTrial(trial).status());
  }
  VIZSLA_RETURN_IF_ERROR(AddRepeats(writer, study, enqueued, effects));
  effects.changed = true;
  result = {study, true};
  return absl::OkStatus();
}

absl::Status SchedulerImpl::ResubmitChange(TrialWriter& writer, const StudySpec& spec,
                                           const PinnedInputs& inputs, Study study,
                                           CreatedStudy& result, Effects& effects) {
  VIZSLA_RETURN_IF_ERROR(CheckSameStudy(study, spec, inputs));
  VIZSLA_ASSIGN_OR_RETURN(const int stage, counts_.Current(writer, study.id));
  VIZSLA_ASSIGN_OR_RETURN(StudySpec merged, RaiseBudgets(study.spec, spec, stage));
  VIZSLA_ASSIGN_OR_RETURN(const bool final_runs, HasFinalRuns(writer, study));
  VIZSLA_RETURN_IF_ERROR(CheckFinalRunsAllow(study.spec, merged, final_runs));
  TakeNotes(spec, merged, study.notes);
  bool update = merged != study.spec;
  const bool other_rules = merged.stop != study.spec.stop;
  if (update) ForgetPolicies(study.id);
  study.spec = std::move(merged);
  // What is decided below is decided by the new one: the log has it first.
  if (update) VIZSLA_RETURN_IF_ERROR(writer.UpdateStudy(study));
  if (other_rules) VIZSLA_RETURN_IF_ERROR(CountAllAnew(writer, study));
  VIZSLA_ASSIGN_OR_RETURN(const bool stop_is_due, StopIsDue(writer, study));
  if (study.state == StudyState::kStopped) {
    study.state = StudyState::kActive;
    update = true;
  } else if (study.state == StudyState::kFinished && !stop_is_due &&
             !WallTimeOver(study.spec, study.active_time)) {
    VIZSLA_RETURN_IF_ERROR(Proceed(writer, study, effects));
    VIZSLA_ASSIGN_OR_RETURN(const bool has_work, HasWork(writer, study));
    if (has_work) {
      study.state = StudyState::kActive;
      study.finished_at.reset();
      study.end_reason.clear();
      update = true;
    }
  }
  if (update) {
    VIZSLA_RETURN_IF_ERROR(writer.UpdateStudy(study));
    effects.changed = true;
    VIZSLA_RETURN_IF_ERROR(FinishIfDone(writer, study, effects));
  }
  result = {study, false};
  return absl::OkStatus();
}

absl::StatusOr<Study> SchedulerImpl::StopStudy(std::string_view name) {
  Study study;
  VIZSLA_RETURN_IF_ERROR(Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(study, writer.FindStudy(name));
    if (study.state == StudyState::kStopped) return absl::OkStatus();
    if (study.state == StudyState::kFinished) {
      return absl::FailedPreconditionError(
          StrCat("study '", study.spec.name, "' has finished; there is nothing to stop"));
    }
    study.active_time = ActiveTime(study);
    study.state = StudyState::kStopped;
    effects.changed = true;
    return writer.UpdateStudy(study);
  }));
  return study;
}

absl::StatusOr<Study> SchedulerImpl::ResumeStudy(std::string_view name) {
  Study study;
  VIZSLA_RETURN_IF_ERROR(Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(study, writer.FindStudy(name));
    if (study.state == StudyState::kActive) return absl::OkStatus();
    if (study.state == StudyState::kFinished) {
      return absl::FailedPreconditionError(
          StrCat("study '", study.spec.name,
                 "' has finished; raise its budget or loosen its stopping rules and submit it "
                 "again to go on"));
    }
    study.state = StudyState::kActive;
    effects.changed = true;
    VIZSLA_RETURN_IF_ERROR(writer.UpdateStudy(study));
    return FinishIfDone(writer, study, effects);
  }));
  return study;
}

absl::StatusOr<Study> SchedulerImpl::RenameStudy(std::string_view name, std::string_view new_name) {
  if (const absl::Status status = CheckStudyName(new_name); !status.ok()) {
    return Annotate(status, "the new name");
  }
  Study study;
  VIZSLA_RETURN_IF_ERROR(Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(study, writer.FindStudy(name));
    VIZSLA_RETURN_IF_ERROR(CheckNothingRuns(
        writer, study,
        "workers know it by its name: stop it first, and wait until none is running"));
    study.spec.name = std::string(new_name);
    effects.changed = true;
    return writer.UpdateStudy(study);
  }));
  return study;
}

absl::Status SchedulerImpl::DeleteStudy(std::string_view name, bool force) {
  // "The newest" is too easily another one than the one that was meant.
  if (name.empty()) return absl::InvalidArgumentError("name the study that is to be deleted");
  return Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const Study study, writer.FindStudy(name));
    if (!force) {
      VIZSLA_RETURN_IF_ERROR(CheckNothingRuns(
          writer, study,
          "stop it first, or delete it with --force, for instance when its job has died"));
    }
    effects.released = {study.inputs.split_hash};
    if (!study.inputs.weights_hash.empty()) effects.released.push_back(study.inputs.weights_hash);
    VIZSLA_RETURN_IF_ERROR(writer.ForEachTrial(study.id, [&](const Trial& trial) -> absl::Status {
      for (const std::string& hash : {trial.best_checkpoint, trial.last_checkpoint}) {
        if (!hash.empty()) effects.released.push_back(hash);
      }
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, writer.ListReports(trial.id));
      for (const EpochReport& report : reports) {
        if (!report.checkpoint_hash.empty()) effects.released.push_back(report.checkpoint_hash);
      }
      effects.ended.push_back({trial.id, trial.attempt});
      return absl::OkStatus();
    }));
    ForgetPolicies(study.id);
    effects.changed = true;
    return writer.DeleteStudy(study.id);
  });
}

absl::StatusOr<EvaluationRow> SchedulerImpl::RecordEvaluation(std::string_view study_name,
                                                              const EvaluationRow& evaluation) {
  EvaluationRow row = evaluation;
  VIZSLA_RETURN_IF_ERROR(Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const Study study, writer.FindStudy(study_name));
    VIZSLA_RETURN_IF_ERROR(writer.FindTrial(study.id, evaluation.trial_number).status());
    row.study = study.id;
    row.created_at = clock_.Now();
    VIZSLA_ASSIGN_OR_RETURN(row.id, writer.InsertEvaluation(row));
    effects.changed = true;
    return absl::OkStatus();
  }));
  return row;
}

}  // namespace vizsla
