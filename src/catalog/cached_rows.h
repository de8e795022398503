// What a feature cache keeps of a photo in one view for one plan: the output of everything that is
// frozen, computed once. src/train computes and reads the rows (cached_input.h); here is how large
// they are, and which plans share them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/catalog/training_plan.h"

namespace vizsla {

// Bytes of one trial's rows. Early unfreeze points leave large maps: what would take more is
// computed for every batch.
inline constexpr uint64_t kLargestFeatureCache = uint64_t{8} << 30;

// Bytes of all sets of rows that a node keeps, unless its workers are told otherwise.
inline constexpr uint64_t kFeatureCacheBudget = uint64_t{50} << 30;

// A row is float32.
struct CachedRows {
  enum class Kind {
    // Average and maximum of each channel side by side, so that trials of both share one pass.
    kPooled,
    // The last map, in the order row, column, channel.
    kMap,
    // What crosses the unfreeze point, each map in that order, one after another.
    kCut,
  };
  struct MapShape {
    int64_t channels, rows, columns;
    int64_t floats() const { return channels * rows * columns; }
    bool operator==(const MapShape&) const = default;
  };

  Kind kind = Kind::kPooled;
  // "pooled", "map" or "before-LAYER" (Keras' name of the first layer that trains), and "-" and
  // the plan's precision when it is not float32. Rows of the
  // same backbone, weights and photos with the same word are the same.
  std::string content;
  size_t row_floats = 0;
  // The part of a row that this plan reads.
  size_t first_float = 0;
  size_t float_count = 0;
  std::vector<MapShape> crossing;  // kCut
};

// Nullopt: nothing of the plan's work is the same in every epoch. Rows of the validation photos
// otherwise; those of the train photos only if TrainRowsAreShared.
std::optional<CachedRows> CachedRowsOf(const TrainingPlan& plan);

// Whether training, too, sees nothing but views that a cache can hold: TrainViews(plan), unmixed.
bool TrainRowsAreShared(const TrainingPlan& plan);

// Of the plan's `rows` of so many photos, when each is there in both exact views, whichever of them
// other trials need, and the train photos in all views that are drawn of them.
uint64_t LargestCacheBytes(const CachedRows& rows, const TrainingPlan& plan, uint64_t train_photos,
                           uint64_t validation_photos);

}  // namespace vizsla
