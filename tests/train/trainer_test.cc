// RunTrial on one rank, through its contract.
#include "src/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "src/base/sha256.h"
#include "src/train/evaluator.h"
#include "src/train/tally.h"
#include "src/weights/safetensors.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

TEST_F(TrainerTest, LearnsAndReports) {
  TrainingPlan plan = FlippedPlan();
  plan.epochs = 30;
  RecordingHooks hooks;
  const TrialResult result = Run(Assignment(plan), hooks, Cached());
  EXPECT_EQ(result.outcome, AttemptOutcome::kCompleted) << result.reason;
  EXPECT_EQ(result.reason, "");
  ASSERT_EQ(hooks.reports.size(), 30u);
  const Metrics& first = hooks.reports.front().metrics;
  const Metrics& last = hooks.reports.back().metrics;
  ASSERT_EQ(first.size(), 5u);
  EXPECT_LT(last.at("train_loss"), 0.6 * first.at("train_loss"));
  EXPECT_GT(last.at("val_accuracy"), 0.7);
  EXPECT_EQ(last.at("val_top5_accuracy"), 1);  // of three classes
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(hooks.reports[static_cast<size_t>(i)].epoch, i + 1);
    EXPECT_EQ(hooks.reports[static_cast<size_t>(i)].attempt, AttemptNumber(1));
  }
  // 5 training steps and 1 validation round an epoch, besides the features.
  EXPECT_EQ(hooks.progress_calls - hooks.feature_progress_calls, 30 * 6);
}

TEST_F(TrainerTest, TrainsAScratchNetwork) {
  RecordingHooks hooks;
  const TrialResult result = Run(Assignment(ScratchPlan()), hooks, Cached());
  EXPECT_EQ(result.outcome, AttemptOutcome::kCompleted) << result.reason;
  ASSERT_EQ(hooks.reports.size(), 2u);
  EXPECT_LT(hooks.reports[1].metrics.at("train_loss"), hooks.reports[0].metrics.at("train_loss"));
  EXPECT_EQ(hooks.feature_progress_calls, 0);
}

TEST_F(TrainerTest, IsAFunctionOfItsSeed) {
  RecordingHooks first, again, other;
  TrialAssignment assignment = Assignment(FlippedPlan());
  Run(assignment, first);
  Run(assignment, again);
  assignment.trial_number = 4;
  Run(assignment, other);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(first.reports[i].metrics, again.reports[i].metrics);
    EXPECT_NE(first.reports[i].metrics, other.reports[i].metrics);
  }
}

// Float tolerance. Adam's first steps have the size of the learning rate, whatever the gradient's:
// the sign of a gradient that is nearly 0 is rounding, so the trials that are compared learn
// slowly.
constexpr double kSlowLearningRate = 1e-4;
void ExpectClose(const RecordingHooks& a, const RecordingHooks& b) {
  ASSERT_EQ(a.reports.size(), b.reports.size());
  for (size_t i = 0; i < a.reports.size(); ++i) {
    for (const auto& [name, value] : a.reports[i].metrics) {
      EXPECT_NEAR(value, b.reports[i].metrics.at(name), 2e-4 * (1 + std::abs(value)))
          << name << ", epoch " << i + 1;
    }
  }
}

