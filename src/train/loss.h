// The loss that is trained: cross-entropy with label smoothing, class weights and mixed labels.
#pragma once

#include <torch/torch.h>

#include <span>
#include <vector>

#include "src/dataset/batch_source.h"

namespace vizsla {

// The labels of a source's rows.
std::vector<int64_t> LabelsOf(const BatchSource& source, std::span<const PhotoView> rows);

// What rows are to be, on the device of their logits.
struct LossTargets {
  torch::Tensor labels;    // int64, one a row
  torch::Tensor partners;  // of mixed rows, the labels of what is mixed in; undefined: none is
  double own_weight = 1;   // of mixed rows
};

// Not thread-safe. LibTorch's exceptions travel through.
class TrainingLoss {
 public:
  // `smoothing`: the target is (1 - smoothing) of the label and smoothing / C of every class, as in
  // torch's and Keras' cross-entropy. `class_weights`: one a class, or none. `source` outlives this
  // object.
  TrainingLoss(const BatchSource& source, double smoothing, const std::vector<float>& class_weights,
               torch::Device device);

  // Does not wait for a GPU.
  LossTargets TargetsOf(std::span<const PhotoView> rows) const;

  // The sum over the rows, a scalar; the caller divides by the rows of the global batch. A weight
  // multiplies its row's loss and the divisor stays the number of rows: Keras' class_weight and
  // SUM_OVER_BATCH_SIZE, where PyTorch's weighted mean divides by the sum of the weights. A mixed
  // row has `weight` of its own label's loss and 1 - weight of its partner's, each with its own
  // class weight. logits: rows x C, of any floating type; the loss is float32.
  torch::Tensor Sum(const torch::Tensor& logits, const LossTargets& targets) const;

 private:
  torch::Tensor RowLosses(const torch::Tensor& logits, const torch::Tensor& labels) const;

  const BatchSource& source_;
  const double smoothing_;
  torch::Tensor class_weights_;  // undefined without
  torch::Device device_;
};

}  // namespace vizsla
