// The log of a study: what changed of it, and what was decided, in order. From the events alone the
// rows that sampler, pruner, stages and stopping rules looked at can be rebuilt as they were at
// each decision (replay.h); the tables keep only the newest ones.
//
// A row of the log holds the events of one change. Encoded: for each a number that says its kind,
// then its fields; integers of variable length, doubles of eight bytes, texts with their length.
// An epoch costs about 40 bytes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/base/status.h"
#include "src/pruning/pruner.h"
#include "src/scheduling/logged_trial.h"
#include "src/scheduling/stop_policy.h"
#include "src/scheduling/trial_store.h"
#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla {

// Raised whenever a sampler, a pruner or what comes next in a study decides otherwise than before
// from the same inputs.
inline constexpr int kDecisionAlgorithms = 2;

// --- what changed: the inputs of decisions ---

// Who decides from here on.
struct ProgramEvent {
  std::string version;
  int algorithms = kDecisionAlgorithms;
  bool operator==(const ProgramEvent&) const = default;
};

// The study was made, or has another specification (a raised budget) or state.
struct StudyEvent {
  bool created = false;
  StudyState state = StudyState::kActive;
  std::optional<std::string> spec_json;  // nullopt: as before
};

struct TrialCreatedEvent {
  int64_t number = 0;
  LoggedTrial trial;
};

struct TrialChangedEvent {
  int64_t number = 0;
  LoggedTrial changes;
};

// An epoch was accepted. The values are those of LoggedParts.
struct ReportEvent {
  int64_t number = 0;
  int epoch = 0;
  int64_t attempt = 0;
  bool diverged = false;  // by any of its metrics
  std::vector<double> values;
};

// What a new study has learnt of an earlier one, in the order of learn_from.
struct LearnedEvent {
  std::string study;
  std::vector<LearnedTrial> trials;  // `study` of each is the one above
};

// --- what was decided; what follows from it comes after it ---

// The paused trial that goes on, or 0: the trial created next was drawn.
struct NextEvent {
  int64_t resumed = 0;
};
struct PruneEvent {  // of a running trial after a report
  int64_t number = 0;
  PruneDecision decision = PruneDecision::kContinue;
};
struct LosersEvent {  // the stage's paused trials that will never go on; often none
  int stage = 1;
  std::vector<int64_t> numbers;
};
struct SourcesEvent {  // so many trials that waited for a source are decided next
  int64_t count = 0;
};
struct StalledEvent {  // paused trials that end because others wait for them and nothing else runs
  std::vector<int64_t> numbers;
};
struct StageEvent {  // the stages before are over; its enqueued trials are created next
  int stage = 2;
};
struct FinishEvent {
  enum class Why { kNoWork = 0, kWallTime = 1 };
  Why why = Why::kNoWork;
  int64_t active_ms = 0;
};
struct RepeatsEvent {  // the runs that this configuration lacks are created next, if any
  int64_t first = 0;
};
// No worker can train the configuration of `ended`: its queued runs that nobody has trained end
// with it; often none. Not in logs of programs that did not note it.
struct HopelessEvent {
  int64_t ended = 0;
  std::vector<int64_t> numbers;
};
struct FinalRunsEvent {};  // the search is over: paused trials end, then final runs are created
// In a population `loser` gives its place to a new trial that goes on from `source`. Zeros: none
// does, which is the last word after each of the others.
struct ReplaceEvent {
  int stage = 1;
  int64_t loser = 0;
  int64_t source = 0;
};
// What stopping rules look at, after it was counted.
struct CountEvent {
  enum class Why { kReport = 0, kEnd = 1, kOtherRules = 2 };
  Why why = Why::kReport;
  int64_t number = 0;  // the trial that was counted; 0: all of them
  StopProgress progress;
};
struct StopEvent {  // what stopping rules say
  StopDecision decision;
};

// The order is not persisted.
using LogEvent = std::variant<ProgramEvent, StudyEvent, TrialCreatedEvent, TrialChangedEvent,
                              ReportEvent, LearnedEvent, NextEvent, PruneEvent, LosersEvent,
                              SourcesEvent, StalledEvent, StageEvent, FinishEvent, RepeatsEvent,
                              FinalRunsEvent, ReplaceEvent, CountEvent, StopEvent, HopelessEvent>;

// Appends to `bytes`.
void Encode(const LogEvent& event, std::string& bytes);
// DataLoss for bytes that are no events, or those of a newer program.
absl::StatusOr<std::vector<LogEvent>> DecodeEvents(std::string_view bytes);

}  // namespace vizsla
