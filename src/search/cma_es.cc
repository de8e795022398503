#include "src/search/cma_es.h"

#include <algorithm>
#include <cmath>

#include "src/base/check.h"

namespace vizsla {
namespace {

constexpr double kLongestAxis = 1;
constexpr double kShortestAxis = 1e-6;
constexpr double kLargestCondition = 1e14;  // of C
constexpr double kLargestGrowth = 1;        // of log sigma by one update; arXiv:1110.4181, table 1

// The constants of a generation of this size: table 1 of the tutorial.
struct Rates {
  Rates(int dimensions, int population);

  std::vector<double> weights;  // by rank; the first half sums to 1, the last are negative
  int parents;                  // of them positive
  double mu_eff;
  double step_path;  // c_sigma
  double damping;    // d_sigma
  double path;       // c_c
  double rank_one;   // c_1
  double rank_mu;    // c_mu
};

Rates::Rates(int dimensions, int population) : weights(population), parents(population / 2) {
  const double n = dimensions;
  double sum[2] = {0, 0};  // of the parents, of the rest
  double squares[2] = {0, 0};
  double negative = 0;
  for (int i = 0; i < population; ++i) {
    weights[i] = std::log((population + 1) / 2.0) - std::log(i + 1.0);  // (49)
    sum[i >= parents] += weights[i];
    squares[i >= parents] += weights[i] * weights[i];
    if (weights[i] < 0) negative -= weights[i];
  }
  mu_eff = sum[0] * sum[0] / squares[0];
  const double mu_eff_rest = sum[1] * sum[1] / squares[1];

  step_path = (mu_eff + 2) / (n + mu_eff + 5);  // (55)
  damping = 1 + 2 * std::max(0.0, std::sqrt((mu_eff - 1) / (n + 1)) - 1) + step_path;
  path = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n);                      // (56)
  rank_one = 2 / ((n + 1.3) * (n + 1.3) + mu_eff);                         // (57)
  rank_mu = std::min(1 - rank_one, 2 * (0.25 + mu_eff + 1 / mu_eff - 2) /  // (58)
                                       ((n + 2) * (n + 2) + mu_eff));

  const double negative_sum = std::min({1 + rank_one / rank_mu,                      // (50)
                                        1 + 2 * mu_eff_rest / (mu_eff + 2),          // (51)
                                        (1 - rank_one - rank_mu) / (n * rank_mu)});  // (52)
  for (double& weight : weights) weight *= weight >= 0 ? 1 / sum[0] : negative_sum / negative;
}

// E ||N(0, I)||.
double NormalLength(double n) { return std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)); }

}  // namespace

CmaEs::CmaEs(Eigen::VectorXd mean, double sigma)
    : mean_(std::move(mean)),
      sigma_(sigma),
      scale_(Eigen::VectorXd::Ones(mean_.size())),
      covariance_(Eigen::MatrixXd::Identity(mean_.size(), mean_.size())),
      axes_(covariance_),
      lengths_(Eigen::VectorXd::Ones(mean_.size())),
      step_path_(Eigen::VectorXd::Zero(mean_.size())),
      covariance_path_(Eigen::VectorXd::Zero(mean_.size())) {
  VIZSLA_CHECK(mean_.size() >= 1 && sigma > 0 && sigma <= kLongestAxis);
}

CmaEs::CmaEs(Eigen::VectorXd mean, const Eigen::MatrixXd& covariance)
    : CmaEs(std::move(mean), kLongestAxis) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance, Eigen::EigenvaluesOnly);
  VIZSLA_CHECK(solver.info() == Eigen::Success && solver.eigenvalues().minCoeff() > 0);
  // C has determinant 1, so that sigma is the mean length of an axis.
  sigma_ = std::exp(solver.eigenvalues().array().log().mean() / 2);
  covariance_ = covariance / (sigma_ * sigma_);
  Decompose();
  sigma_ = std::min(sigma_, kLongestAxis / lengths_.maxCoeff());
}

double CmaEs::Deviation(int coordinate) const {
  return sigma_ * scale_(coordinate) * std::sqrt(covariance_(coordinate, coordinate));
}

Eigen::VectorXd CmaEs::At(const Eigen::VectorXd& draws) const {
  const Eigen::VectorXd y = axes_ * lengths_.cwiseProduct(draws);
  return mean_ + sigma_ * scale_.cwiseProduct(y);
}