TEST_F(TrainerTest, CachedFeaturesGiveThePlainMetrics) {
  for (const Pooling pooling : {Pooling::kAverage, Pooling::kMax, Pooling::kFlatten}) {
    for (const bool flips : {false, true}) {
      SCOPED_TRACE(StrCat(std::string(ToText(pooling)), flips ? ", flips" : ""));
      TrainingPlan plan = SmallPlan();
      plan.image_size = 64;  // a map of 2 x 2, so that poolings differ
      plan.pooling = pooling;
      SetLearningRate(plan, kSlowLearningRate);
      // With it, the gradient of a weight on a constant feature is rounding and nothing else.
      plan.batch_norm = pooling == Pooling::kAverage;
      plan.augmentation.horizontal_flip = flips;
      SyntheticSource large(40, kClasses, 64, 1), large_validation(20, kClasses, 64, 2);
      TrainingData data = Data();
      data.train = &large;
      data.validation = &large_validation;
      RecordingHooks plain, cached;
      const auto group = MakeLocalCommunicator();
      ASSERT_TRUE(RunTrial(Assignment(plan), data, Uncached(), *group, plain).ok());
      const int64_t plain_photos = large.filled;
      ASSERT_TRUE(RunTrial(Assignment(plan), data, Cached(), *group, cached).ok());
      ExpectClose(plain, cached);
      EXPECT_EQ(plain_photos, 3 * 40) << "every photo, every epoch";
      EXPECT_LE(large.filled - plain_photos, 2 * 40) << "every view at most once";
    }
  }
}

TEST_F(TrainerTest, FeaturesAreComputedOnceForAllTrials) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-once";
  RecordingHooks first, second, third;
  TrialAssignment assignment = Assignment(FlippedPlan());
  Run(assignment, first, options);
  EXPECT_EQ(train.filled, 2 * 70);
  EXPECT_EQ(validation.filled, 25);
  assignment.plan.dense = {8, 8};
  assignment.plan.pooling = Pooling::kMax;
  Run(assignment, second, options);
  assignment.plan.augmentation.horizontal_flip = false;
  Run(assignment, third, options);
  EXPECT_EQ(train.filled, 2 * 70);
  EXPECT_EQ(validation.filled, 25);
  // Other photos, other weights: other features.
  TrainingData data = Data();
  data.weights_hash = std::string(64, 'b');
  const auto group = MakeLocalCommunicator();
  ASSERT_TRUE(RunTrial(assignment, data, options, *group, third).ok());
  EXPECT_EQ(train.filled, 3 * 70);
}

TEST_F(TrainerTest, MixedRowsLeaveOnlyTheValidationFeatures) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-mixed";
  TrialAssignment assignment = Assignment(FlippedPlan());
  assignment.plan.mixup = 0.4;
  SetLearningRate(assignment.plan, kSlowLearningRate);
  RecordingHooks plain, cached;
  Run(assignment, plain);
  train.filled = validation.filled = 0;
  Run(assignment, cached, options);
  ExpectClose(plain, cached);
  EXPECT_EQ(train.filled, 3 * 70) << "every photo, every epoch";
  EXPECT_EQ(validation.filled, 25) << "every photo once";
}

TEST_F(TrainerTest, BothViewsOfValidationPhotosAreCached) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-flipped";
  TrialAssignment assignment = Assignment(SmallPlan());
  assignment.plan.test_time_flip = true;
  SetLearningRate(assignment.plan, kSlowLearningRate);
  RecordingHooks plain, cached;
  Run(assignment, plain);
  EXPECT_EQ(validation.filled, 3 * 2 * 25);
  validation.filled = 0;
  Run(assignment, cached, options);
  ExpectClose(plain, cached);
  EXPECT_EQ(validation.filled, 2 * 25);
}

TEST_F(TrainerTest, TheBackboneHasALearningRateOfItsOwn) {
  TrainingPlan plan = SmallPlan();
  plan.unfreeze = "block_16_expand";
  plan.epochs = 1;
  plan.optimizer.backbone_learning_rate = 1e-20;
  RecordingHooks hooks;
  Run(Assignment(plan), hooks);
  const auto best = ParseSafetensors(hooks.stored.at(hooks.reports.at(0).checkpoint_hash));
  ASSERT_TRUE(best.ok());
  int kernels = 0;
  for (const auto& [name, view] : best->tensors) {
    if (!name.starts_with("backbone.") || !name.ends_with(".weight")) continue;
    const auto before = (*weights_)->tensors().find(name.substr(9));
    ASSERT_NE(before, (*weights_)->tensors().end()) << name;
    EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), before->second.bytes.begin()))
        << name;
    ++kernels;
  }
  EXPECT_GT(kernels, 0);
  EXPECT_LT(hooks.reports[0].metrics.at("train_loss"), 2);
}

