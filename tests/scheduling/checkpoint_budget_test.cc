#include "src/scheduling/checkpoint_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/sha256.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Timestamp kNow = FromUnixMillis(1'000'000'000);

// Studies whose checkpoints are 10 bytes each, named by study and trial.
class CheckpointBudgetTest : public ::testing::Test {
 protected:
  static std::string Hash(const std::string& name) { return Sha256Hex(name); }

  void Store(const std::string& name, int64_t bytes = 10,
             Milliseconds age = std::chrono::hours(1)) {
    stored_.push_back({Hash(name), bytes, kNow - age});
  }

  BudgetedStudy& AddStudy(int64_t id, StudyState state) {
    BudgetedStudy entry;
    entry.study.id = StudyId(id);
    entry.study.state = state;
    entry.study.inputs = {"", Hash("split"), Hash("weights")};
    studies_.push_back(std::move(entry));
    return studies_.back();
  }

  // A trial with a stored checkpoint "STUDY/NUMBER".
  Trial& AddTrial(BudgetedStudy& entry, TrialState state, std::optional<double> score) {
    Trial trial;
    trial.study = entry.study.id;
    trial.number = std::ssize(entry.trials) + 1;
    trial.id = TrialId(1000 * entry.study.id.value() + trial.number);
    trial.state = state;
    trial.score = score;
    const std::string name = StrCat(entry.study.id.value(), "/", trial.number);
    trial.best_checkpoint = Hash(name);
    Store(name);
    entry.trials.push_back(std::move(trial));
    return entry.trials.back();
  }

  BudgetPlan Plan(int64_t budget, int keep_best = 1) {
    BudgetInput input;
    input.budget_bytes = budget;
    input.keep_best = keep_best;
    input.now = kNow;
    input.stored = stored_;
    input.studies = studies_;
    input.being_read = being_read_;
    plan_ = PlanDrops(input);
    return plan_;
  }
  // "STUDY/NUMBER" of what would go, in order.
  std::vector<std::string> Drops(int64_t budget, int keep_best = 1) {
    std::vector<std::string> names;
    for (const CheckpointDrop& drop : Plan(budget, keep_best).drops) {
      names.push_back(StrCat(drop.study.value(), "/", drop.number));
    }
    return names;
  }

  std::vector<StoredArtifact> stored_;
  std::vector<BudgetedStudy> studies_;
  std::set<std::string> being_read_;
  BudgetPlan plan_;
};

TEST_F(CheckpointBudgetTest, NothingGoesWhileTheBudgetHolds) {
  BudgetedStudy& study = AddStudy(1, StudyState::kFinished);
  for (int i = 0; i < 5; ++i) AddTrial(study, TrialState::kCompleted, 0.1 * i);
  EXPECT_THAT(Drops(50), IsEmpty());
  EXPECT_EQ(plan_.bytes_before, 50);
  EXPECT_EQ(plan_.bytes_after, 50);
}

TEST_F(CheckpointBudgetTest, TheWorstGoFirstAndNoMoreThanNeeded) {
  BudgetedStudy& study = AddStudy(1, StudyState::kFinished);
  for (const double score : {0.5, 0.9, 0.1, 0.7}) AddTrial(study, TrialState::kCompleted, score);
  EXPECT_THAT(Drops(39), ElementsAre("1/3"));
  EXPECT_EQ(plan_.bytes_after, 30);
  EXPECT_THAT(Drops(20), ElementsAre("1/3", "1/1"));
  EXPECT_THAT(Drops(0), ElementsAre("1/3", "1/1", "1/4"));
  EXPECT_EQ(plan_.bytes_after, 10) << "the best stays, whatever the budget";
  EXPECT_THAT(Drops(0, 3), ElementsAre("1/3"));
  EXPECT_THAT(Drops(0, 100), IsEmpty());
  studies_[0].study.spec.objective.direction = Direction::kMinimize;
  EXPECT_THAT(Drops(20), ElementsAre("1/2", "1/4"));
}

