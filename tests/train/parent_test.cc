// A trial that goes on from another trial's checkpoint (population-based training): the weights and
// the optimizer's state are the parent's, the rate and the random streams its own.
#include <gmock/gmock.h>

#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

class ParentTest : public TrainerTest {
 protected:
  static TrainingPlan Plan(double learning_rate) {
    TrainingPlan plan = FlippedPlan();
    plan.epochs = 4;
    plan.dropout = 0;
    plan.batch_norm = false;  // its statistics move at any rate
    plan.optimizer = {.kind = OptimizerPlan::Kind::kAdam, .learning_rate = learning_rate};
    return plan;
  }

  // The parent's four epochs, with a `last` checkpoint after each second one.
  RecordingHooks TrainParent() const {
    TrialAssignment assignment = Assignment(Plan(1e-3));
    assignment.checkpoint_interval = std::chrono::hours(1);
    assignment.checkpoint_epochs = 2;
    RecordingHooks hooks;
    Run(assignment, hooks);
    return hooks;
  }
  // Goes on from its second epoch.
  TrialAssignment Successor(const RecordingHooks& parent, double learning_rate) const {
    TrialAssignment assignment = Assignment(Plan(learning_rate));
    assignment.trial_number = 9;
    assignment.parent = ParentTrial{Plan(1e-3), 3};
    assignment.parent_epoch = 2;
    assignment.resume_checkpoint = parent.stored.at(parent.last_checkpoints[1]);
    assignment.history = {parent.reports.begin(), parent.reports.begin() + 2};
    return assignment;
  }
};

TEST_F(ParentTest, CheckpointsAreDueByEpochs) {
  const RecordingHooks parent = TrainParent();
  ASSERT_EQ(parent.last_checkpoints.size(), 4u);
  EXPECT_EQ(parent.last_checkpoints[0], "");
  EXPECT_NE(parent.last_checkpoints[1], "");
  EXPECT_EQ(parent.last_checkpoints[3], "") << "nothing resumes a finished trial";
}

// With a rate of next to nothing the first epoch leaves the weights where the parent's were.
TEST_F(ParentTest, TheFirstEpochBeginsWithTheParentsWeights) {
  const RecordingHooks parent = TrainParent();
  TrialAssignment assignment = Successor(parent, 1e-7);
  RecordingHooks hooks;
  EXPECT_EQ(Run(assignment, hooks).outcome, AttemptOutcome::kCompleted);
  ASSERT_EQ(hooks.reports.size(), 2u);
  EXPECT_EQ(hooks.reports[0].epoch, 3);
  const double before = parent.reports[1].metrics.at("val_loss");
  EXPECT_NEAR(hooks.reports[0].metrics.at("val_loss"), before, 1e-3 * before);
  EXPECT_NE(hooks.reports[0].checkpoint_hash, "") << "its own first epoch is its best so far";
}

// Adam's means and its count of steps are the parent's too: the trial of the parent's number and
// rate goes on bit for bit as the parent did, and another rate does not.
TEST_F(ParentTest, TheOptimizersStateIsTheParents) {
  const RecordingHooks parent = TrainParent();
  TrialAssignment same = Successor(parent, 1e-3);
  same.trial_number = 3;  // its streams
  RecordingHooks as_parent, faster;
  Run(same, as_parent);
  ASSERT_EQ(as_parent.reports.size(), 2u);
  EXPECT_EQ(as_parent.reports[0].metrics, parent.reports[2].metrics);
  EXPECT_EQ(as_parent.reports[1].metrics, parent.reports[3].metrics);
  TrialAssignment changed = Successor(parent, 5e-3);
  changed.trial_number = 3;
  Run(changed, faster);
  EXPECT_NE(faster.reports[0].metrics, parent.reports[2].metrics);
}

TEST_F(ParentTest, ItsOwnCheckpointResumesWithoutAParent) {
  const RecordingHooks parent = TrainParent();
  TrialAssignment assignment = Successor(parent, 5e-3);
  assignment.checkpoint_epochs = 1;
  RecordingHooks whole, resumed;
  Run(assignment, whole);
  ASSERT_EQ(whole.reports.size(), 2u);
  assignment.parent.reset();
  assignment.resume_checkpoint = whole.stored.at(whole.last_checkpoints[0]);
  assignment.history.push_back(whole.reports[0]);
  Run(assignment, resumed);
  ASSERT_EQ(resumed.reports.size(), 1u);
  EXPECT_EQ(resumed.reports[0].metrics, whole.reports[1].metrics);
}

TEST_F(ParentTest, RefusesACheckpointOfAnotherTrialThanItsParent) {
  const RecordingHooks parent = TrainParent();
  TrialAssignment stranger = Successor(parent, 5e-3);
  stranger.parent->number = 4;
  RecordingHooks hooks;
  TrialResult result = Run(stranger, hooks);
  EXPECT_EQ(result.outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(result.reason, HasSubstr("its trial is '3', this trial's is '4'"));
  TrialAssignment other_plan = Successor(parent, 5e-3);
  other_plan.parent->plan.batch_size = 8;
  result = Run(other_plan, hooks);
  EXPECT_EQ(result.outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(result.reason, HasSubstr("its plan is"));
}

}  // namespace
}  // namespace vizsla
