#include "src/nn/model.h"

#include <cmath>
#include <optional>
#include <utility>

#include "src/nn/head.h"
#include "src/nn/mobilenet_v2.h"
#include "src/nn/scratch_body.h"

namespace vizsla {
namespace {

constexpr int kExpandedBlocks =
    16;  // Keras' block_1 ... block_16 have an expansion; block_0 has none

// The first layer (torchvision's features.N) that trains; nullopt for an unknown name.
std::optional<int> CutOf(std::string_view unfreeze) {
  if (unfreeze == "none") return MobileNetV2::kLayers;
  if (unfreeze == "all") return 0;
  for (int block = 1; block <= kExpandedBlocks; ++block) {
    if (unfreeze == "block_" + std::to_string(block) + "_expand") return block + 1;
  }
  return std::nullopt;
}

}  // namespace

Model::Model(std::shared_ptr<MobileNetV2> backbone, std::shared_ptr<ScratchBody> body,
             Pooling pooling, std::shared_ptr<Head> head)
    : backbone_(std::move(backbone)),
      body_(std::move(body)),
      head_(std::move(head)),
      pooling_(pooling) {
  if (backbone_) register_module("backbone", backbone_);
  if (body_) register_module("body", body_);
  register_module("head", head_);
}

Model::~Model() = default;

torch::Tensor Model::forward(const torch::Tensor& images) {
  return TrainedPart(FrozenPart(images));
}

torch::Tensor Model::FrozenPart(const torch::Tensor& images) {
  const torch::Tensor x = images.contiguous(torch::MemoryFormat::ChannelsLast);
  return backbone_ ? backbone_->RunFrozen(x, 0, backbone_->cut()) : x;
}

torch::Tensor Model::TrainedPart(const torch::Tensor& activations) {
  const torch::Tensor map =
      backbone_ ? backbone_->Run(activations, backbone_->cut(), MobileNetV2::kLayers)
                : body_->forward(activations);
  return RunHead(Pool(map));
}

torch::Tensor Model::Pool(const torch::Tensor& map) const { return PoolMap(map, pooling_); }

torch::Tensor Model::RunHead(const torch::Tensor& pooled) { return head_->forward(pooled); }

int64_t Model::feature_count() const { return head_->features(); }

void Model::BeginStep(const StreamKey& step_key, int64_t first_row) {
  const DropoutStep step{step_key, first_row};
  head_->SetStep(step);
  if (body_) body_->SetStep(step);
}

void Model::SetBatchNormReduction(const SumReduction& reduction) {
  head_->SetReduction(reduction);
  if (body_) body_->SetReduction(reduction);
  if (backbone_) backbone_->SetReduction(reduction);
}

absl::Status Model::Freeze(std::string_view unfreeze) {
  if (!backbone_) {
    if (unfreeze == "all") return absl::OkStatus();
    return absl::InvalidArgumentError(
        StrCat("unfreeze: \"", std::string(unfreeze), "\": a scratch network trains whole (all)"));
  }
  const std::optional<int> cut = CutOf(unfreeze);
  if (!cut) {
    return absl::InvalidArgumentError(StrCat("unfreeze: \"", std::string(unfreeze),
                                             "\" is none of none, all, block_1_expand ... block_",
                                             kExpandedBlocks, "_expand"));
  }
  backbone_->Freeze(*cut);
  return absl::OkStatus();
}

NamedTensors Model::TrainableParameters() const {
  NamedTensors trainable;
  for (const auto& parameter : named_parameters()) {
    if (parameter.value().requires_grad())
      trainable.emplace_back(parameter.key(), parameter.value());
  }
  return trainable;
}

namespace {

// Visits parameters and buffers in the order of the layers with whether training changes them.
template <typename Visit>
void VisitState(const torch::nn::Module& model, const Visit& visit) {
  for (const auto& module : model.named_modules(/*name_prefix=*/"", /*include_self=*/false)) {
    const auto* norm = module.value()->as<BatchNormImpl>();
    for (const auto& parameter : module.value()->named_parameters(/*recurse=*/false)) {
      visit(module.key() + "." + parameter.key(), parameter.value(),
            parameter.value().requires_grad());
    }
    for (const auto& buffer : module.value()->named_buffers(/*recurse=*/false)) {
      visit(module.key() + "." + buffer.key(), buffer.value(), norm && !norm->frozen());
    }
  }
}

}  // namespace

NamedTensors Model::StateDict() const {
  NamedTensors state;
  VisitState(*this, [&](std::string name, const torch::Tensor& tensor, bool) {
    state.emplace_back(std::move(name), tensor);
  });
  return state;
}

NamedTensors Model::TrainedState() const {
  NamedTensors state;
  VisitState(*this, [&](std::string name, const torch::Tensor& tensor, bool trains) {
    if (trains) state.emplace_back(std::move(name), tensor);
  });
  return state;
}

NamedTensors Model::FrozenState() const {
  NamedTensors state;
  VisitState(*this, [&](std::string name, const torch::Tensor& tensor, bool trains) {
    if (!trains) state.emplace_back(std::move(name), tensor);
  });
  return state;
}

absl::Status Model::LoadState(const std::map<std::string, TensorView>& tensors,
                              std::string_view place) {
  VIZSLA_RETURN_IF_ERROR(CopyInto(StateDict(), tensors, place));
  FrozenStateChanged();
  return absl::OkStatus();
}

absl::Status Model::LoadTrainedState(const std::map<std::string, TensorView>& tensors,
                                     std::string_view place) {
  return CopyInto(TrainedState(), tensors, place);
}

void Model::FrozenStateChanged() {
  if (backbone_) backbone_->DropFolded();
}

torch::Tensor PoolMap(const torch::Tensor& map, Pooling pooling) {
  switch (pooling) {
    case Pooling::kAverage:
      return map.mean({2, 3});
    case Pooling::kMax:
      return map.amax({2, 3});
    case Pooling::kFlatten:
      break;
  }
  return map.permute({0, 2, 3, 1}).reshape({map.size(0), map.size(1) * map.size(2) * map.size(3)});
}

int64_t PooledFeatureCount(const TrainingPlan& plan) {
  if (plan.network != Network::kMobileNetV2) {
    const int64_t side = ScratchBody::MapSize(plan.image_size);
    return side * side * ScratchBody::kChannels;
  }
  if (plan.pooling != Pooling::kFlatten) return MobileNetV2::kChannels;
  const int64_t side = (plan.image_size + MobileNetV2::kStride - 1) / MobileNetV2::kStride;
  return side * side * MobileNetV2::kChannels;
}

}  // namespace vizsla