TEST_F(TrainerTest, ACacheThatCannotBeWrittenOnlyCostsTime) {
  TrialAssignment assignment = Assignment(FlippedPlan());
  SetLearningRate(assignment.plan, kSlowLearningRate);
  RecordingHooks plain, blocked, full;
  Run(assignment, plain);
  const std::string file = folder_->path() + "/in-the-way";
  std::ofstream(file) << "not a folder";
  Run(assignment, blocked, {file, true, "cpu"});
  ExpectClose(plain, blocked);

  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 1000;
  ::setrlimit(RLIMIT_FSIZE, &small);
  Run(assignment, full, {folder_->path() + "/full", true, "cpu"});
  ::setrlimit(RLIMIT_FSIZE, &before);
  ExpectClose(plain, full);
}

TEST_F(TrainerTest, AFinishedTrialHasNothingToResume) {
  TrialAssignment assignment = Assignment(SmallPlan());
  assignment.checkpoint_interval = std::chrono::seconds(0);
  RecordingHooks whole, resumed;
  Run(assignment, whole, Cached());
  assignment.plan.epochs = 2;
  assignment.resume_checkpoint = whole.stored.at(whole.last_checkpoints[1]);
  assignment.history = {whole.reports.begin(), whole.reports.begin() + 2};
  EXPECT_EQ(Run(assignment, resumed, Cached()).outcome, AttemptOutcome::kCompleted);
  EXPECT_TRUE(resumed.reports.empty());
}

TEST_F(TrainerTest, CheckpointsOfOthersAreRefused) {
  TrialAssignment assignment = Assignment(SmallPlan());
  assignment.checkpoint_interval = std::chrono::seconds(0);
  RecordingHooks whole;
  Run(assignment, whole, Cached());
  assignment.resume_checkpoint = whole.stored.at(whole.last_checkpoints[0]);

  const auto reason = [&](const TrialAssignment& changed, TrainingData data) {
    RecordingHooks hooks;
    const auto group = MakeLocalCommunicator();
    auto result = RunTrial(changed, data, Cached(), *group, hooks);
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(result->outcome, AttemptOutcome::kFailed);
    EXPECT_TRUE(hooks.reports.empty());
    return result->reason;
  };
  TrialAssignment other = assignment;
  SetLearningRate(other.plan, 1e-4);
  EXPECT_THAT(reason(other, Data()), HasSubstr("resume checkpoint: its plan is '"));
  other = assignment;
  other.trial_number = 9;
  EXPECT_EQ(reason(other, Data()), "resume checkpoint: its trial is '3', this trial's is '9'");
  TrainingData data = Data();
  data.weights_hash = "bb";
  EXPECT_EQ(reason(assignment, data), "resume checkpoint: its weights_hash is '" +
                                          std::string(64, 'a') + "', this trial's is 'bb'");
  other = assignment;
  other.resume_checkpoint.resize(other.resume_checkpoint.size() - 1);
  EXPECT_THAT(reason(other, Data()), HasSubstr("resume checkpoint: "));
  other.resume_checkpoint = whole.stored.at(whole.reports[0].checkpoint_hash);
  EXPECT_EQ(reason(other, Data()), "resume checkpoint: its kind is 'best', not 'last'");
}

TEST_F(TrainerTest, DivergenceIsReportedAndEnds) {
  TrainingPlan plan = SmallPlan();
  SetLearningRate(plan, 1e30);
  plan.batch_norm = false;
  RecordingHooks hooks;
  const TrialResult result = Run(Assignment(plan), hooks, Cached());
  EXPECT_EQ(result.outcome, AttemptOutcome::kDiverged);
  EXPECT_EQ(result.reason, "a metric of epoch 1 is not a finite number");
  ASSERT_EQ(hooks.reports.size(), 1u);
  EXPECT_FALSE(std::isfinite(hooks.reports[0].metrics.at("train_loss")));
  EXPECT_EQ(hooks.reports[0].checkpoint_hash, "");
}

