// What CMA-ES needs for coordinates that take a few values: Hamano, Saito, Nomura, Shirakawa,
// "CMA-ES with margin: lower-bounding marginal probability for mixed-integer black-box
// optimization", arXiv:2205.13482. Without it the deviation shrinks until all draws fall into one
// value's cell, and the coordinate is stuck. Pure; internal to src/search.
#pragma once

#include "src/base/random.h"
#include "src/search/unit_cell.h"

namespace vizsla {

struct Marginal {
  double mean;
  double deviation;  // > 0
};

// The nearest marginal distribution that leaves the cell of its mean often enough: with a
// probability of at least `margin` on the one side of an outer cell, of about margin / 2 on each
// side of an inner one. 0 < margin <= 1/2.
Marginal WithMargin(Marginal marginal, UnitCell cell, double margin);

// A coordinate within a cell as the distribution would have drawn it: of a member whose value is
// known, but not the draw behind it.
double DrawInCell(Marginal marginal, UnitCell cell, RandomStream& stream);

}  // namespace vizsla
