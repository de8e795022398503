// Pruners decide which trials are worth more epochs. Like samplers they are deterministic state
// machines: no I/O, no clock, no randomness, no threads. What one answers is a function of the
// newest row and reports of each trial, so that a pruner that was rebuilt from the stored ones, in
// any order and with repetitions, answers what the live one would have answered.
//
// How a scheduler uses one, everything within the change that stores what it is about:
// - a trial is created or changed: Observe; an epoch is reported: ObserveReport, then Decide while
//   it says kPromote;
// - a worker asks for work: queued trials first, then NextToResume, then a new trial; when there
//   can be no new one, ObserveLastTrial and once more NextToResume. Nothing is left when that is
//   empty and no trial is queued or running;
// - after each of these: ToPrune, then NextToReplace until it says no more.
// Promoting is storing the trial with `rung` one higher: the one fact that is stored for the
// pruner's sake.
//
// Values that are not finite rank after all numbers, equal ones by trial number (objective.h), and
// a trial is never promoted on one. Nothing is decided for a trial at its last planned epoch:
// it is about to complete.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "src/base/status.h"
#include "src/study/ids.h"
#include "src/study/objective.h"
#include "src/study/pruner_options.h"
#include "src/study/trial.h"

namespace vizsla {

enum class PruneDecision {
  kContinue,
  kPromote,  // go on past a rung: store `rung` one higher and observe that, then ask again
  kPause,    // save a checkpoint and give the lease back
  kPrune,
};

// What a pruner wants to know of a trial's row.
struct PrunerTrial {
  int64_t number = 0;
  TrialState state = TrialState::kQueued;
  int epoch = 0;           // the newest of the current run; 0 before the first
  int planned_epochs = 0;  // the budget, or the trial's own parameter `epochs`
  int rung = 0;  // promotions so far: the trial trains towards rung 0, 1, ..., or waits there
  int checkpoint_epoch = 0;  // of its own resumable checkpoint; 0: there is none
  // As in Lineage: of a trial that goes on from another one's checkpoint.
  int64_t parent = 0;
  int parent_epoch = 0;
  int64_t member = 0;
  bool operator==(const PrunerTrial&) const = default;
};

// One that goes on from another trial's checkpoint takes the place of `loser`, which ends unless it
// has ended.
struct Replacement {
  int64_t loser = 0;
  std::vector<int64_t> sources;  // any of these will do; not empty; in order of rank
  bool operator==(const Replacement&) const = default;
};

// Not thread-safe.
class Pruner {
 public:
  virtual ~Pruner() = default;

  // The newest row of a trial replaces what was known of it. Repetitions are harmless.
  virtual void Observe(const PrunerTrial& trial) = 0;
  // `value` is the study's objective. Of several reports of one epoch the newest attempt's counts;
  // those of an abandoned run, beyond the row's epoch, do not. Repetitions are harmless, and the
  // order does not matter, not even that of reports and rows.
  virtual void ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt,
                             double value) = 0;
  // No trial after this one will be created, unless the budget is raised: then the pruner is made
  // anew.
  virtual void ObserveLastTrial(int64_t /*trial_number*/) {}

  // What a RUNNING trial should do after its newest epoch. A trial that did not do as told, because
  // its worker died, is told again at its next epoch.
  virtual PruneDecision Decide(int64_t trial_number) const = 0;
  // The PAUSED trial that is to be promoted and to go on before a new one is started.
  virtual std::optional<int64_t> NextToResume() const { return std::nullopt; }
  // PAUSED trials that will never go on, by number. The others are pruned when the study ends.
  virtual std::vector<int64_t> ToPrune() const { return {}; }
  // Replacing is storing the loser's end and a new trial with a Lineage, and observing both.
  virtual std::optional<Replacement> NextToReplace() const { return std::nullopt; }
};

// What of its study a pruner depends on.
struct PrunerContext {
  Direction direction = Direction::kMaximize;
  int max_epochs = 0;       // the budget of one trial
  int64_t first_trial = 1;  // the number of the first trial that it looks after (of its stage)
};

// InvalidArgument names the option and its fault.
absl::StatusOr<std::unique_ptr<Pruner>> MakePruner(const PrunerSpec& spec,
                                                   const PrunerContext& context);

}  // namespace vizsla
