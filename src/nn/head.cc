#include "src/nn/head.h"

#include <string>
#include <utility>

#include "src/nn/initialization.h"

namespace vizsla {

Head::Head(const HeadOptions& options) : features_(options.features) {
  const auto has_norm = [&](NormPlace place) {
    return options.batch_norm && options.norm_place == place;
  };
  const auto make_norm = [&](const std::string& name, int64_t width) {
    return register_module(name, BatchNorm(width, kKerasBatchNorm));
  };
  int64_t in = options.features;
  if (has_norm(NormPlace::kInput)) input_norm_ = make_norm("norm", in);
  for (size_t i = 0; i < options.dense.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    dense_.push_back(register_module("dense" + number, torch::nn::Linear(in, options.dense[i])));
    in = options.dense[i];
    if (has_norm(NormPlace::kEvery)) dense_norm_.push_back(make_norm("norm" + number, in));
    if (i + 1 < options.dense.size()) {
      hidden_dropout_.push_back(register_module(
          "dropout" + number, Dropout(options.dropout_hidden, "head.dropout" + number)));
    }
  }
  if (has_norm(NormPlace::kLast)) last_norm_ = make_norm("norm", in);
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
  if (input_norm_) x = input_norm_(x);
  for (size_t i = 0; i < dense_.size(); ++i) {
    x = torch::relu(dense_[i](x));
    if (!dense_norm_.empty()) x = dense_norm_[i](x);
    if (i < hidden_dropout_.size()) x = hidden_dropout_[i](x);
  }
  if (last_norm_) x = last_norm_(x);
  return output_(dropout_(x));
}

torch::Tensor Head::Penalty(double l1, double l2, double l2_bias) const {
  torch::Tensor sum = torch::zeros({}, output_->weight.options());
  for (const torch::nn::Linear& layer : dense_) {
    if (l1 > 0) sum = sum + l1 * layer->weight.abs().sum();
    if (l2 > 0) sum = sum + l2 * layer->weight.square().sum();
    if (l2_bias > 0) sum = sum + l2_bias * layer->bias.square().sum();
  }
  return sum;
}

void Head::SetStep(const DropoutStep& step) {
  for (Dropout& dropout : hidden_dropout_) dropout->SetStep(step);
  dropout_->SetStep(step);
}

void Head::SetReduction(const SumReduction& reduction) {
  for (BatchNorm& norm : dense_norm_) norm->SetReduction(reduction);
  if (input_norm_) input_norm_->SetReduction(reduction);
  if (last_norm_) last_norm_->SetReduction(reduction);
}

}  // namespace vizsla
