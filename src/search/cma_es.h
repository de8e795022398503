// The normal distribution of the covariance matrix adaptation evolution strategy and its update by
// one generation. Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772 (v2, 2023):
// weighted recombination with negative weights, cumulative step-size adaptation, rank-one and
// rank-mu update; equation numbers in the code are its. Members that were not drawn from this very
// distribution are allowed: Hansen, "Injecting external solutions into CMA-ES", arXiv:1110.4181.
// Per coordinate scales as in Hamano et al., "CMA-ES with margin", arXiv:2205.13482.
// Internal to src/search.
#pragma once

#include <Eigen/Dense>
#include <vector>

namespace vizsla {

// Value type. The distribution is mean + sigma * scale . N(0, C), `scale` one factor a coordinate.
// Coordinates are about one wide: no principal axis's deviation, scale apart, exceeds 1.
class CmaEs {
 public:
  // At least one coordinate; 0 < sigma <= 1.
  CmaEs(Eigen::VectorXd mean, double sigma);
  // With any shape: `covariance` is positive definite.
  CmaEs(Eigen::VectorXd mean, const Eigen::MatrixXd& covariance);

  int dimensions() const { return static_cast<int>(mean_.size()); }
  const Eigen::VectorXd& mean() const { return mean_; }
  // The standard deviation of one coordinate.
  double Deviation(int coordinate) const;

  // The point of these independent standard normal draws.
  Eigen::VectorXd At(const Eigen::VectorXd& draws) const;

  // Learns from the members of a generation, the best first; at least two. Their number need not be
  // the same each time.
  void Update(const std::vector<Eigen::VectorXd>& best_first);

  // A generation of this size without a better or worse: the steps are too small to see anything.
  void Widen(int population);

  // Moves one coordinate and gives it another deviation > 0, whatever the others do.
  void SetMarginal(int coordinate, double mean, double deviation);

  // The longest principal axis is shorter than a millionth: nothing is left to find here.
  bool Collapsed() const;

 private:
  Eigen::VectorXd Whitened(const Eigen::VectorXd& y) const;  // C^(-1/2) y
  void Decompose();

  Eigen::VectorXd mean_;
  double sigma_;
  Eigen::VectorXd scale_;
  Eigen::MatrixXd covariance_;  // C = axes diag(lengths^2) axes'
  Eigen::MatrixXd axes_;
  Eigen::VectorXd lengths_;
  Eigen::VectorXd step_path_;        // p_sigma
  Eigen::VectorXd covariance_path_;  // p_c
  int generation_ = 0;
};

}  // namespace vizsla
