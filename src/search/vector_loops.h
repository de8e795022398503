// Loops over kernels that the compiler vectorises. The same bits on every processor: nothing is
// fused or summed in another order. Internal to src/search.
#pragma once

#include <span>

namespace vizsla {

// For each coordinate its own sums, which stand one after another:
// sums[k] += log_scales[k] - ((coordinate - centers[k]) * precisions[k])^2 / 2. All equally long.
void AddNormalLogDensities(std::span<const double> coordinates, std::span<const double> centers,
                           std::span<const double> precisions, std::span<const double> log_scales,
                           std::span<double> sums);
// Of at least one number, none of them NaN.
double LargestOf(std::span<const double> numbers);

}  // namespace vizsla
