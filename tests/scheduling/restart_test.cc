// A recorded run on the real store. The coordinator (scheduler and store) is destroyed and started
// anew between any two calls: the outcome is that of an undisturbed run.
#include <gmock/gmock.h>

#include <functional>
#include <optional>

#include "src/base/file.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

// One coordinator's life after another over one database.
class Coordinator {
 public:
  Coordinator() { Restart(); }

  void Restart() {
    scheduler_.reset();
    store_.reset();
    auto store = SqliteTrialStore::Open(folder_.path() + "/v.db", OpenMode::kReadWrite);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto scheduler = Scheduler::Create(*store_, artifacts_, clock_, {});
    ASSERT_TRUE(scheduler.ok()) << scheduler.status();
    scheduler_ = *std::move(scheduler);
  }

  Scheduler& operator*() { return *scheduler_; }
  Scheduler* operator->() { return scheduler_.get(); }

  // Everything that is stored, as text.
  std::string Dump() {
    std::string text;
    const absl::Status status = store_->Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(""));
      text = StrCat("study ", ToText(study.state), "\n");
      VIZSLA_ASSIGN_OR_RETURN(const auto trials, reader.ListTrials(study.id, {}));
      for (const Trial& trial : trials) {
        text += StrCat("trial ", trial.number, " ", ToJsonText(trial.configuration), " ",
                       ToText(trial.state), " attempt ", trial.attempt.value(), " crashes ",
                       trial.crashes, " epoch ", trial.epoch, " score ", trial.score.value_or(-1),
                       " best ", trial.best_epoch, " ", trial.best_checkpoint, " last ",
                       trial.last_checkpoint, " ", trial.worker, " ", trial.reason, "\n");
        VIZSLA_ASSIGN_OR_RETURN(const auto reports, reader.ListReports(trial.id));
        for (const EpochReport& report : reports) {
          text += StrCat("  epoch ", report.epoch, " attempt ", report.attempt.value(), " ",
                         report.metrics.at("val_accuracy"), " ", report.checkpoint_hash, "\n");
        }
        VIZSLA_ASSIGN_OR_RETURN(const auto attempts, reader.ListAttempts(trial.id));
        for (const AttemptRow& attempt : attempts) {
          text += StrCat("  attempt ", attempt.attempt.value(), " ", ToText(attempt.outcome), " ",
                         attempt.reason, "\n");
        }
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    for (const std::string& hash : artifacts_.All()) text += StrCat("artifact ", hash, "\n");
    return text;
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::Create();
  ManualClock clock_{FromUnixMillis(1'700'000'000'000)};
  FakeArtifacts artifacts_{clock_};
  std::unique_ptr<SqliteTrialStore> store_;
  std::unique_ptr<Scheduler> scheduler_;
};

// A worker that registers again when the coordinator no longer knows it, as real ones do.
class Worker {
 public:
  Worker(Coordinator& coordinator, std::string name)
      : coordinator_(coordinator), name_(std::move(name)) {}

  void Acquire() {
    for (int i = 0; i < 2; ++i) {
      if (!id_) {
        WorkerInfo info;
        info.name = name_;
        info.dataset_fingerprints = {"photos"};
        id_ = *coordinator_->RegisterWorker(info);
      }
      const auto acquired = coordinator_->Acquire(*id_, 1);
      if (absl::IsNotFound(acquired.status())) {
        id_.reset();
        continue;
      }
      ASSERT_TRUE(acquired.ok()) << acquired.status();
      lease_.reset();
      if (!acquired->leases.empty()) lease_ = acquired->leases.front();
      return;
    }
    FAIL() << "registered in vain";
  }

  void Report(int epoch, double accuracy, bool with_last) {
    ASSERT_TRUE(lease_.has_value());
    EpochReport report;
    report.epoch = epoch;
    report.metrics = {{"val_accuracy", accuracy}};
    const std::string key = StrCat(lease_->trial.number, " ", lease_->attempt.value(), " ", epoch);
    report.checkpoint_hash = coordinator_.artifacts_.Add("best " + key);
    const auto directive =
        coordinator_->Report(lease_->trial.id, lease_->attempt, report,
                             with_last ? coordinator_.artifacts_.Add("last " + key) : "");
    ASSERT_TRUE(directive.ok()) << directive.status();
  }

