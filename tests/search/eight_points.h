// A small regression problem whose answers were computed by scikit-learn.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <initializer_list>

namespace vizsla {

inline Eigen::VectorXd Vector(std::initializer_list<double> values) {
  return Eigen::Map<const Eigen::VectorXd>(values.begin(),
                                           static_cast<Eigen::Index>(values.size()));
}

// Eight points of the unit cube, i (0.37, 0.59, 0.83) modulo 1.
inline Eigen::MatrixXd EightPoints() {
  Eigen::MatrixXd points(8, 3);
  for (int i = 0; i < 8; ++i) {
    points.row(i) << std::fmod((i + 1) * 0.37, 1), std::fmod((i + 1) * 0.59, 1),
        std::fmod((i + 1) * 0.83, 1);
  }
  return points;
}
inline const Eigen::VectorXd kEightValues = Vector({0.3, -1.2, 0.8, 1.5, -0.4, -0.9, 0.1, 2.0});

}  // namespace vizsla
