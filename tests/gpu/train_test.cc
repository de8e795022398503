// Whole trials on a GPU against the CPU: metrics, checkpoints that change sides, the feature cache,
// repeats, and what happens when memory runs out.
#include <c10/cuda/CUDACachingAllocator.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "src/comm/communicator.h"
#include "src/train/evaluator.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TrainingPlan Unfrozen() {
  TrainingPlan plan = SmallPlan();
  plan.unfreeze = "all";
  SetLearningRate(plan, 1e-3);
  plan.epochs = 2;
  return plan;
}

class GpuTrainerTest : public TrainerTest {
 protected:
  GpuTrainerTest() = default;
  TrainerOptions On(const std::string& device, bool cached = false) const {
    return {cached ? folder_->path() + "/features-" + device : "", cached, device};
  }

  RecordingHooks RunOn(const std::string& device, const TrainingPlan& plan,
                       bool cached = false) const {
    RecordingHooks hooks;
    const TrialResult result = Run(Assignment(plan), hooks, On(device, cached));
    EXPECT_EQ(result.outcome, AttemptOutcome::kCompleted) << result.reason;
    return hooks;
  }

  static void ExpectNear(const RecordingHooks& a, const RecordingHooks& b, double tolerance,
                         const std::vector<const char*>& metrics = {"train_loss", "val_loss"}) {
    ASSERT_EQ(a.reports.size(), b.reports.size());
    for (size_t i = 0; i < a.reports.size(); ++i) {
      for (const char* name : metrics) {
        const double expected = b.reports[i].metrics.at(name);
        EXPECT_NEAR(a.reports[i].metrics.at(name), expected, tolerance * std::max(1.0, expected))
            << name << ", epoch " << i + 1;
      }
    }
  }
};

TEST_F(GpuTrainerTest, AHeadTrainsAsOnTheCpu) {
  const RecordingHooks cpu = RunOn("cpu", SmallPlan());
  ExpectNear(RunOn("cuda:0", SmallPlan()), cpu, 2e-3);
  ExpectNear(RunOn("cuda:0", SmallPlan(), /*cached=*/true), cpu, 2e-3);
}

// Adam divides by the gradients' own size and makes much of rounding; the first epoch is five
// steps.
TEST_F(GpuTrainerTest, AWholeNetworkTrainsAsOnTheCpu) {
  TrainingPlan plan = Unfrozen();
  plan.epochs = 1;
  SetLearningRate(plan, 1e-4);
  ExpectNear(RunOn("cuda:0", plan), RunOn("cpu", plan), 2e-2);
  TrainingPlan scratch = ScratchPlan();
  scratch.epochs = 1;
  ExpectNear(RunOn("cuda:0", scratch), RunOn("cpu", scratch), 1e-2);
}

TEST_F(GpuTrainerTest, EveryTechniqueTrainsAsOnTheCpu) {
  TrainingPlan plan = FlippedPlan();
  plan.epochs = 2;
  plan.optimizer = {.kind = OptimizerPlan::Kind::kAdamW,
                    .learning_rate = 1e-3,
                    .backbone_learning_rate = 1e-3,
                    .weight_decay = 0.1};
  plan.schedule = {.kind = SchedulePlan::Kind::kCosine, .warmup_epochs = 1};
  plan.mixup = 0.4;
  plan.cutmix = 1;
  plan.class_weights = ClassWeights::kBalanced;
  plan.label_smoothing = 0.1;
  plan.l2 = 0.01;
  plan.clip_norm = 1;
  plan.ema_decay = 0.9;
  plan.test_time_flip = true;
  ExpectNear(RunOn("cuda:0", plan), RunOn("cpu", plan), 5e-3);
  for (const auto kind : {OptimizerPlan::Kind::kSgd, OptimizerPlan::Kind::kRmsprop}) {
    plan.optimizer = {
        .kind = kind, .learning_rate = 1e-4, .backbone_learning_rate = 1e-4, .momentum = 0.9};
    ExpectNear(RunOn("cuda:0", plan), RunOn("cpu", plan), 5e-3);
  }
}

TEST_F(GpuTrainerTest, PretrainsAnAutoencoder) {
  TrainingPlan plan = ScratchPlan();
  plan.initial_weights = InitialWeights::kAutoencoder;
  plan.pretrain_epochs = 1;
  plan.epochs = 1;
  ExpectNear(RunOn("cuda:0", plan), RunOn("cpu", plan), 2e-2);
}

TEST_F(GpuTrainerTest, ATrialRepeatsItselfBitForBit) {
  for (const auto& [name, plan] :
       {std::pair("head", SmallPlan()), {"all", Unfrozen()}, {"scratch", ScratchPlan()}}) {
    SCOPED_TRACE(name);
    const RecordingHooks first = RunOn("cuda:0", plan), second = RunOn("cuda:0", plan);
    ASSERT_EQ(first.reports.size(), second.reports.size());
    for (size_t i = 0; i < first.reports.size(); ++i) {
      EXPECT_EQ(first.reports[i].metrics, second.reports[i].metrics);
      EXPECT_EQ(first.reports[i].checkpoint_hash, second.reports[i].checkpoint_hash);
    }
  }
}

