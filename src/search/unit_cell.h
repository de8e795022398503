// The cells of unit_cube.h: which coordinates of the unit interval a value of a finite domain owns.
// Pure.
#pragma once

#include "src/study/search_space.h"

namespace vizsla {

struct UnitCell {
  double low;
  double high;
};

// Of a finite domain and a value that it contains. The cells of the domain's ends reach to
// infinity: whatever lies beyond the interval is theirs.
UnitCell CellOf(const Domain& domain, const ParameterValue& value);

}  // namespace vizsla
