#include <string>
#include <utility>

#include "src/nn/head.h"
#include "src/nn/mobilenet_v2.h"
#include "src/nn/model.h"
#include "src/nn/scratch_body.h"

namespace vizsla {
namespace {

absl::Status CheckPlan(const TrainingPlan& plan, int class_count) {
  if (class_count < 1) {
    return absl::InvalidArgumentError(StrCat("a network of ", class_count, " classes"));
  }
  const int least = plan.network == Network::kMobileNetV2 ? 1 : 4;
  if (plan.image_size < least) {
    return absl::InvalidArgumentError(
        StrCat("image_size: ", plan.image_size, " pixels are too few for the network"));
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
  std::shared_ptr<MobileNetV2> backbone;
  std::shared_ptr<ScratchBody> body;
  Pooling pooling = plan.pooling;
  HeadOptions head_options{.features = PooledFeatureCount(plan),
                           .dense = plan.dense,
                           .dropout_hidden = plan.dropout_hidden,
                           .batch_norm = plan.batch_norm,
                           .dropout = plan.dropout,
                           .classes = class_count};
  std::string unfreeze = plan.unfreeze;
  if (plan.network == Network::kMobileNetV2) {
    backbone = std::make_shared<MobileNetV2>(padding);
    if (!plan.pretrained) backbone->Initialize(key.With("backbone"));
  } else {
    body = std::make_shared<ScratchBody>(plan.network == Network::kScratchV1 ? 0.25 : 0.5);
    body->Initialize(key.With("body"));
    pooling = Pooling::kFlatten;
    unfreeze = "all";
  }
  auto head = std::make_shared<Head>(head_options);
  head->Initialize(key.With("head"));
  auto model =
      std::make_shared<Model>(std::move(backbone), std::move(body), pooling, std::move(head));
  VIZSLA_RETURN_IF_ERROR(model->Freeze(unfreeze));
  return model;
}

}  // namespace vizsla
