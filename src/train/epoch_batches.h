// Which rows each step of an epoch has, and which of them a rank computes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/catalog/training_plan.h"
#include "src/dataset/batch_source.h"
#include "src/train/streams.h"

namespace vizsla {

inline int64_t StepsPerEpoch(int64_t photos, int64_t batch_size) {
  return (photos + batch_size - 1) / batch_size;
}

// What one rank computes of a step's global batch.
struct StepRows {
  int64_t global_count = 0;
  RowRange mine;  // within the global batch
  std::vector<PhotoView> views;
};

// The shuffled train photos of one epoch, a batch a step; the last batch may have fewer rows. When
// rows are mixed, a row's partner is the row before it in the global batch, whichever rank has that
// one. Thread-safe. `plan` and `source` outlive this object.
class EpochBatches {
 public:
  EpochBatches(const TrainingPlan& plan, const TrialStreams& streams, int epoch,
               const BatchSource& source);

  int64_t steps() const { return StepsPerEpoch(photos(), plan_.batch_size); }
  StepRows RowsOf(int64_t step, int rank, int size) const;

 private:
  int64_t photos() const { return static_cast<int64_t>(order_.size()); }
  // The photo in this place of the epoch's order, and how the epoch sees it.
  PhotoView PhotoAt(int64_t place) const;

  const TrainingPlan& plan_;
  const TrialStreams streams_;
  const int epoch_;
  const BatchSource& source_;
  const std::optional<ViewSet> views_;
  const std::vector<uint32_t> order_;
};

}  // namespace vizsla
