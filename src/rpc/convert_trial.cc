#include <algorithm>
#include <cstdint>

#include "src/rpc/convert.h"
#include "src/rpc/convert_internal.h"

namespace vizsla {

using convert_internal::CheckAtLeast;
using convert_internal::CheckHashOrEmpty;
using convert_internal::MetricsFromProto;
using convert_internal::MetricsToProto;
using convert_internal::Refuse;

v1::TrialState ToProto(TrialState state) {
  switch (state) {
    case TrialState::kQueued:
      return v1::TRIAL_STATE_QUEUED;
    case TrialState::kRunning:
      return v1::TRIAL_STATE_RUNNING;
    case TrialState::kPaused:
      return v1::TRIAL_STATE_PAUSED;
    case TrialState::kCompleted:
      return v1::TRIAL_STATE_COMPLETED;
    case TrialState::kPruned:
      return v1::TRIAL_STATE_PRUNED;
    case TrialState::kFailed:
      return v1::TRIAL_STATE_FAILED;
    case TrialState::kDiverged:
      return v1::TRIAL_STATE_DIVERGED;
    case TrialState::kInfeasible:
      return v1::TRIAL_STATE_INFEASIBLE;
    case TrialState::kCancelled:
      return v1::TRIAL_STATE_CANCELLED;
  }
  return v1::TRIAL_STATE_UNSPECIFIED;
}

absl::StatusOr<TrialState> FromProto(v1::TrialState state) {
  for (int i = 0; i <= static_cast<int>(TrialState::kCancelled); ++i) {
    if (ToProto(static_cast<TrialState>(i)) == state) return static_cast<TrialState>(i);
  }
  return Refuse("trial.state", StrCat("unknown value ", static_cast<int>(state)));
}

absl::StatusOr<AttemptOutcome> AttemptOutcomeFromText(std::string_view text) {
  std::string known;
  for (int i = 0; i <= static_cast<int>(AttemptOutcome::kCancelled); ++i) {
    const AttemptOutcome outcome = static_cast<AttemptOutcome>(i);
    if (ToText(outcome) == text) return outcome;
    absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(ToText(outcome)));
  }
  return Refuse("outcome", StrCat("'", std::string(text), "' is none of ", known));
}

namespace {

v1::WarmStartKind ToProto(WarmStart::Kind kind) {
  switch (kind) {
    case WarmStart::Kind::kNone:
      return v1::WARM_START_KIND_UNSPECIFIED;
    case WarmStart::Kind::kTrial:
      return v1::WARM_START_KIND_TRIAL;
    case WarmStart::Kind::kBest:
      return v1::WARM_START_KIND_BEST;
    case WarmStart::Kind::kBestConfiguration:
      return v1::WARM_START_KIND_BEST_CONFIGURATION;
  }
  return v1::WARM_START_KIND_UNSPECIFIED;
}

absl::StatusOr<Lineage> FromProto(const v1::Lineage& lineage) {
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("trial.lineage.parent", lineage.parent(), 1));
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("trial.lineage.parent_epoch", lineage.parent_epoch(), 1));
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("trial.lineage.member", lineage.member(), 1));
  VIZSLA_RETURN_IF_ERROR(CheckHashOrEmpty("trial.lineage.checkpoint", lineage.checkpoint()));
  return Lineage{lineage.parent(), lineage.parent_epoch(), lineage.member(), lineage.checkpoint()};
}

absl::StatusOr<WarmStart> FromProto(const v1::WarmStart& start) {
  WarmStart out;
  for (int i = 0;; ++i) {
    if (i > static_cast<int>(WarmStart::Kind::kBestConfiguration)) {
      return Refuse("trial.warm_start.kind",
                    StrCat("unknown value ", static_cast<int>(start.kind())));
    }
    out.kind = static_cast<WarmStart::Kind>(i);
    if (ToProto(out.kind) == start.kind()) break;
  }
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("trial.warm_start.trial", start.trial(), 0));
  out.trial = start.trial();
  VIZSLA_RETURN_IF_ERROR(CheckHashOrEmpty("trial.warm_start.checkpoint", start.checkpoint()));
  out.checkpoint = start.checkpoint();
  return out;
}

}  // namespace

