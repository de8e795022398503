#include "src/train/tally.h"

#include <algorithm>
#include <cmath>

namespace vizsla {
namespace {

// Classes that stand before the label; class_count when a logit is NaN.
int PlaceOf(std::span<const float> row, int64_t label) {
  const float mine = row[static_cast<size_t>(label)];
  int larger = 0;
  bool is_nan = false;
  for (size_t c = 0; c < row.size(); ++c) {
    is_nan |= std::isnan(row[c]);
    larger += row[c] > mine || (row[c] == mine && static_cast<int64_t>(c) < label) ? 1 : 0;
  }
  return is_nan ? static_cast<int>(row.size()) : larger;
}

double CrossEntropy(std::span<const float> row, int64_t label) {
  double largest = -INFINITY;
  for (const float logit : row) largest = std::max(largest, static_cast<double>(logit));
  double sum = 0;
  for (const float logit : row) sum += std::exp(static_cast<double>(logit) - largest);
  return std::log(sum) + largest - static_cast<double>(row[static_cast<size_t>(label)]);
}

}  // namespace

void AddLogits(std::span<const float> logits, std::span<const int64_t> labels, int class_count,
               Tally& tally) {
  const size_t classes = static_cast<size_t>(class_count);
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::span<const float> row = logits.subspan(i * classes, classes);
    const int place = PlaceOf(row, labels[i]);
    tally.loss += CrossEntropy(row, labels[i]);
    tally.correct += place < 1 ? 1 : 0;
    tally.top5 += place < std::min(5, class_count) ? 1 : 0;
    tally.rows += 1;
  }
}

int64_t CountCorrect(std::span<const float> logits, std::span<const int64_t> labels,
                     int class_count) {
  const size_t classes = static_cast<size_t>(class_count);
  int64_t correct = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    correct += PlaceOf(logits.subspan(i * classes, classes), labels[i]) < 1 ? 1 : 0;
  }
  return correct;
}

}  // namespace vizsla
