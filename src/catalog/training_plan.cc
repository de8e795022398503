#include "src/catalog/training_plan.h"

#include <algorithm>

#include "src/base/check.h"
#include "src/catalog/backbones.h"
#include "src/catalog/first_trained_layer.h"

namespace vizsla {

std::string_view ToText(InitialWeights weights) {
  switch (weights) {
    case InitialWeights::kPretrained:
      return "pretrained";
    case InitialWeights::kRandom:
      return "random";
    case InitialWeights::kAutoencoder:
      return "autoencoder";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(Pooling pooling) {
  switch (pooling) {
    case Pooling::kAverage:
      return "avg";
    case Pooling::kMax:
      return "max";
    case Pooling::kFlatten:
      return "flatten";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(Padding padding) {
  switch (padding) {
    case Padding::kSymmetric:
      return "symmetric";
    case Padding::kTfSame:
      return "tf_same";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(NormPlace place) {
  switch (place) {
    case NormPlace::kLast:
      return "last";
    case NormPlace::kEvery:
      return "every";
    case NormPlace::kInput:
      return "input";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(ClassWeights weights) {
  switch (weights) {
    case ClassWeights::kNone:
      return "none";
    case ClassWeights::kBalanced:
      return "balanced";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return "float32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kBfloat16:
      return "bfloat16";
    case Precision::kFloat16:
      return "float16";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(OptimizerPlan::Kind kind) {
  switch (kind) {
    case OptimizerPlan::Kind::kAdam:
      return "adam";
    case OptimizerPlan::Kind::kAdamW:
      return "adamw";
    case OptimizerPlan::Kind::kSgd:
      return "sgd";
    case OptimizerPlan::Kind::kRmsprop:
      return "rmsprop";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(SchedulePlan::Kind kind) {
  switch (kind) {
    case SchedulePlan::Kind::kConstant:
      return "constant";
    case SchedulePlan::Kind::kCosine:
      return "cosine";
    case SchedulePlan::Kind::kStep:
      return "step";
    case SchedulePlan::Kind::kPlateau:
      return "plateau";
  }
  VIZSLA_CHECK(false);
}

absl::StatusOr<Padding> PaddingFromText(std::string_view text) {
  for (const Padding padding : {Padding::kSymmetric, Padding::kTfSame}) {
    if (ToText(padding) == text) return padding;
  }
  return absl::InvalidArgumentError(
      StrCat("unknown padding '", std::string(text), "'; known are: tf_same, symmetric"));
}

std::shared_ptr<const NetworkGraph> GraphOf(const TrainingPlan& plan) {
  if (IsScratchNetwork(plan.network)) {
    return std::make_shared<const NetworkGraph>(ScratchGraph(plan.network, plan.scratch));
  }
  const auto backbone = FindBackbone(plan.network);
  VIZSLA_CHECK(backbone.ok());
  // The registry's, which lives as long as the program.
  return {std::shared_ptr<void>(), &(*backbone)->graph};
}

int FeatureMapSize(const TrainingPlan& plan) {
  return static_cast<int>(GraphOf(plan)->OutputSide(plan.image_size).value_or(0));
}

int64_t FeatureChannels(const TrainingPlan& plan) { return GraphOf(plan)->channels(); }

int64_t PooledFeatureCount(const TrainingPlan& plan) {
  const int64_t side = plan.pooling == Pooling::kFlatten ? FeatureMapSize(plan) : 1;
  return side * side * FeatureChannels(plan);
}

EarlyStopping EarlyStoppingOf(const TrainingPlan& plan, const EarlyStopping& of_study) {
  EarlyStopping rule = of_study;
  rule.patience = plan.early_stopping_patience.value_or(rule.patience);
  rule.min_delta = plan.early_stopping_min_delta.value_or(rule.min_delta);
  if (!plan.early_stopping_metric.empty()) {
    rule.metric = plan.early_stopping_metric;
    rule.direction = DefaultDirection(rule.metric);
  }
  return rule;
}

bool BackboneIsFrozen(const TrainingPlan& plan) {
  return !IsScratchNetwork(plan.network) && plan.unfreeze == "none" && plan.pretrained();
}

std::optional<ViewSet> TrainViews(const TrainingPlan& plan) {
  return ViewSet::Of(plan.augmentation, plan.views);
}

ViewSet ValidationViews(const TrainingPlan& plan) {
  return ViewSet::OfValidation(plan.test_time_flip);
}

namespace {

bool SeesNumberedViews(const TrainingPlan& plan) {
  return TrainViews(plan).has_value() && plan.mixup == 0 && plan.cutmix == 0;
}

}  // namespace

bool FrozenPrefixIsShareable(const TrainingPlan& plan) {
  if (IsScratchNetwork(plan.network) || !plan.pretrained() || BackboneIsFrozen(plan)) return false;
  // Layer 0 is the input.
  return FirstTrainedLayer(plan) > 1 && SeesNumberedViews(plan);
}

bool FeaturesAreShareable(const TrainingPlan& plan) {
  return BackboneIsFrozen(plan) && SeesNumberedViews(plan);
}

}  // namespace vizsla
