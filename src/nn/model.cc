#include "src/nn/model.h"

#include <optional>
#include <utility>

#include "src/base/check.h"
#include "src/nn/graph_network.h"
#include "src/nn/head.h"

namespace vizsla {

Model::Model(const BackboneInfo* backbone, std::shared_ptr<GraphNetwork> body, Pooling pooling,
             std::shared_ptr<Head> head)
    : backbone_(backbone), body_(std::move(body)), head_(std::move(head)), pooling_(pooling) {
  register_module(backbone_ != nullptr ? "backbone" : "body", body_);
  register_module("head", head_);
}

Model::~Model() = default;

torch::Tensor Model::forward(const torch::Tensor& images) {
  return TrainedPart(FrozenPart(images));
}

std::vector<torch::Tensor> Model::FrozenPart(const torch::Tensor& images) {
  return body_->RunFrozen(images.contiguous(torch::MemoryFormat::ChannelsLast));
}

torch::Tensor Model::TrainedPart(const std::vector<torch::Tensor>& activations) {
  return RunHead(Pool(body_->Run(activations)));
}

torch::Tensor Model::FeatureMap(const torch::Tensor& images) {
  const torch::NoGradGuard no_gradients;
  return body_->Run(FrozenPart(images));
}

torch::Tensor Model::Pool(const torch::Tensor& map) const { return PoolMap(map, pooling_); }

torch::Tensor Model::RunHead(const torch::Tensor& pooled) { return head_->forward(pooled); }

int64_t Model::feature_count() const { return head_->features(); }

torch::Tensor Model::HeadPenalty(double l1, double l2, double l2_bias) const {
  return head_->Penalty(l1, l2, l2_bias);
}

void Model::BeginStep(const StreamKey& step_key, int64_t first_row) {
  const DropoutStep step{step_key, first_row};
  head_->SetStep(step);
  body_->SetStep(step);
}

std::vector<Dropout> Model::Dropouts() const {
  std::vector<Dropout> all = body_->Dropouts();
  for (Dropout& dropout : head_->Dropouts()) all.push_back(std::move(dropout));
  return all;
}

void Model::SetBatchNormReduction(const SumReduction& reduction) {
  head_->SetReduction(reduction);
  body_->SetReduction(reduction);
}

absl::Status Model::Freeze(std::string_view unfreeze) {
  std::optional<int> cut;
  if (backbone_ != nullptr) {
    cut = backbone_->FindCut(unfreeze);
  } else if (unfreeze == "all") {
    cut = 0;
  }
  if (!cut) {
    return absl::InvalidArgumentError(StrCat(
        "unfreeze: \"", std::string(unfreeze), "\" is ",
        backbone_ != nullptr ? StrCat("neither none, all nor a layer of ", backbone_->name)
                             : std::string("nothing for a scratch network, which trains whole")));
  }
  body_->Freeze(*cut);
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

// The tensors for which `wanted` holds of whether training changes them.
template <typename Wanted>
NamedTensors StateWhere(const torch::nn::Module& model, const Wanted& wanted) {
  NamedTensors state;
  VisitState(model, [&](std::string name, const torch::Tensor& tensor, bool trains) {
    if (wanted(trains)) state.emplace_back(std::move(name), tensor);
  });
  return state;
}

}  // namespace

NamedTensors Model::StateDict() const {
  return StateWhere(*this, [](bool) { return true; });
}

NamedTensors Model::TrainedState() const {
  return StateWhere(*this, [](bool trains) { return trains; });
}

NamedTensors Model::FrozenState() const {
  return StateWhere(*this, [](bool trains) { return !trains; });
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

void Model::FrozenStateChanged() { body_->DropFolded(); }

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

}  // namespace vizsla