void CmaEs::Update(const std::vector<Eigen::VectorXd>& best_first) {
  VIZSLA_CHECK(best_first.size() >= 2);
  const double n = dimensions();
  const Rates rates(dimensions(), static_cast<int>(best_first.size()));
  ++generation_;

  // A member from elsewhere must not carry the whole distribution away.
  const double farthest = std::sqrt(n) + 2 * n / (n + 2);
  std::vector<Eigen::VectorXd> steps;
  std::vector<double> distances;
  for (const Eigen::VectorXd& member : best_first) {
    Eigen::VectorXd y = (member - mean_).cwiseQuotient(sigma_ * scale_);
    const double distance = Whitened(y).norm();
    if (distance > farthest) y *= farthest / distance;
    steps.push_back(std::move(y));
    distances.push_back(std::min(distance, farthest));
  }

  Eigen::VectorXd move = Eigen::VectorXd::Zero(mean_.size());
  for (int i = 0; i < rates.parents; ++i) move += rates.weights[i] * steps[i];  // (41)
  mean_ += sigma_ * scale_.cwiseProduct(move);                                  // (42)

  step_path_ =
      (1 - rates.step_path) * step_path_ +
      std::sqrt(rates.step_path * (2 - rates.step_path) * rates.mu_eff) * Whitened(move);  // (43)
  const double length = step_path_.norm();
  const double growth = rates.step_path / rates.damping * (length / NormalLength(n) - 1);
  const double unbiased =
      length / std::sqrt(1 - std::pow(1 - rates.step_path, 2.0 * (generation_ + 1)));
  const bool stalled = unbiased >= (1.4 + 2 / (n + 1)) * NormalLength(n);  // h_sigma = 0

  covariance_path_ *= 1 - rates.path;  // (45)
  if (!stalled) {
    covariance_path_ += std::sqrt(rates.path * (2 - rates.path) * rates.mu_eff) * move;
  }

  double weight_sum = 0;
  Eigen::MatrixXd rank_mu = Eigen::MatrixXd::Zero(mean_.size(), mean_.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    double weight = rates.weights[i];
    weight_sum += weight;
    // (46): however far a bad member is, it takes away no more than a typical one; of one at the
    // mean nothing.
    if (weight < 0) weight *= distances[i] > 0 ? n / (distances[i] * distances[i]) : 0;
    rank_mu += weight * steps[i] * steps[i].transpose();
  }
  const double missing = stalled ? rates.path * (2 - rates.path) : 0;
  covariance_ *= 1 + rates.rank_one * missing - rates.rank_one - rates.rank_mu * weight_sum;
  covariance_ += rates.rank_one * covariance_path_ * covariance_path_.transpose() +
                 rates.rank_mu * rank_mu;  // (47)
  Decompose();

  sigma_ *= std::exp(std::min(growth, kLargestGrowth));  // (44)
  sigma_ = std::min(sigma_, kLongestAxis / lengths_.maxCoeff());
}

void CmaEs::Widen(int population) {
  const Rates rates(dimensions(), population);
  sigma_ *= std::exp(0.2 + rates.step_path / rates.damping);  // as pycma and the tutorial's code do
  sigma_ = std::min(sigma_, kLongestAxis / lengths_.maxCoeff());
}

void CmaEs::SetMarginal(int coordinate, double mean, double deviation) {
  VIZSLA_CHECK(deviation > 0);
  mean_(coordinate) = mean;
  scale_(coordinate) = deviation / (sigma_ * std::sqrt(covariance_(coordinate, coordinate)));
}

bool CmaEs::Collapsed() const { return sigma_ * lengths_.maxCoeff() < kShortestAxis; }

Eigen::VectorXd CmaEs::Whitened(const Eigen::VectorXd& y) const {
  return axes_ * (axes_.transpose() * y).cwiseQuotient(lengths_);
}

void CmaEs::Decompose() {
  covariance_ = (0.5 * (covariance_ + covariance_.transpose())).eval();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance_);
  VIZSLA_CHECK(solver.info() == Eigen::Success);
  const Eigen::VectorXd& squares = solver.eigenvalues();
  const double least = squares.maxCoeff() / kLargestCondition;
  axes_ = solver.eigenvectors();
  lengths_ = squares.cwiseMax(least).cwiseSqrt();
  if (squares.minCoeff() < least) {
    covariance_ = axes_ * lengths_.cwiseAbs2().asDiagonal() * axes_.transpose();
  }
}

}  // namespace vizsla
