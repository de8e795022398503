// A head trained here and by PyTorch's own layers, optimizers and schedulers (reference_head.py),
// from the same start weights, over the same features, in the same order: the same losses, whatever
// the technique.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "src/nn/model.h"
#include "src/nn/weights_import.h"
#include "src/train/epoch_batches.h"
#include "tests/train/fixtures.h"
#include "tests/train/python_reference.h"

namespace vizsla {
namespace {

using nlohmann::json;
using Optimizers = OptimizerPlan::Kind;
using Schedules = SchedulePlan::Kind;

struct Technique {
  const char* name;
  std::function<void(TrainingPlan&)> change;
};
void PrintTo(const Technique& technique, std::ostream* out) { *out << technique.name; }

TrainingPlan BasePlan() {
  TrainingPlan plan = SmallPlan();
  plan.dense = {24, 16};
  plan.dropout = 0;
  plan.epochs = 8;
  plan.optimizer.learning_rate = 1e-4;
  return plan;
}

constexpr size_t kTrainPhotos = 44;  // batches of 16, 16 and 12

class Parity : public ::testing::TestWithParam<Technique> {
 protected:
  Parity() {
    // The first class has half of the photos.
    train_.label_of = [](uint32_t photo) {
      return photo % 2 == 0 ? 0 : static_cast<int>(photo) % 3;
    };
  }

  static torch::Tensor Images(const SyntheticSource& source, std::vector<PhotoView> views) {
    const int64_t side = source.image_size();
    torch::Tensor images = torch::empty({static_cast<int64_t>(views.size()), 3, side, side});
    EXPECT_TRUE(source.Fill(views, images.data_ptr<float>()).ok());
    return images;
  }

  static torch::Tensor AllImages(const SyntheticSource& source, bool flip) {
    std::vector<PhotoView> views;
    for (uint32_t i = 0; i < source.photo_count(); ++i) {
      views.push_back({.photo = i, .view = {.flip = flip}});
    }
    return Images(source, views);
  }

  static std::vector<int> Labels(const SyntheticSource& source) {
    std::vector<int> labels;
    for (uint32_t i = 0; i < source.photo_count(); ++i) labels.push_back(source.label(i));
    return labels;
  }

  // The batch's pixels mixed by torch.roll, as torchvision's MixUp and CutMix do it.
  static torch::Tensor Mixed(const torch::Tensor& images, const BatchMix& mix) {
    const torch::Tensor rolled = images.roll(1, 0);
    if (!mix.is_cutmix) return mix.weight * images + (1 - mix.weight) * rolled;
    torch::Tensor mixed = images.clone();
    const auto box = [&](const torch::Tensor& x) {
      return x.slice(2, mix.box.top, mix.box.bottom).slice(3, mix.box.left, mix.box.right);
    };
    box(mixed).copy_(box(rolled));
    return mixed;
  }

