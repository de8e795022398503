// Studies of several objectives: values, ranking, refusals, restart.
#include <gmock/gmock.h>

#include <chrono>
#include <cmath>

#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ObjectivesTest : public Harness {
 protected:
  static StudySpec Spec(int64_t trials) {
    StudySpec spec = SmallSpec("dogs", trials, 2);
    spec.objective.further = {{"parameters", Direction::kMinimize}};
    spec.sampler = Nsga2Options{.population = 4};
    return spec;
  }
  absl::StatusOr<ReportDirective> ReportBoth(const LeaseGrant& lease, int epoch, double accuracy,
                                             double parameters) {
    EpochReport report = MakeReport(epoch, accuracy);
    report.metrics["parameters"] = parameters;
    report.checkpoint_hash = artifacts_.Add(BestName(lease, epoch));
    return scheduler_->Report(lease.trial.id, lease.attempt, report, "");
  }
  void Train(WorkerId worker, double accuracy, double parameters) {
    const LeaseGrant lease = Acquire(worker);
    ASSERT_TRUE(ReportBoth(lease, 1, accuracy, parameters).ok());
    ASSERT_TRUE(ReportBoth(lease, 2, accuracy - 0.1, parameters).ok());
    ASSERT_TRUE(Complete(lease).ok());
  }
};

TEST_F(ObjectivesTest, TheBoardShowsFrontByFront) {
  Create(Spec(5));
  const WorkerId worker = Register("w");
  Train(worker, 0.5, 100);
  Train(worker, 0.9, 500);
  Train(worker, 0.8, 600);  // dominated
  Train(worker, 0.7, 300);
  const LeaseGrant diverging = Acquire(worker);
  EpochReport bad = MakeReport(1, std::nan(""));
  bad.metrics["parameters"] = 1;
  ASSERT_TRUE(scheduler_->Report(diverging.trial.id, diverging.attempt, bad, "").ok());
  ASSERT_TRUE(Complete(diverging, AttemptOutcome::kDiverged).ok());
  for (const bool restarted : {false, true}) {
    if (restarted) Restart();
    const Board board = *scheduler_->GetBoard("dogs", 0);
    std::vector<int64_t> numbers;
    std::vector<int> fronts;
    std::vector<int> ranks;
    for (const BoardRow& row : board.rows) {
      numbers.push_back(row.trial.number);
      fronts.push_back(row.front);
      ranks.push_back(row.rank);
    }
    EXPECT_THAT(numbers, ElementsAre(2, 4, 1, 3, 5));
    EXPECT_THAT(fronts, ElementsAre(1, 1, 1, 2, 0));
    EXPECT_THAT(ranks, ElementsAre(1, 2, 3, 4, 0));
    EXPECT_THAT(board.rows[1].trial.further_values, ElementsAre(300));
    // The front is that of all trials, however few are shown.
    EXPECT_EQ(scheduler_->GetBoard("dogs", 1)->rows.size(), 1u);
  }
}

TEST_F(ObjectivesTest, TheSelectedEpochGivesAllValues) {
  Create(Spec(1));
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  ASSERT_TRUE(ReportBoth(lease, 1, 0.9, 100).ok());
  ASSERT_TRUE(ReportBoth(lease, 2, 0.8, 50).ok());
  EXPECT_THAT(GetTrial(lease.trial.id).further_values, ElementsAre(100));
  EXPECT_EQ(GetTrial(lease.trial.id).best_epoch, 1);
}

TEST_F(ObjectivesTest, AReportWithoutAnObjectiveIsRefused) {
  Create(Spec(1));
  const LeaseGrant lease = Acquire(Register("w"));
  const auto directive = Report(lease, 1, 0.5);
  EXPECT_EQ(directive.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(directive.status()), HasSubstr("lacks parameters"));
  EXPECT_TRUE(GetTrial(lease.trial.id).further_values.empty());
}

TEST_F(ObjectivesTest, WhatKnowsOneScoreIsRefused) {
  StudySpec spec = Spec(4);
  spec.sampler = TpeOptions();
  EXPECT_THAT(Message(scheduler_->CreateStudy(spec, Inputs()).status()),
              HasSubstr("several objectives"));
  spec = Spec(4);
  spec.pruner = MedianOptions();
  EXPECT_THAT(Message(scheduler_->CreateStudy(spec, Inputs()).status()), HasSubstr("pruner"));
  spec = Spec(4);
  spec.objective.further.push_back(spec.objective.further[0]);
  EXPECT_THAT(Message(scheduler_->CreateStudy(spec, Inputs()).status()),
              HasSubstr("parameters is an objective already"));
}

// With and without a restart after every trial the same configurations are tried.
TEST_F(ObjectivesTest, ARestartChangesNothing) {
  std::vector<std::string> tried[2];
  for (const bool restarts : {false, true}) {
    StudySpec spec = Spec(24);
    spec.name = restarts ? "restarted" : "undisturbed";
    Create(spec);
    for (int i = 0; i < 24; ++i) {
      if (restarts) Restart();
      const WorkerId worker = Register("w");
      const LeaseGrant lease = Acquire(worker);
      tried[restarts].push_back(ToJsonText(lease.trial.configuration));
      const double rate =
          std::log10(std::get<double>(lease.trial.configuration.at("learning_rate")));  // -4 to -1
      ASSERT_TRUE(ReportBoth(lease, 1, 0.2 * (rate + 4), (rate + 3) * (rate + 3)).ok());
      ASSERT_TRUE(Complete(lease).ok());
    }
  }
  EXPECT_EQ(tried[0], tried[1]);
}

TEST_F(ObjectivesTest, ALaterStageStartsFromTheFront) {
  StudySpec spec = Spec(3);
  Stage stage;
  stage.budget = {2, 1, {}};
  stage.top = 2;
  stage.sampler = RandomOptions();
  stage.space = spec.space;
  spec.stages = {stage};
  Create(spec);
  const WorkerId worker = Register("w");
  Train(worker, 0.9, 500);
  Train(worker, 0.85, 600);  // second by accuracy, but dominated
  Train(worker, 0.5, 100);
  std::set<int64_t> sources;
  for (int i = 0; i < 2; ++i) {
    const LeaseGrant lease = Acquire(Register(StrCat("stage 2, worker ", i)));
    sources.insert(lease.trial.warm_start.trial);
  }
  EXPECT_THAT(sources, ElementsAre(1, 3));
}

TEST_F(ObjectivesTest, ABoardOfThousandsOfTrialsIsQuick) {
  const Study study = Create(Spec(5000));
  ASSERT_TRUE(store_
                  .Write([&](TrialWriter& writer) -> absl::Status {
                    for (int64_t number = 1; number <= 5000; ++number) {
                      Trial trial;
                      trial.study = study.id;
                      trial.number = number;
                      trial.state = TrialState::kCompleted;
                      trial.score = static_cast<double>(number * 7919 % 5003) / 5003;
                      trial.best_epoch = 1;
                      trial.further_values = {static_cast<double>(number * 104729 % 9973)};
                      VIZSLA_RETURN_IF_ERROR(writer.InsertTrial(trial).status());
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const auto start = std::chrono::steady_clock::now();
  const Board board = *scheduler_->GetBoard("dogs", 20);
  // Milliseconds; a quadratic board would take many seconds even unoptimized.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  ASSERT_EQ(board.rows.size(), 20u);
  EXPECT_EQ(board.rows[0].front, 1);
}

}  // namespace
}  // namespace vizsla