TEST_F(CheckpointBudgetTest, TheBestConfigurationsModelStaysNotTheLuckiestRun) {
  BudgetedStudy& study = AddStudy(1, StudyState::kFinished);
  AddTrial(study, TrialState::kCompleted, 0.5);
  AddTrial(study, TrialState::kCompleted, 0.9).repeat_of = 1;  // mean 0.7
  AddTrial(study, TrialState::kCompleted, 0.79);
  AddTrial(study, TrialState::kCompleted, 0.81).repeat_of = 3;  // mean 0.8
  EXPECT_THAT(Drops(0), ElementsAre("1/1", "1/2", "1/3"));
  EXPECT_THAT(Drops(0, 2), ElementsAre("1/1", "1/3"));
}

TEST_F(CheckpointBudgetTest, WhatACopyOfAPopulationGoesOnFromStays) {
  BudgetedStudy& study = AddStudy(1, StudyState::kActive);
  AddTrial(study, TrialState::kCompleted, 0.9);
  const std::string parent = AddTrial(study, TrialState::kPruned, 0.5).best_checkpoint;
  Trial& copy = AddTrial(study, TrialState::kQueued, std::nullopt);
  copy.best_checkpoint.clear();
  copy.lineage = {2, 1, 2, parent};
  EXPECT_THAT(Drops(0), IsEmpty());
}

TEST_F(CheckpointBudgetTest, FinishedStudiesGiveBeforeStoppedAndActiveOnes) {
  studies_.reserve(4);
  BudgetedStudy& active = AddStudy(1, StudyState::kActive);
  BudgetedStudy& stopped = AddStudy(2, StudyState::kStopped);
  BudgetedStudy& old = AddStudy(3, StudyState::kFinished);
  BudgetedStudy& young = AddStudy(4, StudyState::kFinished);
  for (const double score : {0.9, 0.8, 0.7}) {
    for (BudgetedStudy* study : {&active, &stopped, &old, &young}) {
      AddTrial(*study, TrialState::kCompleted, score);
    }
  }
  AddTrial(young, TrialState::kDiverged, 0.99);
  EXPECT_THAT(Drops(0), ElementsAre("4/4", "3/3", "4/3", "3/2", "4/2", "2/3", "2/2", "1/3", "1/2"));
}

TEST_F(CheckpointBudgetTest, WhatATrialThatHasNotEndedNeedsStays) {
  BudgetedStudy& study = AddStudy(1, StudyState::kActive);
  AddTrial(study, TrialState::kCompleted, 0.9);
  for (const TrialState state : {TrialState::kQueued, TrialState::kRunning, TrialState::kPaused}) {
    Trial& trial = AddTrial(study, state, 0.1);
    trial.last_checkpoint = Hash(StrCat("last ", trial.number));
    Store(StrCat("last ", trial.number));
  }
  // It starts from the worst one that has ended.
  const std::string source = AddTrial(study, TrialState::kCompleted, 0.05).best_checkpoint;
  Trial& heir = AddTrial(study, TrialState::kQueued, std::nullopt);
  heir.best_checkpoint.clear();
  heir.warm_start = {WarmStart::Kind::kTrial, 5, source};
  AddTrial(study, TrialState::kCompleted, 0.06);
  EXPECT_THAT(Drops(0), ElementsAre("1/7"));
  // Once the heir has ended nobody needs it.
  studies_[0].trials[5].state = TrialState::kCompleted;
  EXPECT_THAT(Drops(0), ElementsAre("1/5", "1/7"));
}

