#include "src/search/cma_es_warm_start.h"

#include <algorithm>

namespace vizsla {
namespace {

// The paper's defaults: gamma and alpha.
constexpr size_t kOneOf = 10;  // that many are promising
constexpr double kWidth = 0.1;

}  // namespace

std::optional<CmaEs> WarmStartCmaEs(const std::vector<Eigen::VectorXd>& best_first) {
  if (best_first.empty()) return std::nullopt;
  const size_t promising = std::max<size_t>(1, best_first.size() / kOneOf);
  const double weight = 1.0 / static_cast<double>(promising);
  const Eigen::Index dimensions = best_first.front().size();
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(dimensions);
  for (size_t i = 0; i < promising; ++i) mean += weight * best_first[i];
  Eigen::MatrixXd covariance = kWidth * kWidth * Eigen::MatrixXd::Identity(dimensions, dimensions);
  for (size_t i = 0; i < promising; ++i) {
    const Eigen::VectorXd step = best_first[i] - mean;
    covariance += weight * step * step.transpose();
  }
  return CmaEs(std::move(mean), covariance);
}

}  // namespace vizsla
