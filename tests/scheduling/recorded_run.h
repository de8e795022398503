// A cluster without chance: three workers in turns, each call a step, until the study has ended.
// The coordinator can be killed at any step.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/scheduling/cluster_invariants.h"
#include "tests/scheduling/stored_log.h"

namespace vizsla {

// When the coordinator dies, at a step: before the call; in it, so that nothing of it is stored and
// it is made again; after it, so that its answer is lost and it is made again.
enum class Death { kBefore, kWithin, kAfter };

class RecordedRun {
 public:
  explicit RecordedRun(const StudySpec& spec) : spec_(spec) {
    store_.SetCommitHook(
        [this] { return dying_ ? absl::ResourceExhaustedError("killed") : absl::OkStatus(); });
    Restart();
    const PinnedInputs inputs{"photos-1", artifacts_.Add("split"), ""};
    const auto created = scheduler_->CreateStudy(spec_, inputs);
    EXPECT_TRUE(created.ok()) << created.status();
  }

  // Dies at the step `at`, at every one with -2, never with -1. The steps that it took.
  int Play(int at, Death death) {
    at_ = at;
    death_ = death;
    for (step_ = 0; !Finished(); ++step_) {
      if (step_ > 2000 || ::testing::Test::HasFailure()) {
        ADD_FAILURE() << "the study does not end";
        return step_;
      }
      clock_.Advance(Milliseconds(1));
      Step(workers_[static_cast<size_t>(step_) % workers_.size()]);
    }
    return step_;
  }

  // All that is stored and decides anything, as text.
  std::string Outcome() {
    std::string text;
    const absl::Status status = store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(""));
      text = StrCat("study ", ToText(study.state), " ", study.end_reason, "\n");
      VIZSLA_ASSIGN_OR_RETURN(const auto trials, reader.ListTrials(study.id, {}));
      for (const Trial& trial : trials) {
        text +=
            StrCat("trial ", trial.number, " ", ToJsonText(trial.configuration), " ",
                   ToText(trial.state), " attempt ", trial.attempt.value(), " epoch ", trial.epoch,
                   " rung ", trial.rung, " score ", trial.score.value_or(-1), " ",
                   trial.best_checkpoint, " of ", trial.repeat_of, " parent ", trial.lineage.parent,
                   " at ", trial.lineage.parent_epoch, " ", trial.reason, "\n");
        VIZSLA_ASSIGN_OR_RETURN(const auto reports, reader.ListReports(trial.id));
        for (const EpochReport& report : reports) {
          text += StrCat("  epoch ", report.epoch, " ", report.metrics.at("val_accuracy"), "\n");
        }
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return text;
  }
  // Every decision and its inputs.
  std::string Decisions() {
    std::string text;
    for (const DecisionRow& row : StoredLog(store_, spec_.name)) {
      const auto events = DecodeEvents(row.events);
      EXPECT_TRUE(events.ok()) << events.status();
      std::string bytes;
      for (const LogEvent& event : *events) {
        // A coordinator that was started says who it is.
        if (!std::holds_alternative<ProgramEvent>(event)) Encode(event, bytes);
      }
      text +=
          StrCat("row ", row.sequence, " at ", ToUnixMillis(row.at), " ", Sha256Hex(bytes), "\n");
    }
    return text;
  }
  TrialStore& store() { return store_; }

 private:
  struct Worker {
    std::string name;
    std::optional<WorkerId> id;
    std::optional<LeaseGrant> lease;
    int epoch = 0;  // reported
    std::optional<AttemptOutcome> end;
  };

  void Restart() {
    scheduler_.reset();
    auto scheduler = Scheduler::Create(store_, artifacts_, clock_, {});
    ASSERT_TRUE(scheduler.ok()) << scheduler.status();
    scheduler_ = *std::move(scheduler);
    for (Worker& worker : workers_) worker.id.reset();
  }

