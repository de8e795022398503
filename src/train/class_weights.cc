#include "src/train/class_weights.h"

#include <algorithm>

namespace vizsla {

std::vector<float> WeightsOfClasses(ClassWeights kind, const BatchSource& train, int class_count) {
  if (kind == ClassWeights::kNone) return {};
  std::vector<double> counts(static_cast<size_t>(class_count));
  for (uint32_t i = 0; i < train.photo_count(); ++i) {
    ++counts[static_cast<size_t>(train.label(i))];
  }
  const auto empty = std::count(counts.begin(), counts.end(), 0.0);
  const double classes = static_cast<double>(class_count - empty);
  std::vector<float> weights;
  for (const double count : counts) {
    weights.push_back(count == 0 ? 0
                                 : static_cast<float>(static_cast<double>(train.photo_count()) /
                                                      (classes * count)));
  }
  return weights;
}

}  // namespace vizsla
