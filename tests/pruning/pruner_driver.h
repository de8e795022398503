// Tells a pruner step by step what a scheduler would tell it of trials that a test moves by hand.
#pragma once

#include <map>
#include <memory>

#include "src/pruning/pruner.h"

namespace vizsla {

class PrunerDriver {
 public:
  PrunerDriver(const PrunerSpec& spec, const PrunerContext& context)
      : epochs_(context.max_epochs), pruner_(MakePruner(spec, context).value()) {}

  Pruner& operator*() { return *pruner_; }
  Pruner* operator->() { return pruner_.get(); }

  void Create(int64_t trial) { (void)Row(trial); }
  void SetPlanned(int64_t trial, int epochs) {
    Row(trial).planned_epochs = epochs;
    pruner_->Observe(Row(trial));
  }
  PruneDecision Report(int64_t trial, int epoch, double value, int attempt = 1) {
    PrunerTrial& row = Row(trial);
    row.state = TrialState::kRunning;
    row.epoch = epoch;
    pruner_->Observe(row);
    pruner_->ObserveReport(trial, epoch, AttemptNumber(attempt), value);
    return pruner_->Decide(trial);
  }
  void Move(int64_t trial, TrialState state) {
    Row(trial).state = state;
    pruner_->Observe(Row(trial));
  }
  void Pause(int64_t trial) { Move(trial, TrialState::kPaused); }
  // It runs at once.
  void Promote(int64_t trial) {
    ++Row(trial).rung;
    Move(trial, TrialState::kRunning);
  }

 private:
  PrunerTrial& Row(int64_t trial) {
    const auto [row, is_new] =
        rows_.try_emplace(trial, PrunerTrial{trial, TrialState::kQueued, 0, epochs_, 0});
    if (is_new) pruner_->Observe(row->second);
    return row->second;
  }

  const int epochs_;
  std::unique_ptr<Pruner> pruner_;
  std::map<int64_t, PrunerTrial> rows_;
};

}  // namespace vizsla
