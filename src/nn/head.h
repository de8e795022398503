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

// In the order of forward(); handles of the head's own modules.
struct HeadParts {
  BatchNorm input_norm{nullptr};  // may be null
  std::vector<torch::nn::Linear> dense;
  std::vector<BatchNorm> dense_norm;    // after each dense layer; empty unless kEvery
  std::vector<Dropout> hidden_dropout;  // after each dense layer but the last
  BatchNorm last_norm{nullptr};         // may be null
  Dropout dropout{nullptr};
  torch::nn::Linear output{nullptr};
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
  // Those that drop something, in the order of forward().
  std::vector<Dropout> Dropouts() const;
  void SetReduction(const SumReduction& reduction);
  int64_t features() const { return features_; }
  // For those who compute its passes themselves (src/train/head_layers.h).
  const HeadParts& parts() const { return parts_; }

 private:
  int64_t features_;
  HeadParts parts_;
};

}  // namespace vizsla
