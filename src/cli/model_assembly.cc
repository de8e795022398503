#include "src/cli/model_assembly.h"

#include <string_view>

#include "absl/strings/str_join.h"
#include "src/base/str_cat.h"
#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

constexpr std::string_view kOptimizerPrefix = "optimizer.";

bool IsOfNetwork(std::string_view name) { return !name.starts_with(kOptimizerPrefix); }

std::string ShapeText(const std::vector<int64_t>& shape) {
  return StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace

absl::StatusOr<std::map<std::string, TensorView>> AssembleModel(const std::string& network,
                                                                const TensorFile* weights,
                                                                const std::string& weights_hash,
                                                                const TensorFile& checkpoint) {
  std::map<std::string, TensorView> model;
  if (weights != nullptr) {
    const auto named = checkpoint.metadata().find("weights_hash");
    if (named != checkpoint.metadata().end() && named->second != weights_hash) {
      return absl::FailedPreconditionError(
          StrCat("the checkpoint was trained on the weights ", named->second.substr(0, 12),
                 "..., the study's are ", weights_hash.substr(0, 12), "..."));
    }
    VIZSLA_ASSIGN_OR_RETURN(const BackboneInfo* backbone, FindBackbone(network));
    for (const auto& [name, tensor] : weights->tensors()) {
      if (const auto own_name = backbone->TensorName(name)) model["backbone." + *own_name] = tensor;
    }
  }
  size_t taken = 0;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (!IsOfNetwork(name)) continue;
    const auto [place, is_new] = model.try_emplace(name, tensor);
    if (!is_new && place->second.shape != tensor.shape) {
      return absl::InvalidArgumentError(StrCat("the checkpoint's ", name, " has the shape ",
                                               ShapeText(tensor.shape), ", the weights' ",
                                               ShapeText(place->second.shape)));
    }
    place->second = tensor;
    ++taken;
  }
  if (taken == 0) {
    return absl::InvalidArgumentError("the checkpoint holds no tensor of a network");
  }
  return model;
}

}  // namespace vizsla
