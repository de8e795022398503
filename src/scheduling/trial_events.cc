// What a running attempt says: epochs, its end, log lines.
#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/fencing.h"
#include "src/scheduling/report_policy.h"
#include "src/scheduling/retention.h"
#include "src/scheduling/run_reports.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {
namespace {

constexpr int64_t kLogLinesKept = 5000;  // of each trial
constexpr size_t kLongestLogLine = 4096;

// The trial may have been deleted with its study; for its worker that is a lost lease.
absl::StatusOr<Trial> FindLeased(TrialReader& reader, TrialId id) {
  auto trial = reader.GetTrial(id);
  if (absl::IsNotFound(trial.status())) {
    return absl::FailedPreconditionError(
        StrCat("there is no trial with id ", id.value(), " any more: its study was deleted"));
  }
  return trial;
}

std::string ShortenedLine(const std::string& line) {
  if (line.size() <= kLongestLogLine) return line;
  return StrCat(line.substr(0, kLongestLogLine), " ... (", line.size(), " bytes)");
}

}  // namespace

absl::StatusOr<ReportDirective> SchedulerImpl::Report(TrialId trial_id, AttemptNumber attempt,
                                                      const EpochReport& given,
                                                      const std::string& last_checkpoint) {
  EpochReport report = given;
  report.attempt = attempt;
  report.reported_at = clock_.Now();
  const auto exists = [&](const std::string& hash) {
    return hash.empty() || artifacts_.Exists(hash);
  };
  ReportDirective directive = ReportDirective::kContinue;
  bool repeated = false;
  const Change change = [&](TrialWriter& writer, Effects& effects) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, FindLeased(writer, trial_id));
    VIZSLA_ASSIGN_OR_RETURN(Study study, writer.GetStudy(trial.study));
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, writer.ListReports(trial_id));
    VIZSLA_ASSIGN_OR_RETURN(
        ReportDecision decision,
        DecideReport({study, trial, reports, report, last_checkpoint,
                      exists(report.checkpoint_hash), exists(last_checkpoint)}));
    directive = decision.directive;
    repeated = decision.repeated;
    effects.renewed.push_back({trial_id, attempt});
    Trial stored;
    if (decision.repeated) {
      stored = std::move(decision.trial);
    } else {
      effects.changed = true;
      VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(trial_id, report));
      VIZSLA_ASSIGN_OR_RETURN(stored, StoreTrial(writer, study, trial, std::move(decision.trial),
                                                 decision.reports, effects));
      ObserveChange(stored);
      pruners_.ObserveReport(stored, report);
      samplers_.ObserveReport(stored, report);
      VIZSLA_RETURN_IF_ERROR(CountReport(writer, study, stored,
                                         /*new_epoch=*/decision.reports.size() > reports.size(),
                                         RunHasDiverged(decision.reports, stored)));
    }
    if (directive == ReportDirective::kContinue) {
      VIZSLA_ASSIGN_OR_RETURN(directive, DecidePruning(writer, study, std::move(stored)));
      VIZSLA_RETURN_IF_ERROR(PruneLosers(writer, study, trial.stage, effects));
    }
    VIZSLA_RETURN_IF_ERROR(StopIfDue(writer, study, effects));
    if (study.state == StudyState::kFinished) directive = ReportDirective::kCancel;
    return absl::OkStatus();
  };
  VIZSLA_RETURN_IF_ERROR(Commit(change, {report.checkpoint_hash, last_checkpoint}));
  if (!repeated) ++counters_.epochs_reported;
  return directive;
}

absl::StatusOr<Trial> SchedulerImpl::StoreTrial(TrialWriter& writer, const Study& study,
                                                const Trial& before, Trial after,
                                                std::span<const EpochReport> reports,
                                                Effects& effects) {
  Retention retention = Retain(study.spec.objective, before, std::move(after), reports);
  for (const EpochReport& report : retention.cleared) {
    VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(before.id, report));
  }
  effects.released.insert(effects.released.end(), retention.released.begin(),
                          retention.released.end());
  VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(retention.trial));
  return std::move(retention.trial);
}

