// The promise of the database: a search over real gRPC whose coordinator is killed again and again
// ends with every trial complete, no acknowledged epoch lost and none counted twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "src/study/objective.h"
#include "tests/rpc/coordinator_fixture.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;
using testing::CoordinatorFixture;
using testing::Program;
using testing::SampleSpec;

// What training would give: a function of the trial and the epoch alone.
double Accuracy(int64_t trial, int epoch) {
  return 0.5 + 0.01 * static_cast<double>((trial * 7 + epoch * 5) % 23);
}
std::string Checkpoint(int64_t trial, int epoch) {
  return "trial " + std::to_string(trial) + " epoch " + std::to_string(epoch) +
         std::string(300'000, '.');
}

struct Acknowledged {
  std::mutex mutex;
  std::map<std::pair<int64_t, int>, int> epochs;  // (number, epoch) -> times acknowledged as new
};

// A worker as it should be: registers again after a restart, gives up trials whose lease it lost.
class SimulatedWorker {
 public:
  SimulatedWorker(const std::string& address, const WorkerInfo& info, const ClientOptions& options,
                  Acknowledged& acknowledged)
      : client_(CoordinatorClient::Connect(address, options).value()),
        info_(info),
        acknowledged_(acknowledged) {}

  void Work() {
    int64_t id = Register();
    for (;;) {
      v1::AcquireTrialsRequest acquire;
      acquire.set_worker_id(id);
      acquire.set_max_trials(1);
      const auto acquired = client_->AcquireTrials(acquire);
      if (absl::IsNotFound(acquired.status())) {
        id = Register();
        continue;
      }
      ASSERT_TRUE(acquired.ok()) << acquired.status();
      if (acquired->nothing_left()) return;
      for (const v1::Lease& lease : acquired->leases()) {
        const absl::Status status = Train(lease);
        // Another attempt has it: that is how a lost lease must end.
        if (absl::IsFailedPrecondition(status)) continue;
        ASSERT_TRUE(status.ok()) << status;
      }
      if (acquired->leases().empty()) {
        std::this_thread::sleep_for(
            milliseconds(std::min<int64_t>(200, acquired->retry_after_ms())));
      }
    }
  }

 private:
  int64_t Register() { return client_->RegisterWorker(ToProto(info_)).value().worker_id(); }

  absl::Status Train(const v1::Lease& wire) {
    VIZSLA_ASSIGN_OR_RETURN(const LeaseGrant lease, FromProto(wire));
    const int64_t number = lease.trial.number;
    std::vector<EpochReport> reports = lease.history;
    for (int epoch = lease.trial.last_checkpoint_epoch + 1; epoch <= lease.study.spec.budget.epochs;
         ++epoch) {
      std::this_thread::sleep_for(milliseconds(20));
      EpochReport report;
      report.epoch = epoch;
      report.attempt = lease.attempt;
      report.metrics = {{"val_accuracy", Accuracy(number, epoch)}, {"val_loss", 1.0 / epoch}};
      VIZSLA_ASSIGN_OR_RETURN(const std::string hash,
                              client_->UploadBytes(Checkpoint(number, epoch)));
      if (BecomesBest(lease.study.spec.objective, reports, report)) report.checkpoint_hash = hash;
      v1::ReportEpochRequest request;
      request.set_trial_id(lease.trial.id.value());
      request.set_attempt(lease.attempt.value());
      *request.mutable_report() = ToProto(report);
      request.set_last_checkpoint(hash);
      VIZSLA_RETURN_IF_ERROR(client_->ReportEpoch(request).status());
      reports.push_back(report);
      std::lock_guard lock(acknowledged_.mutex);
      ++acknowledged_.epochs[{number, epoch}];
    }
    return client_->CompleteTrial(ToProto(lease.trial.id, lease.attempt, Completion{})).status();
  }

  std::unique_ptr<CoordinatorClient> client_;
  const WorkerInfo info_;
  Acknowledged& acknowledged_;
};

class CrashTest : public CoordinatorFixture {};

TEST_F(CrashTest, ASearchSurvivesItsCoordinatorBeingKilled) {
  StudySpec spec = SampleSpec();
  spec.budget.trials = 16;
  spec.budget.epochs = 6;
  spec.early_stopping.patience = 0;
  spec.max_crashes = 50;
  auto program = Run({"--lease", "4s", "--heartbeat", "1s"});
  const std::string address = AwaitAddress(*program);
  CreateStudy(*CoordinatorClient::Connect(address).value(), spec);

  Acknowledged acknowledged;
  constexpr int kWorkers = 3;
  std::atomic<int> working = kWorkers;
  std::vector<std::thread> threads;
  for (int i = 0; i < kWorkers; ++i) {
    threads.emplace_back([&, i] {
      SimulatedWorker(address, Worker("w" + std::to_string(i) + ":1/0"), Patient(), acknowledged)
          .Work();
      --working;
    });
  }
  std::minstd_rand random(7);
  int kills = 0;
  while (working > 0) {
    std::this_thread::sleep_for(milliseconds(100 + random() % 500));
    if (working == 0 || kills == 8) continue;
    program->Signal(SIGKILL);
    ASSERT_EQ(program->Wait(), 128 + SIGKILL);
    ++kills;
    program = Run({"--lease", "4s", "--heartbeat", "1s", "--listen", address});
    ASSERT_EQ(AwaitAddress(*program), address);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(kills, 3);

  const auto client = CoordinatorClient::Connect(address).value();
  const v1::Leaderboard board = client->GetLeaderboard({}).value().leaderboard();
  EXPECT_EQ(board.study().state(), v1::STUDY_STATE_FINISHED);
  ASSERT_EQ(board.rows_size(), spec.budget.trials);
  double last_score = 1;
  for (const v1::LeaderboardRow& row : board.rows()) {
    const int64_t number = row.trial().number();
    EXPECT_EQ(row.trial().state(), v1::TRIAL_STATE_COMPLETED) << number;
    EXPECT_LE(row.trial().score(), last_score);
    last_score = row.trial().score();
    v1::GetTrialRequest get;
    get.set_number(number);
    const v1::GetTrialResponse trial = client->GetTrial(get).value();
    ASSERT_EQ(trial.epochs_size(), spec.budget.epochs) << number;
    double best = 0;
    int best_epoch = 0;
    for (int epoch = 1; epoch <= spec.budget.epochs; ++epoch) {
      EXPECT_EQ(trial.epochs(epoch - 1).epoch(), epoch);
      EXPECT_EQ(trial.epochs(epoch - 1).metrics().at("val_accuracy"), Accuracy(number, epoch));
      if (Accuracy(number, epoch) > best) {
        best = Accuracy(number, epoch);
        best_epoch = epoch;
      }
      // Acknowledged once: a second acknowledgement would mean that the epoch was trained again.
      EXPECT_GE((acknowledged.epochs[{number, epoch}]), 1) << number << " " << epoch;
    }
    EXPECT_EQ(row.trial().score(), best) << number;
    EXPECT_EQ(row.trial().best_epoch(), best_epoch) << number;
    EXPECT_EQ(client->DownloadBytes(row.trial().best_checkpoint()).value(),
              Checkpoint(number, best_epoch));
  }
  EXPECT_EQ(acknowledged.epochs.size(),
            static_cast<size_t>(spec.budget.trials * spec.budget.epochs));
  // Trials that were never taken away from their worker were trained exactly once.
  int twice = 0;
  for (const auto& [key, times] : acknowledged.epochs) twice += times - 1;
  EXPECT_LE(twice, kills * kWorkers);
  std::printf("%d kills, %d epochs trained again\n", kills, twice);
}

}  // namespace
}  // namespace vizsla
