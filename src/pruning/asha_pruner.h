// Asynchronous successive halving: Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht, Talwalkar, "A
// System for Massively Parallel Hyperparameter Tuning", MLSys 2020.
//
// kPromote is its algorithm 2: a trial that has filled a rung goes on when it is among the best
// floor(n/eta) of the n members that the rung has by then. If it is not, it waits, and is promoted
// when enough worse ones have come; the highest rung is served first. As in the paper a rung may
// promote more than floor(n/eta) of its final n, since some of those that led early are overtaken
// later (about sqrt(n) of them, its section 3.2): without that the best trial could find its place
// taken. One thing is added: when no trial is left to start, run or promote and none has completed
// (too few for the upper rungs), the best one of the highest rung goes on, so that a study ends
// with a model that was trained to the end.
//
// kStop (Ray's and Optuna's "ASHA") decides once, when the trial fills the rung: go on among the
// best max(1, floor(n/eta)) members, or end.
#pragma once

#include "src/pruning/rung_ladder.h"

namespace vizsla {

class AshaPruner final : public Pruner {
 public:
  AshaPruner(const AshaOptions& options, const PrunerContext& context);

  void Observe(const PrunerTrial& trial) override { ladder_.Observe(trial); }
  void ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt,
                     double value) override {
    ladder_.ObserveReport(trial_number, epoch, attempt, value);
  }
  void ObserveLastTrial(int64_t /*trial_number*/) override { all_created_ = true; }

  PruneDecision Decide(int64_t trial_number) const override;
  std::optional<int64_t> NextToResume() const override;

 private:
  int64_t PlacesOf(const Rung& rung) const;

  const AshaOptions options_;
  RungLadder ladder_;
  bool all_created_ = false;
};

}  // namespace vizsla
