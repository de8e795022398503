// Kernels of a Parzen estimator along one axis: one round each observation, and the prior as the
// last. Sources: Bergstra, Bardenet, Bengio, Kegl: "Algorithms for hyper-parameter optimization",
// NIPS 2011; Watanabe: "Tree-structured Parzen estimator", arXiv:2304.11127, whose names for the
// ingredients ("magic clip") are used here. Internal to src/search.
#pragma once

#include <span>
#include <vector>

#include "src/base/random.h"
#include "src/search/normal_column.h"
#include "src/search/parzen_axis.h"

namespace vizsla {

// Normal distributions truncated to the unit interval. A kernel is as wide as the larger gap to its
// neighbours, but no narrower than 1 / min(100, (observations + 2)^1.4) (the magic clip; in Optuna
// the exponent is 1); the prior stands in the middle with width 1. On an axis of cells a value has
// its whole cell's mass.
class NormalKernels {
 public:
  // As the column, which is along this axis, has them. Both must outlive this object, and the
  // column must stay as it is.
  NormalKernels(const ParzenAxis& axis, const NormalColumn& column)
      : axis_(&axis), column_(&column) {}

  size_t size() const { return column_->centers().size(); }
  // Adds to each kernel's sum its log density (of cells: log mass) at a coordinate. For each of the
  // coordinates there are size() sums, one after another.
  void AddLogDensities(std::span<const double> coordinates, std::span<double> sums) const;
  double Draw(size_t kernel, RandomStream& stream) const;  // a coordinate

 private:
  const ParzenAxis* axis_;
  const NormalColumn* column_;
};

// Over unordered categories: weight 1 on the observed one and 1 / kernels on each. The prior is
// uniform.
class ChoiceKernels {
 public:
  ChoiceKernels(const ParzenAxis& axis, std::span<const double> observations);

  size_t size() const { return observed_.size() + 1; }
  void AddLogDensities(std::span<const double> coordinates, std::span<double> sums) const;
  double Draw(size_t kernel, RandomStream& stream) const;

 private:
  int64_t count_;
  std::vector<double> observed_;
  double hit_;   // probability of the observed choice
  double miss_;  // of each other one
};

}  // namespace vizsla