// Two devices' bfloat16 are compared by the training loss alone. Validation after so few steps
// normalises with statistics that are hardly learned: the large means of the random backbone's
// features come through, and a rounding grows two hundredfold (TF32 moves the loss by a tenth).
TEST_F(GpuTrainerTest, CheckpointsChangeSides) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    TrainingPlan plan = SmallPlan();
    plan.precision = precision;
    const RecordingHooks whole = RunOn("cpu", plan);
    for (const auto& [from, to] : {std::pair("cuda:0", "cpu"), {"cpu", "cuda:0"}}) {
      SCOPED_TRACE(StrCat(ToText(precision), " from ", from, " to ", to));
      RecordingHooks first, second;
      first.on_progress = [](int epoch, int64_t done) {
        return epoch == 2 && done >= 3 ? Directive::kPreempt : Directive::kContinue;
      };
      const TrialResult left = Run(Assignment(plan), first, On(from));
      ASSERT_EQ(left.outcome, AttemptOutcome::kPreempted) << left.reason;
      TrialAssignment rest = Assignment(plan);
      rest.resume_checkpoint = first.stored.at(left.last_checkpoint);
      rest.history = first.reports;
      const TrialResult right = Run(rest, second, On(to));
      ASSERT_EQ(right.outcome, AttemptOutcome::kCompleted) << right.reason;
      second.reports.insert(second.reports.begin(), first.reports.begin(), first.reports.end());
      if (precision == Precision::kFloat32) {
        ExpectNear(second, whole, 2e-3);
      } else {
        ExpectNear(second, whole, 0.1, {"train_loss"});
      }
    }
  }
}

TEST_F(GpuTrainerTest, CachedFeaturesGiveThePlainMetrics) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    TrainingPlan plan = FlippedPlan();
    plan.precision = precision;
    SCOPED_TRACE(std::string(ToText(precision)));
    const RecordingHooks plain = RunOn("cuda:0", plan);
    train.filled = 0;
    const RecordingHooks cached = RunOn("cuda:0", plan, /*cached=*/true);
    EXPECT_LE(train.filled, 140) << "each photo in each view once";
    // Batches of other sizes round differently.
    ExpectNear(cached, plain, precision == Precision::kFloat32 ? 1e-3 : 0.05);
  }
}

TEST_F(GpuTrainerTest, LowPrecisionLearnsAsWell) {
  TrainingPlan plan = SmallPlan();
  plan.epochs = 6;
  const RecordingHooks exact = RunOn("cuda:0", plan);
  for (const Precision precision : {Precision::kTf32, Precision::kBfloat16, Precision::kFloat16}) {
    SCOPED_TRACE(std::string(ToText(precision)));
    plan.precision = precision;
    const RecordingHooks low = RunOn("cuda:0", plan);
    ExpectNear(low, exact, 0.1, {"train_loss"});  // see CheckpointsChangeSides
    EXPECT_NE(low.reports.back().metrics, exact.reports.back().metrics) << "it was not used";
    EXPECT_LT(low.reports.back().metrics.at("train_loss"),
              low.reports.front().metrics.at("train_loss"));
    TrainingPlan whole = Unfrozen();
    whole.precision = precision;
    for (const EpochReport& report : RunOn("cuda:0", whole).reports) {
      EXPECT_TRUE(std::isfinite(report.metrics.at("train_loss")));
    }
  }
}

namespace allocator = c10::cuda::CUDACachingAllocator;

double ReservedBytes() {
  return static_cast<double>(allocator::getDeviceStats(0).reserved_bytes[0].current);
}

// Lets LibTorch have so many bytes of the card.
void LimitMemory(double bytes) {
  size_t free = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  allocator::setMemoryFraction(std::min(1.0, bytes / static_cast<double>(total)), 0);
}

// Steps of whole networks that take a GiB and more.
class GpuMemoryTest : public GpuTrainerTest {
 protected:
  static constexpr int kRoomySide = 128;

  // LibTorch's allocator is there from the first tensor on.
  GpuMemoryTest() { torch::empty({1}, torch::Device(torch::kCUDA, 0)); }
  ~GpuMemoryTest() override { allocator::setMemoryFraction(1.0, 0); }

