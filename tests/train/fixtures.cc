#include "tests/train/fixtures.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "src/base/sha256.h"
#include "src/nn/model.h"
#include "src/weights/safetensors.h"

namespace vizsla {

absl::StatusOr<std::string> RecordingHooks::UploadCheckpoint(const std::string& bytes) {
  if (!upload_status.ok()) return upload_status;
  const std::string hash = Sha256Hex(bytes);
  stored[hash] = bytes;
  return hash;
}

absl::StatusOr<Directive> RecordingHooks::ReportEpoch(const EpochReport& report,
                                                      const std::string& last_checkpoint) {
  reports.push_back(report);
  last_checkpoints.push_back(last_checkpoint);
  return on_report ? on_report(report) : Directive::kContinue;
}

Directive RecordingHooks::Progress(int epoch, int64_t steps_done, int64_t steps_total) {
  EXPECT_GE(steps_done, 0);
  EXPECT_LE(steps_done, steps_total);
  ++progress_calls;
  if (epoch == 0) ++feature_progress_calls;
  return on_progress ? on_progress(epoch, steps_done) : Directive::kContinue;
}

TrainingPlan SmallPlan() {
  TrainingPlan plan;
  plan.image_size = 32;
  plan.preprocessing.name = "tf";
  plan.dense = {16};
  plan.dropout = 0.25;
  plan.batch_size = 16;
  plan.epochs = 3;
  SetLearningRate(plan, 5e-3);
  return plan;
}

TrainingPlan FlippedPlan() {
  TrainingPlan plan = SmallPlan();
  plan.augmentation.horizontal_flip = true;
  return plan;
}

TrainingPlan ScratchPlan() {
  TrainingPlan plan = FlippedPlan();
  plan.network = "scratch_v1";
  plan.scratch = DefaultScratchOptions("scratch_v1");
  plan.initial_weights = InitialWeights::kRandom;
  plan.pooling = Pooling::kFlatten;
  plan.unfreeze = "all";
  plan.epochs = 2;
  SetLearningRate(plan, 1e-3);
  return plan;
}

void SetLearningRate(TrainingPlan& plan, double rate) {
  plan.optimizer.learning_rate = rate;
  plan.optimizer.backbone_learning_rate = rate;
}

std::shared_ptr<const TensorFile> RandomWeights(const std::string& folder, int side) {
  TrainingPlan plan;
  plan.initial_weights = InitialWeights::kRandom;
  plan.unfreeze = "all";
  const auto model = BuildModel(plan, Padding::kSymmetric, 2, StreamKey(5));
  EXPECT_TRUE(model.ok()) << model.status();
  {
    // Batch norms that know what passes through them; without it, next to nothing reaches the end.
    torch::NoGradGuard no_grad;
    const SyntheticSource photos(32, 4, side, 9);
    std::vector<PhotoView> views(32);
    for (uint32_t i = 0; i < 32; ++i) views[i].photo = i;
    const torch::Tensor images = torch::empty({32, 3, side, side});
    EXPECT_TRUE(photos.Fill(views, images.data_ptr<float>()).ok());
    (*model)->train();
    // In the middle of ReLU6's range the network is nearly linear, and rounding stays rounding: a
    // deep random network is otherwise chaotic.
    for (auto& [name, tensor] : (*model)->StateDict()) {
      torch::Tensor bias = tensor;
      if (name.starts_with("backbone.") && name.ends_with(".bias")) bias.fill_(3);
    }
    constexpr int kPasses = 5;
    for (int i = 0; i < kPasses; ++i) {
      (*model)->BeginStep(StreamKey(0), 0);
      (*model)->forward(images);
    }
    // Of the running statistics, this share is still their start value: 0 or 1.
    const double rest = std::pow(0.9, kPasses);
    for (auto& [name, tensor] : (*model)->StateDict()) {
      torch::Tensor running = tensor;
      if (name.ends_with("running_mean")) running.div_(1 - rest);
      if (name.ends_with("running_var")) running.sub_(rest).div_(1 - rest).clamp_min_(1e-6);
    }
  }
  NamedTensors tensors;
  for (const auto& [name, tensor] : (*model)->StateDict()) {
    if (name.starts_with("backbone.")) tensors.emplace_back(name.substr(9), tensor.detach());
  }
  const TensorViews views = ToViews(tensors);
  const std::string path = StrCat(folder, "/weights-", ::getpid(), ".safetensors");
  EXPECT_TRUE(WriteFileAtomically(path, SerializeSafetensors(views.views, {})).ok());
  auto file = TensorFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  return *file;
}

std::shared_ptr<const TensorFile> CompleteModel(const TensorFile* weights,
                                                const std::string& checkpoint,
                                                const std::string& folder) {
  auto trained = ParseSafetensors(checkpoint);
  EXPECT_TRUE(trained.ok()) << trained.status();
  std::map<std::string, TensorView> tensors;
  if (weights != nullptr) {
    for (const auto& [name, view] : weights->tensors()) tensors["backbone." + name] = view;
  }
  for (const auto& [name, view] : trained->tensors) tensors[name] = view;
  const std::string path = folder + "/model.safetensors";
  EXPECT_TRUE(WriteFileAtomically(path, SerializeSafetensors(tensors, {})).ok());
  auto file = TensorFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  return *file;
}

}  // namespace vizsla
