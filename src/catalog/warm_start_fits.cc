#include "src/catalog/warm_start_fits.h"

#include <optional>
#include <vector>

#include "src/catalog/head_tensors.h"
#include "src/catalog/parameter_values.h"

namespace vizsla {
namespace {

absl::Status DoesNotFit(std::string_view parameter, const std::string& own,
                        const std::string& of_source) {
  return ParameterError(
      parameter, StrCat(own, " does not fit the weights that it starts from, of ", of_source));
}

std::string HeadText(const TrainingPlan& plan) {
  return StrCat("a head of dense layers ", ToText(ParameterValue(plan.dense)));
}

std::string FeaturesText(const TrainingPlan& plan) {
  return StrCat("a head on ", PooledFeatureCount(plan), " features");
}

// Where the head has its batch norm; nullopt: nowhere. Without dense layers some places are the
// same.
std::optional<NormPlace> EffectivePlace(const TrainingPlan& plan) {
  if (!plan.batch_norm) return std::nullopt;
  if (!plan.dense.empty()) return plan.norm_place;
  if (plan.norm_place == NormPlace::kEvery) return std::nullopt;
  return NormPlace::kLast;
}

std::string NormText(const TrainingPlan& plan) {
  const auto place = EffectivePlace(plan);
  return place ? StrCat("a head with batch norm (", ToText(*place), ")")
               : std::string("a head without batch norm");
}

absl::Status ScratchFits(const TrainingPlan& source, const TrainingPlan& plan) {
  if (source.scratch.blocks != plan.scratch.blocks) {
    return DoesNotFit("blocks", StrCat(plan.scratch.blocks),
                      StrCat(source.scratch.blocks, " blocks"));
  }
  if (source.scratch.batch_norm != plan.scratch.batch_norm) {
    return DoesNotFit(
        "block_batch_norm", ToText(ParameterValue(plan.scratch.batch_norm)),
        source.scratch.batch_norm ? "blocks with batch norm" : "blocks without batch norm");
  }
  return absl::OkStatus();
}

absl::Status HeadFits(const TrainingPlan& source, const TrainingPlan& plan) {
  constexpr int kClasses = 1;  // the same of both, whatever they are
  if (HeadTensors(source, kClasses) == HeadTensors(plan, kClasses)) return absl::OkStatus();
  if (source.dense != plan.dense) {
    return DoesNotFit("dense", ToText(ParameterValue(plan.dense)), HeadText(source));
  }
  if (EffectivePlace(source) != EffectivePlace(plan)) {
    if (source.batch_norm != plan.batch_norm) {
      return DoesNotFit("batch_norm", ToText(ParameterValue(plan.batch_norm)), NormText(source));
    }
    return DoesNotFit("batch_norm_place", std::string(ToText(plan.norm_place)), NormText(source));
  }
  if (source.pooling != plan.pooling) {
    return DoesNotFit("pooling", std::string(ToText(plan.pooling)), FeaturesText(source));
  }
  return DoesNotFit("image_size", StrCat(plan.image_size), FeaturesText(source));
}

}  // namespace

absl::Status WarmStartFits(const TrainingPlan& source, const TrainingPlan& plan) {
  if (source.network != plan.network) return DoesNotFit("network", plan.network, source.network);
  if (IsScratchNetwork(plan.network)) {
    VIZSLA_RETURN_IF_ERROR(ScratchFits(source, plan));
  }
  return HeadFits(source, plan);
}

std::span<const std::string> WarmStartParameters() {
  static const std::vector<std::string> names = {"network", "blocks",     "block_batch_norm",
                                                 "dense",   "batch_norm", "batch_norm_place",
                                                 "pooling", "image_size"};
  return names;
}

}  // namespace vizsla
