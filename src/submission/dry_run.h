// What a study would cost, told before anything is spent: `vizsla submit --dry-run`. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"
#include "src/study/study.h"

namespace vizsla {

struct DryRunPhotos {
  int64_t train = 0;
  int64_t validation = 0;
  int classes = 0;
};

// Rough rates of one core of 2020 or later, at 160 x 160 pixels where pixels matter (the time of an
// image grows with its area). Measured within a factor of two on the machine of docs/results.md; a
// guide to "minutes or days", nothing more.
struct DryRunRates {
  int cores = 1;                           // that train at once: ranks of all jobs
  double decoded_photos_per_second = 150;  // 500 x 375 JPEG, decoded and resized
  double forward_images_per_second = 70;   // frozen MobileNetV2
  double training_images_per_second = 22;  // MobileNetV2 trained whole
  double scratch_images_per_second = 9;    // scratch networks, trained
  double step_overhead_seconds = 0.004;    // of a head's step, whatever its size
  double flops_per_second = 40e9;          // of dense layers
  double bytes_per_second = 5e9;           // of the optimizer
};

struct DryRunEstimate {
  int64_t trials = 0;  // at most; enqueued ones included
  int64_t enqueued = 0;
  // How many of the trials were looked at, up to 4096 of each stage beside the enqueued ones: the
  // configurations that the study's sampler will choose.
  int64_t looked_at = 0;
  int64_t impossible = 0;         // of these, refused by the catalog: they would be INFEASIBLE
  std::string impossible_reason;  // of the first one
  int64_t sharing_trials = 0;     // train on cached features, whole or up to the unfreeze point
  int64_t feature_sets = 0;       // passes over the photos that they need together
  uint64_t feature_cache_bytes = 0;
  uint64_t reread_cache_bytes = 0;              // of these, what more than one trial reads
  std::map<int, uint64_t> decoded_cache_bytes;  // by image size
  uint64_t checkpoint_bytes = 0;                // best of every trial, last of those that run
  // On `cores` cores, without early stopping.
  std::chrono::seconds decode_time{0};
  std::chrono::seconds feature_time{0};
  std::chrono::seconds training_time{0};
};

// Features of weights that an earlier stage has fine-tuned are counted with those of the study's
// weights. `traits` may be empty when the weights are not known yet. InvalidArgument when the space
// is not sound or has no configuration that can be looked at.
absl::StatusOr<DryRunEstimate> EstimateStudy(const StudySpec& spec, const DryRunPhotos& photos,
                                             const WeightsTraits& traits, const DryRunRates& rates);

// Some lines for people, the assumptions among them.
std::string Describe(const DryRunEstimate& estimate, const DryRunPhotos& photos,
                     const DryRunRates& rates);

}  // namespace vizsla