absl::StatusOr<Trial> SchedulerImpl::Complete(TrialId trial_id, AttemptNumber attempt,
                                              const Completion& completion) {
  Trial result;
  const Change change = [&](TrialWriter& writer, Effects& effects) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, FindLeased(writer, trial_id));
    if (!HoldsLease(trial, attempt)) {
      // The answer to the first try may have been lost.
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<AttemptRow> attempts,
                              writer.ListAttempts(trial_id));
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, writer.ListReports(trial_id));
      for (const AttemptRow& row : attempts) {
        if (row.attempt != attempt || !row.ended_at) continue;
        if (row.outcome == completion.outcome ||
            row.outcome == TrueOutcome(completion.outcome, reports, trial)) {
          result = trial;
          return absl::OkStatus();
        }
      }
      return CheckLease(trial, attempt);
    }
    const std::string& checkpoint = completion.last_checkpoint;
    if (!checkpoint.empty() && !artifacts_.Exists(checkpoint)) {
      return absl::FailedPreconditionError(StrCat("the last checkpoint of trial ", trial.number,
                                                  " (", checkpoint,
                                                  ") is not stored; upload it first"));
    }
    VIZSLA_ASSIGN_OR_RETURN(Study study, writer.GetStudy(trial.study));
    VIZSLA_ASSIGN_OR_RETURN(result, EndRunningAttempt(writer, std::move(study), trial, completion,
                                                      clock_.Now(), effects));
    return absl::OkStatus();
  };
  VIZSLA_RETURN_IF_ERROR(Commit(change, {completion.last_checkpoint}));
  return result;
}

absl::StatusOr<Trial> SchedulerImpl::EndRunningAttempt(TrialWriter& writer, Study study,
                                                       const Trial& trial,
                                                       const Completion& completion,
                                                       Timestamp trained_until, Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(const Trial stored,
                          CloseAttempt(writer, study, trial, completion, trained_until, effects));
  VIZSLA_RETURN_IF_ERROR(FinishIfDone(writer, study, effects));
  if (stored.state != TrialState::kPaused) return stored;
  return writer.GetTrial(trial.id);  // the study's end may have pruned it
}

absl::StatusOr<Trial> SchedulerImpl::CloseAttempt(TrialWriter& writer, const Study& study,
                                                  const Trial& trial, const Completion& completion,
                                                  Timestamp trained_until, Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, writer.ListReports(trial.id));
  VIZSLA_ASSIGN_OR_RETURN(Trial ended, EndAttempt(study, trial, reports, completion, clock_.Now()));
  VIZSLA_ASSIGN_OR_RETURN(Trial stored,
                          StoreTrial(writer, study, trial, std::move(ended), reports, effects));
  VIZSLA_RETURN_IF_ERROR(EndAttemptRow(writer, trial,
                                       TrueOutcome(completion.outcome, reports, trial),
                                       completion.reason, trained_until));
  ObserveTrial(stored);
  VIZSLA_RETURN_IF_ERROR(CountEnd(writer, study, stored));
  if (stored.state == TrialState::kInfeasible && completion.on_any_worker) {
    VIZSLA_RETURN_IF_ERROR(EndHopelessRuns(writer, study, stored, effects));
  }
  VIZSLA_RETURN_IF_ERROR(PruneLosers(writer, study, stored.stage, effects));
  effects.ended.push_back({trial.id, trial.attempt});
  effects.changed = true;
  return stored;
}

absl::Status SchedulerImpl::EndAttemptRow(TrialWriter& writer, const Trial& trial,
                                          AttemptOutcome outcome, const std::string& reason,
                                          Timestamp trained_until) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<AttemptRow> attempts, writer.ListAttempts(trial.id));
  for (AttemptRow row : attempts) {
    if (row.attempt != trial.attempt) continue;
    row.outcome = outcome;
    row.reason = reason;
    row.ended_at = std::max(row.started_at, trained_until);
    return writer.UpsertAttempt(row);
  }
  return absl::DataLossError(StrCat("attempt ", trial.attempt.value(), " of trial id ",
                                    trial.id.value(), " is not in the database"));
}

absl::Status SchedulerImpl::AppendLogs(TrialId trial_id, AttemptNumber attempt,
                                       const std::vector<std::string>& lines) {
  if (lines.empty()) return absl::OkStatus();
  const Timestamp now = clock_.Now();
  return Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, FindLeased(writer, trial_id));
    // The last lines of an attempt may arrive after its end, but not those of an older one.
    if (trial.attempt != attempt) return CheckLease(trial, attempt);
    for (const std::string& line : lines) {
      VIZSLA_RETURN_IF_ERROR(writer.AppendLog(trial_id, {attempt, now, ShortenedLine(line)}));
    }
    return writer.TrimLogs(trial_id, kLogLinesKept);
  });
}

}  // namespace vizsla