TEST_F(CheckpointBudgetTest, SourcesOfTrialsToComeStay) {
  BudgetedStudy& study = AddStudy(1, StudyState::kActive);
  for (const double score : {0.9, 0.8, 0.7, 0.6, 0.5}) {
    AddTrial(study, TrialState::kCompleted, score);
  }
  study.trials[4].name = "transfer";
  Stage stage;
  stage.top = 2;
  EnqueuedTrial named;
  named.init_from = {InitFrom::Kind::kTrial, "transfer", 0};
  EnqueuedTrial numbered;
  numbered.init_from = {InitFrom::Kind::kTrial, "", 4};
  stage.enqueue = {named, numbered};
  study.study.spec.stages.push_back(stage);
  EXPECT_THAT(Drops(0), ElementsAre("1/3"));
  // The study is over: no trial is to come.
  study.study.state = StudyState::kFinished;
  EXPECT_THAT(Drops(0), ElementsAre("1/5", "1/4", "1/3", "1/2"));
}

// Their own trials are better than what they start from, as one hopes for.
TEST_F(CheckpointBudgetTest, SourcesOfARunningStageStayHoweverGoodItsTrials) {
  BudgetedStudy& study = AddStudy(1, StudyState::kActive);
  for (const double score : {0.5, 0.6, 0.4}) AddTrial(study, TrialState::kCompleted, score);
  for (const double score : {0.9, 0.8, 0.7})
    AddTrial(study, TrialState::kCompleted, score).stage = 2;
  Stage fine_tuning;
  fine_tuning.top = 2;
  study.study.spec.stages.push_back(fine_tuning);
  EXPECT_THAT(Drops(0), ElementsAre("1/3", "1/6", "1/5"));
  // A third stage starts from the best of both before it.
  study.study.spec.stages.push_back(Stage{});
  study.study.spec.stages.back().top = 3;
  EXPECT_THAT(Drops(0), ElementsAre("1/3"));
  // Once it has begun nobody asks for the second's sources any more,
  AddTrial(study, TrialState::kCompleted, 0.95).stage = 3;
  EXPECT_THAT(Drops(0), ElementsAre("1/3", "1/1", "1/2"));
  // but a final run of one that began with them.
  study.trials[5].warm_start = {WarmStart::Kind::kBest, 1, study.trials[0].best_checkpoint};
  study.study.spec.final_runs = {5, 2};
  EXPECT_THAT(Drops(0), ElementsAre("1/3", "1/2"));
}

TEST_F(CheckpointBudgetTest, TrialsThatTrainTakeNoPlaceFromTheBestThatHaveEnded) {
  BudgetedStudy& study = AddStudy(1, StudyState::kActive);
  for (const double score : {0.85, 0.8, 0.7}) AddTrial(study, TrialState::kCompleted, score);
  AddTrial(study, TrialState::kRunning, 0.9);
  EXPECT_THAT(Drops(0), ElementsAre("1/3", "1/2"));
}

// It dominates the best source, and would put a worse one before it.
TEST_F(CheckpointBudgetTest, ATrialThatTrainsHidesNoSource) {
  BudgetedStudy& study = AddStudy(1, StudyState::kActive);
  study.study.spec.objective.further = {{"latency_ms", Direction::kMinimize}};
  study.study.spec.stages.push_back(Stage{});
  AddTrial(study, TrialState::kRunning, 0.95).further_values = {10};
  AddTrial(study, TrialState::kCompleted, 0.9).further_values = {20};
  AddTrial(study, TrialState::kCompleted, 0.5).further_values = {5};
  AddTrial(study, TrialState::kCompleted, 0.4).further_values = {30};
  const auto drops = Drops(0);
  EXPECT_THAT(drops, ElementsAre("1/4"));
}

TEST_F(CheckpointBudgetTest, WhatAFirstStageTrialWaitsForStays) {
  BudgetedStudy& study = AddStudy(1, StudyState::kActive);
  EnqueuedTrial tuned;
  tuned.init_from.kind = InitFrom::Kind::kBest;
  study.study.spec.enqueue = {tuned};
  AddTrial(study, TrialState::kRunning, 0.9);  // leads, and may diverge
  for (const double score : {0.85, 0.8}) AddTrial(study, TrialState::kCompleted, score);
  Trial& waiting = AddTrial(study, TrialState::kQueued, std::nullopt);
  waiting.best_checkpoint.clear();
  waiting.warm_start.kind = WarmStart::Kind::kBest;
  EXPECT_THAT(Drops(0), ElementsAre("1/3"));
}

