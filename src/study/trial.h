// A trial: one configuration, trained in one or more attempts, and its state machine.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/clock.h"
#include "src/study/configuration.h"
#include "src/study/ids.h"

namespace vizsla {

// Persisted: never renumber.
enum class TrialState : int {
  kQueued = 0,
  kRunning = 1,
  kPaused = 2,  // waits at a rung with its checkpoint
  kCompleted = 3,
  kPruned = 4,
  kFailed = 5,      // crashed too often, or an error that another attempt would repeat
  kDiverged = 6,    // NaN or infinite loss
  kInfeasible = 7,  // cannot run here: out of memory, impossible shape
  kCancelled = 8,
};

// Lower-case words, as in JSON: "queued", "running", ...
std::string_view ToText(TrialState state);
absl::StatusOr<TrialState> TrialStateFromText(std::string_view text);
bool IsFinished(TrialState state);

// The arrows of docs/architecture.md; any other move is a bug or a stale message.
bool CanMove(TrialState from, TrialState to);

// How an attempt ended. Persisted: never renumber.
enum class AttemptOutcome : int {
  kRunning = 0,
  kCompleted = 1,
  kPruned = 2,
  kPaused = 3,
  kDiverged = 4,
  kInfeasible = 5,
  kFailed = 6,     // the worker said so; not tried again
  kCrashed = 7,    // the lease ran out, or the worker said that it is dying; spends a retry
  kPreempted = 8,  // given back in order (SIGTERM, drain); spends no retry
  kCancelled = 9,
};
std::string_view ToText(AttemptOutcome outcome);

// Metric names are lower-case words: train_loss, train_accuracy, val_loss, val_accuracy,
// val_top5_accuracy.
using Metrics = std::map<std::string, double>;

// One finished epoch. Epochs count from 1.
struct EpochReport {
  int epoch = 0;
  AttemptNumber attempt;
  Metrics metrics;
  Milliseconds duration{0};
  Timestamp reported_at{};
  std::string checkpoint_hash;  // of this epoch's weights; empty when none was uploaded
};

// What a trial takes over from another trial of its study before its first attempt. Its source is
// decided once, when that one has ended, and stored, so that every attempt starts from the same
// bytes.
struct WarmStart {
  // Persisted: never renumber.
  enum class Kind : int {
    kNone = 0,
    kTrial = 1,              // a given trial's configuration and best weights
    kBest = 2,               // those of the best trial
    kBestConfiguration = 3,  // the best trial's configuration alone
  };
  Kind kind = Kind::kNone;
  int64_t trial = 0;       // the source's number; 0: not decided yet
  std::string checkpoint;  // artifact hash of its best weights; empty: not decided, or none wanted
  bool operator==(const WarmStart&) const = default;
};
// "none", "trial", "best", "best configuration".
std::string_view ToText(WarmStart::Kind kind);

// Of a trial that goes on from where another one of its study stands, with some parameters changed:
// population-based training (src/pruning/population_pruner.h). All but `checkpoint` is set when the
// trial is created and never changes.
struct Lineage {
  int64_t parent = 0;    // whose checkpoint it goes on from; 0: it begins by itself
  int parent_epoch = 0;  // epochs of that checkpoint: the trial's own begin after it
  int64_t member =
      0;  // whose place in the population it takes: the number of the first trial there
  std::string checkpoint;  // artifact hash, resumable; empty once the trial has ended
  bool operator==(const Lineage&) const = default;
};

struct Trial {
  TrialId id;
  StudyId study;
  int64_t number = 0;  // 1, 2, 3 ... within the study; the stream key of its randomness
  int stage = 1;       // of the study: the stages run one after another
  // The first run of the same configuration; 0: this is it. See trial_groups.h.
  int64_t repeat_of = 0;
  bool final_run = false;  // a repeat after the search, on a fresh seed, without pruning
  std::string name;        // from `enqueue:`, or as edited since; may be empty
  std::string notes;
  // While its source is not decided, only what replaces the source's.
  Configuration configuration;
  WarmStart warm_start;  // with a parent: the parent's
  Lineage lineage;
  TrialState state = TrialState::kQueued;
  AttemptNumber attempt;  // of the newest lease; 0 before the first
  int crashes = 0;        // attempts that ended kCrashed
  int epoch = 0;  // the newest reported epoch of the current run; lineage.parent_epoch before it
  int rung = 0;   // of its pruner: how many it has been promoted past
  std::optional<double> score;  // as Score() in objective.h says; may be NaN
  int best_epoch = 0;           // 0 when there is no score
  // Of the study's further objectives, in their order, at best_epoch; NaN where the report lacks
  // one. Empty without a score or without such objectives.
  std::vector<double> further_values;
  std::string best_checkpoint;  // artifact hash of best_epoch's weights
  std::string last_checkpoint;  // artifact hash to resume from; empty before the first
  int last_checkpoint_epoch = 0;
  std::string worker;  // who trains it, or did last: "host:pid/group"
  std::string reason;  // why it ended as it did, one sentence; empty for COMPLETED by epochs
  Timestamp created_at{};
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> finished_at;
  // Its best checkpoint was removed to keep within the coordinator's byte budget, so that
  // best_checkpoint is empty. Score and history stay.
  bool checkpoint_dropped = false;
};

// How many epochs the checkpoint holds that the next attempt resumes from: its own, or its
// parent's; 0 when it starts from the beginning.
int ResumeEpoch(const Trial& trial);
// The number of the trial with which its place in the population began: its own without a parent.
int64_t MemberOf(const Trial& trial);

// QUEUED, but its source has not been decided: no worker may have it yet.
bool IsWaiting(const Trial& trial);

}  // namespace vizsla
