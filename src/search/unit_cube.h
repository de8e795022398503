// Values of a parameter as numbers of the unit interval and back: the coordinates in which
// quasi-random points, covariance matrices and Gaussian processes live. Logarithmic domains are
// even in the logarithm. Of a finite domain each value owns a cell: of equal width, except that a
// logarithmic integer owns from log(v - 1/2) to log(v + 1/2). Pure.
#pragma once

#include "src/study/search_space.h"

namespace vizsla {

// The value whose cell holds `unit`, 0 <= unit <= 1; always inside the domain.
ParameterValue FromUnit(const Domain& domain, double unit);

// The index of that value, of a finite domain.
int64_t IndexFromUnit(const Domain& domain, double unit);

// The inverse of FromUnit for a value that the domain contains: the middle of the value's cell, or
// the place in a continuous range. In [0, 1].
double ToUnit(const Domain& domain, const ParameterValue& value);

// Whether neighbours in the domain's order are alike: numbers, and lists of numbers in ascending
// order. Words, booleans and lists of sizes are not.
bool IsOrdered(const Domain& domain);

}  // namespace vizsla
