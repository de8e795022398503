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
  if (has_norm(NormPlace::kInput)) parts_.input_norm = make_norm("norm", in);
  for (size_t i = 0; i < options.dense.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    parts_.dense.push_back(
        register_module("dense" + number, torch::nn::Linear(in, options.dense[i])));
    in = options.dense[i];
    if (has_norm(NormPlace::kEvery)) parts_.dense_norm.push_back(make_norm("norm" + number, in));
    if (i + 1 < options.dense.size()) {
      parts_.hidden_dropout.push_back(register_module(
          "dropout" + number, Dropout(options.dropout_hidden, "head.dropout" + number)));
    }
  }
  if (has_norm(NormPlace::kLast)) parts_.last_norm = make_norm("norm", in);
  parts_.dropout = register_module("dropout", Dropout(options.dropout, "head.dropout"));
  parts_.output = register_module("output", torch::nn::Linear(in, options.classes));
}

void Head::Initialize(const StreamKey& key) {
  const torch::NoGradGuard no_gradients;
  const auto initialize = [&](torch::nn::Linear& layer, const std::string& name) {
    InitializeGlorotUniform(layer->weight, key.With(name + ".weight"));
    layer->bias.zero_();
  };
  for (size_t i = 0; i < parts_.dense.size(); ++i)
    initialize(parts_.dense[i], "dense" + std::to_string(i + 1));
  initialize(parts_.output, "output");
}

torch::Tensor Head::forward(torch::Tensor x) {
  if (parts_.input_norm) x = parts_.input_norm(x);
  for (size_t i = 0; i < parts_.dense.size(); ++i) {
    x = torch::relu(parts_.dense[i](x));
    if (!parts_.dense_norm.empty()) x = parts_.dense_norm[i](x);
    if (i < parts_.hidden_dropout.size()) x = parts_.hidden_dropout[i](x);
  }
  if (parts_.last_norm) x = parts_.last_norm(x);
  return parts_.output(parts_.dropout(x));
}

torch::Tensor Head::Penalty(double l1, double l2, double l2_bias) const {
  torch::Tensor sum = torch::zeros({}, parts_.output->weight.options());
  for (const torch::nn::Linear& layer : parts_.dense) {
    if (l1 > 0) sum = sum + l1 * layer->weight.abs().sum();
    if (l2 > 0) sum = sum + l2 * layer->weight.square().sum();
    if (l2_bias > 0) sum = sum + l2_bias * layer->bias.square().sum();
  }
  return sum;
}

void Head::SetStep(const DropoutStep& step) {
  for (Dropout& dropout : parts_.hidden_dropout) dropout->SetStep(step);
  parts_.dropout->SetStep(step);
}

std::vector<Dropout> Head::Dropouts() const {
  std::vector<Dropout> all = parts_.hidden_dropout;
  all.push_back(parts_.dropout);
  std::erase_if(all, [](const Dropout& dropout) { return dropout->rate() == 0; });
  return all;
}

void Head::SetReduction(const SumReduction& reduction) {
  for (BatchNorm& norm : parts_.dense_norm) norm->SetReduction(reduction);
  if (parts_.input_norm) parts_.input_norm->SetReduction(reduction);
  if (parts_.last_norm) parts_.last_norm->SetReduction(reduction);
}

}  // namespace vizsla
