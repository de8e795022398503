// A pulled model over photos of a data set, decoded in memory: nothing of it stays on disk.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/dataset/index.h"
#include "src/report/pulled_model.h"

namespace vizsla {

struct RunOptions {
  std::string device = "cpu";
  int threads = 1;
  std::function<void(size_t, size_t)> progress;  // (done, total) photos
};

struct PhotoPredictions {
  // Of the photos that could be read: position in the index's list, and class_count probabilities
  // each, row-major.
  std::vector<uint32_t> positions;
  std::vector<float> probabilities;
  std::vector<Problem> broken;  // the others
};

// `positions` in index.photos, or in index.unlabelled. InvalidArgument when no photo can be read,
// or when the model's tensors are not those of its network.
absl::StatusOr<PhotoPredictions> RunModel(const PulledModel& model, const DatasetIndex& index,
                                          const PhotoReader& reader,
                                          const std::vector<uint32_t>& positions, bool unlabelled,
                                          int class_count, const RunOptions& options);

}  // namespace vizsla
