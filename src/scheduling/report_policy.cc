#include "src/scheduling/report_policy.h"

#include <cmath>

#include "src/scheduling/fencing.h"
#include "src/scheduling/run_reports.h"

namespace vizsla {
namespace {

bool SameMetrics(const Metrics& a, const Metrics& b) {
  if (a.size() != b.size()) return false;
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
    const bool equal = x->second == y->second || (std::isnan(x->second) && std::isnan(y->second));
    if (x->first != y->first || !equal) return false;
  }
  return true;
}

// The checkpoint of an epoch that is no longer the best has been let go of since: its hash may be
// gone from the stored report.
bool SameReport(const EpochReport& stored, const EpochReport& given) {
  return SameMetrics(stored.metrics, given.metrics) &&
         (stored.checkpoint_hash.empty() || stored.checkpoint_hash == given.checkpoint_hash);
}

const EpochReport* FindReport(std::span<const EpochReport> reports, const EpochReport& wanted) {
  for (const EpochReport& report : reports) {
    if (report.epoch == wanted.epoch && report.attempt == wanted.attempt) return &report;
  }
  return nullptr;
}

// 0 before the attempt's first report.
int NewestEpochOf(std::span<const EpochReport> reports, AttemptNumber attempt) {
  int newest = 0;
  for (const EpochReport& report : reports) {
    if (report.attempt == attempt) newest = std::max(newest, report.epoch);
  }
  return newest;
}

absl::Status CheckMetrics(const Study& study, const EpochReport& report) {
  const Objective& objective = study.spec.objective;
  if (!report.metrics.contains(objective.metric)) {
    return absl::InvalidArgumentError(StrCat("the report of epoch ", report.epoch, " lacks ",
                                             objective.metric, ", the study's objective"));
  }
  if (!report.metrics.contains(objective.select_by)) {
    return absl::InvalidArgumentError(StrCat("the report of epoch ", report.epoch, " lacks ",
                                             objective.select_by,
                                             ", by which the study selects the epoch"));
  }
  for (const FurtherObjective& further : objective.further) {
    if (report.metrics.contains(further.metric)) continue;
    return absl::InvalidArgumentError(
        StrCat("the report of epoch ", report.epoch, " lacks ", further.metric,
               ", one of the study's objectives; an older worker does not measure it"));
  }
  return absl::OkStatus();
}

absl::Status CheckEpoch(const ReportInput& input, bool starts_over, int newest) {
  const EpochReport& report = input.report;
  const int planned = PlannedEpochs(input.study.spec, input.trial);
  if (report.epoch < 1 || report.epoch > planned) {
    return absl::InvalidArgumentError(
        StrCat("epoch ", report.epoch, " is outside the trial's budget of ", planned, " epochs"));
  }
  const int expected = (newest > 0 ? newest : ResumeEpoch(input.trial)) + 1;
  if (report.epoch != expected && !starts_over) {
    return absl::InvalidArgumentError(StrCat("attempt ", report.attempt.value(), " of trial ",
                                             input.trial.number, " reports epoch ", report.epoch,
                                             ", but epoch ", expected, " is the next"));
  }
  return absl::OkStatus();
}

}  // namespace

ReportDirective DirectiveFor(const Study& study, const Trial& trial,
                             std::span<const EpochReport> reports) {
  switch (study.state) {
    case StudyState::kStopped:
      return ReportDirective::kPreempt;
    case StudyState::kFinished:
      return ReportDirective::kCancel;
    case StudyState::kActive:
      break;
  }
  return RunHasDiverged(reports, trial) ? ReportDirective::kPrune : ReportDirective::kContinue;
}

absl::StatusOr<ReportDecision> DecideReport(const ReportInput& input) {
  const EpochReport& report = input.report;
  const Objective& objective = input.study.spec.objective;
  VIZSLA_RETURN_IF_ERROR(CheckLease(input.trial, report.attempt));

  ReportDecision decision;
  decision.trial = input.trial;
  if (const EpochReport* stored = FindReport(input.reports, report)) {
    if (!SameReport(*stored, report)) {
      return absl::FailedPreconditionError(StrCat("attempt ", report.attempt.value(), " of trial ",
                                                  input.trial.number, " has reported epoch ",
                                                  report.epoch, " already, with other values"));
    }
    decision.repeated = true;
    decision.reports.assign(input.reports.begin(), input.reports.end());
    decision.directive = DirectiveFor(input.study, decision.trial, decision.reports);
    return decision;
  }

  const int newest = NewestEpochOf(input.reports, report.attempt);
  const bool starts_over = report.epoch == input.trial.lineage.parent_epoch + 1 && newest == 0;
  VIZSLA_RETURN_IF_ERROR(CheckEpoch(input, starts_over, newest));
  VIZSLA_RETURN_IF_ERROR(CheckMetrics(input.study, report));
  if (!input.checkpoint_exists) {
    return absl::FailedPreconditionError(StrCat("the checkpoint of epoch ", report.epoch, " (",
                                                report.checkpoint_hash,
                                                ") is not stored; upload it before the report"));
  }
  if (!input.last_checkpoint_exists) {
    return absl::FailedPreconditionError(StrCat("the last checkpoint of epoch ", report.epoch, " (",
                                                input.last_checkpoint,
                                                ") is not stored; upload it before the report"));
  }
  // Weights that are not finite are worth no checkpoint: the run has diverged and cannot win.
  const bool becomes_best =
      BecomesBest(objective, UpToEpoch(input.reports, report.epoch - 1), report);
  if (becomes_best && report.checkpoint_hash.empty() && !HasDiverged(report)) {
    return absl::FailedPreconditionError(
        StrCat("epoch ", report.epoch, " of trial ", input.trial.number,
               " is a new best, but the report names no checkpoint"));
  }

  decision.reports = WithReport(input.reports, report);
  decision.trial.epoch = report.epoch;
  if (starts_over) {
    decision.trial.last_checkpoint.clear();
    decision.trial.last_checkpoint_epoch = 0;
  }
  if (!input.last_checkpoint.empty()) {
    decision.trial.last_checkpoint = input.last_checkpoint;
    decision.trial.last_checkpoint_epoch = report.epoch;
  }
  UpdateScore(objective, decision.reports, decision.trial);
  decision.directive = DirectiveFor(input.study, decision.trial, decision.reports);
  return decision;
}

}  // namespace vizsla
