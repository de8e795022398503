// Heads that train beside each other on a GPU against the same trials one after the other.
#include <string>
#include <thread>
#include <vector>

#include "src/train/trial_bundle.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

class GpuBundleTest : public TrainerTest {
 protected:
  TrainerOptions Options() const {
    return {.feature_cache_folder = folder_->path() + "/features-beside",
            .device = "cuda:0",
            .feature_storage = FeatureStorage::kStored};
  }
};

TEST_F(GpuBundleTest, TrialsAreThoseOneByOneBitForBit) {
  std::vector<TrialAssignment> trials(6, Assignment(SmallPlan()));
  for (size_t i = 0; i < trials.size(); ++i) {
    trials[i].trial_number = static_cast<int64_t>(i) + 1;
    SetLearningRate(trials[i].plan, 1e-3 * (1 + 0.2 * static_cast<double>(i)));
    trials[i].plan.epochs = 6;
  }
  trials[1].plan.dense = {24, 16};
  trials[1].plan.dropout_hidden = 0.4;
  trials[2].plan.dense = {};
  trials[2].plan.optimizer.kind = OptimizerPlan::Kind::kSgd;
  trials[3].plan.batch_size = 32;
  trials[3].plan.ema_decay = 0.9;
  trials[4].plan.precision = Precision::kBfloat16;
  trials[5].plan.augmentation.horizontal_flip = true;
  TrialBundle bundle(2);
  std::vector<RecordingHooks> beside(trials.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < trials.size(); ++i) {
    threads.emplace_back([&, i] {
      const TrialResult result = Run(trials[i], beside[i], bundle.OptionsBesideOthers(Options()));
      EXPECT_EQ(result.outcome, AttemptOutcome::kCompleted) << result.reason;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(StrCat("trial ", i + 1));
    RecordingHooks alone;
    Run(trials[i], alone, Options());
    ASSERT_EQ(beside[i].reports.size(), alone.reports.size());
    for (size_t epoch = 0; epoch < alone.reports.size(); ++epoch) {
      EXPECT_EQ(beside[i].reports[epoch].metrics, alone.reports[epoch].metrics);
      EXPECT_EQ(beside[i].reports[epoch].checkpoint_hash, alone.reports[epoch].checkpoint_hash);
    }
  }
}

}  // namespace
}  // namespace vizsla
