// One worker process after another under a simulated network. It trains what it is given, tells of
// each epoch, and repeats what was not answered, as the real one does.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/study/objective.h"
#include "tests/scheduling/cluster_invariants.h"
#include "tests/scheduling/harness.h"
#include "tests/scheduling/simulated_network.h"

namespace vizsla {

// What all workers share. The scheduler changes with each restart of the coordinator.
struct SimulatedWorld {
  std::unique_ptr<Scheduler> scheduler;
  FakeArtifacts& artifacts;
  SimulatedNetwork& network;
  RandomStream& random;
  Clock& clock;
  int64_t processes = 0;
  std::map<TrialId, int64_t> newest;  // the newest attempt that was granted
  std::vector<Acknowledged> acknowledged;
};

// Errors that a call may meet in a cluster that is not well: a full disk, a lost lease, a
// coordinator that was restarted, a message that is too old.
inline bool IsExpectedTrouble(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsFailedPrecondition(status) ||
         absl::IsNotFound(status) || absl::IsInvalidArgument(status);
}

class SimulatedWorker {
 public:
  explicit SimulatedWorker(SimulatedWorld& world) : world_(&world) { Die(); }

  // The process is replaced by a fresh one, without a word.
  void Die() {
    name_ = StrCat("host:", ++world_->processes, "/0");
    id_.reset();
    Rest();
    cut_off_until_ = {};
  }
  // Nothing that it says arrives. It comes back with the lease that it believes it has.
  void CutOff(Milliseconds time) { cut_off_until_ = world_->clock.Now() + time; }

  void Step() {
    if (world_->clock.Now() < cut_off_until_) return;
    if (!id_) return Register();
    if (!lease_) return Acquire();
    if (world_->random.Bernoulli(0.2)) return Beat();
    if (end_) return End(*end_);
    if (IsHopeless(lease_->trial)) return End(AttemptOutcome::kInfeasible);
    if (next_epoch_ > PlannedEpochs(lease_->study.spec, lease_->trial)) {
      return End(AttemptOutcome::kCompleted);
    }
    Report();
  }
  void GiveBack() {
    if (lease_ && world_->clock.Now() >= cut_off_until_) End(AttemptOutcome::kPreempted);
  }

 private:
  void Rest() {
    lease_.reset();
    end_.reset();
    reports_.clear();
    next_epoch_ = 1;
    steps_ = 0;
  }

  void Register() {
    WorkerInfo info;
    info.name = name_;
    info.dataset_fingerprints = {"photos-1"};
    info.weights_hashes = {Sha256Hex("weights")};
    std::optional<WorkerId> id;
    const auto call = [&] { id = world_->scheduler->RegisterWorker(info).value(); };
    if (world_->network.Send(call, [] {}) == SimulatedNetwork::Fate::kAnswered) id_ = id;
  }

  void Acquire() {
    absl::StatusOr<Acquired> acquired = absl::UnknownError("");
    const auto call = [&] {
      acquired = world_->scheduler->Acquire(*id_, 1);
      if (!acquired.ok()) return;
      for (const LeaseGrant& lease : acquired->leases) Granted(lease);
    };
    const auto fate = world_->network.Send(call, [] {});
    if (fate != SimulatedNetwork::Fate::kAnswered) return;
    if (absl::IsNotFound(acquired.status())) id_.reset();
    EXPECT_TRUE(acquired.ok() || IsExpectedTrouble(acquired.status())) << acquired.status();
    if (!acquired.ok() || acquired->leases.empty()) return;
    lease_ = acquired->leases.front();
    // Those of the trial that it goes on from make none of its epochs less than the best.
    reports_.clear();
    for (const EpochReport& report : lease_->history) {
      if (report.epoch > lease_->trial.lineage.parent_epoch) reports_.push_back(report);
    }
    next_epoch_ = ResumeEpoch(lease_->trial) + 1;
  }

  void Granted(const LeaseGrant& lease) {
    int64_t& newest = world_->newest[lease.trial.id];
    EXPECT_GT(lease.attempt.value(), newest) << "attempts only grow";
    newest = lease.attempt.value();
    EXPECT_EQ(static_cast<int>(lease.history.size()), ResumeEpoch(lease.trial));
    for (const std::string& hash : {lease.resume_checkpoint, lease.init_checkpoint}) {
      EXPECT_TRUE(hash.empty() || world_->artifacts.Exists(hash));
    }
    EXPECT_FALSE(IsWaiting(lease.trial));
  }