  // Makes the call, which says whether it went well, and lets the coordinator die at its step.
  void Call(bool may_be_repeated, const std::function<absl::Status()>& call) {
    const bool dies = at_ == -2 || at_ == step_;
    if (dies && death_ == Death::kBefore) Restart();
    if (dies && death_ == Death::kWithin) {
      dying_ = true;
      (void)call();
      dying_ = false;
      Restart();
    }
    absl::Status status = call();
    EXPECT_TRUE(status.ok()) << status;
    if (!dies || death_ != Death::kAfter || !may_be_repeated) return;
    Restart();
    status = call();
    EXPECT_TRUE(status.ok()) << status;
  }

  void Step(Worker& worker) {
    if (!worker.lease) return Acquire(worker);
    if (worker.end) return End(worker, *worker.end);
    const Trial& trial = worker.lease->trial;
    if (worker.epoch >= PlannedEpochs(spec_, trial)) {
      return End(worker, AttemptOutcome::kCompleted);
    }
    Report(worker);
  }

  void Acquire(Worker& worker) {
    // A lease whose grant was not heard of is another attempt: that is no repetition.
    Call(/*may_be_repeated=*/false, [&]() -> absl::Status {
      if (!worker.id) {
        WorkerInfo info;
        info.name = worker.name;
        info.dataset_fingerprints = {"photos-1"};
        VIZSLA_ASSIGN_OR_RETURN(worker.id, scheduler_->RegisterWorker(info));
      }
      VIZSLA_ASSIGN_OR_RETURN(const Acquired acquired, scheduler_->Acquire(*worker.id, 1));
      if (acquired.leases.empty()) return absl::OkStatus();
      worker.lease = acquired.leases.front();
      worker.epoch = ResumeEpoch(worker.lease->trial);
      worker.end.reset();
      return absl::OkStatus();
    });
  }

  void Report(Worker& worker) {
    const LeaseGrant& lease = *worker.lease;
    EpochReport report;
    report.epoch = worker.epoch + 1;
    report.metrics = SimulatedMetrics(spec_.objective, lease.trial.number, report.epoch);
    const std::string key = StrCat(lease.trial.number, " ", report.epoch);
    report.checkpoint_hash = artifacts_.Add("best " + key);
    const std::string last = artifacts_.Add("last " + key);
    ReportDirective directive = ReportDirective::kContinue;
    Call(/*may_be_repeated=*/true, [&]() -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(directive,
                              scheduler_->Report(lease.trial.id, lease.attempt, report, last));
      return absl::OkStatus();
    });
    ++worker.epoch;
    if (directive == ReportDirective::kPause) worker.end = AttemptOutcome::kPaused;
    if (directive == ReportDirective::kPrune) worker.end = AttemptOutcome::kPruned;
    if (directive == ReportDirective::kCancel) worker.lease.reset();
  }

  void End(Worker& worker, AttemptOutcome outcome) {
    Completion completion;
    completion.outcome = outcome;
    if (outcome == AttemptOutcome::kPaused) {
      completion.last_checkpoint =
          artifacts_.Add(StrCat("last ", worker.lease->trial.number, " ", worker.epoch));
      completion.last_checkpoint_epoch = worker.epoch;
    }
    Call(/*may_be_repeated=*/true, [&] {
      return scheduler_->Complete(worker.lease->trial.id, worker.lease->attempt, completion)
          .status();
    });
    worker.lease.reset();
  }

  bool Finished() {
    bool finished = false;
    const absl::Status status = store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(""));
      finished = study.state == StudyState::kFinished;
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return finished;
  }

  const StudySpec spec_;
  ManualClock clock_{FromUnixMillis(1'700'000'000'000)};
  MemoryTrialStore store_;
  FakeArtifacts artifacts_{clock_};
  std::array<Worker, 3> workers_ = {Worker{"a:1/0", {}, {}, 0, {}}, Worker{"b:1/0", {}, {}, 0, {}},
                                    Worker{"c:1/0", {}, {}, 0, {}}};
  std::unique_ptr<Scheduler> scheduler_;
  bool dying_ = false;
  int step_ = 0;
  int at_ = -1;
  Death death_ = Death::kBefore;
};

}  // namespace vizsla