  json Question(const TrainingPlan& plan, const TrainingData& data) const {
    const TrialStreams streams(kSeed, kTrial);
    const auto model = BuildModel(plan, Padding::kSymmetric, 3, streams.Initialization());
    EXPECT_TRUE(model.ok()) << model.status();
    EXPECT_TRUE(ImportBackbone(*data.weights, "weights", **model).ok());
    const auto features = [&](const torch::Tensor& images) {
      return ToJson((*model)->Pool((*model)->FeatureMap(images)));
    };
    json question;
    question["plan"] = {
        {"optimizer", std::string(ToText(plan.optimizer.kind))},
        {"learning_rate", plan.optimizer.learning_rate},
        {"momentum", plan.optimizer.momentum},
        {"weight_decay", plan.optimizer.weight_decay},
        {"schedule", std::string(ToText(plan.schedule.kind))},
        {"warmup_epochs", plan.schedule.warmup_epochs},
        {"factor", plan.schedule.factor},
        {"every", plan.schedule.every},
        {"patience", plan.schedule.patience},
        {"label_smoothing", plan.label_smoothing},
        {"class_weights", std::string(ToText(plan.class_weights))},
        {"l1", plan.l1},
        {"l2", plan.l2},
        {"l2_bias", plan.l2_bias},
        {"clip_norm", plan.clip_norm},
        {"ema_decay", plan.ema_decay},
        {"norm_place", plan.batch_norm ? std::string(ToText(plan.norm_place)) : "none"}};
    question["train"] = {{"features", features(AllImages(train_, false))},
                         {"labels", Labels(train_)}};
    question["validation"]["labels"] = Labels(validation_);
    question["validation"]["views"].push_back(features(AllImages(validation_, false)));
    if (plan.test_time_flip) {
      question["validation"]["views"].push_back(features(AllImages(validation_, true)));
    }
    for (const auto& [name, tensor] : (*model)->StateDict()) {
      if (name.starts_with("head.")) question["state"][name] = ToJson(tensor);
    }
    const bool mixes = plan.mixup > 0 || plan.cutmix > 0;
    const auto batch_size = static_cast<size_t>(plan.batch_size);
    for (int epoch = 1; epoch <= plan.epochs; ++epoch) {
      const std::vector<uint32_t> order = streams.Order(epoch, kTrainPhotos);
      json steps;
      for (size_t first = 0; first < order.size(); first += batch_size) {
        const std::vector<uint32_t> rows(
            order.begin() + static_cast<ptrdiff_t>(first),
            order.begin() + static_cast<ptrdiff_t>(std::min(first + batch_size, order.size())));
        json step;
        step["rows"] = rows;
        if (mixes) {
          const BatchMix mix = streams.Mix(plan.mixup, plan.cutmix, plan.image_size, epoch,
                                           static_cast<int64_t>(first / batch_size));
          std::vector<PhotoView> views;
          for (const uint32_t photo : rows) views.push_back({.photo = photo});
          step["features"] = features(Mixed(Images(train_, views), mix));
          step["weight"] = mix.weight;
          std::vector<uint32_t> partners = {rows.back()};
          partners.insert(partners.end(), rows.begin(), rows.end() - 1);
          step["partners"] = partners;
        }
        steps.push_back(step);
      }
      question["epochs"].push_back(steps);
    }
    return question;
  }

  std::vector<EpochReport> Train(const TrainingPlan& plan, const TrainingData& data,
                                 const std::string& folder) const {
    TrialAssignment assignment;
    assignment.plan = plan;
    assignment.study_seed = kSeed;
    assignment.trial_number = kTrial;
    assignment.early_stopping.patience = 0;
    RecordingHooks hooks;
    const auto group = MakeLocalCommunicator();
    const auto result =
        RunTrial(assignment, data, {folder + "/features", true, "cpu"}, *group, hooks);
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->outcome, AttemptOutcome::kCompleted) << result->reason;
    return hooks.reports;
  }