TEST_F(TrainerTest, StopsEarlyAndAgainAfterAResume) {
  TrainingPlan plan = SmallPlan();
  SetLearningRate(plan, 1e-7);  // improves by less than min_delta
  plan.dropout = 0;
  plan.epochs = 30;
  TrialAssignment assignment = Assignment(plan);
  assignment.checkpoint_interval = std::chrono::seconds(0);
  assignment.early_stopping = {"val_loss", Direction::kMinimize, 3, 0.5};
  RecordingHooks hooks;
  const TrialResult result = Run(assignment, hooks, Cached());
  EXPECT_EQ(result.outcome, AttemptOutcome::kCompleted);
  EXPECT_EQ(result.reason, "stopped early after epoch 4: val_loss has not improved for 3 epochs");
  ASSERT_EQ(hooks.reports.size(), 4u);

  // The process died between the last report and its answer.
  assignment.history = hooks.reports;
  assignment.resume_checkpoint = hooks.stored.at(hooks.last_checkpoints[3]);
  RecordingHooks resumed;
  EXPECT_EQ(Run(assignment, resumed, Cached()).reason, result.reason);
  EXPECT_TRUE(resumed.reports.empty());
}

TEST_F(TrainerTest, ThePlanMayHaveItsOwnRuleForStopping) {
  TrainingPlan plan = SmallPlan();
  SetLearningRate(plan, 1e-7);
  plan.epochs = 30;
  plan.early_stopping_patience = 2;
  plan.early_stopping_min_delta = 0.5;
  plan.early_stopping_metric = "val_accuracy";
  TrialAssignment assignment = Assignment(plan);
  assignment.early_stopping = {"val_loss", Direction::kMinimize, 10, 0};
  RecordingHooks hooks;
  EXPECT_EQ(Run(assignment, hooks, Cached()).reason,
            "stopped early after epoch 3: val_accuracy has not improved for 2 epochs");
}

TEST_F(TrainerTest, TheBestCheckpointReproducesItsScore) {
  std::vector<TrainingPlan> plans(4, FlippedPlan());
  plans[1].unfreeze = "block_16_expand";
  plans[2].test_time_flip = true;
  plans[3].unfreeze = "block_16_expand";
  plans[3].ema_decay = 0.8;
  plans[3].test_time_flip = true;
  for (TrainingPlan& plan : plans) {
    SCOPED_TRACE(StrCat(plan.unfreeze, plan.test_time_flip ? ", test-time flip" : "",
                        plan.ema_decay > 0 ? ", averaged" : ""));
    plan.epochs = 5;
    TrialAssignment assignment = Assignment(plan);
    assignment.objective = {"val_accuracy", Direction::kMaximize, "val_loss", Direction::kMinimize};
    RecordingHooks hooks;
    Run(assignment, hooks, Cached());
    const auto score = SelectScore(assignment.objective, hooks.reports);
    ASSERT_TRUE(score.has_value());
    const EpochReport& best = hooks.reports[static_cast<size_t>(score->epoch) - 1];
    ASSERT_NE(best.checkpoint_hash, "");

    auto trial_folder = TemporaryDirectory::Create();
    ASSERT_TRUE(trial_folder.ok());
    const std::string& bytes = hooks.stored.at(best.checkpoint_hash);
    auto contents = ParseSafetensors(bytes);
    ASSERT_TRUE(contents.ok());
    EXPECT_EQ(contents->metadata.at("kind"), "best");
    EXPECT_EQ(contents->metadata.at("epoch"), StrCat(score->epoch));
    EXPECT_EQ(contents->metadata.at("weights_hash"), std::string(64, 'a'));
    EXPECT_EQ(contents->metadata.at("class_count"), "3");
    const auto model = CompleteModel(weights_->get(), bytes, trial_folder->path());
    size_t progress = 0;
    auto predictions = Predict(plan, Padding::kSymmetric, kClasses, *model, validation, "cpu",
                               [&](size_t done, size_t total) {
                                 EXPECT_EQ(total, 25u);
                                 progress = done;
                               });
    ASSERT_TRUE(predictions.ok()) << predictions.status();
    EXPECT_EQ(progress, 25u);
    ASSERT_EQ(predictions->probabilities.size(), 25u * kClasses);
    double loss = 0;
    double correct = 0;
    for (uint32_t i = 0; i < 25; ++i) {
      const float* row = predictions->probabilities.data() + i * kClasses;
      EXPECT_NEAR(row[0] + row[1] + row[2], 1, 1e-5);
      const int label = validation.label(i);
      loss -= std::log(row[label]);
      correct += std::max_element(row, row + kClasses) - row == label ? 1 : 0;
    }
    EXPECT_NEAR(loss / 25, best.metrics.at("val_loss"), 1e-4);
    EXPECT_NEAR(correct / 25, score->value, 1e-9);
  }
}

