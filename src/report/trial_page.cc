#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/str_cat.h"
#include "src/report/leaderboard.h"
#include "src/report/text.h"
#include "src/report/trial_text.h"

namespace vizsla {
namespace {

// Train beside validation, losses first; metrics that are not known here follow by name.
std::vector<std::string> OrderMetrics(const std::vector<EpochReport>& epochs) {
  static constexpr std::array<const char*, 5> kUsual = {"train_loss", "val_loss", "train_accuracy",
                                                        "val_accuracy", "val_top5_accuracy"};
  std::set<std::string> names;
  for (const EpochReport& report : epochs) {
    for (const auto& [name, value] : report.metrics) names.insert(name);
  }
  std::vector<std::string> ordered;
  for (const char* name : kUsual) {
    if (names.erase(name) > 0) ordered.emplace_back(name);
  }
  ordered.insert(ordered.end(), names.begin(), names.end());
  return ordered;
}

std::string RenderEpochs(const TrialView& view, const RenderOptions& options) {
  const std::vector<std::string> names = OrderMetrics(view.epochs);
  const bool several_attempts = std::any_of(
      view.epochs.begin(), view.epochs.end(),
      [&](const EpochReport& report) { return report.attempt != view.epochs.front().attempt; });
  Table table;
  table.columns = {{"epoch", Align::kRight}};
  for (const std::string& name : names) table.columns.push_back({name, Align::kRight});
  table.columns.push_back({"time", Align::kRight});
  if (several_attempts) table.columns.push_back({"attempt", Align::kRight});
  table.columns.push_back({""});
  for (const EpochReport& report : view.epochs) {
    const bool best = report.epoch == view.trial.best_epoch;
    const Tint tint = best ? Tint::kGood : Tint::kPlain;
    std::vector<Cell> cells = {{StrCat(report.epoch), tint}};
    for (const std::string& name : names) {
      const auto it = report.metrics.find(name);
      cells.push_back({it == report.metrics.end() ? "-" : FormatMetric(it->second), tint});
    }
    cells.push_back({FormatDuration(report.duration)});
    if (several_attempts) cells.push_back({StrCat(report.attempt.value())});
    cells.push_back({!best ? "" : view.study.spec.objective.last_epoch ? "kept" : "best", tint});
    table.rows.push_back(std::move(cells));
  }
  return RenderTable(table, options);
}

std::string RenderAttempts(const TrialView& view, const RenderOptions& options) {
  Table table;
  table.columns = {{"attempt", Align::kRight}, {"outcome"}, {"started"},
                   {"time", Align::kRight},    {"worker"},  {"reason", Align::kLeft, true}};
  for (const AttemptView& attempt : view.attempts) {
    table.rows.push_back(
        {{StrCat(attempt.attempt)},
         {attempt.outcome},
         {FormatTime(attempt.started_at)},
         {attempt.ended_at.has_value() ? FormatDuration(*attempt.ended_at - attempt.started_at)
                                       : ""},
         {attempt.worker, Tint::kDim},
         {attempt.reason}});
  }
  return RenderTable(table, options);
}

// A line, or nothing for a trial that starts from nothing.
std::string DescribeWarmStart(const Trial& trial) {
  const WarmStart& start = trial.warm_start;
  const bool known = start.trial > 0;
  const std::string source =
      known ? StrCat("trial ", start.trial) : "the best trial, not known yet";
  switch (start.kind) {
    case WarmStart::Kind::kNone:
      return "";
    case WarmStart::Kind::kBestConfiguration:
      return StrCat("varies the configuration of ", source, "\n");
    case WarmStart::Kind::kTrial:
    case WarmStart::Kind::kBest:
      break;
  }
  if (start.checkpoint.empty()) {
    return StrCat(IsFinished(trial.state) ? "was to start from " : "waits to start from ", source,
                  "\n");
  }
  return StrCat("starts from ", source, ", checkpoint ", start.checkpoint.substr(0, 12), "\n");
}

// A line, or nothing for the only run of its configuration.
std::string DescribeRuns(const TrialView& view) {
  if (view.runs.size() < 2) return "";
  const Trial& trial = view.trial;
  return StrCat(trial.final_run       ? StrCat("final run of trial ", trial.repeat_of)
                : trial.repeat_of > 0 ? StrCat("repeat of trial ", trial.repeat_of)
                                      : std::string("first run"),
                "; runs of this configuration: ", absl::StrJoin(view.runs, ", "), "\n");
}

}  // namespace

std::string RenderTrialHeader(const TrialView& view, const RenderOptions& options) {
  const Trial& trial = view.trial;
  const StudySpec& spec = view.study.spec;
  std::string text = StrCat(Paint(StrCat("Trial ", trial.number, " of ", SafeText(spec.name)),
                                  Tint::kBold, options.color),
                            trial.name.empty() ? "" : StrCat(" (", SafeText(trial.name), ")"), "  ",
                            Paint(ToText(trial.state), TintOf(trial.state), options.color),
                            "  epoch ", trial.epoch, "/", PlannedEpochs(spec, trial), "\n");
  if (!spec.stages.empty() && trial.stage <= StageCount(spec)) {
    absl::StrAppend(&text, SafeText(DescribeStage(spec, trial.stage)), "\n");
  }
  absl::StrAppend(&text, DescribeWarmStart(trial), DescribeRuns(view));
  if (const Lineage& lineage = trial.lineage; lineage.parent != 0) {
    absl::StrAppend(&text, "goes on from epoch ", lineage.parent_epoch, " of trial ",
                    lineage.parent, ", in place ", lineage.member, " of the population\n");
  }
  if (trial.score.has_value()) {
    absl::StrAppend(&text, spec.objective.metric, " ", FormatMetric(*trial.score));
    for (size_t i = 0; i < spec.objective.further.size(); ++i) {
      absl::StrAppend(&text, ", ", spec.objective.further[i].metric, " ", FurtherText(trial, i));
    }
    absl::StrAppend(&text, " at epoch ", trial.best_epoch, "\n");
  }
  if (trial.checkpoint_dropped) {
    absl::StrAppend(&text, "its checkpoint was removed to keep within the byte budget\n");
  }
  if (!trial.reason.empty()) absl::StrAppend(&text, SafeText(trial.reason), "\n");
  if (!trial.notes.empty()) absl::StrAppend(&text, SafeLines(trial.notes), "\n");
  return text;
}

std::string RenderTrial(const TrialView& view, const RenderOptions& options) {
  const Trial& trial = view.trial;
  std::string text = RenderTrialHeader(view, options);
  absl::StrAppend(&text, "\n");
  Table params;
  params.columns = {{"parameter"}, {"value"}};
  for (const auto& [name, value] : trial.configuration) {
    params.rows.push_back({{name}, {ToText(value)}});
  }
  text += RenderTable(params, options);
  if (!view.epochs.empty()) absl::StrAppend(&text, "\n", RenderEpochs(view, options));
  if (!view.attempts.empty()) absl::StrAppend(&text, "\n", RenderAttempts(view, options));
  return text;
}

std::string RenderStudies(const std::vector<StudyView>& studies, const RenderOptions& options) {
  if (studies.empty()) return "No studies.\n";
  Table table;
  table.columns = {{"study", Align::kLeft, true}, {"state"},   {"trials"},
                   {"test uses", Align::kRight},  {"created"}, {"active", Align::kRight}};
  for (const StudyView& view : studies) {
    table.rows.push_back({{view.study.spec.name, Tint::kBold},
                          {std::string(ToText(view.study.state)), TintOf(view.study.state)},
                          {TrialCountsText(view)},
                          {StrCat(view.test_uses)},
                          {FormatTime(view.study.created_at)},
                          {FormatDuration(view.study.active_time)}});
  }
  return RenderTable(table, options);
}

}  // namespace vizsla
