#include "src/cli/wire_views.h"

#include <utility>

#include "src/rpc/convert.h"

namespace vizsla {

absl::StatusOr<StudyView> ToView(const v1::Study& study) {
  StudyView view;
  VIZSLA_ASSIGN_OR_RETURN(view.study, FromProto(study));
  view.trial_counts = {study.trial_counts().begin(), study.trial_counts().end()};
  view.test_uses = study.test_uses();
  if (study.has_planned_trials()) view.planned_trials = study.planned_trials();
  return view;
}

absl::StatusOr<LeaderboardView> ToView(const v1::Leaderboard& board) {
  LeaderboardView view;
  VIZSLA_ASSIGN_OR_RETURN(view.study, ToView(board.study()));
  view.total_trials = board.total_trials();
  view.total_rows = board.total_rows();
  if (board.has_eta_ms()) view.eta = Milliseconds(board.eta_ms());
  for (const v1::LeaderboardRow& row : board.rows()) {
    LeaderboardRowView row_view;
    VIZSLA_ASSIGN_OR_RETURN(row_view.trial, FromProto(row.trial()));
    row_view.rank = row.rank();
    if (row.has_search()) {
      VIZSLA_ASSIGN_OR_RETURN(row_view.search_runs, FromProto(row.search()));
    }
    if (row.has_final_runs()) {
      VIZSLA_ASSIGN_OR_RETURN(row_view.final_runs, FromProto(row.final_runs()));
    }
    row_view.front = row.front();
    row_view.running_epoch = row.running_epoch();
    row_view.steps_done = row.steps_done();
    row_view.steps_total = row.steps_total();
    row_view.elapsed = Milliseconds(row.elapsed_ms());
    if (row.has_eta_ms()) row_view.eta = Milliseconds(row.eta_ms());
    row_view.metrics = {row.metrics().begin(), row.metrics().end()};
    view.rows.push_back(std::move(row_view));
  }
  return view;
}

absl::StatusOr<TrialView> ToView(const v1::GetTrialResponse& response) {
  TrialView view;
  VIZSLA_ASSIGN_OR_RETURN(view.study, FromProto(response.study()));
  VIZSLA_ASSIGN_OR_RETURN(view.trial, FromProto(response.trial()));
  view.runs.assign(response.trial().runs().begin(), response.trial().runs().end());
  for (const v1::EpochReport& epoch : response.epochs()) {
    VIZSLA_ASSIGN_OR_RETURN(EpochReport report, FromProto(epoch));
    view.epochs.push_back(std::move(report));
  }
  for (const v1::Attempt& attempt : response.attempts()) {
    AttemptView attempt_view;
    attempt_view.attempt = attempt.attempt();
    attempt_view.worker = attempt.worker();
    attempt_view.outcome = attempt.outcome();
    attempt_view.reason = attempt.reason();
    attempt_view.started_at = FromUnixMillis(attempt.started_unix_ms());
    if (attempt.has_ended_unix_ms()) {
      attempt_view.ended_at = FromUnixMillis(attempt.ended_unix_ms());
    }
    view.attempts.push_back(std::move(attempt_view));
  }
  return view;
}

}  // namespace vizsla
