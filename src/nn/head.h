// The classifier on pooled features: dense layers with ReLU, dropout between them, batch norm after
// the last, dropout, the output layer (logits).
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "src/base/random.h"
#include "src/nn/batch_norm.h"
#include "src/nn/dropout.h"

namespace vizsla {

struct HeadOptions {
  int64_t features = 0;
  std::vector<int64_t> dense;
  double dropout_hidden = 0;
  bool batch_norm = true;
  double dropout = 0;
  int64_t classes = 0;
};

class Head : public torch::nn::Module {
 public:
  explicit Head(const HeadOptions& options);

  void Initialize(const StreamKey& key);
  torch::Tensor forward(torch::Tensor x);  // N x features -> N x classes
  void SetStep(const DropoutStep& step);
  void SetReduction(const SumReduction& reduction);
  int64_t features() const { return features_; }

 private:
  int64_t features_;
  std::vector<torch::nn::Linear> dense_;
  std::vector<Dropout> hidden_dropout_;  // after each dense layer but the last
  BatchNorm norm_{nullptr};              // may be null
  Dropout dropout_{nullptr};
  torch::nn::Linear output_{nullptr};
};

}  // namespace vizsla
