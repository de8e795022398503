// Internal to src/catalog: an enum's values by their words.
#pragma once

#include <array>
#include <string_view>

#include "src/base/check.h"
#include "src/catalog/training_plan.h"

namespace vizsla {

// The value whose ToText is `text`, which has been checked to be one of theirs.
template <typename Enum, size_t kCount>
Enum FromWord(std::string_view text, const std::array<Enum, kCount>& values) {
  for (const Enum value : values) {
    if (ToText(value) == text) return value;
  }
  VIZSLA_CHECK(false);
}

inline constexpr std::array kPoolings = {Pooling::kAverage, Pooling::kMax, Pooling::kFlatten};
inline constexpr std::array kInitialWeights = {InitialWeights::kPretrained, InitialWeights::kRandom,
                                               InitialWeights::kAutoencoder};
inline constexpr std::array kNormPlaces = {NormPlace::kLast, NormPlace::kEvery, NormPlace::kInput};
inline constexpr std::array kClassWeights = {ClassWeights::kNone, ClassWeights::kBalanced};
inline constexpr std::array kPrecisions = {Precision::kFloat32, Precision::kTf32,
                                           Precision::kBfloat16, Precision::kFloat16};
inline constexpr std::array kOptimizers = {OptimizerPlan::Kind::kAdam, OptimizerPlan::Kind::kAdamW,
                                           OptimizerPlan::Kind::kSgd,
                                           OptimizerPlan::Kind::kRmsprop};
inline constexpr std::array kSchedules = {SchedulePlan::Kind::kConstant,
                                          SchedulePlan::Kind::kCosine, SchedulePlan::Kind::kStep,
                                          SchedulePlan::Kind::kPlateau};

}  // namespace vizsla