  static constexpr uint64_t kSeed = 42;
  static constexpr int64_t kTrial = 1;
  SyntheticSource train_{kTrainPhotos, 3, 32, 1};
  SyntheticSource validation_{20, 3, 32, 2};
};

TEST_P(Parity, HeadTrainingFollowsPyTorch) {
  if (!HasPythonTorch()) {
    GTEST_SKIP() << "needs python3-torch and python3-sklearn (deploy/install-deps.sh --tests)";
  }
  auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const TrainingData data{&train_, &validation_,       3, RandomWeights(folder->path()),
                          "w",     Padding::kSymmetric};
  TrainingPlan plan = BasePlan();
  GetParam().change(plan);
  const std::vector<EpochReport> ours = Train(plan, data, folder->path());
  const json answer = AskPython(VIZSLA_REFERENCE_SCRIPT, Question(plan, data));
  ASSERT_EQ(answer.at("epochs").size(), 8u);
  ASSERT_EQ(ours.size(), 8u);
  for (size_t i = 0; i < 8; ++i) {
    // Two libraries round differently, and Adam, which divides by the gradients' own size, makes
    // small differences grow from step to step.
    const double tolerance = i < 2 ? 1e-4 : 1e-3;
    for (const char* name : {"train_loss", "train_accuracy", "val_loss", "val_accuracy"}) {
      const double expected = answer["epochs"][i][name].get<double>();
      EXPECT_NEAR(ours[i].metrics.at(name), expected, tolerance * std::max(1.0, expected))
          << name << ", epoch " << i + 1;
    }
  }
  if (std::string(GetParam().name) == "plain") {
    EXPECT_LT(answer["epochs"][7]["train_loss"], answer["epochs"][0]["train_loss"]);
    return;
  }
  // A technique that did nothing would be seen.
  TrainingPlan without = BasePlan();
  without.optimizer.learning_rate = plan.optimizer.learning_rate;
  without.batch_norm = plan.batch_norm;
  const std::vector<EpochReport> plain = Train(without, data, folder->path());
  double difference = 0;
  for (size_t i = 0; i < 8; ++i) {
    difference = std::max(
        difference, std::abs(plain[i].metrics.at("val_loss") - ours[i].metrics.at("val_loss")));
  }
  EXPECT_GT(difference, 1e-2);
}

INSTANTIATE_TEST_SUITE_P(
    Techniques, Parity,
    ::testing::Values(
        Technique{"plain", [](TrainingPlan&) {}},
        Technique{"adamw",
                  [](TrainingPlan& p) {
                    p.optimizer.kind = Optimizers::kAdamW;
                    p.optimizer.weight_decay = 10;
                  }},
        Technique{"sgd",
                  [](TrainingPlan& p) {
                    p.optimizer = {.kind = Optimizers::kSgd,
                                   .learning_rate = 3e-3,
                                   .momentum = 0.9,
                                   .weight_decay = 0.1};
                    // Running variances near 0 would make much of rounding.
                    p.batch_norm = false;
                  }},
        Technique{"rmsprop",
                  [](TrainingPlan& p) {
                    // Its first steps are ten times the learning rate.
                    p.optimizer = {
                        .kind = Optimizers::kRmsprop, .learning_rate = 1e-5, .momentum = 0.5};
                  }},
        Technique{
            "cosine",
            [](TrainingPlan& p) { p.schedule = {.kind = Schedules::kCosine, .warmup_epochs = 2}; }},
        Technique{"step",
                  [](TrainingPlan& p) {
                    p.schedule = {.kind = Schedules::kStep, .factor = 0.5, .every = 2};
                  }},
        Technique{"plateau",
                  [](TrainingPlan& p) {
                    // Momentum overshoots: the loss goes up and down.
                    p.optimizer = {.kind = Optimizers::kSgd, .learning_rate = 0.2, .momentum = 0.9};
                    p.schedule = {.kind = Schedules::kPlateau, .factor = 0.3, .patience = 1};
                  }},
        Technique{"smoothing", [](TrainingPlan& p) { p.label_smoothing = 0.2; }},
        Technique{"balanced", [](TrainingPlan& p) { p.class_weights = ClassWeights::kBalanced; }},
        Technique{"mixup", [](TrainingPlan& p) { p.mixup = 0.4; }},
        Technique{"mixup_or_cutmix",
                  [](TrainingPlan& p) {
                    p.mixup = 0.4;
                    p.cutmix = 1;
                    p.class_weights = ClassWeights::kBalanced;
                    p.label_smoothing = 0.1;
                  }},
        Technique{"penalties",
                  [](TrainingPlan& p) {
                    p.l1 = 0.01;
                    p.l2 = 0.02;
                    p.l2_bias = 0.5;
                  }},
        Technique{"clipping",
                  [](TrainingPlan& p) {
                    p.optimizer = {.kind = Optimizers::kSgd, .learning_rate = 0.05};
                    p.clip_norm = 0.3;
                  }},
        Technique{"averaging", [](TrainingPlan& p) { p.ema_decay = 0.9; }},
        Technique{"flip", [](TrainingPlan& p) { p.test_time_flip = true; }},
        Technique{"norm_input", [](TrainingPlan& p) { p.norm_place = NormPlace::kInput; }},
        Technique{"norm_every",
                  [](TrainingPlan& p) {
                    // A bias before a batch norm has a gradient of rounding alone.
                    p.norm_place = NormPlace::kEvery;
                    SetLearningRate(p, 3e-5);
                  }},
        Technique{"everything",
                  [](TrainingPlan& p) {
                    p.optimizer = {
                        .kind = Optimizers::kAdamW, .learning_rate = 1e-4, .weight_decay = 0.1};
                    p.schedule = {.kind = Schedules::kCosine, .warmup_epochs = 1};
                    p.label_smoothing = 0.1;
                    p.class_weights = ClassWeights::kBalanced;
                    p.l2 = 0.01;
                    p.clip_norm = 1;
                    p.ema_decay = 0.95;
                    p.test_time_flip = true;
                  }}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace vizsla
