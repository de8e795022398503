#include "src/report/trial_text.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/str_cat.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

std::string_view DirectionWord(Direction direction) {
  return direction == Direction::kMinimize ? "lower is better" : "higher is better";
}

}  // namespace

Tint TintOf(TrialState state) {
  switch (state) {
    case TrialState::kRunning:
      return Tint::kBusy;
    case TrialState::kCompleted:
      return Tint::kGood;
    case TrialState::kFailed:
    case TrialState::kDiverged:
    case TrialState::kInfeasible:
      return Tint::kBad;
    case TrialState::kPaused:
    case TrialState::kPruned:
      return Tint::kWarning;
    case TrialState::kQueued:
    case TrialState::kCancelled:
      return Tint::kDim;
  }
  return Tint::kPlain;
}

Tint TintOf(StudyState state) {
  switch (state) {
    case StudyState::kActive:
      return Tint::kBusy;
    case StudyState::kStopped:
      return Tint::kWarning;
    case StudyState::kFinished:
      return Tint::kGood;
  }
  return Tint::kPlain;
}

bool EndedInTrouble(TrialState state) {
  return state == TrialState::kFailed || state == TrialState::kInfeasible ||
         state == TrialState::kDiverged;
}

std::string TroubleText(const Trial& trial) {
  return trial.reason.empty() ? "no reason was given" : trial.reason;
}

std::string TroubleTextOfRow(const LeaderboardRowView& row) {
  if (EndedInTrouble(row.trial.state)) return TroubleText(row.trial);
  const auto& runs = row.final_runs ? row.final_runs : row.search_runs;
  if (!runs) return TroubleText(row.trial);
  return StrCat("one of the runs ", absl::StrJoin(runs->trials, ", "), " of its configuration");
}

std::string TrialCountsText(const StudyView& study) {
  int64_t total = 0;
  std::vector<std::string> parts;
  // The order of a trial's life, not the alphabet's.
  for (int i = 0; i <= static_cast<int>(TrialState::kCancelled); ++i) {
    const std::string state(ToText(static_cast<TrialState>(i)));
    const auto it = study.trial_counts.find(state);
    if (it == study.trial_counts.end() || it->second == 0) continue;
    total += it->second;
    parts.push_back(StrCat(it->second, " ", state));
  }
  std::string text = study.planned_trials.has_value() && *study.planned_trials > total
                         ? StrCat(total, " of ", Count(*study.planned_trials, "trial"))
                         : Count(total, "trial");
  if (!parts.empty()) absl::StrAppend(&text, ": ", absl::StrJoin(parts, ", "));
  return text;
}

std::string RenderStudyHeader(const StudyView& view, const std::optional<Milliseconds>& eta,
                              const RenderOptions& options) {
  const StudySpec& spec = view.study.spec;
  std::string text =
      StrCat(Paint(SafeText(spec.name), Tint::kBold, options.color), "  ",
             Paint(ToText(view.study.state), TintOf(view.study.state), options.color), "  ",
             TrialCountsText(view));
  if (eta.has_value() && view.study.state == StudyState::kActive) {
    absl::StrAppend(&text, "  ETA ", FormatDuration(*eta));
  }
  text += "\n";
  std::string ranked = StrCat("ranked by ", spec.objective.metric, " (",
                              DirectionWord(spec.objective.direction), ")");
  for (const FurtherObjective& further : spec.objective.further) {
    const bool first = &further == &spec.objective.further.front();
    ranked += StrCat(first ? " against " : ", ", further.metric, " (",
                     DirectionWord(further.direction), ")");
  }
  if (spec.objective.last_epoch) {
    absl::StrAppend(&ranked, " of the last epoch");
  } else if (spec.objective.select_by != spec.objective.metric) {
    absl::StrAppend(&ranked, " of the epoch with the best ", spec.objective.select_by);
  }
  absl::StrAppend(&ranked, "; test split used ",
                  view.test_uses == 0   ? std::string("never")
                  : view.test_uses == 1 ? std::string("once")
                                        : StrCat(view.test_uses, " times"));
  if (view.study.active_time.count() > 0) {
    absl::StrAppend(&ranked, "; active for ", FormatDuration(view.study.active_time));
  }
  absl::StrAppend(&text, Paint(ranked, Tint::kDim, options.color), "\n");
  if (!view.study.end_reason.empty()) {
    absl::StrAppend(&text, std::string(ToText(view.study.state)), ": ",
                    SafeText(view.study.end_reason), "\n");
  }
  if (!view.study.learned.empty()) {
    absl::StrAppend(&text, Paint(SafeText(view.study.learned), Tint::kDim, options.color), "\n");
  }
  return text;
}

std::string FurtherText(const Trial& trial, size_t further) {
  if (further >= trial.further_values.size()) return "-";
  const double value = trial.further_values[further];
  constexpr double kExact = 1e15;
  const bool whole = std::abs(value) < kExact && value == std::floor(value) && value > 1;
  return whole ? StrCat(static_cast<int64_t>(value)) : FormatMetric(value);
}

}  // namespace vizsla
