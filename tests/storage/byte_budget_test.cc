// The byte budget from end to end: a scheduler over SQLite and the artifact store, with downloads
// under way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "src/base/file.h"
#include "src/base/sha256.h"
#include "src/scheduling/scheduler.h"
#include "src/storage/artifact_store.h"
#include "src/storage/sqlite_trial_store.h"

namespace vizsla {
namespace {

constexpr int64_t kCheckpointBytes = 100'000;

class ByteBudgetTest : public ::testing::Test {
 protected:
  ByteBudgetTest()
      : folder_(TemporaryDirectory::Create("vizsla-budget").value()), clock_(SystemClock().Now()) {
    Start(std::nullopt);
  }

  void Start(std::optional<int64_t> budget, int keep_best = 1) {
    scheduler_.reset();
    store_.reset();
    store_ = SqliteTrialStore::Open(folder_.path() + "/s.db", OpenMode::kReadWrite).value();
    artifacts_ = ArtifactStore::Open(folder_.path() + "/s.artifacts", /*sweep=*/true,
                                     OwnerOf(*store_, folder_.path() + "/s.db").value())
                     .value();
    SchedulerOptions options;
    options.artifact_budget_bytes = budget;
    options.keep_best = keep_best;
    scheduler_ = Scheduler::Create(*store_, *artifacts_, clock_, options).value();
  }

  std::string Put(const std::string& bytes) {
    const std::string hash = Sha256Hex(bytes);
    EXPECT_TRUE(artifacts_->Put(hash, bytes).ok());
    return hash;
  }
  static std::string Checkpoint(const std::string& study, int64_t trial) {
    return StrCat(study, " ", trial, std::string(kCheckpointBytes, '.'))
        .substr(0, kCheckpointBytes);
  }

  // Makes the study and trains a trial of one epoch for each score.
  void Train(const std::string& name, const std::vector<double>& scores, int64_t more = 0) {
    StudySpec spec;
    spec.name = name;
    spec.budget.trials = std::ssize(scores) + more;
    spec.budget.epochs = 1;
    spec.space.parameters.push_back({"learning_rate", FloatDomain{1e-4, 1e-1, true, {}}, {}});
    const PinnedInputs inputs{Sha256Hex("photos"), Put("split"), Put("weights")};
    ASSERT_TRUE(scheduler_->CreateStudy(spec, inputs).ok());
    const WorkerId worker = *scheduler_->RegisterWorker(
        {"w", 1, {inputs.dataset_fingerprint}, {inputs.weights_hash}, name});
    for (const double score : scores) {
      const auto acquired = scheduler_->Acquire(worker, 1);
      ASSERT_TRUE(acquired.ok() && !acquired->leases.empty());
      const LeaseGrant& lease = acquired->leases[0];
      EpochReport report;
      report.epoch = 1;
      report.metrics = {{"val_accuracy", score}, {"val_loss", 1 - score}};
      report.checkpoint_hash = Put(Checkpoint(name, lease.trial.number));
      ASSERT_TRUE(scheduler_->Report(lease.trial.id, lease.attempt, report, "").ok());
      ASSERT_TRUE(scheduler_->Complete(lease.trial.id, lease.attempt, {}).ok());
    }
  }

