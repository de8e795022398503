// A scheduler over stores in memory and a clock that is moved by hand.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "src/base/sha256.h"
#include "src/scheduling/memory_trial_store.h"
#include "src/scheduling/scheduler.h"

namespace vizsla {

// Names of artifacts without their bytes.
class FakeArtifacts : public ArtifactIndex {
 public:
  explicit FakeArtifacts(Clock& clock) : clock_(clock) {}

  // "Uploads" something; returns its hash.
  std::string Add(const std::string& content) {
    const std::string hash = Sha256Hex(content);
    std::lock_guard lock(mutex_);
    written_[hash] = clock_.Now();
    return hash;
  }
  std::vector<std::string> All() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> hashes;
    for (const auto& [hash, time] : written_) hashes.push_back(hash);
    return hashes;
  }

  bool Exists(const std::string& hash) const override {
    std::lock_guard lock(mutex_);
    return written_.contains(hash);
  }
  absl::Status Remove(const std::string& hash) override {
    std::lock_guard lock(mutex_);
    written_.erase(hash);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::string>> ListUnusedSince(Timestamp time) const override {
    std::lock_guard lock(mutex_);
    std::vector<std::string> hashes;
    for (const auto& [hash, written] : written_) {
      if (written < time) hashes.push_back(hash);
    }
    return hashes;
  }

 private:
  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Timestamp> written_;
};

inline StudySpec SmallSpec(const std::string& name, int64_t trials, int epochs) {
  StudySpec spec;
  spec.name = name;
  spec.seed = 1;
  spec.budget.trials = trials;
  spec.budget.epochs = epochs;
  spec.space.parameters.push_back({"learning_rate", FloatDomain{1e-4, 1e-1, true, {}}, {}});
  return spec;
}

// Two values of each of two parameters: four configurations.
inline StudySpec GridSpec(const std::string& name, int64_t trials, int epochs) {
  StudySpec spec = SmallSpec(name, trials, epochs);
  spec.sampler = GridOptions();
  spec.space.parameters = {
      {"pooling", CategoricalDomain{{std::string("avg"), std::string("max")}}, {}},
      {"units", IntDomain{1, 2, false, 1}, {}}};
  return spec;
}

class Harness : public ::testing::Test {
 protected:
  Harness() { Restart(); }

  void Restart() {
    scheduler_.reset();
    auto scheduler = Scheduler::Create(store_, artifacts_, clock_, options_);
    EXPECT_TRUE(scheduler.ok()) << scheduler.status();
    scheduler_ = *std::move(scheduler);
  }

  PinnedInputs Inputs() { return {"photos-1", artifacts_.Add("split"), artifacts_.Add("weights")}; }
  WorkerInfo Info(const std::string& name) {
    WorkerInfo info;
    info.name = name;
    info.dataset_fingerprints = {"photos-0", "photos-1"};
    info.weights_hashes = {Sha256Hex("weights")};
    return info;
  }
  Study Create(const StudySpec& spec) {
    auto created = scheduler_->CreateStudy(spec, Inputs());
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? created->study : Study();
  }
  // Of the newest study.
  std::vector<Trial> AllTrials() {
    std::vector<Trial> trials;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(""));
                      VIZSLA_ASSIGN_OR_RETURN(trials, reader.ListTrials(study.id, {}));
                      return absl::OkStatus();
                    })
                    .ok());
    return trials;
  }
  WorkerId Register(const std::string& name) { return *scheduler_->RegisterWorker(Info(name)); }

  // One lease; fails the test when there is none.
  LeaseGrant Acquire(WorkerId worker) {
    auto acquired = scheduler_->Acquire(worker, 1);
    EXPECT_TRUE(acquired.ok()) << acquired.status();
    if (!acquired.ok() || acquired->leases.empty()) {
      ADD_FAILURE() << "no lease: " << (acquired.ok() ? acquired->explanation : "");
      return {};
    }
    return acquired->leases.front();
  }

  static EpochReport MakeReport(int epoch, double accuracy) {
    EpochReport report;
    report.epoch = epoch;
    report.metrics = {{"val_accuracy", accuracy}, {"val_loss", 1 - accuracy}};
    report.duration = Milliseconds(1000);
    return report;
  }
  // Uploads a checkpoint of this epoch (and `last`) and reports.
  absl::StatusOr<ReportDirective> Report(const LeaseGrant& lease, int epoch, double accuracy,
                                         bool with_last = false) {
    EpochReport report = MakeReport(epoch, accuracy);
    report.checkpoint_hash = artifacts_.Add(BestName(lease, epoch));
    return scheduler_->Report(lease.trial.id, lease.attempt, report,
                              with_last ? artifacts_.Add(LastName(lease, epoch)) : "");
  }
  static std::string BestName(const LeaseGrant& lease, int epoch) {
    return StrCat("best ", lease.trial.id.value(), " ", lease.attempt.value(), " ", epoch);
  }
  static std::string LastName(const LeaseGrant& lease, int epoch) {
    return StrCat("last ", lease.trial.id.value(), " ", lease.attempt.value(), " ", epoch);
  }

  absl::StatusOr<Trial> Complete(const LeaseGrant& lease,
                                 AttemptOutcome outcome = AttemptOutcome::kCompleted,
                                 const std::string& reason = "") {
    Completion completion;
    completion.outcome = outcome;
    completion.reason = reason;
    return scheduler_->Complete(lease.trial.id, lease.attempt, completion);
  }
  ReportDirective Beat(WorkerId worker, const LeaseGrant& lease, int64_t steps) {
    const auto directive =
        scheduler_->Heartbeat(worker, lease.trial.id, lease.attempt, {1, steps, 100});
    EXPECT_TRUE(directive.ok()) << directive.status();
    return directive.value_or(ReportDirective::kCancel);
  }

  void Advance(Milliseconds time) { clock_.Advance(time); }
  // Time passes with a tick each second.
  void Run(std::chrono::seconds time) {
    for (int64_t i = 0; i < time.count(); ++i) {
      clock_.Advance(std::chrono::seconds(1));
      ASSERT_TRUE(scheduler_->Tick().ok());
    }
  }

  Trial GetTrial(TrialId id) {
    Trial trial;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(trial, reader.GetTrial(id));
                      return absl::OkStatus();
                    })
                    .ok());
    return trial;
  }
  Study GetStudy(const std::string& name) {
    Study study;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(study, reader.FindStudy(name));
                      return absl::OkStatus();
                    })
                    .ok());
    return study;
  }
  std::vector<EpochReport> Reports(TrialId id) {
    std::vector<EpochReport> reports;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(reports, reader.ListReports(id));
                      return absl::OkStatus();
                    })
                    .ok());
    return reports;
  }
  std::vector<AttemptRow> Attempts(TrialId id) {
    std::vector<AttemptRow> attempts;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(attempts, reader.ListAttempts(id));
                      return absl::OkStatus();
                    })
                    .ok());
    return attempts;
  }
  bool Has(const std::string& content) { return artifacts_.Exists(Sha256Hex(content)); }
  static std::string Message(const absl::Status& status) { return std::string(status.message()); }

  ManualClock clock_{FromUnixMillis(1'700'000'000'000)};
  MemoryTrialStore store_;
  FakeArtifacts artifacts_{clock_};
  SchedulerOptions options_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace vizsla
