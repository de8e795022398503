// The networks of the catalogue as one LibTorch module: a backbone (or a scratch network's body),
// pooling and a head.
//
// Names in the state dict: `backbone.` + torchvision's names (backbone.features.0.0.weight, ...) or
// `body.conv1.weight`, ...; `head.dense1.weight`, `head.dense1.bias`, ..., `head.norm.*`,
// `head.output.weight`, `head.output.bias`.
//
// Everything below the unfreeze point is frozen: in inference mode, with its batch norm folded into
// its convolutions, under no_grad, whatever train() says. The network is the composition
//     forward(images) = TrainedPart(FrozenPart(images))
// and, when the backbone is frozen whole, TrainedPart({map}) = Head(Pool(map)), so that features
// computed once give the numbers of features computed each time.
//
// Not thread-safe. Float32. LibTorch's exceptions (c10::Error) and ReductionError travel through
// all functions that return no status.
#pragma once

#include <torch/torch.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/random.h"
#include "src/base/status.h"
#include "src/catalog/backbones.h"
#include "src/catalog/training_plan.h"
#include "src/nn/batch_norm.h"
#include "src/nn/dropout.h"
#include "src/nn/tensors.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

class GraphNetwork;
class Head;

class Model : public torch::nn::Module {
 public:
  // Use BuildModel. `backbone` describes the body when it is one of the registry's, and is null for
  // scratch networks.
  Model(const BackboneInfo* backbone, std::shared_ptr<GraphNetwork> body, Pooling pooling,
        std::shared_ptr<Head> head);
  ~Model() override;

  // images: N x 3 x S x S, preprocessed, any memory format. Returns N x class_count logits. N may
  // be 0 (a rank without rows of the last batch still takes part in the reductions).
  torch::Tensor forward(const torch::Tensor& images);

  // Everything below the unfreeze point: images in, detached activations out (channels-last), one
  // for each layer that a trained layer reads. With unfreeze `none` the last feature map, N x C x h
  // x w; with `all` and for scratch networks the images.
  std::vector<torch::Tensor> FrozenPart(const torch::Tensor& images);
  // Everything above: FrozenPart's result in, logits out.
  torch::Tensor TrainedPart(const std::vector<torch::Tensor>& activations);
  // The last feature map of a backbone that is frozen whole, detached.
  torch::Tensor FeatureMap(const torch::Tensor& images);

  // Feature map to the head's input by this model's pooling: N x feature_count(). See PoolMap.
  torch::Tensor Pool(const torch::Tensor& map) const;
  // Pooled features (N x feature_count()) to logits.
  torch::Tensor RunHead(const torch::Tensor& pooled);
  int64_t feature_count() const;
  // The head's regularization: see TrainingPlan::l1. A scalar, differentiable.
  torch::Tensor HeadPenalty(double l1, double l2, double l2_bias) const;

  // Before each training step: names the step for the dropout masks. (seed, trial, epoch, step),
  // and the place of this rank's first row in the global batch; a rank's rows are contiguous.
  void BeginStep(const StreamKey& step_key, int64_t first_row);
  // The layers that it names the step for, but those that drop nothing; in one order always.
  std::vector<Dropout> Dropouts() const;
  // For all batch norms that are not frozen; null for local statistics. See batch_norm.h.
  void SetBatchNormReduction(const SumReduction& reduction);

  // `none`, `all`, or a name that BackboneInfo::FindCut knows: that layer and all after it (Keras'
  // order) train. Scratch networks know only `all`. InvalidArgument names the network. BuildModel
  // has done it for the plan.
  absl::Status Freeze(std::string_view unfreeze);

  // Order of layers; what the optimizer gets, and what is reduced over the group.
  NamedTensors TrainableParameters() const;
  // Every parameter and buffer.
  NamedTensors StateDict() const;
  // What training changes: trainable parameters and the running statistics of batch norms that are
  // not frozen. The rest is the frozen weights, which a checkpoint names by hash.
  NamedTensors TrainedState() const;
  // StateDict() without TrainedState().
  NamedTensors FrozenState() const;

  // CopyInto for StateDict() and TrainedState(); the folded copies follow. `place` names the source
  // in errors.
  absl::Status LoadState(const std::map<std::string, TensorView>& tensors, std::string_view place);
  absl::Status LoadTrainedState(const std::map<std::string, TensorView>& tensors,
                                std::string_view place);
  // To be called after changing frozen tensors by other means: drops what was folded from them.
  void FrozenStateChanged();

  const BackboneInfo* backbone() const { return backbone_; }  // null: a scratch network
  Head& head() { return *head_; }
  GraphNetwork& body() { return *body_; }  // the backbone, or the scratch network's convolutions

 private:
  const BackboneInfo* backbone_;
  std::shared_ptr<GraphNetwork> body_;
  std::shared_ptr<Head> head_;
  Pooling pooling_;
};

// A fresh model for the plan, on the CPU, in training mode, frozen as plan.unfreeze says. Random
// weights come from streams named by init_key and the parameter's name: independent of LibTorch's
// version and generator. Heads and scratch networks start as Keras' layers do (Glorot-uniform
// kernels, zero biases); a backbone that is not pretrained as torchvision's (normal, variance 2 /
// fan_out); a pretrained one is all zeros until ImportBackbone. InvalidArgument when the plan does
// not describe a network.
absl::StatusOr<std::shared_ptr<Model>> BuildModel(const TrainingPlan& plan, Padding padding,
                                                  int class_count, const StreamKey& init_key);

// Feature map N x C x h x w to N x F. Average and max: F = C. Flatten: F = h * w * C in Keras'
// order (row, column, channel), which is free for channels-last maps.
torch::Tensor PoolMap(const torch::Tensor& map, Pooling pooling);

}  // namespace vizsla
