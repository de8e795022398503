#include "src/catalog/head_tensors.h"

#include <string>

namespace vizsla {

std::vector<NamedShape> HeadTensors(const TrainingPlan& plan, int classes) {
  std::vector<NamedShape> tensors;
  const auto add_linear = [&](const std::string& name, int64_t in, int64_t out) {
    tensors.push_back({"head." + name + ".weight", {out, in}});
    tensors.push_back({"head." + name + ".bias", {out}});
  };
  const auto add_norm = [&](const std::string& name, int64_t width) {
    GraphLayer norm;
    norm.kind = LayerKind::kBatchNorm;
    norm.module = "head." + name;
    norm.channels = width;
    for (NamedShape& tensor : TensorsOf(norm, width)) tensors.push_back(std::move(tensor));
  };
  const auto has_norm = [&](NormPlace place) {
    return plan.batch_norm && plan.norm_place == place;
  };
  int64_t width = PooledFeatureCount(plan);
  if (has_norm(NormPlace::kInput)) add_norm("norm", width);
  for (size_t i = 0; i < plan.dense.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    add_linear("dense" + number, width, plan.dense[i]);
    width = plan.dense[i];
    if (has_norm(NormPlace::kEvery)) add_norm("norm" + number, width);
  }
  if (has_norm(NormPlace::kLast)) add_norm("norm", width);
  add_linear("output", width, classes);
  return tensors;
}

}  // namespace vizsla
