#include "src/cli/model_assembly.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vizsla {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;

class MemoryFile : public TensorFile {
 public:
  const std::map<std::string, TensorView>& tensors() const override { return tensors_; }
  const std::map<std::string, std::string>& metadata() const override { return metadata_; }
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

TensorView View(std::vector<int64_t> shape, const void* data) {
  TensorView view;
  view.shape = std::move(shape);
  view.bytes = {static_cast<const std::byte*>(data), 4};
  return view;
}

TEST(AssembleModel, LaysTheCheckpointOverTheFrozenWeights) {
  const float old_value = 1;
  const float new_value = 2;
  MemoryFile weights;
  weights.tensors_ = {{"features.0.0.weight", View({1}, &old_value)},
                      {"features.18.0.weight", View({1}, &old_value)},
                      {"classifier.1.weight", View({1}, &old_value)}};
  MemoryFile checkpoint;
  checkpoint.tensors_ = {{"backbone.features.18.0.weight", View({1}, &new_value)},
                         {"head.output.weight", View({1}, &new_value)},
                         {"optimizer.exp_avg.head.output.weight", View({1}, &old_value)}};
  const auto model = AssembleModel("mobilenet_v2", &weights, "hash", checkpoint);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(*model, ElementsAre(Key("backbone.features.0.0.weight"),
                                  Key("backbone.features.18.0.weight"), Key("head.output.weight")));
  const auto data = [&](const char* name) {
    return static_cast<const void*>(model->at(name).bytes.data());
  };
  EXPECT_EQ(data("backbone.features.0.0.weight"), &old_value);
  EXPECT_EQ(data("backbone.features.18.0.weight"), &new_value);
}

TEST(AssembleModel, TakesACompleteCheckpointAsItIs) {
  const float value = 1;
  MemoryFile checkpoint;
  checkpoint.tensors_ = {{"body.conv1.weight", View({1}, &value)}};
  EXPECT_THAT(*AssembleModel("scratch_v1", nullptr, "", checkpoint),
              ElementsAre(Key("body.conv1.weight")));
}

TEST(AssembleModel, RefusesOtherWeightsShapesAndEmptyCheckpoints) {
  const float value = 1;
  MemoryFile weights;
  weights.tensors_ = {{"features.0.0.weight", View({1}, &value)}};
  MemoryFile checkpoint;
  checkpoint.tensors_ = {{"backbone.features.0.0.weight", View({1, 1}, &value)}};
  absl::Status status = AssembleModel("mobilenet_v2", &weights, "hash", checkpoint).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("backbone.features.0.0.weight has the shape [1, 1], the weights' [1]"));

  checkpoint.metadata_ = {{"weights_hash", std::string(64, 'b')}};
  status = AssembleModel("mobilenet_v2", &weights, std::string(64, 'a'), checkpoint).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("trained on the weights bbbbbbbbbbbb"));

  checkpoint.metadata_.clear();
  checkpoint.tensors_ = {{"optimizer.exp_avg.x", View({1}, &value)}};
  EXPECT_TRUE(absl::IsInvalidArgument(
      AssembleModel("mobilenet_v2", &weights, "hash", checkpoint).status()));
}

}  // namespace
}  // namespace vizsla
