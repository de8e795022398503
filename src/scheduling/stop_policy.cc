#include "src/scheduling/stop_policy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "src/study/objective.h"

namespace vizsla {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

bool HasFiniteScore(const Trial& trial) { return trial.score && std::isfinite(*trial.score); }

bool Reaches(Direction direction, double score, double target) {
  return direction == Direction::kMaximize ? score >= target : score <= target;
}

bool Improves(const StudySpec& spec, const Trial& trial, const std::optional<double>& best) {
  if (!MayWin(trial) || !HasFiniteScore(trial)) return false;
  if (!best) return true;
  const double gain = spec.objective.direction == Direction::kMaximize ? *trial.score - *best
                                                                       : *best - *trial.score;
  return gain > spec.stop.min_delta;
}

bool CountsAsEnded(TrialState state) {
  return state == TrialState::kCompleted || state == TrialState::kPruned ||
         state == TrialState::kDiverged;
}

int64_t LimitOf(int64_t limit) { return limit == 0 ? kUnlimited : limit; }

absl::Status Tighter(std::string_view rule, const std::string& stored, const std::string& given) {
  return absl::FailedPreconditionError(
      StrCat("a study's stopping rules can only be loosened: stop.", rule, " is ", stored,
             ", given ", given, " (vizsla stop ends a study now)"));
}

absl::Status CheckLimit(std::string_view rule, int64_t stored, int64_t given) {
  if (LimitOf(given) >= LimitOf(stored)) return absl::OkStatus();
  return Tighter(rule, stored == 0 ? "none" : StrCat(stored), StrCat(given));
}

}  // namespace

absl::Status CheckStopRules(const StopRules& rules) {
  if (rules.target && !std::isfinite(*rules.target)) {
    return absl::InvalidArgumentError("stop.target is no finite number");
  }
  if (rules.epochs < 0 || rules.no_improvement_trials < 0) {
    return absl::InvalidArgumentError("stop: a number of epochs or trials is negative");
  }
  if (!(rules.min_delta >= 0) || std::isinf(rules.min_delta)) {
    return absl::InvalidArgumentError("stop.min_delta must be at least 0");
  }
  return absl::OkStatus();
}

absl::StatusOr<StopRules> LoosenStopRules(const StopRules& stored, const StopRules& given,
                                          Direction direction) {
  if (given.target) {
    // The stored target must lie on the way to the given one.
    if (!stored.target || !Reaches(direction, *given.target, *stored.target)) {
      return Tighter("target", stored.target ? StrCat(*stored.target) : "none",
                     StrCat(*given.target));
    }
  }
  VIZSLA_RETURN_IF_ERROR(CheckLimit("epochs", stored.epochs, given.epochs));
  VIZSLA_RETURN_IF_ERROR(CheckLimit("no_improvement_trials", stored.no_improvement_trials,
                                    given.no_improvement_trials));
  if (given.no_improvement_trials > 0 && given.min_delta > stored.min_delta) {
    return Tighter("min_delta", StrCat(stored.min_delta), StrCat(given.min_delta));
  }
  return given;
}

StopProgress AfterReport(const StudySpec& spec, const StopProgress& progress, const Trial& trial,
                         bool new_epoch, bool diverged) {
  StopProgress next = progress;
  if (new_epoch) ++next.epochs;
  const bool reached = spec.stop.target && !diverged && MayWin(trial) && HasFiniteScore(trial) &&
                       Reaches(spec.objective.direction, *trial.score, *spec.stop.target);
  if (reached && next.target_trial == 0) {
    next.target_trial = trial.number;
    next.target_score = *trial.score;
  }
  return next;
}

StopProgress AfterEnd(const StudySpec& spec, const StopProgress& progress, const Trial& trial) {
  const bool ended = CountsAsEnded(trial.state);
  if (!ended && trial.state != TrialState::kPaused) return progress;
  if (trial.stage < progress.stage) return progress;
  StopProgress next = progress;
  if (trial.stage > next.stage) {
    next.stage = trial.stage;
    next.ended = 0;
    next.best.reset();
  }
  if (Improves(spec, trial, next.best)) {
    next.best = trial.score;
    next.ended = 0;
  } else if (ended) {
    ++next.ended;
  }
  return next;
}

StopProgress CountAnew(const StudySpec& spec, std::span<const Trial> trials, int64_t epochs) {
  StopProgress progress;
  progress.epochs = epochs;
  std::vector<const Trial*> in_order;
  for (const Trial& trial : trials) in_order.push_back(&trial);
  const auto key = [](const Trial* trial) {
    return std::tuple(trial->stage, trial->finished_at.value_or(Timestamp::max()), trial->number);
  };
  std::sort(in_order.begin(), in_order.end(),
            [&](const Trial* a, const Trial* b) { return key(a) < key(b); });
  for (const Trial* trial : in_order) {
    progress = AfterReport(spec, progress, *trial, /*new_epoch=*/false,
                           trial->state == TrialState::kDiverged);
    progress = AfterEnd(spec, progress, *trial);
  }
  progress.stages_over = progress.stage - 1;
  return progress;
}

StopDecision DecideStop(const StudySpec& spec, const StopProgress& progress) {
  using Kind = StopDecision::Kind;
  const StopRules& rules = spec.stop;
  if (rules.target && progress.target_trial > 0) {
    return {Kind::kEndStudy, StrCat("target ", *rules.target, " reached by trial ",
                                    progress.target_trial, " (", progress.target_score, ")")};
  }
  if (rules.epochs > 0 && progress.epochs >= rules.epochs) {
    return {Kind::kEndStudy, StrCat("all ", rules.epochs, " epochs of stop.epochs are spent")};
  }
  if (rules.no_improvement_trials > 0 && progress.ended >= rules.no_improvement_trials) {
    std::string reason = StrCat("no improvement in ", progress.ended, " trials");
    if (progress.best) absl::StrAppend(&reason, " on ", *progress.best);
    if (progress.stage >= StageCount(spec)) return {Kind::kEndStudy, std::move(reason)};
    if (progress.stages_over < progress.stage) return {Kind::kEndStage, std::move(reason)};
  }
  return {};
}

}  // namespace vizsla
