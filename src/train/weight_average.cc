#include "src/train/weight_average.h"

#include <algorithm>
#include <utility>

namespace vizsla {

WeightAverage::WeightAverage(NamedTensors parameters, double decay)
    : parameters_(std::move(parameters)), decay_(decay) {
  for (const auto& [name, parameter] : parameters_) average_.push_back(parameter.detach().clone());
}

void WeightAverage::Update(int64_t step) {
  torch::NoGradGuard no_grad;
  const double t = static_cast<double>(step);
  const double decay = std::min(decay_, (1 + t) / (10 + t));
  for (size_t i = 0; i < average_.size(); ++i) {
    average_[i].lerp_(parameters_[i].second, 1 - decay);
  }
}

void WeightAverage::Swap() {
  for (size_t i = 0; i < average_.size(); ++i) {
    torch::Tensor& parameter = parameters_[i].second;
    const torch::Tensor weights = parameter.detach();
    parameter.set_data(average_[i]);
    average_[i] = weights;
  }
}

NamedTensors WeightAverage::State() const {
  NamedTensors state;
  for (size_t i = 0; i < average_.size(); ++i) {
    state.emplace_back("average." + parameters_[i].first, average_[i]);
  }
  return state;
}

}  // namespace vizsla