  void Beat() {
    ++steps_;
    absl::StatusOr<ReportDirective> directive = absl::UnknownError("");
    const auto call = [&] {
      directive = world_->scheduler->Heartbeat(*id_, lease_->trial.id, lease_->attempt,
                                               {next_epoch_, steps_, 1 << 20});
    };
    if (world_->network.Send(call, [] {}) != SimulatedNetwork::Fate::kAnswered) return;
    if (absl::IsNotFound(directive.status())) return id_.reset();
    ASSERT_TRUE(directive.ok()) << directive.status();
    if (*directive == ReportDirective::kCancel) Rest();
    if (*directive == ReportDirective::kPreempt) end_ = AttemptOutcome::kPreempted;
  }

  void Report() {
    const Trial& trial = lease_->trial;
    EpochReport report;
    report.epoch = next_epoch_;
    report.attempt = lease_->attempt;
    report.metrics = SimulatedMetrics(lease_->study.spec.objective, trial.number, next_epoch_);
    const std::string key = StrCat(trial.number, " ", next_epoch_);
    if (BecomesBest(lease_->study.spec.objective, reports_, report)) {
      report.checkpoint_hash = world_->artifacts.Add("best " + key);
    }
    const std::string last =
        world_->random.Bernoulli(0.5) ? world_->artifacts.Add("last " + key) : "";
    absl::StatusOr<ReportDirective> directive = absl::UnknownError("");
    SimulatedWorld* const world = world_;
    const TrialId id = trial.id;
    const AttemptNumber attempt = lease_->attempt;
    const auto say = [world, id, attempt, report, last] {
      const auto answer = world->scheduler->Report(id, attempt, report, last);
      EXPECT_TRUE(answer.ok() || IsExpectedTrouble(answer.status())) << answer.status();
      if (answer.ok()) {
        EXPECT_EQ(attempt.value(), world->newest[id]) << "a lost lease was heard";
        world->acknowledged.push_back(
            {id, attempt, report.epoch, report.metrics.at("val_accuracy")});
      }
      return answer;
    };
    const auto fate = world_->network.Send([&] { directive = say(); }, [say] { (void)say(); });
    if (fate != SimulatedNetwork::Fate::kAnswered) return;  // the same again
    if (absl::IsFailedPrecondition(directive.status())) return Rest();
    if (!directive.ok()) return;
    reports_.push_back(report);
    ++next_epoch_;
    Obey(*directive);
  }

  void Obey(ReportDirective directive) {
    switch (directive) {
      case ReportDirective::kContinue:
        return;
      case ReportDirective::kCancel:
        return Rest();
      case ReportDirective::kPrune:
        end_ = AttemptOutcome::kPruned;
        return;
      case ReportDirective::kPause:
        end_ = AttemptOutcome::kPaused;
        return;
      case ReportDirective::kPreempt:
        end_ = AttemptOutcome::kPreempted;
        return;
    }
  }

  void End(AttemptOutcome outcome) {
    Completion completion;
    completion.outcome = outcome;
    if (outcome == AttemptOutcome::kInfeasible) {
      completion.reason = kHopeless;
      completion.on_any_worker = true;
    }
    if (outcome == AttemptOutcome::kPaused) {
      completion.last_checkpoint_epoch = next_epoch_ - 1;
      completion.last_checkpoint = world_->artifacts.Add(
          StrCat("last ", lease_->trial.number, " ", completion.last_checkpoint_epoch));
    }
    absl::Status status;
    SimulatedWorld* const world = world_;
    const TrialId id = lease_->trial.id;
    const AttemptNumber attempt = lease_->attempt;
    const auto say = [world, id, attempt, completion] {
      const absl::Status answer = world->scheduler->Complete(id, attempt, completion).status();
      EXPECT_TRUE(answer.ok() || IsExpectedTrouble(answer)) << answer;
      return answer;
    };
    const auto fate = world_->network.Send([&] { status = say(); }, [say] { (void)say(); });
    if (fate != SimulatedNetwork::Fate::kAnswered) return;
    if (absl::IsResourceExhausted(status)) return;
    Rest();
  }

  SimulatedWorld* world_;
  std::string name_;
  std::optional<WorkerId> id_;
  std::optional<LeaseGrant> lease_;
  std::optional<AttemptOutcome> end_;  // what it was told to do
  std::vector<EpochReport> reports_;   // of the run so far
  int next_epoch_ = 1;
  int64_t steps_ = 0;
  Timestamp cut_off_until_{};
};

}  // namespace vizsla
