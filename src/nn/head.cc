#include "src/nn/head.h"

#include <string>
#include <utility>

#include "src/nn/initialization.h"

namespace vizsla {

Head::Head(const HeadOptions& options) : features_(options.features) {
  int64_t in = options.features;
  for (size_t i = 0; i < options.dense.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    dense_.push_back(register_module("dense" + number, torch::nn::Linear(in, options.dense[i])));
    in = options.dense[i];
    if (i + 1 < options.dense.size()) {
      hidden_dropout_.push_back(register_module(
          "dropout" + number, Dropout(options.dropout_hidden, "head.dropout" + number)));
    }
  }
  if (options.batch_norm) norm_ = register_module("norm", BatchNorm(in, kKerasBatchNorm));
  dropout_ = register_module("dropout", Dropout(options.dropout, "head.dropout"));
  output_ = register_module("output", torch::nn::Linear(in, options.classes));
}

void Head::Initialize(const StreamKey& key) {
  const torch::NoGradGuard no_gradients;
  const auto initialize = [&](torch::nn::Linear& layer, const std::string& name) {
    InitializeGlorotUniform(layer->weight, key.With(name + ".weight"));
    layer->bias.zero_();
  };
  for (size_t i = 0; i < dense_.size(); ++i) initialize(dense_[i], "dense" + std::to_string(i + 1));
  initialize(output_, "output");
}

torch::Tensor Head::forward(torch::Tensor x) {
  for (size_t i = 0; i < dense_.size(); ++i) {
    x = torch::relu(dense_[i](x));
    if (i < hidden_dropout_.size()) x = hidden_dropout_[i](x);
  }
  if (norm_) x = norm_(x);
  return output_(dropout_(x));
}

void Head::SetStep(const DropoutStep& step) {
  for (Dropout& dropout : hidden_dropout_) dropout->SetStep(step);
  dropout_->SetStep(step);
}

void Head::SetReduction(const SumReduction& reduction) {
  if (norm_) norm_->SetReduction(reduction);
}

}  // namespace vizsla
