// Configurations as points of the Euclidean space in which a Gaussian process lives. Pure. Internal
// to src/search.
//
// - An ordered parameter is one column, its unit coordinate (unit_cube.h).
// - An unordered one is a column a choice (1/sqrt(2) for the chosen, 0 for the others), so that two
//   different choices are at squared distance 1: the Hamming distance of Optuna's GPSampler.
// - Conditional parameters: one process over all of them. One that is inactive stands in the middle
//   of its range (Levesque et al.: "Bayesian optimization for conditional hyperparameter spaces",
//   2017), and an ordered one has a column besides that says whether it is active, so that being
//   inactive is away from every value (as in the embedding of Hutter, Osborne: "A kernel for
//   hierarchical parameter spaces", 2013). Where it is inactive in both of two configurations it
//   adds nothing to their distance.
//
// A parameter's columns share one length scale. Any kernel of Euclidean distances is valid here.
#pragma once

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "src/study/search_space.h"

namespace vizsla {

// One coordinate of [0, 1] for each parameter of the space, in its order; those of inactive
// parameters wait until they are active.
using UnitPoint = std::vector<double>;

class GpSpace {
 public:
  // `space` must outlive this object.
  explicit GpSpace(const SearchSpace& space);

  Eigen::Index columns() const { return column_count_; }
  // The numbers of adjacent columns that share a length scale: one entry a parameter that varies.
  const std::vector<int>& group_widths() const { return group_widths_; }

  // A valid configuration -> `columns` features.
  Eigen::VectorXd Embed(const Configuration& configuration) const;
  // The same of the configuration at a point, without making it.
  Eigen::VectorXd EmbedPoint(const UnitPoint& point) const;
  // Of each parameter: whether it is active there.
  std::vector<bool> ActiveAt(const UnitPoint& point) const;

  // Both ways between points and valid configurations; inactive parameters get 1/2.
  Configuration At(const UnitPoint& point) const;
  UnitPoint PointOf(const Configuration& configuration) const;

  // The column of a continuous parameter, which holds its unit coordinate where it is active;
  // nullopt for a parameter of finitely many values.
  std::optional<Eigen::Index> ContinuousColumn(size_t parameter) const;

  const SearchSpace& space() const { return space_; }

 private:
  struct Columns {
    Eigen::Index first = 0;
    bool ordered = false;  // one column, and the activity's when conditional; else one a choice
    bool conditional = false;
    bool fixed = false;  // one value: no column
    bool continuous = false;
  };
  struct Need {  // a condition
    size_t parent = 0;
    std::vector<bool> allowed;  // by index of the parent's value
  };
  const SearchSpace& space_;
  std::vector<Columns> columns_;          // of each parameter
  std::vector<std::vector<Need>> needs_;  // of each parameter
  std::vector<int> group_widths_;
  Eigen::Index column_count_ = 0;
};

}  // namespace vizsla
