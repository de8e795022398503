// A parameter as one coordinate of a Parzen estimator. Internal to src/search.
#pragma once

#include "src/study/search_space.h"

namespace vizsla {

class ParzenAxis {
 public:
  enum class Kind {
    kContinuous,  // the place in the unit interval (unit_cube.h)
    kCells,       // the middle of the value's cell of the unit interval: integers, stepped floats
                  // and ordered categories, so that a good 64 speaks for 32 and 128 too
    kChoices,     // the index of an unordered category
  };
  struct Cell {
    double low;
    double high;
  };

  explicit ParzenAxis(Domain domain);

  Kind kind() const { return kind_; }
  int64_t count() const { return count_; }  // of values; 0 for kContinuous

  // A value of the domain to its coordinate and back.
  double Coordinate(const ParameterValue& value) const;
  ParameterValue Value(double coordinate) const;

  // Of kCells: the coordinate of the value whose cell holds the place, and the cell round it. Cells
  // narrower than 1e-7 are reported that wide: only ratios of densities count, and a difference of
  // distribution functions over less has no digits left.
  double Snap(double place) const;
  Cell CellAt(double coordinate) const;

 private:
  Domain domain_;
  int64_t count_;
  Kind kind_;
};

}  // namespace vizsla
