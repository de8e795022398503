// The classifier on pooled features: dense layers with ReLU, dropout between them, batch norm,
// dropout, the output layer (logits).
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "src/base/random.h"
#include "src/catalog/training_plan.h"
#include "src/nn/batch_norm.h"
#include "src/nn/dropout.h"

namespace vizsla {

struct HeadOptions {
  int64_t features = 0;
  std::vector<int64_t> dense;
  double dropout_hidden = 0;
  bool batch_norm = true;
  // kLast: `norm`, after the last dense layer (of the features themselves without one). kEvery:
  // `norm1`, `norm2`, ... after each dense layer's ReLU, before its dropout. kInput: `norm`, of the
  // features, before the first dense layer.
  NormPlace norm_place = NormPlace::kLast;
  double dropout = 0;
  int64_t classes = 0;
};

class Head : public torch::nn::Module {
 public:
  explicit Head(const HeadOptions& options);

  void Initialize(const StreamKey& key);
  torch::Tensor forward(torch::Tensor x);  // N x features -> N x classes
  // Keras' regularizers (keras.regularizers.L1L2) of the dense layers before the output layer:
  // l1 * sum |w| + l2 * sum w^2 over their kernels, l2_bias * sum b^2 over their biases. A scalar,
  // differentiable.
  torch::Tensor Penalty(double l1, double l2, double l2_bias) const;
  void SetStep(const DropoutStep& step);
  void SetReduction(const SumReduction& reduction);
  int64_t features() const { return features_; }

 private:
  int64_t features_;
  std::vector<torch::nn::Linear> dense_;
  std::vector<BatchNorm> dense_norm_;    // after each dense layer; empty unless kEvery
  std::vector<Dropout> hidden_dropout_;  // after each dense layer but the last
  BatchNorm input_norm_{nullptr};        // may be null, as the next
  BatchNorm last_norm_{nullptr};
  Dropout dropout_{nullptr};
  torch::nn::Linear output_{nullptr};
};

}  // namespace vizsla