TEST_F(TrainerTest, PredictRefusesWhatDoesNotFit) {
  auto incomplete =
      Predict(SmallPlan(), Padding::kSymmetric, kClasses, **weights_, validation, "cpu", nullptr);
  EXPECT_EQ(incomplete.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(incomplete.status().message()),
              HasSubstr("the model: missing: backbone.features.0.0.weight, "));
  TrainingPlan plan = SmallPlan();
  plan.image_size = 64;
  auto wrong_size =
      Predict(plan, Padding::kSymmetric, kClasses, **weights_, validation, "cpu", nullptr);
  EXPECT_EQ(wrong_size.status().message(), "the photos are 32 pixels wide, the model's 64");
}

TEST_F(TrainerTest, OnlyNewBestsHaveACheckpoint) {
  TrainingPlan plan = FlippedPlan();
  plan.epochs = 6;
  const TrialAssignment assignment = Assignment(plan);
  RecordingHooks hooks;
  Run(assignment, hooks, Cached());
  std::vector<EpochReport> before;
  for (const EpochReport& report : hooks.reports) {
    EXPECT_EQ(!report.checkpoint_hash.empty(), BecomesBest(assignment.objective, before, report));
    before.push_back(report);
  }
}

TEST_F(TrainerTest, DirectivesAfterAReport) {
  const struct {
    Directive directive;
    AttemptOutcome outcome;
    const char* reason;
    bool resumes;
  } kCases[] = {{Directive::kPrune, AttemptOutcome::kPruned, "pruned after epoch 2", false},
                {Directive::kPause, AttemptOutcome::kPaused, "paused after epoch 2", true},
                {Directive::kPreempt, AttemptOutcome::kPreempted, "preempted after epoch 2", true},
                {Directive::kCancel, AttemptOutcome::kCancelled, "cancelled after epoch 2", false}};
  for (const auto& c : kCases) {
    RecordingHooks hooks;
    hooks.on_report = [&](const EpochReport& report) {
      return report.epoch == 2 ? c.directive : Directive::kContinue;
    };
    const TrialResult result = Run(Assignment(SmallPlan()), hooks, Cached());
    EXPECT_EQ(result.outcome, c.outcome);
    EXPECT_EQ(result.reason, c.reason);
    EXPECT_EQ(hooks.reports.size(), 2u);
    EXPECT_EQ(hooks.stored.contains(result.last_checkpoint), c.resumes);
    EXPECT_EQ(result.last_checkpoint_epoch, c.resumes ? 2 : 0);
  }
}

TEST_F(TrainerTest, DirectivesWhileFeaturesAreComputed) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-cancelled";
  RecordingHooks hooks;
  hooks.on_progress = [](int epoch, int64_t) {
    return epoch == 0 ? Directive::kPreempt : Directive::kContinue;
  };
  const TrialResult result = Run(Assignment(FlippedPlan()), hooks, options);
  EXPECT_EQ(result.outcome, AttemptOutcome::kPreempted);
  EXPECT_EQ(result.reason, "preempted in the first epoch");
  EXPECT_EQ(result.last_checkpoint, "");
  EXPECT_LT(train.filled, 2 * 70) << "left at once";
}

