// Stopping rules in the scheduler: what happens to the trials, and after restarts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

class StoppingTest : public Harness {
 protected:
  // Trains and completes the next trial with this score in its only epoch.
  Trial TrainOne(WorkerId worker, double score) {
    const LeaseGrant lease = Acquire(worker);
    EXPECT_TRUE(Report(lease, 1, score).ok());
    const auto trial = Complete(lease);
    return trial.ok() ? *trial : GetTrial(lease.trial.id);
  }
  StopProgress Progress(const Study& study) {
    StopProgress progress;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(progress, reader.GetStopProgress(study.id));
                      return absl::OkStatus();
                    })
                    .ok());
    return progress;
  }
};

TEST_F(StoppingTest, TheTargetEndsTheStudyAtTheReportThatReachesIt) {
  StudySpec spec = SmallSpec("dogs", 10, 5);
  spec.stop.target = 0.9;
  Create(spec);
  const WorkerId a = Register("a");
  const WorkerId b = Register("b");
  const LeaseGrant first = Acquire(a);
  ASSERT_EQ(*Report(first, 1, 0.5, true), ReportDirective::kContinue);
  const LeaseGrant second = Acquire(b);
  EXPECT_EQ(*Report(second, 1, 0.8), ReportDirective::kContinue);
  EXPECT_EQ(*Report(second, 2, 0.91), ReportDirective::kCancel);

  const Study ended = GetStudy("dogs");
  EXPECT_EQ(ended.state, StudyState::kFinished);
  EXPECT_EQ(ended.end_reason, "target 0.9 reached by trial 2 (0.91)");
  const Trial winner = GetTrial(second.trial.id);
  EXPECT_EQ(winner.state, TrialState::kCompleted);
  EXPECT_TRUE(Has(BestName(second, 2)));
  EXPECT_EQ(Attempts(second.trial.id)[0].outcome, AttemptOutcome::kCompleted);
  const Trial other = GetTrial(first.trial.id);
  EXPECT_EQ(other.state, TrialState::kQueued);
  EXPECT_EQ(other.crashes, 0);
  EXPECT_THAT(other.reason, HasSubstr("target 0.9 reached by trial 2"));
  EXPECT_EQ(Beat(a, first, 7), ReportDirective::kCancel);
  EXPECT_THAT(scheduler_->Acquire(a, 1)->explanation, HasSubstr("no study is active"));
  EXPECT_TRUE(scheduler_->Acquire(a, 1)->nothing_left);

  // Submitted as it was, it stays ended; tighter is refused; looser goes on where it was.
  EXPECT_EQ(scheduler_->CreateStudy(spec, Inputs())->study.state, StudyState::kFinished);
  spec.stop.target = 0.7;
  EXPECT_THAT(Message(scheduler_->CreateStudy(spec, Inputs()).status()),
              HasSubstr("stop.target is 0.9, given 0.7"));
  spec.stop.target = 0.99;
  const Study again = scheduler_->CreateStudy(spec, Inputs())->study;
  EXPECT_EQ(again.state, StudyState::kActive);
  EXPECT_EQ(again.end_reason, "");
  const LeaseGrant resumed = Acquire(a);
  EXPECT_EQ(resumed.trial.id, first.trial.id);
  EXPECT_EQ(resumed.resume_checkpoint, Sha256Hex(LastName(first, 1)));
}

