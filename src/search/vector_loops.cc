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

// The same of four coordinates: what is loaded serves them all.
VIZSLA_FOR_EACH_CPU_UNFUSED
void AddNormalOfFour(const double* coordinates, const double* centers, const double* precisions,
                     const double* log_scales, double* __restrict sums, size_t count) {
  const double x0 = coordinates[0];
  const double x1 = coordinates[1];
  const double x2 = coordinates[2];
  const double x3 = coordinates[3];
  double* __restrict sums0 = sums;
  double* __restrict sums1 = sums + count;
  double* __restrict sums2 = sums + 2 * count;
  double* __restrict sums3 = sums + 3 * count;
  for (size_t k = 0; k < count; ++k) {
    const double distance0 = (x0 - centers[k]) * precisions[k];
    const double distance1 = (x1 - centers[k]) * precisions[k];
    const double distance2 = (x2 - centers[k]) * precisions[k];
    const double distance3 = (x3 - centers[k]) * precisions[k];
    sums0[k] += log_scales[k] - 0.5 * distance0 * distance0;
    sums1[k] += log_scales[k] - 0.5 * distance1 * distance1;
    sums2[k] += log_scales[k] - 0.5 * distance2 * distance2;
    sums3[k] += log_scales[k] - 0.5 * distance3 * distance3;
  }
}

}  // namespace

void AddNormalLogDensities(std::span<const double> coordinates, std::span<const double> centers,
                           std::span<const double> precisions, std::span<const double> log_scales,
                           std::span<double> sums) {
  const size_t count = centers.size();
  size_t i = 0;
  for (; i + 4 <= coordinates.size(); i += 4) {
    AddNormalOfFour(&coordinates[i], centers.data(), precisions.data(), log_scales.data(),
                    &sums[i * count], count);
  }
  for (; i < coordinates.size(); ++i) {
    AddNormal(coordinates[i], centers.data(), precisions.data(), log_scales.data(),
              &sums[i * count], count);
  }
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
