// A head trained here and by PyTorch's own layers and optimizer (reference_head.py), from the same
// start weights, over the same features, in the same order: the same losses.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "src/nn/model.h"
#include "src/nn/weights_import.h"
#include "src/train/streams.h"
#include "tests/train/fixtures.h"

namespace vizsla {
namespace {

using nlohmann::json;

json ToJson(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.detach().to(torch::kFloat64).contiguous();
  const double* values = flat.data_ptr<double>();
  return {{"shape", std::vector<int64_t>(tensor.sizes().begin(), tensor.sizes().end())},
          {"values", std::vector<double>(values, values + flat.numel())}};
}

json FeaturesAndLabels(Model& model, const SyntheticSource& source) {
  const int64_t side = source.image_size();
  const int64_t count = static_cast<int64_t>(source.photo_count());
  torch::Tensor images = torch::empty({count, 3, side, side});
  std::vector<PhotoView> views(source.photo_count());
  std::vector<int> labels;
  for (uint32_t i = 0; i < views.size(); ++i) {
    views[i].photo = i;
    labels.push_back(source.label(i));
  }
  EXPECT_TRUE(source.Fill(views, images.data_ptr<float>()).ok());
  return {{"features", ToJson(model.Pool(model.FrozenPart(images)))}, {"labels", labels}};
}

TEST(Parity, HeadTrainingFollowsPyTorch) {
  if (std::system("/usr/bin/python3 -c 'import torch' 2>/dev/null") != 0) {
    GTEST_SKIP() << "needs python3-torch (deploy/install-deps.sh --tests)";
  }
  auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const SyntheticSource train(44, 3, 32, 1);  // batches of 16, 16 and 12
  const SyntheticSource validation(20, 3, 32, 2);
  TrialAssignment assignment;
  TrainingPlan& plan = assignment.plan;
  plan = SmallPlan();
  plan.dense = {24, 16};
  plan.dropout = 0;
  plan.epochs = 8;
  plan.learning_rate = 1e-4;
  assignment.study_seed = 42;
  assignment.trial_number = 1;
  assignment.early_stopping.patience = 0;
  const TrainingData data{&train, &validation,        3, RandomWeights(folder->path()),
                          "w",    Padding::kSymmetric};

  const TrialStreams streams(42, 1);
  auto model = BuildModel(plan, Padding::kSymmetric, 3, streams.Initialization());
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_TRUE(ImportBackbone(*data.weights, "weights", **model).ok());
  json problem;
  problem["train"] = FeaturesAndLabels(**model, train);
  problem["validation"] = FeaturesAndLabels(**model, validation);
  for (const auto& [name, tensor] : (*model)->StateDict()) {
    if (name.starts_with("head.")) problem["state"][name] = ToJson(tensor);
  }
  for (int epoch = 1; epoch <= plan.epochs; ++epoch) {
    problem["order"].push_back(streams.Order(epoch, 44));
  }
  problem["batch_size"] = plan.batch_size;
  problem["learning_rate"] = plan.learning_rate;
  ASSERT_TRUE(WriteFileAtomically(folder->path() + "/problem.json", problem.dump()).ok());

  RecordingHooks hooks;
  const auto group = MakeLocalCommunicator();
  const auto result = RunTrial(assignment, data, {"", false, "cpu"}, *group, hooks);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->outcome, AttemptOutcome::kCompleted) << result->reason;

  ASSERT_EQ(std::system(StrCat("/usr/bin/python3 ", VIZSLA_REFERENCE_SCRIPT, " ", folder->path(),
                               "/problem.json ", folder->path(), "/answer.json")
                            .c_str()),
            0);
  const auto text = ReadFile(folder->path() + "/answer.json");
  ASSERT_TRUE(text.ok());
  const json answer = json::parse(*text);
  ASSERT_EQ(answer.at("epochs").size(), 8u);
  for (size_t i = 0; i < 8; ++i) {
    for (const char* name : {"train_loss", "train_accuracy", "val_loss", "val_accuracy"}) {
      const double expected = answer["epochs"][i][name].get<double>();
      EXPECT_NEAR(hooks.reports[i].metrics.at(name), expected, 1e-4 * std::max(1.0, expected))
          << name << ", epoch " << i + 1;
    }
  }
  EXPECT_LT(answer["epochs"][7]["train_loss"], answer["epochs"][0]["train_loss"]);
}

}  // namespace
}  // namespace vizsla