// Nobody knows yet which place the configuration will have.
TEST_F(CheckpointBudgetTest, TheBestRunOfAConfigurationThatGoesOnStays) {
  BudgetedStudy& study = AddStudy(1, StudyState::kActive);
  study.study.spec.repeats = 3;
  study.trials.reserve(8);
  AddTrial(study, TrialState::kCompleted, 0.7);
  AddTrial(study, TrialState::kCompleted, 0.6).repeat_of = 1;
  AddTrial(study, TrialState::kCompleted, 0.8);
  AddTrial(study, TrialState::kCompleted, 0.9).repeat_of = 3;
  Trial& running = AddTrial(study, TrialState::kRunning, 0.1);
  running.repeat_of = 3;
  EXPECT_THAT(Drops(0), ElementsAre("1/3", "1/2"));
  running.state = TrialState::kCompleted;
  EXPECT_THAT(Drops(0), ElementsAre("1/3", "1/4", "1/5", "1/2"));
}

TEST_F(CheckpointBudgetTest, DownloadsAndFreshFilesStay) {
  BudgetedStudy& study = AddStudy(1, StudyState::kFinished);
  for (const double score : {0.9, 0.8, 0.7, 0.6}) AddTrial(study, TrialState::kCompleted, score);
  being_read_ = {Hash("1/4")};
  stored_[2].used_at = kNow - std::chrono::seconds(59);
  EXPECT_THAT(Drops(0), ElementsAre("1/2"));
  stored_[2].used_at = kNow - std::chrono::seconds(60);
  EXPECT_THAT(Drops(0), ElementsAre("1/3", "1/2"));
}

TEST_F(CheckpointBudgetTest, SplitsAndWeightsCountButStay) {
  BudgetedStudy& study = AddStudy(1, StudyState::kFinished);
  Store("weights", 1000);
  Store("split", 1);
  AddTrial(study, TrialState::kCompleted, 0.9);
  // A checkpoint with the very bytes of the weights.
  AddTrial(study, TrialState::kCompleted, 0.8).best_checkpoint = Hash("weights");
  AddTrial(study, TrialState::kCompleted, 0.7);
  EXPECT_THAT(Drops(1015), ElementsAre("1/3"));
  EXPECT_EQ(plan_.bytes_after, 1000 + 1 + 10 + 10);
}

TEST_F(CheckpointBudgetTest, EqualCheckpointsAreOneFile) {
  BudgetedStudy& study = AddStudy(1, StudyState::kFinished);
  AddTrial(study, TrialState::kCompleted, 0.9);
  AddTrial(study, TrialState::kCompleted, 0.8);
  AddTrial(study, TrialState::kCompleted, 0.7);
  AddTrial(study, TrialState::kCompleted, 0.6).best_checkpoint = Hash("1/2");
  stored_.pop_back();
  EXPECT_THAT(Drops(25), ElementsAre("1/4", "1/3"));
  EXPECT_EQ(plan_.bytes_after, 20) << "1/2 still has the bytes of 1/4";
  study.trials[3].best_checkpoint = Hash("1/1");
  EXPECT_THAT(Drops(0), ElementsAre("1/3", "1/2")) << "the best one's bytes stay";
}

TEST_F(CheckpointBudgetTest, BytesAreShownInTheirUnit) {
  EXPECT_EQ(BytesText(1), "1 byte");
  EXPECT_EQ(BytesText(1023), "1023 bytes");
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(BytesText(int64_t{50} << 30), "50.0 GiB");
  EXPECT_EQ(BytesText(int64_t{5000} << 40), "5000.0 TiB");
}

}  // namespace
}  // namespace vizsla