TEST_F(TrainerTest, ALostCoordinatorIsNoOutcome) {
  const auto group = MakeLocalCommunicator();
  RecordingHooks report_fails, upload_fails;
  report_fails.on_report = [](const EpochReport&) -> absl::StatusOr<Directive> {
    return absl::UnavailableError("no answer");
  };
  auto result = RunTrial(Assignment(SmallPlan()), Data(), Cached(), *group, report_fails);
  EXPECT_EQ(result.status(), absl::UnavailableError("no answer"));
  upload_fails.upload_status = absl::ResourceExhaustedError("artifacts: disk full");
  result = RunTrial(Assignment(SmallPlan()), Data(), Cached(), *group, upload_fails);
  EXPECT_EQ(result.status(), absl::ResourceExhaustedError("artifacts: disk full"));
  EXPECT_TRUE(upload_fails.reports.empty()) << "no report of a best without its checkpoint";
}

TEST_F(TrainerTest, BadInputGetsASentence) {
  const auto reason = [&](const TrainingPlan& plan, const TrainingData& data,
                          const std::string& device = "cpu") {
    RecordingHooks hooks;
    const auto group = MakeLocalCommunicator();
    auto result = RunTrial(Assignment(plan), data, {"", false, device}, *group, hooks);
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->outcome, AttemptOutcome::kFailed);
    return result->reason;
  };
  TrainingData data = Data();
  data.weights = nullptr;
  EXPECT_EQ(reason(SmallPlan(), data),
            "the trial starts from pretrained weights, but the study has none");
  data = Data();
  SyntheticSource none(0, kClasses, 32, 1), wide(10, kClasses, 64, 1), many(10, 4, 32, 1);
  data.validation = &none;
  EXPECT_EQ(reason(SmallPlan(), data), "there are no validation photos");
  data.validation = &wide;
  EXPECT_EQ(reason(SmallPlan(), data), "the validation photos are 64 pixels wide, the trial's 32");
  data = Data();
  data.train = &many;
  EXPECT_EQ(reason(SmallPlan(), data),
            "photo 3 of the train photos is of class 3, but there are 3");
  EXPECT_NE(reason(SmallPlan(), Data(), "toaster"), "");
  SyntheticSource broken(70, kClasses, 32, 1);
  broken.on_fill = [](const PhotoView& view) {
    return view.photo == 40 ? absl::DataLossError("dog-40.jpg: cut short") : absl::OkStatus();
  };
  data = Data();
  data.train = &broken;
  EXPECT_EQ(reason(SmallPlan(), data), "dog-40.jpg: cut short");
}

TEST_F(TrainerTest, WhatDoesNotFitInMemoryIsInfeasible) {
  TrainingPlan plan = SmallPlan();
  plan.dense = {int64_t{1} << 40};
  RecordingHooks hooks;
  const TrialResult result = Run(Assignment(plan), hooks, Cached());
  EXPECT_EQ(result.outcome, AttemptOutcome::kInfeasible);
  EXPECT_THAT(result.reason, HasSubstr("out of memory: "));
  EXPECT_THAT(result.reason, HasSubstr("; the trial asked for batch_size 16 on 1 rank, image_size "
                                       "32, precision float32"));
  EXPECT_EQ(result.reason.find('\n'), std::string::npos);
  EXPECT_FALSE(result.on_any_worker) << "another one may have more";
}

TEST_F(TrainerTest, ANetworkThatCannotBeBuiltIsInfeasibleOnAnyWorker) {
  TrainingPlan plan = SmallPlan();
  plan.dense = {0};
  RecordingHooks hooks;
  const TrialResult result = Run(Assignment(plan), hooks, Cached());
  EXPECT_EQ(result.outcome, AttemptOutcome::kInfeasible);
  EXPECT_EQ(result.reason, "dense: a layer of size 0");
  EXPECT_TRUE(result.on_any_worker);
}

}  // namespace
}  // namespace vizsla
