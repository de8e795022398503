// Minimizes a smooth function over a box: L-BFGS (Liu, Nocedal: "On the limited memory BFGS method
// for large scale optimization", 1989) on the coordinates that are free to move, with the step
// projected onto the box (Bertsekas: "Projected Newton methods for optimization problems with
// simple constraints", 1982). Pure and deterministic. Internal to src/search.
#pragma once

#include <Eigen/Core>
#include <functional>

namespace vizsla {

// The value at x, and the gradient written to `gradient` (already of x's size). A value that is not
// finite says that x is out of bounds for the function: the step is shortened. It must be finite at
// the start.
using SmoothFunction = std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd& gradient)>;

struct BoxMinimizerOptions {
  int most_iterations = 100;
  // Done when no free coordinate's derivative is larger.
  double gradient_tolerance = 1e-5;
  // Done when a step lowers the value by less than this share of 1 + |value|.
  double value_tolerance = 1e-10;
};

struct BoxMinimum {
  Eigen::VectorXd x;
  double value = 0;  // never above the start's
  int evaluations = 0;
};

// `low` <= `high` in each coordinate; a start outside is moved onto the box.
BoxMinimum MinimizeInBox(const SmoothFunction& function, const Eigen::VectorXd& start,
                         const Eigen::VectorXd& low, const Eigen::VectorXd& high,
                         const BoxMinimizerOptions& options);

}  // namespace vizsla