v1::EpochReport ToProto(const EpochReport& report) {
  v1::EpochReport out;
  out.set_epoch(report.epoch);
  out.set_attempt(report.attempt.value());
  MetricsToProto(report.metrics, out.mutable_metrics());
  out.set_duration_ms(report.duration.count());
  out.set_reported_unix_ms(ToUnixMillis(report.reported_at));
  out.set_checkpoint_hash(report.checkpoint_hash);
  return out;
}

absl::StatusOr<EpochReport> FromProto(const v1::EpochReport& report) {
  EpochReport out;
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("report.epoch", report.epoch(), 1));
  out.epoch = report.epoch();
  out.attempt = AttemptNumber(report.attempt());
  VIZSLA_ASSIGN_OR_RETURN(out.metrics, MetricsFromProto("report.metrics", report.metrics()));
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("report.duration_ms", report.duration_ms(), 0));
  out.duration = Milliseconds(report.duration_ms());
  out.reported_at = FromUnixMillis(report.reported_unix_ms());
  VIZSLA_RETURN_IF_ERROR(CheckHashOrEmpty("report.checkpoint_hash", report.checkpoint_hash()));
  out.checkpoint_hash = report.checkpoint_hash();
  return out;
}

v1::Trial ToProto(const Trial& trial) {
  v1::Trial out;
  out.set_id(trial.id.value());
  out.set_study_id(trial.study.value());
  out.set_number(trial.number);
  out.set_name(trial.name);
  out.set_notes(trial.notes);
  out.set_configuration_json(ToJsonText(trial.configuration));
  out.set_state(ToProto(trial.state));
  out.set_attempt(trial.attempt.value());
  out.set_crashes(trial.crashes);
  out.set_epoch(trial.epoch);
  if (trial.score) out.set_score(*trial.score);
  out.set_best_epoch(trial.best_epoch);
  out.set_best_checkpoint(trial.best_checkpoint);
  out.set_last_checkpoint(trial.last_checkpoint);
  out.set_last_checkpoint_epoch(trial.last_checkpoint_epoch);
  out.set_worker(trial.worker);
  out.set_reason(ToUtf8(trial.reason));
  out.set_created_unix_ms(ToUnixMillis(trial.created_at));
  if (trial.started_at) out.set_started_unix_ms(ToUnixMillis(*trial.started_at));
  if (trial.finished_at) out.set_finished_unix_ms(ToUnixMillis(*trial.finished_at));
  out.set_stage(trial.stage);
  out.set_checkpoint_dropped(trial.checkpoint_dropped);
  if (trial.warm_start.kind != WarmStart::Kind::kNone) {
    v1::WarmStart* start = out.mutable_warm_start();
    start->set_kind(ToProto(trial.warm_start.kind));
    start->set_trial(trial.warm_start.trial);
    start->set_checkpoint(trial.warm_start.checkpoint);
  }
  if (trial.lineage.parent != 0) {
    v1::Lineage* lineage = out.mutable_lineage();
    lineage->set_parent(trial.lineage.parent);
    lineage->set_parent_epoch(trial.lineage.parent_epoch);
    lineage->set_member(trial.lineage.member);
    lineage->set_checkpoint(trial.lineage.checkpoint);
  }
  out.set_repeat_of(trial.repeat_of);
  out.set_final_run(trial.final_run);
  out.mutable_further_values()->Add(trial.further_values.begin(), trial.further_values.end());
  return out;
}

