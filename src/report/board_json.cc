#include <cmath>

#include "src/report/leaderboard.h"
#include "src/report/runs.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

using Json = nlohmann::ordered_json;

Json Seconds(Milliseconds duration) { return duration.count() / 1000.0; }

Json OptionalSeconds(const std::optional<Milliseconds>& duration) {
  return duration.has_value() ? Seconds(*duration) : Json(nullptr);
}

Json OptionalTime(const std::optional<Timestamp>& time) {
  return time.has_value() ? Json(FormatTimeRfc3339(*time)) : Json(nullptr);
}

Json OptionalNumber(const std::optional<double>& value) {
  return value.has_value() ? NumberToJson(*value) : Json(nullptr);
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json ParamsOf(const Configuration& configuration) {
  Json params = Json::object();
  for (const auto& [name, value] : configuration) params[name] = ToJson(value);
  return params;
}

Json WarmStartToJson(const WarmStart& start) {
  if (start.kind == WarmStart::Kind::kNone) return nullptr;
  return {{"from", ToText(start.kind)},
          {"trial", start.trial > 0 ? Json(start.trial) : Json(nullptr)},
          {"checkpoint", TextOrNull(start.checkpoint)}};
}

Json LineageToJson(const Lineage& lineage) {
  if (lineage.parent == 0) return nullptr;
  return {{"trial", lineage.parent}, {"epoch", lineage.parent_epoch}, {"member", lineage.member}};
}

// Of a study of several objectives: each metric's value.
Json ObjectivesToJson(const StudySpec& spec, const Trial& trial) {
  Json json = {{spec.objective.metric, OptionalNumber(trial.score)}};
  for (size_t i = 0; i < spec.objective.further.size(); ++i) {
    json[spec.objective.further[i].metric] =
        i < trial.further_values.size() ? NumberToJson(trial.further_values[i]) : Json(nullptr);
  }
  return json;
}

// The fields that a leaderboard's row and a trial's page have in common.
Json TrialFields(const StudySpec& spec, const Trial& trial) {
  Json json;
  json["trial"] = trial.number;
  json["name"] = TextOrNull(trial.name);
  json["state"] = ToText(trial.state);
  json["objective"] = OptionalNumber(trial.score);
  if (!spec.objective.further.empty()) json["objectives"] = ObjectivesToJson(spec, trial);
  json["epoch"] = trial.epoch;
  json["epochs"] = PlannedEpochs(spec, trial);
  json["best_epoch"] = trial.best_epoch > 0 ? Json(trial.best_epoch) : Json(nullptr);
  json["params"] = ParamsOf(trial.configuration);
  json["notes"] = TextOrNull(trial.notes);
  json["stage"] = trial.stage;
  json["init_from"] = WarmStartToJson(trial.warm_start);
  json["parent"] = LineageToJson(trial.lineage);
  json["repeat_of"] = trial.repeat_of > 0 ? Json(trial.repeat_of) : Json(nullptr);
  json["final_run"] = trial.final_run;
  json["worker"] = TextOrNull(trial.worker);
  json["attempt"] = trial.attempt.value();
  json["crashes"] = trial.crashes;
  json["reason"] = TextOrNull(trial.reason);
  json["checkpoint"] = TextOrNull(trial.best_checkpoint);
  json["checkpoint_dropped"] = trial.checkpoint_dropped;
  json["created_at"] = FormatTimeRfc3339(trial.created_at);
  json["started_at"] = OptionalTime(trial.started_at);
  json["finished_at"] = OptionalTime(trial.finished_at);
  return json;
}

}  // namespace

Json NumberToJson(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json MetricsToJson(const Metrics& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = NumberToJson(value);
  return json;
}

std::string ToPrettyText(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json LeaderboardToJson(const LeaderboardView& board) {
  Json rows = Json::array();
  for (const LeaderboardRowView& row : board.rows) {
    Json json = TrialFields(board.study.study.spec, row.trial);
    json["rank"] = row.rank > 0 ? Json(row.rank) : Json(nullptr);
    json["search_runs"] = RunsToJson(row.search_runs);
    json["final_runs"] = RunsToJson(row.final_runs);
    if (!board.study.study.spec.objective.further.empty()) {
      json["front"] = row.front > 0 ? Json(row.front) : Json(nullptr);
    }
    json["metrics"] = MetricsToJson(row.metrics);
    json["elapsed_seconds"] = Seconds(row.elapsed);
    json["eta_seconds"] = OptionalSeconds(row.eta);
    if (row.trial.state == TrialState::kRunning && row.steps_total > 0) {
      json["progress"] = {{"epoch", row.running_epoch},
                          {"steps_done", row.steps_done},
                          {"steps_total", row.steps_total}};
    } else {
      json["progress"] = nullptr;
    }
    rows.push_back(std::move(json));
  }
  return rows;
}

Json TrialToJson(const TrialView& view) {
  Json json = TrialFields(view.study.spec, view.trial);
  json["study"] = view.study.spec.name;
  json["objective_metric"] = view.study.spec.objective.metric;
  json["runs"] = view.runs;
  Json epochs = Json::array();
  for (const EpochReport& report : view.epochs) {
    epochs.push_back({{"epoch", report.epoch},
                      {"attempt", report.attempt.value()},
                      {"metrics", MetricsToJson(report.metrics)},
                      {"seconds", Seconds(report.duration)},
                      {"reported_at", FormatTimeRfc3339(report.reported_at)},
                      {"checkpoint", TextOrNull(report.checkpoint_hash)}});
  }
  json["history"] = std::move(epochs);
  Json attempts = Json::array();
  for (const AttemptView& attempt : view.attempts) {
    attempts.push_back({{"attempt", attempt.attempt},
                        {"worker", TextOrNull(attempt.worker)},
                        {"outcome", attempt.outcome},
                        {"reason", TextOrNull(attempt.reason)},
                        {"started_at", FormatTimeRfc3339(attempt.started_at)},
                        {"ended_at", OptionalTime(attempt.ended_at)}});
  }
  json["attempts"] = std::move(attempts);
  return json;
}

Json StudyToJson(const StudyView& view) {
  const Study& study = view.study;
  Json json;
  json["study"] = study.spec.name;
  json["state"] = ToText(study.state);
  json["notes"] = TextOrNull(study.notes);
  json["objective_metric"] = study.spec.objective.metric;
  json["direction"] =
      study.spec.objective.direction == Direction::kMinimize ? "minimize" : "maximize";
  json["planned_trials"] =
      view.planned_trials.has_value() ? Json(*view.planned_trials) : Json(nullptr);
  json["trials"] = Json::object();
  for (const auto& [state, count] : view.trial_counts) json["trials"][state] = count;
  json["test_uses"] = view.test_uses;
  json["dataset_fingerprint"] = TextOrNull(study.inputs.dataset_fingerprint);
  json["split_hash"] = TextOrNull(study.inputs.split_hash);
  json["weights_hash"] = TextOrNull(study.inputs.weights_hash);
  json["created_at"] = FormatTimeRfc3339(study.created_at);
  json["finished_at"] = OptionalTime(study.finished_at);
  json["active_seconds"] = Seconds(study.active_time);
  json["end_reason"] = TextOrNull(study.end_reason);
  json["learned"] = TextOrNull(study.learned);
  return json;
}

}  // namespace vizsla
