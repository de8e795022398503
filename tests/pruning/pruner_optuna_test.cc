// Decisions of the pruners that Optuna has too, compared with those that Optuna 5.0.0 made on the
// same curves.
#include <gtest/gtest.h>

#include <array>

#include "src/pruning/pruner.h"
#include "tests/pruning/recorded_curves.h"

namespace vizsla {
namespace {

PrunerSpec SpecOf(const RecordedCase& recorded) {
  const auto& options = recorded.options;
  const auto number = [&](const char* name) { return static_cast<int>(options.at(name)); };
  const auto bound = [&](const char* name) {
    return options.contains(name) ? std::optional(options.at(name)) : std::nullopt;
  };
  if (recorded.kind == "median") {
    return MedianOptions{number("startup_trials"), number("min_epochs"), number("interval"),
                         number("min_trials")};
  }
  if (recorded.kind == "percentile") {
    return PercentileOptions{options.at("percentile"), number("startup_trials"),
                             number("min_epochs"), number("interval"), number("min_trials")};
  }
  if (recorded.kind == "threshold") {
    return ThresholdOptions{bound("lower"), bound("upper"), number("min_epochs"),
                            number("interval")};
  }
  if (recorded.kind == "patience") {
    return PatienceOptions{number("patience"), options.at("min_delta"), 1};
  }
  EXPECT_EQ(recorded.kind, "asha_stop");
  return AshaOptions{AshaOptions::Variant::kStop, number("min_epochs"), number("eta")};
}

// One more epoch of the trial. Returns whether it goes on.
PruneDecision ReportNext(Pruner& pruner, PrunerTrial& trial, double value) {
  ++trial.epoch;
  pruner.Observe(trial);
  pruner.ObserveReport(trial.number, trial.epoch, AttemptNumber(1), value);
  for (;;) {
    const PruneDecision decision = pruner.Decide(trial.number);
    if (decision != PruneDecision::kPromote) return decision;
    ++trial.rung;
    pruner.Observe(trial);
  }
}

// The script's four workers in turn.
std::vector<int> PrunedAt(const RecordedCase& recorded) {
  const Curves& curves = Recorded().curves.at(recorded.curves);
  const int epochs = static_cast<int>(curves[0].size());
  const auto pruner = MakePruner(SpecOf(recorded), {recorded.direction, epochs, 1}).value();
  std::vector<int> pruned(curves.size(), 0);
  std::array<PrunerTrial, 4> slots;  // free ones have number 0
  size_t started = 0;
  size_t ended = 0;
  while (ended < curves.size()) {
    for (PrunerTrial& trial : slots) {
      if (trial.number == 0 && started < curves.size()) {
        trial = {static_cast<int64_t>(++started), TrialState::kRunning, 0, epochs, 0};
      }
      if (trial.number == 0) continue;
      const auto index = static_cast<size_t>(trial.number) - 1;
      const PruneDecision decision =
          ReportNext(*pruner, trial, curves[index][static_cast<size_t>(trial.epoch)]);
      EXPECT_NE(decision, PruneDecision::kPause);
      if (decision == PruneDecision::kPrune) {
        pruned[index] = trial.epoch;
        trial.state = TrialState::kPruned;
      } else if (trial.epoch == epochs) {
        trial.state = TrialState::kCompleted;
      } else {
        continue;
      }
      pruner->Observe(trial);
      trial = {};
      ++ended;
    }
  }
  return pruned;
}

TEST(PrunersAgainstOptuna, DecideTheSame) {
  ASSERT_EQ(Recorded().cases.size(), 16u);
  for (const RecordedCase& recorded : Recorded().cases) {
    SCOPED_TRACE(recorded.text);
    ASSERT_EQ(recorded.pruned_at.size(), 40u);
    EXPECT_EQ(PrunedAt(recorded), recorded.pruned_at);
  }
}

}  // namespace
}  // namespace vizsla