TEST_F(StoppingTest, EpochsThatACrashRepeatsCountOnce) {
  StudySpec spec = SmallSpec("dogs", 10, 5);
  spec.stop.epochs = 5;
  const Study study = Create(spec);
  const WorkerId worker = Register("w");
  const LeaseGrant first = Acquire(worker);
  ASSERT_TRUE(Report(first, 1, 0.5, true).ok());
  ASSERT_TRUE(Report(first, 2, 0.6).ok());
  ASSERT_TRUE(Report(first, 2, 0.6).ok());  // its answer was lost
  ASSERT_TRUE(Complete(first, AttemptOutcome::kCrashed, "kill -9").ok());
  EXPECT_EQ(Progress(study).epochs, 2);
  const LeaseGrant second = Acquire(worker);
  ASSERT_TRUE(Report(second, 2, 0.6).ok());
  EXPECT_EQ(Progress(study).epochs, 2);
  ASSERT_TRUE(Report(second, 3, 0.6, true).ok());
  EXPECT_EQ(*Report(second, 4, 0.6), ReportDirective::kContinue);
  const LeaseGrant other = Acquire(Register("v"));
  EXPECT_EQ(*Report(other, 1, 0.4), ReportDirective::kCancel);
  EXPECT_EQ(GetStudy("dogs").end_reason, "all 5 epochs of stop.epochs are spent");
  const Trial given_back = GetTrial(second.trial.id);
  EXPECT_EQ(given_back.state, TrialState::kQueued);
  EXPECT_EQ(given_back.last_checkpoint_epoch, 3);
  EXPECT_EQ(GetTrial(other.trial.id).state, TrialState::kQueued);
}

TEST_F(StoppingTest, ATrialThatHasAllItsEpochsIsNotGivenBack) {
  StudySpec spec = SmallSpec("dogs", 10, 2);
  spec.stop.epochs = 4;
  Create(spec);
  const LeaseGrant whole = Acquire(Register("a"));
  ASSERT_TRUE(Report(whole, 1, 0.5).ok());
  ASSERT_TRUE(Report(whole, 2, 0.6).ok());
  const LeaseGrant diverged = Acquire(Register("b"));
  EpochReport report = MakeReport(1, 0.5);
  report.metrics["val_loss"] = std::numeric_limits<double>::quiet_NaN();
  report.checkpoint_hash = artifacts_.Add("weights of a diverged run");
  EXPECT_EQ(*scheduler_->Report(diverged.trial.id, diverged.attempt, report, ""),
            ReportDirective::kPrune);
  const LeaseGrant last = Acquire(Register("c"));
  EXPECT_EQ(*Report(last, 1, 0.5), ReportDirective::kCancel);
  EXPECT_EQ(GetTrial(whole.trial.id).state, TrialState::kCompleted);
  EXPECT_EQ(GetTrial(diverged.trial.id).state, TrialState::kDiverged);
  EXPECT_EQ(GetTrial(last.trial.id).state, TrialState::kQueued);
}

TEST_F(StoppingTest, NoImprovementEndsTheStudy) {
  StudySpec spec = SmallSpec("dogs", 100, 1);
  spec.stop.no_improvement_trials = 3;
  Create(spec);
  const WorkerId worker = Register("w");
  TrainOne(worker, 0.5);
  TrainOne(worker, 0.4);
  const LeaseGrant failed = Acquire(worker);
  ASSERT_TRUE(Complete(failed, AttemptOutcome::kFailed, "no such layer").ok());
  TrainOne(worker, 0.6);
  TrainOne(worker, 0.6);
  TrainOne(worker, 0.1);
  const LeaseGrant running = Acquire(Register("v"));
  ASSERT_TRUE(Report(running, 1, 0.5).ok());
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
  EXPECT_EQ(TrainOne(worker, 0.2).state, TrialState::kCompleted);
  const Study study = GetStudy("dogs");
  EXPECT_EQ(study.state, StudyState::kFinished);
  EXPECT_EQ(study.end_reason, "no improvement in 3 trials on 0.6");
  EXPECT_EQ(GetTrial(running.trial.id).state, TrialState::kCompleted) << "it had its one epoch";

  // Without min_delta more would have been an improvement: counted anew by the new rules.
  spec.stop.no_improvement_trials = 5;
  EXPECT_EQ(scheduler_->CreateStudy(spec, Inputs())->study.state, StudyState::kActive);
  EXPECT_EQ(Progress(study).ended, 4);
  TrainOne(worker, 0.1);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(StoppingTest, AStageWithoutImprovementGivesWayToTheNext) {
  StudySpec spec = SmallSpec("dogs", 100, 1);
  spec.stop.no_improvement_trials = 2;
  Stage stage;
  stage.budget = {50, 1, std::nullopt};
  stage.space.parameters.push_back({"dropout", FloatDomain{0, 0.5}, {}});
  spec.stages.push_back(stage);
  Create(spec);
  const WorkerId worker = Register("w");
  TrainOne(worker, 0.5);
  TrainOne(worker, 0.4);
  TrainOne(worker, 0.4);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
  Restart();
  const WorkerId after = Register("w");
  EXPECT_EQ(TrainOne(after, 0.3).stage, 2);
  EXPECT_EQ(TrainOne(after, 0.3).stage, 2);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
  EXPECT_EQ(TrainOne(after, 0.3).stage, 2);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(GetStudy("dogs").end_reason, "no improvement in 2 trials on 0.3");
}

TEST_F(StoppingTest, AStoppedStudyEndsWhenItIsResumed) {
  StudySpec spec = SmallSpec("dogs", 100, 3);
  spec.stop.target = 0.9;
  Create(spec);
  const LeaseGrant lease = Acquire(Register("w"));
  ASSERT_TRUE(scheduler_->StopStudy("dogs").ok());
  EXPECT_EQ(*Report(lease, 1, 0.95), ReportDirective::kPreempt);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kStopped);
  EXPECT_EQ(scheduler_->ResumeStudy("dogs")->state, StudyState::kFinished);
  EXPECT_EQ(GetTrial(lease.trial.id).state, TrialState::kCompleted);
}

