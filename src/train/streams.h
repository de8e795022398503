// The names of a trial's random streams: everything random in a trial comes from here, so that the
// trial is a function of (study seed, trial number) whoever trains it, on how many ranks, in how
// many attempts.
#pragma once

#include <cstdint>
#include <vector>

#include "src/base/random.h"
#include "src/catalog/augmentation.h"
#include "src/catalog/mixing.h"
#include "src/catalog/view_set.h"

namespace vizsla {

// Pure; value type.
class TrialStreams {
 public:
  TrialStreams(uint64_t study_seed, int64_t trial_number)
      : key_(StreamKey(study_seed).With(static_cast<uint64_t>(trial_number))) {}

  // The start weights.
  StreamKey Initialization() const { return key_.With("initialization"); }
  // The masks of one step, numbered from 0 through all epochs; layers and rows add themselves.
  StreamKey Dropout(int64_t global_step) const {
    return key_.With("dropout").With(static_cast<uint64_t>(global_step));
  }
  // The order in which an epoch (from 1) visits the photos.
  std::vector<uint32_t> Order(int epoch, size_t photo_count) const;
  // How an epoch sees a photo under a policy whose views have no numbers.
  View Augmentation(const AugmentationPolicy& policy, int epoch, uint32_t photo) const;
  // In which of its numbered views an epoch sees a photo. Of an exact set, as Augmentation draws
  // it. Drawn views take turns: in every K epochs each of a photo's K views comes once, in an order
  // drawn anew.
  int ViewNumber(const ViewSet& views, int epoch, uint32_t photo) const;
  // How a step (from 0) of an epoch mixes its rows: mixing.h.
  BatchMix Mix(double mixup_alpha, double cutmix_alpha, int image_size, int epoch,
               int64_t step) const;

  // The streams of the autoencoder's pre-training, which is a training of its own.
  TrialStreams Pretraining() const { return TrialStreams(key_.With("pretraining")); }

 private:
  explicit TrialStreams(StreamKey key) : key_(key) {}

  StreamKey key_;
};

// The rows [begin, end) of a batch of `rows` that a rank computes: contiguous, in rank order, as
// even as they can be; empty for some ranks when there are fewer rows than ranks.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t count() const { return end - begin; }
};
RowRange RowsOfRank(int64_t rows, int rank, int size);

}  // namespace vizsla
