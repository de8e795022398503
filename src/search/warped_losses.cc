#include "src/search/warped_losses.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "src/search/power_transform.h"

namespace vizsla {
namespace {

using Eigen::VectorXd;

constexpr double kMostWidths = 3;  // above the median, before distances are compressed

// Infinite ones replaced; divided by a power of two so that sums of squares stay finite.
std::optional<VectorXd> FiniteLosses(const std::vector<double>& losses) {
  std::optional<double> worst;
  double largest = 0;
  for (const double loss : losses) {
    if (!std::isfinite(loss)) continue;
    worst = std::max(worst.value_or(loss), loss);
    largest = std::max(largest, std::abs(loss));
  }
  if (!worst) return std::nullopt;
  const double unit = largest > 0 ? std::exp2(std::ilogb(largest)) : 1;
  VectorXd finite(static_cast<Eigen::Index>(losses.size()));
  for (size_t i = 0; i < losses.size(); ++i) {
    finite[static_cast<Eigen::Index>(i)] = (std::isfinite(losses[i]) ? losses[i] : *worst) / unit;
  }
  return finite;
}

// Mean 0, variance 1; false, and all 0, when they are equal.
bool Standardize(VectorXd& values) {
  values.array() -= values.mean();
  const double deviation = std::sqrt(values.squaredNorm() / static_cast<double>(values.size()));
  if (!(deviation > 0)) return false;
  values /= deviation;
  return true;
}

}  // namespace

VectorXd WarpLosses(const std::vector<double>& losses) {
  const auto count = static_cast<Eigen::Index>(losses.size());
  const std::optional<VectorXd> finite = FiniteLosses(losses);
  if (!finite) return VectorXd::Zero(count);
  std::vector<double> sorted(finite->begin(), finite->end());
  std::sort(sorted.begin(), sorted.end());
  const double median = sorted[(sorted.size() - 1) / 2];
  const auto better = std::lower_bound(sorted.begin(), sorted.end(), median);
  double width = 0;
  for (auto loss = sorted.begin(); loss != better; ++loss) {
    width += (*loss - median) * (*loss - median) / static_cast<double>(better - sorted.begin());
  }
  // Half of them are equal and none is better: any positive width keeps the order.
  width = width > 0 ? std::sqrt(width) : 1;

  VectorXd warped = (finite->array() - median) / width;
  for (double& loss : warped) {
    if (loss > kMostWidths) loss = kMostWidths + std::log1p(loss - kMostWidths);
  }
  if (!Standardize(warped)) return warped;
  const double power = LikeliestPower(warped);
  for (double& loss : warped) loss = YeoJohnson(loss, power);
  Standardize(warped);
  return warped;
}

}  // namespace vizsla
