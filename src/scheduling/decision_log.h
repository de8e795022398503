// The log of a study: what changed of it, and what was decided, in order. From the events alone the
// rows that sampler, pruner and stages looked at can be rebuilt as they were at each decision
// (replay.h); the tables keep only the newest ones.
//
// A row of the log holds the events of one change. Encoded: for each a number that says its kind,
// then its fields; integers of variable length, doubles of eight bytes, texts with their length.
// An epoch costs about 30 bytes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/base/status.h"
#include "src/pruning/pruner.h"
#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla {

// Raised whenever a sampler, a pruner or what comes next in a study decides otherwise than before
// from the same inputs.
inline constexpr int kDecisionAlgorithms = 1;

// Checkpoints are known in the log by the beginning of their hash.
inline constexpr size_t kLoggedHash = 12;

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
  bool operator==(const StudyEvent&) const = default;
};

// What decisions depend on of a trial's row.
struct LoggedTrial {
  int stage = 1;
  std::string name;
  std::string configuration_json;
  WarmStart warm_start;
  TrialState state = TrialState::kQueued;
  int64_t attempt = 0;
  int epoch = 0;
  int rung = 0;
  std::optional<double> score;
  int best_epoch = 0;
  std::string best_checkpoint;
};
// As the log keeps it: hashes are cut short.
LoggedTrial ToLogged(const Trial& trial);

struct TrialCreatedEvent {
  int64_t number = 0;
  LoggedTrial trial;
};

// Only what is not nullopt has changed.
struct TrialChangedEvent {
  int64_t number = 0;
  std::optional<TrialState> state;
  std::optional<int64_t> attempt;
  std::optional<int> epoch;
  std::optional<int> rung;
  std::optional<std::optional<double>> score;
  std::optional<int> best_epoch;
  std::optional<std::string> best_checkpoint;
  std::optional<std::string> configuration_json;
  std::optional<WarmStart> warm_start;
};
// Nullopt when nothing that decisions depend on has changed.
std::optional<TrialChangedEvent> Difference(const Trial& before, const Trial& after);

// An epoch was accepted. The values are those of LoggedMetrics.
struct ReportEvent {
  int64_t number = 0;
  int epoch = 0;
  int64_t attempt = 0;
  std::vector<double> values;
};
// The names of the metrics on which decisions depend, each once.
std::vector<std::string> LoggedMetrics(const Objective& objective);

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

using LogEvent = std::variant<ProgramEvent, StudyEvent, TrialCreatedEvent, TrialChangedEvent,
                              ReportEvent, NextEvent, PruneEvent, LosersEvent, SourcesEvent,
                              StageEvent, FinishEvent, StalledEvent>;

// Appends to `bytes`.
void Encode(const LogEvent& event, std::string& bytes);
// DataLoss for bytes that are no events, or those of a newer program.
absl::StatusOr<std::vector<LogEvent>> DecodeEvents(std::string_view bytes);

}  // namespace vizsla
