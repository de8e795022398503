// The parameters that a search may vary, and one resolved configuration of them. Validation needs
// no LibTorch: what is refused here is refused when the study is submitted, by name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/catalog/augmentation.h"
#include "src/catalog/preprocessing.h"
#include "src/study/configuration.h"
#include "src/study/study.h"

namespace vizsla {

enum class Network { kMobileNetV2, kScratchV1, kScratchV2 };
enum class Pooling { kAverage, kMax, kFlatten };
enum class Padding {
  kSymmetric,
  kTfSame
};  // torchvision's, and TensorFlow's "SAME" (0,1,0,1 at stride 2)

// Everything the trainer needs to know of one trial; the result of ResolvePlan. Value type.
struct TrainingPlan {
  Network network = Network::kMobileNetV2;
  bool pretrained = true;  // starts from the study's weights; always false for scratch networks
  int image_size = 160;    // pixels, square
  Preprocessing preprocessing;      // resolved: never "weights"
  AugmentationPolicy augmentation;  // of train photos; validation and test are never augmented
  // The head: pooling, then for each dense size: dense + ReLU, with `dropout_hidden` between dense
  // layers; batch norm after the last dense layer if `batch_norm`; `dropout`; the output layer.
  Pooling pooling = Pooling::kAverage;
  std::vector<int64_t> dense;
  double dropout_hidden = 0;
  bool batch_norm = true;
  double dropout = 0.5;
  std::string unfreeze = "none";  // none | all | a name of BackboneInfo::unfreeze_points
  double learning_rate = 1e-3;    // Adam, betas 0.9/0.999, eps 1e-8
  int batch_size = 32;            // global: of the whole trial group
  bool sync_batch_norm = true;    // over the trial group
  int epochs = 30;
};

// What a parameter is called, what it may be and what it is when nobody says. For documentation,
// validation and the JSON schema.
struct ParameterInfo {
  std::string name;
  std::string kind;                // "word", "integer", "number", "boolean", "list of integers"
  std::string allowed;             // for people: "avg, max, flatten" or "1e-7 to 10"
  std::vector<std::string> words;  // the allowed words of a "word"
  double low = 0;                  // of "integer", "number" and of the list's entries
  double high = 0;
  ParameterValue default_value;
  std::string help;  // one sentence
};
std::span<const ParameterInfo> KnownParameters();

// What the study's weights expect, as their file's metadata or the user said. Empty strings:
// unknown.
struct WeightsTraits {
  std::string architecture;   // "mobilenet_v2"; may be empty
  std::string padding;        // "tf_same" | "symmetric"
  std::string preprocessing;  // a name of preprocessing.h
};

// One configuration, defaults filled in. `preprocessing: weights` (the default) means what the
// weights expect, and `unit` for networks without weights. InvalidArgument names the parameter, its
// value and what is allowed: unknown names, wrong kinds, values outside the range, a scratch
// network with `unfreeze`, `pooling` or head parameters that it does not have, an image too small
// for the network.
absl::StatusOr<TrainingPlan> ResolvePlan(const Configuration& configuration, const Budget& budget,
                                         const WeightsTraits& traits);

// Every value of every domain is allowed by itself: run on each parameter when a study is
// submitted.
absl::Status ValidateParameter(const Parameter& parameter);

// Whether some configuration of the space needs pretrained weights (a backbone that is not
// `random`).
bool NeedsWeights(const StudySpec& spec);

std::string_view ToText(Network network);
std::string_view ToText(Pooling pooling);
std::string_view ToText(Padding padding);
absl::StatusOr<Padding> PaddingFromText(std::string_view text);

// Side of the last feature map for an image size: ceil(size / stride).
int FeatureMapSize(const TrainingPlan& plan);

// True when a pretrained backbone is frozen whole: the features of a photo as it is, so those of
// every validation photo, are the same in every epoch and trial.
bool BackboneIsFrozen(const TrainingPlan& plan);
// True when besides the policy's views are exact: the train photos' features are computed once and
// shared too (the feature cache).
bool FeaturesAreShareable(const TrainingPlan& plan);

}  // namespace vizsla