  void Complete(AttemptOutcome outcome, const std::string& reason = "") {
    ASSERT_TRUE(lease_.has_value());
    const auto trial =
        coordinator_->Complete(lease_->trial.id, lease_->attempt, {outcome, reason, "", 0});
    ASSERT_TRUE(trial.ok()) << trial.status();
    lease_.reset();
  }

  std::optional<LeaseGrant> lease_;

 private:
  Coordinator& coordinator_;
  const std::string name_;
  std::optional<WorkerId> id_;
};

// Two workers, four trials of a grid: early ends, a crash told, a lease that runs out, preemption,
// resumption from a checkpoint.
struct Recording {
  Coordinator coordinator;
  Worker a{coordinator, "a"};
  Worker b{coordinator, "b"};

  std::vector<std::function<void()>> Steps() {
    return {
        [&] {
          const auto created = coordinator->CreateStudy(
              GridSpec("grid", 0, 3), {"photos", coordinator.artifacts_.Add("split"), ""});
          ASSERT_TRUE(created.ok()) << created.status();
        },
        [&] { a.Acquire(); },
        [&] { b.Acquire(); },
        [&] { a.Report(1, 0.3, true); },
        [&] { b.Report(1, 0.5, false); },
        [&] { a.Report(2, 0.4, false); },
        [&] { b.Complete(AttemptOutcome::kCrashed, "segmentation fault"); },
        [&] { b.Acquire(); },
        [&] { b.Report(1, 0.6, true); },
        [&] { a.Complete(AttemptOutcome::kPreempted, "SIGTERM"); },
        [&] { a.Acquire(); },
        [&] { a.Report(2, 0.35, false); },
        [&] { a.Report(3, 0.2, false); },
        [&] { a.Complete(AttemptOutcome::kCompleted); },
        [&] { a.Acquire(); },
        [&] { b.Report(2, 0.5, true); },
        [&] { a.Report(1, 0.9, false); },
        // One step: a restart in between would give the leases a fresh deadline.
        [&] {
          for (int second = 0; second < 31; ++second) {
            coordinator.clock_.Advance(std::chrono::seconds(1));
            ASSERT_TRUE(coordinator->Tick().ok());
          }
        },
        [&] { b.Acquire(); },
        [&] { b.Report(3, 0.7, false); },
        [&] { b.Complete(AttemptOutcome::kCompleted); },
        [&] { a.Acquire(); },
        [&] { a.Report(1, 0.8, false); },
        [&] { a.Complete(AttemptOutcome::kPruned, "rung"); },
        [&] { a.Acquire(); },
        [&] { a.Complete(AttemptOutcome::kInfeasible, "out of memory"); },
        [&] { b.Acquire(); },
    };
  }
};

// Restarts before step `at`; -1: never, -2: before every step.
std::string Outcome(int at) {
  Recording run;
  int number = 0;
  for (const auto& step : run.Steps()) {
    if (at == -2 || at == number) run.coordinator.Restart();
    step();
    ++number;
    if (::testing::Test::HasFatalFailure()) return StrCat("failed at step ", number);
  }
  EXPECT_FALSE(run.b.lease_.has_value());
  std::string dump = run.coordinator.Dump();
  // How long a lease was silent depends on when it was renewed.
  for (size_t place; (place = dump.find("no heartbeat for ")) != std::string::npos;) {
    dump.erase(place, dump.find(" s", place) + 2 - place);
  }
  return dump;
}

TEST(RestartTest, AtAnyStepTheOutcomeIsTheSame) {
  const std::string undisturbed = Outcome(-1);
  EXPECT_THAT(undisturbed, ::testing::HasSubstr("study finished"));
  EXPECT_THAT(undisturbed, ::testing::HasSubstr("trial 4"));
  const int steps = static_cast<int>(Recording().Steps().size());
  for (int at = 1; at < steps; ++at) ASSERT_EQ(Outcome(at), undisturbed) << "restart before " << at;
}

TEST(RestartTest, AtEveryStepTheOutcomeIsTheSame) { EXPECT_EQ(Outcome(-2), Outcome(-1)); }

}  // namespace
}  // namespace vizsla
