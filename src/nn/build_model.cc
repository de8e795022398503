#include <string>
#include <utility>

#include "src/catalog/backbones.h"
#include "src/nn/graph_network.h"
#include "src/nn/head.h"
#include "src/nn/model.h"

namespace vizsla {
namespace {

absl::Status CheckPlan(const TrainingPlan& plan, int class_count) {
  if (class_count < 1) {
    return absl::InvalidArgumentError(StrCat("a network of ", class_count, " classes"));
  }
  if (!IsScratchNetwork(plan.network)) {
    VIZSLA_RETURN_IF_ERROR(FindBackbone(plan.network).status());
  }
  if (!GraphOf(plan)->OutputSide(plan.image_size)) {
    return absl::InvalidArgumentError(
        StrCat("image_size: ", plan.image_size, " pixels are too few for ", plan.network));
  }
  for (const double rate : {plan.dropout, plan.dropout_hidden}) {
    if (!(rate >= 0 && rate < 1)) {
      return absl::InvalidArgumentError(StrCat("dropout: ", rate, " is not in [0, 1)"));
    }
  }
  for (const int64_t size : plan.dense) {
    if (size < 1) return absl::InvalidArgumentError(StrCat("dense: a layer of size ", size));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<Model>> BuildModel(const TrainingPlan& plan, Padding padding,
                                                  int class_count, const StreamKey& init_key) {
  VIZSLA_RETURN_IF_ERROR(CheckPlan(plan, class_count));
  const StreamKey key = init_key.With("initialization");
  const bool is_scratch = IsScratchNetwork(plan.network);
  const std::string scope = is_scratch ? "body" : "backbone";
  auto body = std::make_shared<GraphNetwork>(*GraphOf(plan), padding, scope);
  if (is_scratch) {
    body->InitializeGlorot(key.With(scope));
  } else if (!plan.pretrained()) {
    body->InitializeKaiming(key.With(scope));
  }
  body->SetLearnsStatistics(plan.learns_backbone_statistics);
  auto head = std::make_shared<Head>(HeadOptions{.features = PooledFeatureCount(plan),
                                                 .dense = plan.dense,
                                                 .dropout_hidden = plan.dropout_hidden,
                                                 .batch_norm = plan.batch_norm,
                                                 .norm_place = plan.norm_place,
                                                 .dropout = plan.dropout,
                                                 .classes = class_count});
  head->Initialize(key.With("head"));
  auto model = std::make_shared<Model>(is_scratch ? nullptr : *FindBackbone(plan.network),
                                       std::move(body), plan.pooling, std::move(head));
  VIZSLA_RETURN_IF_ERROR(model->Freeze(plan.unfreeze));
  return model;
}

}  // namespace vizsla