  // One epoch of three full batches and a smaller one; what was logged.
  std::string Log(RecordingHooks& hooks) {
    TrainingPlan plan = Unfrozen();
    SetLearningRate(plan, 1e-4);
    plan.image_size = kRoomySide;
    plan.batch_size = 64;
    plan.epochs = 1;
    TrainingData data = Data();
    data.train = &photos_;
    data.validation = &few_photos_;
    const auto local = MakeLocalCommunicator();
    ::testing::internal::CaptureStdout();
    const auto result = RunTrial(Assignment(plan), data, On("cuda:0"), *local, hooks);
    std::string log = ::testing::internal::GetCapturedStdout();
    EXPECT_TRUE(result.ok()) << result.status();
    if (result.ok()) {
      EXPECT_EQ(result->outcome, AttemptOutcome::kCompleted) << result->reason << log;
    }
    return log;
  }

  SyntheticSource photos_{3 * 64 + 40, kClasses, kRoomySide, 3};
  SyntheticSource few_photos_{10, kClasses, kRoomySide, 4};
};

TEST_F(GpuMemoryTest, AStepThatDoesNotFitIsDivided) {
  allocator::emptyCache();
  allocator::resetPeakStats(0);
  RecordingHooks whole, divided;
  EXPECT_THAT(Log(whole), Not(HasSubstr("out of memory")));
  const auto peak = static_cast<double>(allocator::getDeviceStats(0).allocated_bytes[0].peak);
  allocator::emptyCache();
  // The peak since the smaller batch, which was not recorded: less than half of a whole step.
  LimitMemory(0.35 * peak + ReservedBytes());
  EXPECT_THAT(Log(divided), HasSubstr("rows at once from now on"));
  ASSERT_EQ(divided.reports.size(), 1u);
  EXPECT_TRUE(std::isfinite(divided.reports[0].metrics.at("train_loss")));
}

// The smaller batch finds no room beside the recording of the others, and all the room without it.
TEST_F(GpuMemoryTest, RecordingsAreGivenUpBeforeAStepIsDivided) {
  RecordingHooks hooks;
  hooks.on_progress = [](int epoch, int64_t done) {
    if (epoch == 1 && done == 2) {
      allocator::emptyCache();
      LimitMemory(1.15 * ReservedBytes());
    }
    return Directive::kContinue;
  };
  const std::string log = Log(hooks);
  EXPECT_THAT(log, HasSubstr("steps are not recorded from now on"));
  EXPECT_THAT(log, Not(HasSubstr("rows at once")));
}

TEST_F(GpuTrainerTest, TheBestCheckpointIsEvaluatedOnBothSides) {
  const RecordingHooks hooks = RunOn("cuda:0", SmallPlan());
  std::string best;
  for (const EpochReport& report : hooks.reports) {
    if (!report.checkpoint_hash.empty()) best = report.checkpoint_hash;
  }
  const auto model = CompleteModel(Data().weights.get(), hooks.stored.at(best), folder_->path());
  std::vector<Predictions> predictions;
  for (const char* device : {"cpu", "cuda:0"}) {
    auto made =
        Predict(SmallPlan(), Padding::kSymmetric, kClasses, *model, validation, device, nullptr);
    ASSERT_TRUE(made.ok()) << made.status();
    predictions.push_back(*std::move(made));
  }
  for (size_t i = 0; i < predictions[0].probabilities.size(); ++i) {
    EXPECT_NEAR(predictions[0].probabilities[i], predictions[1].probabilities[i], 1e-3);
  }
}

// The trial ends as infeasible, and the process goes on with the next one.
TEST_F(GpuTrainerTest, RunningOutOfMemoryEndsTheTrialAlone) {
  TrainingPlan plan = SmallPlan();
  plan.dense = {int64_t{1} << 17};  // with Adam's state 2.7 GB
  c10::cuda::CUDACachingAllocator::emptyCache();
  c10::cuda::CUDACachingAllocator::setMemoryFraction(0.01, 0);
  RecordingHooks hooks;
  const TrialResult result = Run(Assignment(plan), hooks, On("cuda:0"));
  c10::cuda::CUDACachingAllocator::setMemoryFraction(1, 0);
  EXPECT_EQ(result.outcome, AttemptOutcome::kInfeasible) << result.reason;
  EXPECT_THAT(result.reason, HasSubstr("out of memory"));
  EXPECT_EQ(result.reason.find('\n'), std::string::npos);
  RunOn("cuda:0", SmallPlan());
}

TEST_F(GpuTrainerTest, AGpuThatIsNotThereIsASentence) {
  RecordingHooks hooks;
  const auto group = MakeLocalCommunicator();
  const auto result = RunTrial(Assignment(SmallPlan()), Data(), On("cuda:99"), *group, hooks);
  // Either way: the trial did not run, and one line says why.
  const std::string text = result.ok() ? result->reason : std::string(result.status().message());
  EXPECT_THAT(text, HasSubstr("there is no cuda:99: CUDA shows this process"));
  EXPECT_EQ(text.find('\n'), std::string::npos);
  if (result.ok()) {
    EXPECT_NE(result->outcome, AttemptOutcome::kCompleted);
  }
}

}  // namespace
}  // namespace vizsla
