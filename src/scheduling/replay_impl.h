// The parts of a replay. Internal to src/scheduling: replay.cc has what changed,
// replay_decisions.cc and replay_runs.cc what was decided.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/scheduling/replay.h"
#include "src/scheduling/replay_rows.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {

// What a scheduler needs around it to decide over given rows.
class RowsStore final : public TrialStore {
 public:
  explicit RowsStore(ReplayRows& rows) : rows_(rows) {}
  absl::Status Write(const std::function<absl::Status(TrialWriter&)>&) override {
    return absl::UnimplementedError("a replay writes nothing");
  }
  uint64_t FailedCommits() const override { return 0; }
  absl::Status Read(const std::function<absl::Status(TrialReader&)>& query) override {
    return query(rows_);
  }

 private:
  ReplayRows& rows_;
};

class NoArtifacts final : public ArtifactIndex {
 public:
  bool Exists(const std::string&) const override { return true; }
  absl::Status Remove(const std::string&) override { return absl::OkStatus(); }
};

class DecisionReplay::Impl {
 public:
  Impl() : store_(rows_), scheduler_(store_, artifacts_, clock_, {}) {}

  absl::Status Add(const DecisionRow& row);
  const ReplayResult& result() const { return result_; }

 private:
  // What must still happen in the row that is being replayed.
  struct Expected {
    std::deque<Trial> created;            // in this order
    std::deque<Trial> sourced;            // waiting trials whose sources were decided
    std::set<int64_t> promoted;           // a rung higher
    std::set<int64_t> lost;               // paused trials that are pruned
    std::set<int64_t> hopeless;           // queued runs that become infeasible
    std::map<int64_t, TrialState> early;  // running trials that end with the study
    bool tells_hopeless = false;          // this row says which runs are
    bool paused_end = false;              // a stage or the study: any paused trial may be pruned
    bool study_ends = false;
  };

  void Differ(const std::string& decision, const std::string& logged, const std::string& derived,
              const std::string& inputs);
  void Compare(const std::string& decision, const std::string& logged, const std::string& derived,
               const std::string& inputs);
  // What was decided in this row but did not come to be.
  void CheckNothingIsLeft();
  absl::Status CheckBegun() const;
  absl::Status ReplayEvent(const LogEvent& event);

  // --- what changed ---
  absl::Status Replay(const ProgramEvent& event);
  absl::Status Replay(const StudyEvent& event);
  absl::Status Replay(const TrialCreatedEvent& event);
  absl::Status Replay(const TrialChangedEvent& event);
  absl::Status Replay(const ReportEvent& event);
  absl::Status Replay(const LearnedEvent& event);

  // --- what was decided ---
  absl::Status Replay(const NextEvent& event);
  absl::Status Replay(const PruneEvent& event);
  absl::Status Replay(const LosersEvent& event);
  absl::Status Replay(const SourcesEvent& event);
  absl::Status Replay(const StalledEvent& event);
  absl::Status Replay(const StageEvent& event);
  absl::Status Replay(const FinishEvent& event);
  absl::Status Replay(const RepeatsEvent& event);
  absl::Status Replay(const HopelessEvent& event);
  absl::Status Replay(const FinalRunsEvent& event);
  absl::Status Replay(const ReplaceEvent& event);
  absl::Status Replay(const CountEvent& event);
  absl::Status Replay(const StopEvent& event);

  // Live, samplers and pruners hear of a report once the row has got to its epoch.
  void ObserveReported();
  // Live, the pruner hears of the last trial once a drawn one is there with its repeats.
  absl::Status TellOfDrawn();
  // A queued trial became infeasible: by the decisions of its row, or, in a log of before there was
  // a HopelessEvent, because no worker can train its configuration.
  void CheckHopeless(const Trial& run);
  // The study ends while trials run.
  void ExpectEarlyEnds(int64_t winner);
  // A study that had finished goes on.
  absl::Status CheckGoesOn();
  absl::StatusOr<std::vector<Trial>> Trials() { return rows_.ListTrials(rows_.study().id, {}); }

  ReplayRows rows_;
  RowsStore store_;
  NoArtifacts artifacts_;
  ManualClock clock_{Timestamp{}};
  SchedulerImpl scheduler_;
  ReplayResult result_;
  const DecisionRow* row_ = nullptr;  // that is being replayed
  Expected expected_;
  bool draw_ = false;               // the next trial that is created comes from a sampler
  std::optional<int> drawn_stage_;  // of a drawn trial that is there, of which no pruner has heard
  int64_t reported_trial_ = 0;      // of the newest report
  ReplayRows::Reported reported_;
  bool report_is_news_ = false;  // samplers and pruners have not heard of it
};

}  // namespace vizsla
