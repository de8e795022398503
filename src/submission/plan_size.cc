#include "src/submission/plan_size.h"

#include <charconv>
#include <string_view>
#include <vector>

#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

constexpr int64_t kNormFloats = 4;  // scale, shift, mean, variance of each channel

int64_t Convolution(int64_t inputs, int64_t outputs, int64_t kernel) {
  return inputs * outputs * kernel * kernel + kNormFloats * outputs;
}

// Floats of each part of MobileNetV2 1.0 (Sandler et al. 2018, table 2), in Keras' order: part 0 is
// the first convolution, part 1 + k is block k, the last part is the 1280-channel convolution.
std::vector<int64_t> MobileNetV2Parts() {
  struct Stage {
    int64_t expansion, channels, repeats;
  };
  constexpr Stage kStages[] = {{1, 16, 1}, {6, 24, 2},  {6, 32, 3}, {6, 64, 4},
                               {6, 96, 3}, {6, 160, 3}, {6, 320, 1}};
  std::vector<int64_t> parts = {Convolution(3, 32, 3)};
  int64_t inputs = 32;
  for (const Stage& stage : kStages) {
    for (int64_t i = 0; i < stage.repeats; ++i) {
      const int64_t hidden = inputs * stage.expansion;
      int64_t floats = stage.expansion == 1 ? 0 : Convolution(inputs, hidden, 1);
      floats += Convolution(1, hidden, 3);  // depthwise
      floats += Convolution(hidden, stage.channels, 1);
      parts.push_back(floats);
      inputs = stage.channels;
    }
  }
  parts.push_back(Convolution(inputs, 1280, 1));
  return parts;
}

// The first part that trains: "block_13_expand" -> 14.
size_t FirstTrainedPart(const TrainingPlan& plan, size_t part_count) {
  if (plan.unfreeze == "all" || !plan.pretrained) return 0;
  constexpr std::string_view kPrefix = "block_";
  const std::string_view point = plan.unfreeze;
  size_t block = 0;
  if (!point.starts_with(kPrefix)) return part_count;
  std::from_chars(point.data() + kPrefix.size(), point.data() + point.size(), block);
  return block + 1;
}

// Two times conv 5x5, conv 3x3, batch norm.
int64_t ScratchBodyFloats() {
  return 3 * 32 * 25 + 32 + 32 * 32 * 9 + 32 + kNormFloats * 32 + 32 * 64 * 25 + 64 + 64 * 64 * 9 +
         64 + kNormFloats * 64;
}

int64_t FeatureChannels(const TrainingPlan& plan) {
  const auto backbone = FindBackbone(ToText(plan.network));
  return backbone.ok() ? (*backbone)->feature_channels : 64;
}

}  // namespace

int64_t CachedFloats(const TrainingPlan& plan) {
  const int64_t side = FeatureMapSize(plan);
  return FeatureChannels(plan) * (plan.pooling == Pooling::kFlatten ? side * side : 2);
}

int64_t HeadFloats(const TrainingPlan& plan, int classes) {
  const int64_t side = FeatureMapSize(plan);
  int64_t width = FeatureChannels(plan) * (plan.pooling == Pooling::kFlatten ? side * side : 1);
  int64_t floats = 0;
  for (const int64_t size : plan.dense) {
    floats += (width + 1) * size;
    width = size;
  }
  if (plan.batch_norm) floats += kNormFloats * width;
  return floats + (width + 1) * classes;
}

int64_t TrainedFloats(const TrainingPlan& plan, int classes) {
  const int64_t head = HeadFloats(plan, classes);
  if (!FindBackbone(ToText(plan.network)).ok()) return head + ScratchBodyFloats();
  const std::vector<int64_t> parts = MobileNetV2Parts();
  int64_t floats = head;
  for (size_t i = FirstTrainedPart(plan, parts.size()); i < parts.size(); ++i) floats += parts[i];
  return floats;
}

double TrainedShareOfBackbone(const TrainingPlan& plan) {
  if (!FindBackbone(ToText(plan.network)).ok()) return 1;
  const size_t parts = MobileNetV2Parts().size();
  return static_cast<double>(parts - FirstTrainedPart(plan, parts)) / static_cast<double>(parts);
}

}  // namespace vizsla