  // Time passes, the files get older with it, and the budget is looked after.
  void Look(Milliseconds later = std::chrono::minutes(6)) {
    clock_.Advance(later);
    ASSERT_TRUE(scheduler_->Tick().ok());
  }
  bool Has(const std::string& study, int64_t trial) const {
    return artifacts_->Exists(Sha256Hex(Checkpoint(study, trial)));
  }
  Trial GetTrial(const std::string& name, int64_t number) {
    Trial trial;
    EXPECT_TRUE(store_
                    ->Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(name));
                      VIZSLA_ASSIGN_OR_RETURN(trial, reader.FindTrial(study.id, number));
                      VIZSLA_ASSIGN_OR_RETURN(const auto reports, reader.ListReports(trial.id));
                      for (const EpochReport& report : reports) {
                        EXPECT_EQ(report.checkpoint_hash, trial.best_checkpoint);
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    return trial;
  }

  TemporaryDirectory folder_;
  ManualClock clock_;
  std::unique_ptr<SqliteTrialStore> store_;
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(ByteBudgetTest, WithoutABudgetEverythingStays) {
  Train("dogs", {0.5, 0.9, 0.1});
  Look();
  for (int trial = 1; trial <= 3; ++trial) EXPECT_TRUE(Has("dogs", trial));
}

TEST_F(ByteBudgetTest, DropsTheWorstAndSaysSo) {
  Start(4 * kCheckpointBytes);
  Train("old", {0.5, 0.9, 0.1, 0.7});
  Train("new", {0.2, 0.8}, /*more=*/1);
  ASSERT_NO_FATAL_FAILURE(Look());
  EXPECT_FALSE(Has("old", 3)) << "the worst of the finished study";
  EXPECT_FALSE(Has("old", 1));
  EXPECT_FALSE(Has("old", 4)) << "split and weights take a few bytes";
  EXPECT_TRUE(Has("old", 2));
  EXPECT_TRUE(Has("new", 1)) << "its study goes on";
  EXPECT_TRUE(Has("new", 2));
  EXPECT_TRUE(artifacts_->Exists(Sha256Hex("split")));
  EXPECT_TRUE(artifacts_->Exists(Sha256Hex("weights")));
  const Trial dropped = GetTrial("old", 3);
  EXPECT_TRUE(dropped.checkpoint_dropped);
  EXPECT_EQ(dropped.best_checkpoint, "");
  EXPECT_EQ(dropped.score, 0.1) << "the result stays";
  EXPECT_FALSE(GetTrial("old", 2).checkpoint_dropped);
  // It has been stored.
  Start(4 * kCheckpointBytes);
  EXPECT_TRUE(GetTrial("old", 3).checkpoint_dropped);
}

TEST_F(ByteBudgetTest, ADownloadUnderWayKeepsItsFile) {
  Start(2 * kCheckpointBytes);
  Train("dogs", {0.5, 0.9, 0.1, 0.7});
  const std::string worst = Sha256Hex(Checkpoint("dogs", 3));
  auto download = artifacts_->Read(worst);
  ASSERT_TRUE(download.ok()) << download.status();
  ASSERT_NO_FATAL_FAILURE(Look());
  EXPECT_TRUE(Has("dogs", 3));
  EXPECT_FALSE(GetTrial("dogs", 3).checkpoint_dropped);
  EXPECT_FALSE(Has("dogs", 1)) << "the next in order goes instead";
  EXPECT_EQ(Sha256Hex(download->file.view()), worst) << "whole to the end";
  download = absl::CancelledError("read");
  ASSERT_NO_FATAL_FAILURE(Look());
  EXPECT_FALSE(Has("dogs", 3));
  EXPECT_TRUE(GetTrial("dogs", 3).checkpoint_dropped);
}

// A download that begins between the decision and the removal: its file stays, though nobody names
// it any more, until a sweep after it.
TEST_F(ByteBudgetTest, AFileThatNobodyNamesStaysWhileItIsRead) {
  Train("dogs", {0.5, 0.9});
  const std::string worst = Sha256Hex(Checkpoint("dogs", 1));
  auto download = artifacts_->Read(worst);
  ASSERT_TRUE(download.ok());
  ASSERT_TRUE(scheduler_->DeleteStudy("dogs", true).ok());
  EXPECT_TRUE(artifacts_->Exists(worst));
  EXPECT_FALSE(Has("dogs", 2));
  download = absl::CancelledError("read");
  for (int i = 0; i < 2; ++i) Look(std::chrono::hours(1));
  for (int i = 0; i < 400; ++i) Look(std::chrono::seconds(14));
  EXPECT_FALSE(artifacts_->Exists(worst));
}

TEST_F(ByteBudgetTest, KeepsTheBestOfEachStudyThoughTheBudgetCannotHold) {
  Start(1, /*keep_best=*/2);
  Train("dogs", {0.5, 0.9, 0.1, 0.7});
  ASSERT_NO_FATAL_FAILURE(Look());
  EXPECT_TRUE(Has("dogs", 2));
  EXPECT_TRUE(Has("dogs", 4));
  EXPECT_FALSE(Has("dogs", 1));
  EXPECT_FALSE(Has("dogs", 3));
  // Nothing is refused: a further study trains as ever.
  Train("cats", {0.3, 0.4, 0.5});
  EXPECT_TRUE(Has("cats", 1));
  ASSERT_NO_FATAL_FAILURE(Look());
  EXPECT_FALSE(Has("cats", 1));
  EXPECT_TRUE(Has("cats", 3));
}

TEST_F(ByteBudgetTest, FreshFilesStayForAMinute) {
  Start(1);
  Train("dogs", {0.5, 0.9});
  ASSERT_NO_FATAL_FAILURE(Look(std::chrono::seconds(14)));
  EXPECT_TRUE(Has("dogs", 1));
  ASSERT_NO_FATAL_FAILURE(Look());
  EXPECT_FALSE(Has("dogs", 1));
}

}  // namespace
}  // namespace vizsla
