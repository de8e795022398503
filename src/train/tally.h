// Sums behind the metrics: loss, accuracy, top-5. In double, so that they add up over batches and
// ranks. Pure.
#pragma once

#include <cstdint>
#include <span>

namespace vizsla {

struct Tally {
  double loss = 0;     // sum of the rows' cross-entropies, in nats
  double correct = 0;  // rows whose label has the largest logit
  double top5 = 0;     // rows whose label is among the min(5, classes) largest
  double rows = 0;

  // NaN without rows.
  double mean_loss() const { return loss / rows; }
  double accuracy() const { return correct / rows; }
  double top5_accuracy() const { return top5 / rows; }
  std::span<double, 4> values() { return std::span<double, 4>(&loss, 4); }
};

// `logits`: labels.size() x class_count, row-major. Of equal logits the lower class counts as the
// larger. A row with a NaN is never right, and its loss is NaN.
void AddLogits(std::span<const float> logits, std::span<const int64_t> labels, int class_count,
               Tally& tally);

// How many rows have their label on top; what AddLogits counts, without the cost of the loss.
int64_t CountCorrect(std::span<const float> logits, std::span<const int64_t> labels,
                     int class_count);

}  // namespace vizsla