TEST_F(StoppingTest, BadRulesAreRefused) {
  StudySpec spec = SmallSpec("dogs", 10, 3);
  spec.stop.target = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(absl::IsInvalidArgument(scheduler_->CreateStudy(spec, Inputs()).status()));
  spec.stop = {};
  spec.stop.epochs = -1;
  EXPECT_TRUE(absl::IsInvalidArgument(scheduler_->CreateStudy(spec, Inputs()).status()));
}

// The same events with and without a restart of the scheduler before each of them.
class RestartedStoppingTest : public StoppingTest, public ::testing::WithParamInterface<int> {};

TEST_P(RestartedStoppingTest, AreTheSameAfterARestartAtAnyStep) {
  std::vector<std::string> outcomes;
  for (const int restart_at : {-1, GetParam()}) {
    const std::string name = StrCat("study", restart_at + 1);
    StudySpec spec = SmallSpec(name, 100, 4);
    spec.stop = {.target = 0.97, .no_improvement_trials = 3, .min_delta = 0.01, .epochs = 30};
    Create(spec);
    int step = 0;
    const auto maybe_restart = [&] {
      if (step++ == restart_at) Restart();
    };
    std::string outcome;
    for (int trial = 1; GetStudy(name).state == StudyState::kActive; ++trial) {
      maybe_restart();
      const LeaseGrant lease = Acquire(Register("w"));
      for (int epoch = 1; epoch <= 1 + trial % 3; ++epoch) {
        maybe_restart();
        const auto directive = Report(lease, epoch, 0.5 + 0.004 * trial + 0.1 * (trial == 4));
        absl::StrAppend(&outcome, directive.ok() ? static_cast<int>(*directive) : -1, " ");
      }
      maybe_restart();
      (void)Complete(lease);
      const Trial ended = GetTrial(lease.trial.id);
      absl::StrAppend(&outcome, ended.number, std::string(ToText(ended.state)), " ",
                      ToJsonText(ended.configuration), "\n");
      ASSERT_LT(trial, 50);
    }
    absl::StrAppend(&outcome, GetStudy(name).end_reason);
    outcomes.push_back(outcome);
  }
  EXPECT_EQ(outcomes[0], outcomes[1]);
  EXPECT_THAT(outcomes[0], HasSubstr("no improvement in 3 trials"));
}
INSTANTIATE_TEST_SUITE_P(Steps, RestartedStoppingTest, ::testing::Range(0, 28));

}  // namespace
}  // namespace vizsla
