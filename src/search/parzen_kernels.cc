#include "src/search/parzen_kernels.h"

#include <algorithm>
#include <cmath>

#include "src/search/truncated_normal.h"
#include "src/search/vector_loops.h"

namespace vizsla {
NormalKernels::NormalKernels(const ParzenAxis& axis, const NormalColumn& column)
    : axis_(axis),
      centers_(column.centers()),
      precisions_(column.precisions()),
      log_scales_(column.log_scales()) {}

void NormalKernels::AddLogDensities(double coordinate, std::span<double> sums) const {
  if (axis_.kind() == ParzenAxis::Kind::kCells) {
    const auto [low, high] = axis_.CellAt(coordinate);
    for (size_t k = 0; k < size(); ++k) {
      sums[k] += log_scales_[k] + LogNormalMass((low - centers_[k]) * precisions_[k],
                                                (high - centers_[k]) * precisions_[k]);
    }
    return;
  }
  AddNormalLogDensities(coordinate, centers_, precisions_, log_scales_, sums);
}

double NormalKernels::Draw(size_t kernel, RandomStream& stream) const {
  const double center = centers_[kernel];
  const double precision = precisions_[kernel];
  const double x =
      TruncatedNormalQuantile(stream.Uniform(), -center * precision, (1.0 - center) * precision);
  const double place = std::clamp(center + x / precision, 0.0, 1.0);
  return axis_.kind() == ParzenAxis::Kind::kCells ? axis_.Snap(place) : place;
}

ChoiceKernels::ChoiceKernels(const ParzenAxis& axis, std::span<const double> observations)
    : count_(axis.count()), observed_(observations.begin(), observations.end()) {
  const double prior = 1.0 / static_cast<double>(size());
  const double total = 1.0 + prior * static_cast<double>(count_);
  hit_ = (1.0 + prior) / total;
  miss_ = prior / total;
}

void ChoiceKernels::AddLogDensities(double coordinate, std::span<double> sums) const {
  const double log_hit = std::log(hit_);
  const double log_miss = std::log(miss_);
  for (size_t k = 0; k < observed_.size(); ++k) {
    sums[k] += observed_[k] == coordinate ? log_hit : log_miss;
  }
  sums[observed_.size()] -= std::log(static_cast<double>(count_));
}

double ChoiceKernels::Draw(size_t kernel, RandomStream& stream) const {
  // With probability hit - miss the observed choice, else any.
  const double place = stream.Uniform();
  const auto any = static_cast<double>(stream.UniformInt(static_cast<uint64_t>(count_)));
  return kernel < observed_.size() && place < hit_ - miss_ ? observed_[kernel] : any;
}

}  // namespace vizsla
