#include "src/search/vector_loops.h"

#include <algorithm>
#include <cstddef>

#include "src/base/for_each_cpu.h"

namespace vizsla {
namespace {

VIZSLA_FOR_EACH_CPU_UNFUSED
void AddNormal(double coordinate, const double* centers, const double* precisions,
               const double* log_scales, double* __restrict sums, size_t count) {
  for (size_t k = 0; k < count; ++k) {
    const double distance = (coordinate - centers[k]) * precisions[k];
    sums[k] += log_scales[k] - 0.5 * distance * distance;
  }
}

}  // namespace

void AddNormalLogDensities(double coordinate, std::span<const double> centers,
                           std::span<const double> precisions, std::span<const double> log_scales,
                           std::span<double> sums) {
  AddNormal(coordinate, centers.data(), precisions.data(), log_scales.data(), sums.data(),
            sums.size());
}

double LargestOf(std::span<const double> numbers) {
  // Several at once: one after another each comparison waits for the last one.
  constexpr size_t kLanes = 8;
  double largest = numbers.front();
  size_t i = 0;
  if (numbers.size() >= kLanes) {
    double lanes[kLanes];
    std::copy_n(numbers.begin(), kLanes, lanes);
    for (i = kLanes; i + kLanes <= numbers.size(); i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        lanes[lane] = numbers[i + lane] > lanes[lane] ? numbers[i + lane] : lanes[lane];
      }
    }
    largest = *std::max_element(lanes, lanes + kLanes);
  }
  for (; i < numbers.size(); ++i) largest = std::max(largest, numbers[i]);
  return largest;
}

}  // namespace vizsla