absl::StatusOr<Trial> FromProto(const v1::Trial& trial) {
  Trial out;
  out.id = TrialId(trial.id());
  out.study = StudyId(trial.study_id());
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("trial.number", trial.number(), 1));
  out.number = trial.number();
  out.name = trial.name();
  out.notes = trial.notes();
  absl::StatusOr<Configuration> configuration =
      ConfigurationFromJsonText(trial.configuration_json());
  if (!configuration.ok()) {
    return Refuse("trial.configuration_json", std::string(configuration.status().message()));
  }
  out.configuration = *std::move(configuration);
  VIZSLA_ASSIGN_OR_RETURN(out.state, FromProto(trial.state()));
  out.attempt = AttemptNumber(trial.attempt());
  out.crashes = trial.crashes();
  out.epoch = trial.epoch();
  if (trial.has_score()) out.score = trial.score();
  out.best_epoch = trial.best_epoch();
  VIZSLA_RETURN_IF_ERROR(CheckHashOrEmpty("trial.best_checkpoint", trial.best_checkpoint()));
  out.best_checkpoint = trial.best_checkpoint();
  VIZSLA_RETURN_IF_ERROR(CheckHashOrEmpty("trial.last_checkpoint", trial.last_checkpoint()));
  out.last_checkpoint = trial.last_checkpoint();
  out.last_checkpoint_epoch = trial.last_checkpoint_epoch();
  out.worker = trial.worker();
  out.reason = trial.reason();
  out.created_at = FromUnixMillis(trial.created_unix_ms());
  if (trial.has_started_unix_ms()) out.started_at = FromUnixMillis(trial.started_unix_ms());
  if (trial.has_finished_unix_ms()) out.finished_at = FromUnixMillis(trial.finished_unix_ms());
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("trial.stage", trial.stage(), 0));
  out.checkpoint_dropped = trial.checkpoint_dropped();
  out.stage = std::max(1, trial.stage());  // an older coordinator knows of none
  if (trial.has_warm_start()) {
    VIZSLA_ASSIGN_OR_RETURN(out.warm_start, FromProto(trial.warm_start()));
  }
  if (trial.has_lineage()) {
    VIZSLA_ASSIGN_OR_RETURN(out.lineage, FromProto(trial.lineage()));
  }
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("trial.repeat_of", trial.repeat_of(), 0));
  out.repeat_of = trial.repeat_of();
  out.final_run = trial.final_run();
  out.further_values.assign(trial.further_values().begin(), trial.further_values().end());
  return out;
}

v1::RepeatedRuns ToProto(const RunsSummary& runs) {
  v1::RepeatedRuns out;
  out.mutable_trials()->Assign(runs.trials.begin(), runs.trials.end());
  out.set_state(ToProto(runs.state));
  out.set_scored(runs.scored);
  if (runs.mean) out.set_mean(*runs.mean);
  if (runs.half_width) out.set_half_width(*runs.half_width);
  return out;
}

absl::StatusOr<RunsSummary> FromProto(const v1::RepeatedRuns& runs) {
  RunsSummary out;
  out.trials.assign(runs.trials().begin(), runs.trials().end());
  VIZSLA_ASSIGN_OR_RETURN(out.state, FromProto(runs.state()));
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("runs.scored", runs.scored(), 0));
  out.scored = runs.scored();
  if (runs.has_mean()) out.mean = runs.mean();
  if (runs.has_half_width()) out.half_width = runs.half_width();
  return out;
}

v1::Attempt ToProto(const AttemptRow& attempt) {
  v1::Attempt out;
  out.set_attempt(attempt.attempt.value());
  out.set_worker(attempt.worker);
  out.set_outcome(std::string(ToText(attempt.outcome)));
  out.set_reason(ToUtf8(attempt.reason));
  out.set_started_unix_ms(ToUnixMillis(attempt.started_at));
  if (attempt.ended_at) out.set_ended_unix_ms(ToUnixMillis(*attempt.ended_at));
  return out;
}

absl::StatusOr<AttemptRow> FromProto(const v1::Attempt& attempt, TrialId trial) {
  AttemptRow out;
  out.trial = trial;
  out.attempt = AttemptNumber(attempt.attempt());
  out.worker = attempt.worker();
  VIZSLA_ASSIGN_OR_RETURN(out.outcome, AttemptOutcomeFromText(attempt.outcome()));
  out.reason = attempt.reason();
  out.started_at = FromUnixMillis(attempt.started_unix_ms());
  if (attempt.has_ended_unix_ms()) out.ended_at = FromUnixMillis(attempt.ended_unix_ms());
  return out;
}

v1::LogLine ToProto(const LogRow& line) {
  v1::LogLine out;
  out.set_unix_ms(ToUnixMillis(line.at));
  out.set_attempt(line.attempt.value());
  out.set_text(ToUtf8(line.text));
  return out;
}

LogRow FromProto(const v1::LogLine& line) {
  return LogRow{AttemptNumber(line.attempt()), FromUnixMillis(line.unix_ms()), line.text()};
}

}  // namespace vizsla
