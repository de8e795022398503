#include "src/train/cost_metrics.h"

#include <torch/cuda.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "src/catalog/network_cost.h"
#include "src/nn/autocast.h"

namespace vizsla {
namespace {

constexpr int kWarmUpPasses = 3;
constexpr int kPasses = 21;
constexpr std::chrono::milliseconds kLongest{1000};

using SteadyClock = std::chrono::steady_clock;

}  // namespace

double MeasureLatencyMs(Model& model, const TrainingPlan& plan, torch::Device device) {
  const torch::NoGradGuard no_grad;
  model.eval();
  const torch::Tensor photo = torch::zeros({1, 3, plan.image_size, plan.image_size}, device)
                                  .contiguous(torch::MemoryFormat::ChannelsLast);
  const auto finish = [&] {
    if (device.is_cuda()) torch::cuda::synchronize(device.has_index() ? device.index() : -1);
  };
  const auto pass = [&] {
    const Autocast autocast(plan.precision, device);
    const auto start = SteadyClock::now();
    for (int view = 0; view < (plan.test_time_flip ? 2 : 1); ++view) model.forward(photo);
    finish();
    return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
  };
  for (int i = 0; i < kWarmUpPasses; ++i) pass();
  std::vector<double> times;
  const auto start = SteadyClock::now();
  for (int i = 0; i < kPasses; ++i) {
    times.push_back(pass());
    if (SteadyClock::now() - start > kLongest) break;
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return std::max(1e-3, *middle);
}

CostMetrics::CostMetrics(const Objective& objective, const TrainingPlan& plan, int class_count)
    : plan_(plan) {
  if (std::none_of(objective.further.begin(), objective.further.end(),
                   [](const auto& further) { return IsCostMetric(further.metric); })) {
    return;
  }
  const NetworkCost cost = CostOf(plan, class_count);
  for (const FurtherObjective& further : objective.further) {
    if (further.metric == kParametersMetric) {
      costs_[further.metric] = static_cast<double>(cost.parameters);
    } else if (further.metric == kMultiplyAddsMetric) {
      costs_[further.metric] = static_cast<double>(cost.multiply_adds);
    } else if (further.metric == kModelBytesMetric) {
      costs_[further.metric] = static_cast<double>(cost.model_bytes);
    } else if (further.metric == kLatencyMetric) {
      needs_latency_ = true;
    }
  }
}

void CostMetrics::AddTo(Metrics& metrics, Model& model, torch::Device device) {
  if (needs_latency_) costs_[kLatencyMetric] = MeasureLatencyMs(model, plan_, device);
  needs_latency_ = false;
  metrics.insert(costs_.begin(), costs_.end());
}

}  // namespace vizsla
