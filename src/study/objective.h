// A trial's score and the ranking of trials: the one place that knows ties and NaN. Used by the
// coordinator, the worker (is this epoch a new best?) and the leaderboard alike. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/study/trial.h"

namespace vizsla {

enum class Direction : int { kMinimize = 0, kMaximize = 1 };  // persisted

// What a study weighs against its first objective (pareto.h): another metric of the epoch that the
// first one selects. It selects nothing itself.
struct FurtherObjective {
  std::string metric = "parameters";
  Direction direction = Direction::kMinimize;
  bool operator==(const FurtherObjective&) const = default;
};

// `metric` is what the leaderboard ranks; the epoch that is best by `select_by` (default: the
// metric itself) gives the score and the best checkpoint. The campaign: val_accuracy, selected by
// val_loss.
struct Objective {
  std::string metric = "val_accuracy";
  Direction direction = Direction::kMaximize;
  std::string select_by = "val_accuracy";
  Direction select_direction = Direction::kMaximize;
  // The newest epoch gives both, whatever select_by says: Keras' EarlyStopping with
  // restore_best_weights=False (`early_stopping: {restore: last}`).
  bool last_epoch = false;
  std::vector<FurtherObjective> further{};  // empty: the metric alone counts
  bool operator==(const Objective&) const = default;
};

// What a trained network costs. Reported with every epoch of a study that asks for them, and with
// no other: a metric of theirs stands only where it is an objective.
inline constexpr char kParametersMetric[] = "parameters";  // weights, biases, scales and shifts
inline constexpr char kMultiplyAddsMetric[] = "multiply_adds";  // of one photo's inference
inline constexpr char kModelBytesMetric[] = "model_bytes";  // of the tensors in model.safetensors
inline constexpr char kLatencyMetric[] = "latency_ms";      // one photo, on the worker's device
bool IsCostMetric(std::string_view metric);

// Losses and costs are minimized, everything else is maximized, unless the user says otherwise.
Direction DefaultDirection(std::string_view metric);

// Of the metric and the further ones, in order: never empty.
std::vector<Direction> DirectionsOf(const Objective& objective);
// "val_accuracy" or "val_accuracy, parameters".
std::string MetricsText(const Objective& objective);

// Whether a is strictly better than b. NaN is worse than every number and no better than NaN.
bool IsBetter(Direction direction, double a, double b);

struct Score {
  int epoch = 0;     // the selected epoch
  double value = 0;  // that epoch's objective metric; may be NaN
};

// Over the reports of one trial, in any order. The earliest epoch wins a tie. Nullopt when no
// report has both metrics. An epoch whose select_by is NaN is chosen only when all are, or when it
// is the last and the last one counts.
std::optional<Score> SelectScore(const Objective& objective, std::span<const EpochReport> reports);

// Whether adding `candidate` (replacing a report of the same epoch) makes it the selected epoch.
bool BecomesBest(const Objective& objective, std::span<const EpochReport> reports,
                 const EpochReport& candidate);

// A metric that must be finite is not: the trial has diverged. Looks at all metrics of the report.
bool HasDiverged(const EpochReport& report);

// Order of the leaderboard: scored trials by score, the smaller number first among equals; NaN
// after all numbers; trials without a score last, by number. DIVERGED, FAILED, INFEASIBLE and
// CANCELLED trials have no rank and stand after the ranked ones (the best among them never wins).
// With further objectives these break ties, in their order, and a trial that lacks a finite value
// of one stands with the NaN ones: so the first of this order is on the Pareto front.
bool RanksBefore(const Objective& objective, const Trial& a, const Trial& b);

// A trial's place in that order without the trial: RanksBefore(a, b) is RankOf(a) < RankOf(b).
struct Rank {
  int group = 0;                       // scored, not a number, unscored, unranked
  double loss = 0;                     // of the score; smaller is better. 0 outside the first group
  std::vector<double> further_losses;  // likewise; empty outside the first group
  int64_t number = 0;
  std::partial_ordering operator<=>(const Rank&) const = default;
  bool HasScore() const { return group <= 1; }  // of one that may win; it may be no number
};
Rank RankOf(const Objective& objective, const Trial& trial);

bool MayWin(const Trial& trial);
// A finite score, and as finite a value for each further objective.
bool HasFiniteValues(const Objective& objective, const Trial& trial);

}  // namespace vizsla
