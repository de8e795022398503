#include "src/search/parzen_kernels.h"

#include <algorithm>
#include <cmath>

#include "src/search/truncated_normal.h"
#include "src/search/vector_loops.h"

namespace vizsla {
void NormalKernels::AddLogDensities(std::span<const double> coordinates,
                                    std::span<double> sums) const {
  const std::vector<double>& centers = column_->centers();
  const std::vector<double>& precisions = column_->precisions();
  const std::vector<double>& log_scales = column_->log_scales();
  if (axis_->kind() != ParzenAxis::Kind::kCells) {
    AddNormalLogDensities(coordinates, centers, precisions, log_scales, sums);
    return;
  }
  auto sum = sums.begin();
  for (const double coordinate : coordinates) {
    const auto [low, high] = axis_->CellAt(coordinate);
    for (size_t k = 0; k < size(); ++k) {
      *sum++ += log_scales[k] + LogNormalMass((low - centers[k]) * precisions[k],
                                              (high - centers[k]) * precisions[k]);
    }
  }
}

double NormalKernels::Draw(size_t kernel, RandomStream& stream) const {
  const double center = column_->centers()[kernel];
  const double precision = column_->precisions()[kernel];
  const double x =
      TruncatedNormalQuantile(stream.Uniform(), -center * precision, (1.0 - center) * precision);
  const double place = std::clamp(center + x / precision, 0.0, 1.0);
  return axis_->kind() == ParzenAxis::Kind::kCells ? axis_->Snap(place) : place;
}

ChoiceKernels::ChoiceKernels(const ParzenAxis& axis, std::span<const double> observations)
    : count_(axis.count()), observed_(observations.begin(), observations.end()) {
  const double prior = 1.0 / static_cast<double>(size());
  const double total = 1.0 + prior * static_cast<double>(count_);
  hit_ = (1.0 + prior) / total;
  miss_ = prior / total;
}

void ChoiceKernels::AddLogDensities(std::span<const double> coordinates,
                                    std::span<double> sums) const {
  const double log_hit = std::log(hit_);
  const double log_miss = std::log(miss_);
  const double log_prior = std::log(static_cast<double>(count_));
  auto sum = sums.begin();
  for (const double coordinate : coordinates) {
    for (const double observed : observed_) *sum++ += observed == coordinate ? log_hit : log_miss;
    *sum++ -= log_prior;
  }
}

double ChoiceKernels::Draw(size_t kernel, RandomStream& stream) const {
  // With probability hit - miss the observed choice, else any.
  const double place = stream.Uniform();
  const auto any = static_cast<double>(stream.UniformInt(static_cast<uint64_t>(count_)));
  return kernel < observed_.size() && place < hit_ - miss_ ? observed_[kernel] : any;
}

}  // namespace vizsla
